"""Names to addresses, by DNS: A and AAAA, with the aliases that lead there.

That a name does not exist, or has no address, is a fact.  A time-out, a refusal and a failure are
none: the answer is then unknown, with its reason.  Nothing is cached and no search domain is added.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from ipaddress import ip_address
from typing import Final, NamedTuple, Protocol

import dns.exception
import dns.name
import dns.nameserver
import dns.rcode
import dns.rdatatype
import dns.resolver

from gatekeeper.errors import UsageError
from gatekeeper.filing import Answer, Resolution, printable

LIFETIME_SECONDS: Final = 6.0
"""For one question, over every nameserver and try."""
_TRY_SECONDS: Final = 2.0
_MOST_ADDRESSES: Final = 64
_FAMILIES: Final = ("A", "AAAA")


class Names(Protocol):
    """Who resolves names."""

    def resolve(self, name: str) -> Resolution:
        """Both families of one name (ASCII); never raises for what DNS answers."""
        ...


class Nameserver(NamedTuple):
    """Whom to ask."""

    address: str
    port: int = 53


def read_nameserver(text: str) -> Nameserver:
    """``ADDRESS`` or ``ADDRESS:PORT``; an IPv6 address with a port stands in brackets.

    Raises:
        UsageError: it is neither.
    """
    address, port = text.strip(), ""
    if address.startswith("["):
        address, closed, port = address[1:].partition("]")
        address, port = address if closed else "", port.removeprefix(":")
    elif address.count(":") == 1:
        address, _, port = address.partition(":")
    try:
        number = int(port) if port else 53
        if not 0 < number < 65536 or not (port or "53").isdecimal():
            raise ValueError
        return Nameserver(str(ip_address(address)), number)
    except ValueError:
        raise UsageError(
            f"{text!r} is no nameserver; write its address, as 10.0.0.2 or 10.0.0.2:5353",
            zh=f"{text!r} 不是 DNS 服务器，应写作 10.0.0.2 或 10.0.0.2:5353",
        ) from None


class _Part(NamedTuple):
    """What one family answered."""

    addresses: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()
    no_name: bool = False
    reason: str = ""
    reason_zh: str = ""


class DnsNames:
    """Asks nameservers over UDP, and over TCP where an answer was cut."""

    def __init__(
        self,
        nameservers: Sequence[Nameserver] = (),
        *,
        lifetime: float = LIFETIME_SECONDS,
        timeout: float = _TRY_SECONDS,
    ) -> None:
        """Ask ``nameservers``, else those that this machine is set up with.

        Raises:
            UsageError: none is named and the machine has none.
        """
        try:
            self._resolver = dns.resolver.Resolver(configure=not nameservers)
        except dns.resolver.NoResolverConfiguration:
            raise UsageError(
                "this machine has no nameserver; name one with --nameserver",
                zh="本机未配置 DNS 服务器，请用 --nameserver 指定",
            ) from None
        if nameservers:
            self._resolver.nameservers = [
                dns.nameserver.Do53Nameserver(one.address, one.port) for one in nameservers
            ]
        self._resolver.lifetime = lifetime
        self._resolver.timeout = timeout
        self._resolver.cache = None

    def resolve(self, name: str) -> Resolution:
        """Both families of one name."""
        try:
            asked = dns.name.from_text(name.rstrip(".") + ".")
        except (dns.exception.DNSException, UnicodeError):
            return _unknown(
                name,
                f"{printable(name)} is no domain name",
                f"{printable(name)} 不是有效的域名",
            )
        if len(asked.labels) < 3:
            return _unknown(name, "a top-level domain or empty", "域名为空或只有顶级域名")
        return _joined(name, [self._ask(asked, family) for family in _FAMILIES])

    def _ask(self, name: dns.name.Name, family: str) -> _Part:
        try:
            answer = self._resolver.resolve(name, family, search=False, raise_on_no_answer=False)
        except dns.resolver.NXDOMAIN:
            return _Part(no_name=True)
        except dns.exception.Timeout:
            return _Part(reason=f"{family}: no answer in time", reason_zh=f"{family} 查询超时")
        except dns.resolver.NoNameservers as error:
            said = _said(error)
            return _Part(
                reason=f"{family}: no nameserver could say ({said})",
                reason_zh=f"{family} 查询失败（{said}）",
            )
        except (dns.exception.DNSException, OSError) as error:
            said = type(error).__name__
            return _Part(
                reason=f"{family}: the answer cannot be read ({said})",
                reason_zh=f"{family} 应答无法解析（{said}）",
            )
        chain = answer.chaining_result
        aliases = [_text(rrset[0].target) for rrset in chain.cnames]
        found = [] if answer.rrset is None else [record.address for record in answer.rrset]
        return _Part(tuple(found[:_MOST_ADDRESSES]), tuple(aliases))


def _joined(name: str, parts: Iterable[_Part]) -> Resolution:
    """Both families as one answer."""
    both = list(parts)
    addresses = sorted(
        {ip_address(ip) for part in both for ip in part.addresses},
        key=lambda ip: (ip.version, int(ip)),
    )
    unsaid = [part for part in both if part.reason]
    if addresses:
        answer = Answer.FOUND
    elif unsaid:
        answer = Answer.UNKNOWN
    elif all(part.no_name for part in both):
        answer = Answer.NO_NAME
    else:
        answer = Answer.NO_ADDRESS
    return Resolution(
        name=name,
        answer=answer,
        addresses=tuple(map(str, addresses)),
        aliases=max((part.aliases for part in both), key=len),
        reason="; ".join(part.reason for part in unsaid),
        reason_zh="；".join(part.reason_zh for part in unsaid),
    )


def _unknown(name: str, reason: str, reason_zh: str) -> Resolution:
    return Resolution(name=name, answer=Answer.UNKNOWN, reason=reason, reason_zh=reason_zh)


def _said(error: dns.resolver.NoNameservers) -> str:
    """What the nameservers answered in place of an answer: ``SERVFAIL``, ``REFUSED``, …"""
    codes = set()
    for *_, response in error.kwargs.get("errors", ()):
        if response is not None:
            codes.add(dns.rcode.to_text(response.rcode()))
    return ", ".join(sorted(codes)) or "no usable answer"


def _text(name: dns.name.Name) -> str:
    return name.to_text(omit_final_dot=True)
