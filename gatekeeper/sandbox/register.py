"""Made-up filing records for the made-up accounts: an application in every status."""

from __future__ import annotations

import ipaddress
from datetime import datetime, timedelta
from functools import partial
from typing import Final

from gatekeeper.filing import (
    Access,
    Application,
    Entity,
    Kind,
    Service,
    ServiceType,
    Status,
)
from gatekeeper.sandbox.world import MEDIA, SHOP, World

SHOP_ENTITY: Final = Entity(
    name="宁夏示例商贸有限公司",
    certificate_type="营业执照",
    certificate_number="91640100SAMPLE0011",
    province="宁夏",
    licence="宁ICP备2026000001号",
)
MEDIA_ENTITY: Final = Entity(
    name="北京示例传媒有限公司",
    certificate_type="营业执照",
    certificate_number="91110105SAMPLE0022",
    province="北京",
    licence="京ICP备2026000002号",
)


def sample_register(world: World, now: datetime) -> tuple[Application, ...]:
    """The records, as the provider's system would export them at ``now``."""
    made = _Records(world, now)
    shop = partial(made.add, SHOP, SHOP_ENTITY)
    media = partial(made.add, MEDIA, MEDIA_ENTITY)
    shop("shop-web", 1, ["shop-web"])
    shop("shop-api", 2, ["shop-api"], type_=ServiceType.APP)
    shop("shop-front", 3, ["shop-front-1", "shop-front-2"], balancer="shop-front")
    shop("shop-tcp", 4, ["shop-tcp-1"], balancer="shop-tcp")
    shop("shop-classic", 5, ["shop-classic-1"], balancer="shop-classic")
    shop("shop-gone", 6, ["shop-gone"])
    shop("shop-stop", 7, ["shop-stop"])
    shop("shop-old", 8, ["shop-old"])
    shop("shop-old", 8, [], kind=Kind.CANCEL_ACCESS, days=2)
    shop("shop-move", 9, ["shop-move-old"])
    shop("shop-move", 9, ["shop-move-new"], kind=Kind.CHANGE_IP, status=Status.REPORTED, days=1)
    shop("shop-new", 10, ["shop-new"], status=Status.BUREAU_REVIEW, days=3)
    shop("shop-draft", 11, [], status=Status.DRAFT, days=1)
    shop("shop-check", 12, ["shop-trial"], status=Status.SUBMITTED, days=1)
    shop("shop-sms", 13, [], status=Status.SMS_PENDING, days=1)
    shop("shop-back", 14, [], status=Status.RETURNED, days=4)
    shop("shop-refused", 15, [], status=Status.REJECTED, days=5)
    shop("shop-dropped", 16, [], status=Status.WITHDRAWN, days=6)
    media("media", 1, ["media-1", "media-2"], balancer="media")
    media("media-dual", 2, ["media-dual"])
    media("media-spare", 3, ["media-spare"])
    media("media-astray", 4, ["shop-trial"])
    return tuple(made.applications)


def deregistration(filed: Application, now: datetime) -> Application:
    """The approved end of a filed service, a minute ago."""
    return Application(
        application_id=f"{filed.application_id}-end",
        filing_id=filed.filing_id,
        kind=Kind.DEREGISTER_SERVICE,
        status=Status.APPROVED,
        status_at=now.replace(microsecond=0) - timedelta(minutes=1),
        entity=filed.entity,
    )


class _Records:
    """Collects applications, each a day after its filing's last."""

    def __init__(self, world: World, now: datetime) -> None:
        self.applications: list[Application] = []
        self._world = world
        self._now = now

    def add(
        self,
        account_id: str,
        entity: Entity,
        filing: str,
        number: int,
        names: list[str],
        *,
        balancer: str = "",
        kind: Kind = Kind.NEW,
        status: Status = Status.APPROVED,
        days: int = 30,
        type_: ServiceType = ServiceType.WEBSITE,
    ) -> None:
        ips = sorted((self._world.addresses[name] for name in names), key=ipaddress.IPv4Address)
        licensed = kind is Kind.NEW and status is Status.APPROVED
        suffix = "A" if type_ is ServiceType.APP else ""
        access = Access(account_id=account_id, load_balancer=balancer, ips=tuple(ips))
        self.applications.append(
            Application(
                application_id=f"A-{len(self.applications) + 1:03d}",
                filing_id=f"F-{filing}",
                kind=kind,
                status=status,
                status_at=self._now.replace(microsecond=0) - timedelta(days=days),
                entity=entity,
                service=Service(
                    type=type_,
                    name=f"示例服务 {filing}",
                    licence=f"{entity.licence}-{number}{suffix}" if licensed else "",
                    domains=(f"{filing}.example.cn",) if type_ is ServiceType.WEBSITE else (),
                ),
                access=Access() if kind.ends else access,
            )
        )
