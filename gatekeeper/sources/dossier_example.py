"""The example of the template: a made-up application, which nobody reviews or imports."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any, Final

from gatekeeper.filing import Problem, Where

EXAMPLE_ID: Final = "EXAMPLE 示例"
"""Its application's id; a record with this id is the example, or somebody forgot to give it one."""

_HEAD: Final = {
    "name": "示例负责人",
    "id_type": "resident_id",
    "id_number": "110101199001010000",
    "valid_until": "2035-06-30",
    "phone": "13800000000",
    "office_phone": "010-00000000",
    "email": "head@example.cn",
    "emergency_phone": "13800000001",
}
_DOMAIN: Final = {
    "name": "example.cn",
    "registrar": "示例注册商",
    "valid_until": "2030-12-31",
    "real_name_verified": True,
    "holder": "示例科技有限公司",
    "holder_certificate_type": "营业执照",
    "holder_certificate_number": "91110000MA0000000X",
    "certificate_valid_until": "2027-12-31",
}
_RECORD: Final[Mapping[str, Any]] = {
    "application_id": EXAMPLE_ID,
    "filing_id": "EXAMPLE-1",
    "kind": "new",
    "status": "draft",
    "status_at": "2026-11-03T09:30:00+08:00",
    "provider": "nwcd",
    "entity": {
        "name": "示例科技有限公司",
        "type": "enterprise",
        "certificate_type": "business_licence",
        "certificate_number": "91110000MA0000000X",
        "province": "宁夏",
        "certificate_province": "宁夏",
        "address": "宁夏回族自治区银川市示例区示例路1号",
        "investor": "示例科技有限公司",
        "legal_representative": "示例负责人",
        "licence": "",
        "aws_company": "示例科技有限公司",
        "foreign": False,
        "head": _HEAD,
    },
    "service": {
        "type": "website",
        "name": "示例服务",
        "licence": "",
        "head": _HEAD,
        "categories": [],
        "languages": ["中文"],
        "name_papers": False,
        "online": True,
        "filed_as_website": False,
        "domains": [_DOMAIN],
    },
    "access": {
        "account_id": "012345678901",
        "load_balancer": "app/example/0123456789abcdef",
        "ips": ["192.0.2.10", "192.0.2.11"],
        "mode": "cloud",
        "server_place": "宁夏",
    },
    "attachments": [
        {
            "kind": "certificate_photo",
            "path": "materials/licence.jpg",
            "size": 150000,
            "width": 1600,
            "height": 1200,
            "colour": True,
        },
        {"kind": "commitment_letter", "path": "materials/commitment.pdf", "size": 90000},
    ],
    "portal": {"email": "portal@example.cn", "mobile": "13800000002"},
    "entry": "all",
    "verification": {"route": "electronic", "status": "none"},
    "answers": {
        "name-website-related": {
            "answer": "yes",
            "by": "reviewer",
            "at": "2026-11-03T10:00:00+08:00",
        }
    },
}
_APP: Final[Mapping[str, Any]] = {
    "platforms": [
        {
            "platform": platform,
            "name": "示例服务",
            "package": "cn.example.app",
            "public_key": "30820122300d06092a864886f70d01010105000382010f00",
            "md5": "0123456789abcdef0123456789abcdef",
        }
        for platform in ("android", "ios")
    ],
    "service_type": "工具",
    "category": "示例类别",
    "sdks": ["示例 SDK"],
    "number_place": "设置 - 关于",
}


def example(service: str) -> dict[str, Any]:
    """The example for a website or an APP (``website``, ``app``), in its nested form."""
    record = copy.deepcopy(dict(_RECORD))
    if service == "app":
        record["service"] |= {"type": "app", "app": copy.deepcopy(dict(_APP))}
    return record


def is_example(nested: Mapping[str, Any]) -> bool:
    """Whether it is an example as the template has it, left in."""
    if nested.get("application_id") != EXAMPLE_ID:
        return False
    from gatekeeper.filing.review import read_dossier

    given = read_dossier(nested)
    return any(given == read_dossier(example(service)) for service in ("website", "app"))


def example_problem(nested: Mapping[str, Any], where: Where) -> Problem | None:
    """What to say of a record that was written over the example and kept its id."""
    if nested.get("application_id") != EXAMPLE_ID:
        return None
    return Problem(
        where=where,
        column="application_id",
        value=EXAMPLE_ID,
        reason="is the example's; give the application its own in every sheet, or delete what is "
        "left of the example",
        reason_zh="这是模板示例的申请编号，请在各工作表改为实际编号，或删除剩余的示例内容",
    )
