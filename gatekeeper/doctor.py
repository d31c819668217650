"""What works and what is missing: store, policy, credentials, permissions, endpoints.

Nothing is changed: a store is not made, the trail not written, AWS only asked.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from gatekeeper.errors import AwsError, GatekeeperError

if TYPE_CHECKING:
    from gatekeeper.aws.session import AccountTarget
    from gatekeeper.policy import Policy
    from gatekeeper.store import Store

Status = Literal["ok", "missing", "unknown", "not tried"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One thing that was looked at."""

    check: str
    status: Status
    detail: str = ""
    remedy: str = ""
    account_id: str = ""

    @property
    def well(self) -> bool:
        return self.status in ("ok", "not tried")


def examine_store(open_it: Callable[[], Store | None], lang: str) -> Iterator[Check]:
    """The store: does it open, and is its schema the right one?"""
    chinese = lang == "zh"
    try:
        store = open_it()
    except GatekeeperError as error:
        yield Check(check="store", status="missing", detail=error.text(lang))
        return
    if store is None:
        yield Check(
            check="store",
            status="not tried",
            detail="数据库尚不存在" if chinese else "there is none yet",
            remedy="导入备案或添加账号时会自动创建"
            if chinese
            else "it is made by filings import and accounts add",
        )
        return
    with store:
        yield Check(check="store", status="ok", detail=store.label)
        yield Check(check="store: trail", status="ok", detail=store.trail_head())
        yield _examine_seal(store, chinese=chinese)


def _examine_seal(store: Store, *, chinese: bool) -> Check:
    """Personal data: is a key set, and does anything stand in the clear?

    Without a key nothing is wrong, it is only said: whoever encrypts the disk may need none.
    """
    counts, name = store.seal_counts(), "store: personal data"
    told = (
        f"密钥 {store.keyed or '未设置'}；明文 {counts.plain}，已加密 {counts.newest}，"
        f"其他密钥 {counts.other}"
        if chinese
        else f"key {store.keyed or 'not set'}; {counts.plain} in the clear, "
        f"{counts.newest} sealed, {counts.other} under another key"
    )
    if not store.keyed:
        remedy = (
            "设置 GATEKEEPER_KEY_FILE 后执行 gatekeeper store seal"
            if chinese
            else "set GATEKEEPER_KEY_FILE, then run gatekeeper store seal"
        )
        status: Status = "missing" if counts.other else "not tried"
        return Check(check=name, status=status, detail=told, remedy=remedy)
    if counts.plain or counts.other:
        remedy = "执行 gatekeeper store seal" if chinese else "run gatekeeper store seal"
        return Check(check=name, status="missing", detail=told, remedy=remedy)
    return Check(check=name, status="ok", detail=told)


def examine_policy(load: Callable[[], Policy], lang: str) -> Iterator[Check]:
    """The policy: does it load?"""
    try:
        policy = load()
    except GatekeeperError as error:
        yield Check(check="policy", status="missing", detail=error.text(lang))
        return
    yield Check(check="policy", status="ok", detail=f"{policy.owner} {policy.version}")


def examine_accounts(targets: Iterable[AccountTarget], region: str, lang: str) -> Iterator[Check]:
    """Each account: can it be entered, read and changed?"""
    from gatekeeper.aws.session import Gateway

    gateway = Gateway(region)
    for target in targets:
        yield from _examine_account(gateway, target, lang)


def _examine_account(gateway: object, target: AccountTarget, lang: str) -> Iterator[Check]:
    from gatekeeper.aws.probe import probe_authors, probe_changes, probe_reads
    from gatekeeper.aws.session import Gateway

    assert isinstance(gateway, Gateway)
    name = target.account_id or ""
    try:
        connection = gateway.open(target)
    except AwsError as error:
        yield Check(check="credentials", status="missing", account_id=name, detail=error.text(lang))
        return
    with connection:
        name = connection.account_id
        detail = f"{connection.partition} {gateway.region}" + (
            f" {target.role_arn}" if target.role_arn else ""
        )
        yield Check(check="credentials", status="ok", account_id=name, detail=detail)
        for purpose, probes in (
            ("read", probe_reads),
            ("change", probe_changes),
            ("attribute", probe_authors),
        ):
            for probe in probes(connection):
                yield Check(
                    check=f"{purpose}: {probe.action}",
                    status=probe.answer,
                    account_id=name,
                    detail=probe.detail,
                    remedy=_remedy(purpose, lang) if probe.answer == "missing" else "",
                )


def _remedy(purpose: str, lang: str) -> str:
    command = f"gatekeeper doctor --print-policy {purpose}"
    return f"授予该权限，所需策略见 {command}" if lang == "zh" else f"allow it; see {command}"
