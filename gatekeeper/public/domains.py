"""What registries say of a domain (RDAP, RFC 9083), with the lists of what the state approved.

Which server to ask, IANA's bootstrap file says (RFC 9224), or the operator's.  Answers are fetched
as carefully as pages are.  What no registry tells is unknown.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, Final, NamedTuple, Protocol, TypeVar
from urllib.parse import urlsplit

from gatekeeper.errors import PolicyError
from gatekeeper.filing import SHANGHAI, Answer, domain_key, printable
from gatekeeper.filing.review import DomainFacts, Told, not_told
from gatekeeper.filing.review.domain_name import read_domain
from gatekeeper.public.approved import ApprovedLists
from gatekeeper.public.fetch import Fetcher, Unfetched
from gatekeeper.public.names import Names
from gatekeeper.textfile import read_text

_ACCEPT: Final = "application/rdap+json, application/json;q=0.9"
_MEDIA: Final = frozenset({"application/rdap+json", "application/json", "text/json"})

T = TypeVar("T")


class DomainLookup(Protocol):
    """Who tells what is known of a domain."""

    def facts(self, name: str, at: datetime) -> DomainFacts:
        """The facts of one domain; never raises for what the other side says."""
        ...


class Registration(NamedTuple):
    """What a registry says of one domain."""

    registrar: Told[str]
    expires: Told[date]


class LiveDomains:
    """Asks DNS and the registries; each registered domain once."""

    def __init__(
        self,
        names: Names,
        fetcher: Fetcher | None = None,
        *,
        lists: ApprovedLists | None = None,
        servers: Mapping[str, str] | None = None,
    ) -> None:
        """Set up whom to ask.

        Args:
            names: who resolves.
            fetcher: who asks registries; ``None`` leaves them unasked.
            lists: what the state approved; ``None`` where the operator keeps none.
            servers: RDAP servers by top-level domain; those of the lists count before them.
        """
        self._names, self._fetcher, self._lists = names, fetcher, lists
        self._servers = {**(servers or {}), **(lists.rdap if lists is not None else {})}
        self._known: dict[str, Registration] = {}
        self._lock = threading.Lock()

    def facts(self, name: str, at: datetime) -> DomainFacts:
        """The facts of one domain, as it is written in a record."""
        domain = read_domain(name)
        if domain.fault:
            why: Told[Any] = not_told(domain.fault, domain.fault_zh)
            return DomainFacts(why, why, why, why, why)
        ascii_name = domain_key(name)
        found = self._registration(domain_key(domain.registrable))
        return DomainFacts(
            tld_approved=self._lists.tld(ascii_name, at) if self._lists else _NO_LISTS,
            registrar=found.registrar,
            registrar_approved=self._approved(found.registrar, at),
            expires=found.expires,
            resolves_to=self._resolved(ascii_name),
        )

    def _approved(self, registrar: Told[str], at: datetime) -> Told[bool]:
        if self._lists is None:
            return _NO_LISTS
        if registrar.value is None:
            return not_told(registrar.reason, registrar.reason_zh)
        return self._lists.registrar(registrar.value, at)

    def _resolved(self, name: str) -> Told[tuple[str, ...]]:
        found = self._names.resolve(name)
        if found.answer is Answer.UNKNOWN or found.reason:
            return not_told(found.reason, found.reason_zh)
        return Told(found.addresses, source="DNS")

    def _registration(self, domain: str) -> Registration:
        with self._lock:
            if domain in self._known:
                return self._known[domain]
        found = self._ask(domain)
        with self._lock:
            return self._known.setdefault(domain, found)

    def _ask(self, domain: str) -> Registration:
        top = domain.rpartition(".")[2]
        server = self._servers.get(top)
        if server is None or self._fetcher is None:
            return _nothing(f"no RDAP server is known for .{top}", f"未配置 .{top} 的 RDAP 服务器")
        found = self._fetcher.get(f"{server.rstrip('/')}/domain/{domain}", accept=_ACCEPT)
        source = f"RDAP, {urlsplit(server).hostname}"
        if isinstance(found, Unfetched):
            return _nothing(f"{source}: {found.reason}", f"{source}：{found.reason_zh}")
        if found.status == 404:
            return _nothing(f"{source}: {domain} is not registered", f"{source}：{domain} 未注册")
        if found.status != 200 or found.media not in _MEDIA or found.cut:
            return _nothing(
                f"{source}: no answer that can be read (status {found.status})",
                f"{source}：响应无法读取（状态码 {found.status}）",
            )
        return read_registration(found.data, domain, source)


_NO_LISTS: Final[Told[bool]] = not_told(
    "no list of approved ones is given (--lists)", "未提供批复名单（--lists）"
)


def read_registration(data: bytes, domain: str, source: str) -> Registration:
    """A registry's answer about ``domain`` (in ASCII)."""
    try:
        answer = json.loads(data)
    except (ValueError, RecursionError):
        return _nothing(f"{source}: the answer is not JSON", f"{source}：响应不是 JSON")
    if not isinstance(answer, dict) or answer.get("objectClassName") != "domain":
        return _nothing(f"{source}: the answer is about no domain", f"{source}：响应不是域名信息")
    named = answer.get("ldhName")
    if not isinstance(named, str) or named.rstrip(".").lower() != domain:
        return _nothing(f"{source}: the answer is about another", f"{source}：响应属于其他域名")
    registrar = next(_registrars(answer), "")
    expires = _expiration(answer)
    return Registration(
        Told(registrar, source=source)
        if registrar
        else not_told(f"{source}: names no registrar", f"{source}：未说明注册服务机构"),
        Told(expires, source=source)
        if expires is not None
        else not_told(f"{source}: names no expiry", f"{source}：未说明到期日"),
    )


def read_bootstrap(path: Path) -> Mapping[str, str]:
    """IANA's ``dns.json``: the RDAP server of each top-level domain, https alone.

    Raises:
        PolicyError: it cannot be read, or is no such file.
    """
    text = read_text(path, "the RDAP servers", "RDAP 服务器文件")
    try:
        services = json.loads(text)["services"]
        found = {
            tld.lower(): next(url for url in urls if url.startswith("https://"))
            for tlds, urls in services
            for tld in tlds
            if any(url.startswith("https://") for url in urls)
        }
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise PolicyError(
            f"{path}: not IANA's list of RDAP servers; fetch https://data.iana.org/rdap/dns.json",
            zh=f"{path}：不是 IANA 的 RDAP 服务器列表，请下载 https://data.iana.org/rdap/dns.json",
        ) from None
    return found


def _registrars(answer: Mapping[str, Any]) -> Iterator[str]:
    """The names of the registrar, best first."""
    entities = answer.get("entities")
    for entity in entities if isinstance(entities, list) else ():
        if not isinstance(entity, dict) or "registrar" not in (entity.get("roles") or ()):
            continue
        card = entity.get("vcardArray")
        lines = card[1] if isinstance(card, list) and len(card) > 1 else ()
        for wanted in ("fn", "org"):
            for line in lines if isinstance(lines, list) else ():
                value = line[3] if isinstance(line, list) and len(line) > 3 else None
                if isinstance(value, str) and line[0] == wanted and value.strip():
                    yield printable(value.strip(), 200)


def _expiration(answer: Mapping[str, Any]) -> date | None:
    """The last day of the registration, Asia/Shanghai."""
    events = answer.get("events")
    for event in events if isinstance(events, list) else ():
        if isinstance(event, dict) and event.get("eventAction") == "expiration":
            try:
                at = datetime.fromisoformat(str(event.get("eventDate")))
                at = at if at.tzinfo is not None else at.replace(tzinfo=UTC)
                return at.astimezone(SHANGHAI).date()
            except (ValueError, OverflowError):
                return None
    return None


def _nothing(reason: str, reason_zh: str) -> Registration:
    return Registration(not_told(reason, reason_zh), not_told(reason, reason_zh))
