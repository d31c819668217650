"""Complete applications that break no rule, and ways to break one; every record here is made up."""

from __future__ import annotations

import copy
import re
from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any

from gatekeeper.filing.review import (
    AccountFacts,
    AddressFacts,
    Case,
    DomainFacts,
    Dossier,
    Facts,
    Holding,
    Result,
    Told,
    judge,
    read_dossier,
    rules,
)
from gatekeeper.sources.provider_rules import packaged_providers

NOW = datetime(2026, 11, 20, 4, 0, tzinfo=UTC)
ACCOUNT = "123456789012"
IPS = ("52.83.200.1", "52.83.200.2")
DELETE = object()
"""Given to ``changed``: take the key away."""

_HEAD = {
    "name": "王测试",
    "id_type": "resident_id",
    "id_number": "640104199001010018",
    "valid_until": "2035-06-30",
    "phone": "13995000001",
    "office_phone": "0951-5000001",
    "email": "head@example.cn",
    "emergency_phone": "13995000002",
}
_PICTURES = [
    {"kind": "certificate_photo", "size": 150_000, "width": 1600, "height": 1200, "colour": True},
    {"kind": "head_photo", "size": 150_000, "width": 800, "height": 1300, "colour": True},
    {"kind": "domain_certificate", "size": 90_000, "width": 900, "height": 700, "colour": True},
]
_ANSWERS = {
    rule: {"answer": "yes", "by": "reviewer", "at": "2026-11-19T10:00:00+08:00"}
    for rule in ("name-website-related", "file-photo-quality", "letter-party")
}


def website() -> dict[str, Any]:
    """A new website of a company in Ningxia, on the electronic route."""
    return copy.deepcopy(
        {
            "application_id": "W1",
            "filing_id": "FW1",
            "kind": "new",
            "status": "draft",
            "status_at": "2026-11-19T09:00:00+08:00",
            "provider": "nwcd",
            "entity": {
                "name": "宁夏测试科技有限公司",
                "type": "enterprise",
                "certificate_type": "business_licence",
                "certificate_number": "91640100MA0000001P",
                "province": "宁夏",
                "certificate_province": "宁夏回族自治区",
                "address": "宁夏回族自治区银川市金凤区测试街道测试路1号",
                "investor": "宁夏测试科技有限公司",
                "legal_representative": "王测试",
                "licence": "",
                "aws_company": "宁夏测试科技有限公司",
                "foreign": False,
                "head": dict(_HEAD),
            },
            "service": {
                "type": "website",
                "name": "塞上测试商城",
                "head": dict(_HEAD),
                "categories": [],
                "languages": ["中文"],
                "name_papers": False,
                "online": True,
                "domains": [
                    {
                        "name": "example-test.cn",
                        "registrar": "测试注册商",
                        "valid_until": "2028-01-31",
                        "real_name_verified": True,
                        "holder": "宁夏测试科技有限公司",
                        "holder_certificate_number": "91640100MA0000001P",
                    }
                ],
            },
            "access": {
                "account_id": ACCOUNT,
                "load_balancer": "",
                "ips": list(IPS),
                "mode": "cloud",
                "server_place": "宁夏",
            },
            "attachments": [
                *_PICTURES,
                {"kind": "commitment_letter", "size": 90_000},
            ],
            "portal": {"email": "portal@example.cn", "mobile": "13995000003"},
            "entry": "all",
            "verification": {"route": "electronic", "status": "verified"},
            "answers": _ANSWERS,
        }
    )


def app() -> dict[str, Any]:
    """A new APP of the same company, on the electronic route."""
    record = website()
    record["application_id"], record["filing_id"] = "P1", "FP1"
    record["service"] |= {
        "type": "app",
        "name": "塞上测试",
        "domains": [
            {**record["service"]["domains"][0], "name": "api.example-test.cn"},
        ],
        "app": {
            "platforms": [
                {
                    "platform": platform,
                    "name": "塞上测试",
                    "package": "cn.example.test",
                    "public_key": "30820122300d06092a864886f70d01010105000382010f00",
                    "md5": "0123456789abcdef0123456789abcdef",
                }
                for platform in ("android", "ios")
            ],
            "service_type": "购物",
            "category": "网上购物",
            "sdks": [],
        },
    }
    record["attachments"] += [
        {"kind": "app_icon", "size": 20_000, "width": 512, "height": 512, "colour": True},
        {"kind": "fraud_risk_report", "size": 200_000},
    ]
    return record


def facts(record: Mapping[str, Any]) -> Facts:
    """Live facts under which nothing is wrong with a record."""
    access, service = record.get("access") or {}, record["service"]
    ips = access.get("ips") or ()
    return Facts(
        account=Told(
            AccountFacts(
                account_id=access.get("account_id") or "",
                addresses={ip: AddressFacts(Told(Holding.EIP)) for ip in ips},
            )
        ),
        in_region={ip: Told(True) for ip in ips},
        domains={
            _name(one): DomainFacts(
                tld_approved=Told(True),
                registrar=Told("测试注册商"),
                registrar_approved=Told(True),
                expires=Told(date(2028, 1, 31)),
                resolves_to=Told(()),
            )
            for one in service["domains"]
        },
    )


def changed(record: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    """The record with another value at ``path`` (``service.domains[0].name``), or without it."""
    found = copy.deepcopy(record)
    steps = _steps(path)
    part: Any = found
    for step in steps[:-1]:
        part = part[step] if isinstance(step, int) else part.setdefault(step, {})
    if value is DELETE:
        del part[steps[-1]]
    else:
        part[steps[-1]] = value
    return found


def read(record: Mapping[str, Any]) -> Dossier:
    """The record as the review reads it; it must be readable."""
    found = read_dossier(record)
    assert isinstance(found, Dossier), found
    return found


def case(record: Mapping[str, Any], **given: Any) -> Case:
    """A case of the record at ``NOW``, by the rules of its provider, with good live facts."""
    dossier = read(record)
    arguments: dict[str, Any] = {
        "provider": packaged_providers()[dossier.provider or "nwcd"],
        "at": NOW,
        "facts": facts(record),
        "answers": dict(dossier.answers),
        **given,
    }
    return Case(record=dossier, **arguments)


def judged(record: Mapping[str, Any], rule: str, **given: Any) -> tuple[Result, ...]:
    """What one rule says of the record."""
    return judge(rules()[rule], case(record, **given))


def verdict(record: Mapping[str, Any], rule: str, **given: Any) -> str:
    """The one verdict of a rule."""
    [found] = {str(result.verdict) for result in judged(record, rule, **given)}
    return found


def _steps(path: str) -> list[str | int]:
    return [int(step) if step.isdigit() else step for step in re.findall(r"[a-z_0-9]+", path)]


def _name(domain: Any) -> str:
    name: str = domain.get("name", "") if isinstance(domain, dict) else domain
    return name.lower()
