"""The decision feed as stacks and CI read it: what cannot be believed is closed (DESIGN §10, §14).

Needs the standard library alone, and ``cryptography`` where a signature is asked for.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property
from ipaddress import ip_address
from pathlib import Path
from typing import Any, Final, Literal

from gatekeeper.errors import FeedError
from gatekeeper.seal import digest, verify

SCHEMA: Final = "gatekeeper/decisions/1"
Verdict = Literal["open", "closed", "hold", "unknown"]
Family = Literal["ipv4", "ipv6"]

_VERDICTS: Final[tuple[Verdict, ...]] = ("closed", "unknown", "hold", "open")
"""Strictest first."""
_FAMILIES: Final = ("ipv4", "ipv6")
_CLOCKS_APART: Final = timedelta(minutes=5)
_LARGEST: Final = 512 * 2**20


@dataclass(frozen=True, slots=True, kw_only=True)
class Decided:
    """One decision: what the bureau's approval means for one endpoint in one family."""

    account_id: str
    endpoint: str
    """The interface id or the load balancer's ARN."""
    kind: str
    """``interface`` or ``load_balancer``."""
    family: Family
    ips: tuple[str, ...]
    verdict: Verdict
    reason: str
    filing_ids: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Decisions:
    """A feed that was read; one that could not be believed has no decisions and says why."""

    decided: tuple[Decided, ...] = ()
    ports: tuple[tuple[str, int], ...] = ()
    """The gated ports: ``tcp`` or ``udp``, and the number.  Empty where nothing can be believed."""
    generated_at: datetime | None = None
    expires_at: datetime | None = None
    digest: str = ""
    key_id: str = ""
    """Who signed it; empty where nobody asked."""
    offline: bool = False
    """Made from a dump, which may be older than the feed."""
    internal_sources: tuple[str, ...] | None = None
    """Networks that are not the Internet; ``None`` where the feed does not say."""
    exempt_sources: tuple[str, ...] = ()
    problem: FeedError | None = field(default=None, compare=False)
    """Why nothing is believed."""

    def verdict(self, address: str) -> Verdict:
        """What is decided of a public address; one that nobody knows is closed."""
        return _strictest(self.of_address(address))

    def verdict_of_all(self, addresses: Iterable[str]) -> Verdict:
        """The strictest verdict of several addresses; none at all are closed."""
        verdicts = [self.verdict(address) for address in addresses]
        return min(verdicts, key=_VERDICTS.index) if verdicts else "closed"

    def verdict_of_endpoint(self, endpoint: str, family: Family) -> Verdict:
        """What is decided of an interface or load balancer in one family."""
        return _strictest(tuple(one for one in self.of_endpoint(endpoint) if one.family == family))

    def of_address(self, address: str) -> tuple[Decided, ...]:
        """The decisions that name a public address, in whatever spelling."""
        return self._by_address.get(_plain(address), ())

    def of_endpoint(self, endpoint: str) -> tuple[Decided, ...]:
        """The decisions of an interface or load balancer, in both families."""
        return self._by_endpoint.get(endpoint, ())

    @cached_property
    def _by_address(self) -> dict[str, tuple[Decided, ...]]:
        found: dict[str, list[Decided]] = {}
        for one in self.decided:
            for ip in one.ips:
                found.setdefault(ip, []).append(one)
        return {ip: tuple(several) for ip, several in found.items()}

    @cached_property
    def _by_endpoint(self) -> dict[str, tuple[Decided, ...]]:
        found: dict[str, list[Decided]] = {}
        for one in self.decided:
            found.setdefault(one.endpoint, []).append(one)
        return {endpoint: tuple(several) for endpoint, several in found.items()}


def load_decisions(
    source: str | Path, *, at: datetime | None = None, public_key: bytes | None = None
) -> Decisions:
    """``read_decisions`` that fails closed: what cannot be believed gives no decisions.

    The reason is in ``problem``.
    """
    try:
        return read_decisions(source, at=at, public_key=public_key)
    except FeedError as error:
        return Decisions(problem=error)


def read_decisions(
    source: str | Path, *, at: datetime | None = None, public_key: bytes | None = None
) -> Decisions:
    """Read a feed that ``gatekeeper decisions --out`` wrote.

    Args:
        source: the file.
        at: when it is used; default: now.
        public_key: an Ed25519 key, PEM: the feed must be signed with its other half.

    Raises:
        FeedError: missing, unreadable, another schema, damaged, expired, from the future, not
            signed or signed by another.
    """
    path = Path(source)
    try:
        if path.stat().st_size > _LARGEST:
            raise _refused(path, "is larger than 512 MB", "超过 512 MB")
        data = path.read_bytes()
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or str(error)
        raise _refused(path, f"cannot be read ({why})", f"无法读取（{why}）") from None
    return parse_decisions(data, name=str(path), at=at, public_key=public_key)


def parse_decisions(
    data: bytes, *, name: str, at: datetime | None = None, public_key: bytes | None = None
) -> Decisions:
    """``read_decisions`` of bytes; ``name`` is what messages call them."""
    try:
        content = json.loads(data, object_pairs_hook=_once)
    except (ValueError, RecursionError) as error:
        raise _refused(
            name, f"is not JSON, or was cut short ({error})", f"不是完整的 JSON（{error}）"
        ) from None
    if not isinstance(content, dict) or "schema" not in content:
        raise _refused(name, "has no schema, so it is no feed", "没有 schema 字段，不是决策文件")
    if content["schema"] != SCHEMA:
        schema = str(content["schema"])[:60]
        raise _refused(
            name,
            f"has the schema {schema!r}, not {SCHEMA}",
            f"的 schema 为 {schema!r}，不是 {SCHEMA}",
        )
    sealed = _digest(content, name)
    key_id = verify(sealed, content.get("signature"), public_key) if public_key else ""
    try:
        found = _decisions(content, sealed, key_id)
    except (KeyError, TypeError, ValueError) as error:
        raise _refused(
            name, f"is no feed that gatekeeper made ({error!r})", f"不是有效的决策文件（{error!r}）"
        ) from None
    _check_time(found, name, at or datetime.now(UTC))
    return found


def _digest(content: Mapping[str, Any], name: str) -> str:
    try:
        sealed = digest(content)
    except (UnicodeEncodeError, RecursionError) as error:
        raise _refused(name, f"cannot be digested ({error})", f"无法计算摘要（{error}）") from None
    if sealed != content.get("digest"):
        raise _refused(
            name,
            "does not have the content that its digest was made of: it was changed or damaged",
            "的内容与摘要不符：已被修改或损坏",
        )
    return sealed


def _check_time(found: Decisions, name: str, at: datetime) -> None:
    assert found.expires_at is not None
    assert found.generated_at is not None
    if at >= found.expires_at:
        until = found.expires_at.isoformat()
        raise _refused(
            name,
            f"expired at {until}; make it anew with gatekeeper decisions --out",
            f"已于 {until} 过期，请用 gatekeeper decisions --out 重新生成",
        )
    if found.generated_at > at + _CLOCKS_APART:
        made = found.generated_at.isoformat()
        raise _refused(
            name,
            f"was made at {made}, in the future; check the clock",
            f"生成于未来时间 {made}，请检查时钟",
        )


def _decisions(content: Mapping[str, Any], sealed: str, key_id: str) -> Decisions:
    internal = content.get("internal_sources")
    return Decisions(
        decided=tuple(_decided(item) for item in _list(content["decisions"])),
        ports=tuple(_port(item) for item in _list(content["ports"])),
        generated_at=_moment(content["generated_at"]),
        expires_at=_moment(content["expires_at"]),
        digest=sealed,
        key_id=key_id,
        offline=content.get("offline") is True,
        internal_sources=None if internal is None else _texts(internal),
        exempt_sources=_texts(content.get("exempt_sources", [])),
    )


def _decided(item: Mapping[str, Any]) -> Decided:
    if item["decision"] not in _VERDICTS or item["family"] not in _FAMILIES:
        raise ValueError(f"decision {item['decision']!r} in {item['family']!r}")
    ips = [ip_address(ip) for ip in _texts(item["ips"])]
    if any(f"ipv{ip.version}" != item["family"] for ip in ips):
        raise ValueError(f"addresses of another family than {item['family']}")
    return Decided(
        account_id=_text(item["account_id"]),
        endpoint=_text(item["endpoint"]),
        kind=_text(item["kind"]),
        family=item["family"],
        ips=tuple(str(ip) for ip in ips),
        verdict=item["decision"],
        reason=str(item.get("reason", "")),
        filing_ids=_texts(item.get("filing_ids", [])),
    )


def _port(item: Mapping[str, Any]) -> tuple[str, int]:
    protocol, port = item["protocol"], item["port"]
    if protocol not in ("tcp", "udp") or type(port) is not int or not 0 < port < 65536:
        raise ValueError(f"port {port!r} of {protocol!r}")
    return protocol, port


def _moment(text: str) -> datetime:
    at = datetime.fromisoformat(_text(text))
    if at.tzinfo is None:
        raise ValueError(f"{text} has no zone")
    return at


def _list(value: object) -> list[Any]:
    if not isinstance(value, list):
        raise TypeError(f"{type(value).__name__} in place of a list")
    return value


def _texts(value: object) -> tuple[str, ...]:
    return tuple(_text(item) for item in _list(value))


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{type(value).__name__} in place of a text")
    return value


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A JSON object; readers differ on a key that comes twice, so such a feed says nothing."""
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key comes twice")
    return found


def _strictest(several: tuple[Decided, ...]) -> Verdict:
    return min((one.verdict for one in several), key=_VERDICTS.index, default="closed")


def _plain(address: str) -> str:
    try:
        return str(ip_address(address))
    except ValueError:
        return ""


def _refused(name: str | Path, why: str, why_zh: str) -> FeedError:
    return FeedError(f"{name} {why}", zh=f"{name} {why_zh}")
