"""From the values of one record to an application, with the checks that need several of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any, Final

from gatekeeper.filing import Access, Application, Entity, Kind, Service
from gatekeeper.sources.column import APPLICATION_COLUMNS

REQUIRED: Final = frozenset(column.name for column in APPLICATION_COLUMNS if column.required)
NEEDED: Final = REQUIRED | {"filing_id"}
"""The columns that a table must have; ``filing_id`` may be empty in ``deregister_entity`` rows."""

OPTIONAL: Final = frozenset(column.name for column in APPLICATION_COLUMNS) - NEEDED

_WITH_ACCOUNT: Final = frozenset({Kind.NEW, Kind.TRANSFER_IN})


MASKED: Final = (
    "is masked (*); export the record with --unmasked, or leave the field out",
    "该值已脱敏（含 *），导入会覆盖原值；请使用 --unmasked 导出，或删除该字段",
)
"""Why a masked value is a bad row, in both languages."""


def faults(values: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    """What is wrong between the values: column, reason, reason in Chinese."""
    kind: Kind = values["kind"]
    if not values.get("filing_id") and kind is not Kind.DEREGISTER_ENTITY:
        yield "filing_id", f"is required for {kind}", f"申请类型为 {kind} 时不能为空"
    if kind is Kind.CHANGE_IP and not values.get("ips"):
        yield (
            "ips",
            "is required for change_ip: the new addresses replace the old",
            "变更IP 必须填写新的 IP 地址，原地址将被替换",
        )
    if "*" in values.get("entity_certificate_number", ""):
        yield "entity_certificate_number", *MASKED
    if kind.ends or values.get("account_id"):
        return
    if kind in _WITH_ACCOUNT:
        yield "account_id", f"is required for {kind}", f"申请类型为 {kind} 时不能为空"
    elif values.get("ips") or values.get("load_balancer"):
        yield (
            "account_id",
            "is required beside addresses or a load balancer",
            "填写 IP 地址或负载均衡时必须填写账号",
        )


def application(values: Mapping[str, Any], review: str = "") -> Application:
    """The application that checked values make."""
    get = values.get
    return Application(
        application_id=values["application_id"],
        filing_id=get("filing_id", ""),
        kind=values["kind"],
        status=values["status"],
        status_at=values["status_at"],
        entity=_entity(
            values["entity_name"],
            get("entity_certificate_type", ""),
            get("entity_certificate_number", ""),
            get("entity_province", ""),
            get("entity_licence", ""),
        ),
        service=Service(
            type=get("service_type"),
            name=get("service_name", ""),
            licence=get("service_licence", ""),
            domains=get("domains", ()),
        ),
        access=Access(
            account_id=get("account_id", ""),
            load_balancer=get("load_balancer", ""),
            ips=get("ips", ()),
        ),
        review=review,
    )


@lru_cache(maxsize=4096)
def _entity(
    name: str, certificate_type: str, certificate_number: str, province: str, licence: str
) -> Entity:
    """An entity, one value for all of its applications that stand near each other."""
    return Entity(
        name=name,
        certificate_type=certificate_type,
        certificate_number=certificate_number,
        province=province,
        licence=licence,
    )
