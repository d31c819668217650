"""What the accounts say of the addresses that a record files.

An address that was found counts, however little else was read; one that was not found is "none"
only where every read that would have shown it ended well.  No file, no network: states, memory and
address ranges are arguments.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from gatekeeper.account import (
    AccountState,
    AccountView,
    AddressFact,
    Doubt,
    Endpoint,
    Failure,
    LoadBalancer,
    ReadStatus,
    RememberedAddress,
    outside_region,
    read_endpoints,
    snapshot_date,
)
from gatekeeper.filing import printable
from gatekeeper.filing.review import (
    AccountFacts,
    AddressFacts,
    BalancerFacts,
    Holding,
    Told,
    not_told,
)
from gatekeeper.gate import (
    AddressMemory,
    exposures,
    find_balancers,
    judge_account,
    unknown_exposures,
)

if TYPE_CHECKING:
    from gatekeeper.filing import Access
    from gatekeeper.policy import Policy

Ranges = Callable[[str, str], bool | None]
"""(address, region) to whether it lies outside; ``None`` where the region is not known."""

_ADDRESS_READS: Final = ("DescribeAddresses", "DescribeNetworkInterfaces")
_BALANCER_READS: Final = ("elbv2:DescribeLoadBalancers", "elb:DescribeLoadBalancers")
_HOLDINGS: Final = {
    "eip": Holding.EIP,
    "elb": Holding.LOAD_BALANCER,
    "auto": Holding.AUTO,
    "ipv6": Holding.IPV6,
}
_NONE: Final = Told(Holding.NONE)
_YES: Final = Told(True)
_NO: Final = Told(False)
_KEPT_NOWHERE: Final[Told[bool]] = not_told(
    "whether it was released or never there is not known: earlier reads are not remembered here",
    "没有以往读取的记录，无法判断是已释放还是从未属于该账号",
)


class LiveAccount(NamedTuple):
    """What is known of the access of one record."""

    account: Told[AccountFacts]
    in_region: Mapping[str, Told[bool]]
    """By address: whether it lies in the published ranges."""


class KnownAccounts:
    """The accounts that were read, each looked at once for however many records name it."""

    def __init__(
        self,
        states: Iterable[AccountState],
        *,
        policy: Policy | None = None,
        at: datetime | None = None,
    ) -> None:
        """``policy`` and ``at``, where given, tell also which gated ports are reachable."""
        self.states: Final = {state.account_id: state for state in states}
        self._policy, self._at = policy, at
        self._looks: dict[str, _Look] = {}
        self._holders: dict[str, tuple[str, ...]] | None = None

    def look(self, account_id: str) -> _Look:
        """One account, read or partly read."""
        if account_id not in self._looks:
            self._looks[account_id] = _look(self.states[account_id], self._policy, self._at)
        return self._looks[account_id]

    def holders(self, ip: str) -> tuple[str, ...]:
        """The accounts in which an address was read."""
        if self._holders is None:
            found: dict[str, tuple[str, ...]] = {}
            for account_id in sorted(self.states):
                for held in self._addresses(account_id):
                    found[held] = (*found.get(held, ()), account_id)
            self._holders = found
        return self._holders.get(ip, ())

    def _addresses(self, account_id: str) -> Iterable[str]:
        look = self._looks.get(account_id)
        return (look.view if look else read_endpoints(self.states[account_id])).addresses


class _Look(NamedTuple):
    state: AccountState
    view: AccountView
    endpoints: Mapping[str, Endpoint]
    exposed: Mapping[str, Told[tuple[str, ...]]] | None
    """By address; ``None`` where nobody asked."""


def account_facts(
    access: Access,
    known: KnownAccounts,
    memory: AddressMemory | None = None,
    *,
    region: str,
    ranges: Ranges = outside_region,
) -> LiveAccount:
    """The facts of an access.

    Args:
        access: as the record files it; the addresses are canonical.
        known: every account that was read, that of the access among them if it was.
        memory: what earlier reads remember; ``None`` where nothing is remembered (a dump).
        region: the provider's.
        ranges: the published address ranges.
    """
    inside = {ip: _inside(ip, region, ranges) for ip in access.ips}
    state = known.states.get(access.account_id)
    if state is None:
        name = printable(access.account_id) or "-"
        return LiveAccount(
            not_told(
                f"account {name} was not read: it is not registered, or not among those read",
                f"未读取账号 {name}：未登记，或不在本次读取范围内",
            ),
            inside,
        )
    if state.status is ReadStatus.UNREADABLE:
        return LiveAccount(_failed(state, state.failures), inside)
    if state.region != region:
        return LiveAccount(
            not_told(
                f"account {state.account_id} was read in {state.region}, not in {region}",
                f"账号 {state.account_id} 读取的是 {state.region} 区域，而非 {region}",
            ),
            inside,
        )
    return LiveAccount(Told(_Teller(access, known, memory).tell()), inside)


def _inside(ip: str, region: str, ranges: Ranges) -> Told[bool]:
    outside = ranges(ip, region)
    day = snapshot_date()
    if outside is None:
        return not_told(
            f"the address ranges of {day} do not have {region}", f"{day} 的地址段不含 {region}"
        )
    return Told(not outside, source=f"ip-ranges.json, {day}")


class _Teller:
    """Tells the facts of one access in an account that was read, wholly or in part."""

    def __init__(self, access: Access, known: KnownAccounts, memory: AddressMemory | None) -> None:
        self.access, self.known, self.memory = access, known, memory
        self.look = known.look(access.account_id)
        self.state = self.look.state

    def tell(self) -> AccountFacts:
        addresses = {ip: self._address(ip) for ip in self.access.ips}
        named = self._named()
        arns = dict.fromkeys(one.balancer for one in addresses.values() if one.balancer)
        arns.update(dict.fromkeys(named.value or ()))
        by_arn = {one.arn: one for one in self.state.load_balancers}
        return AccountFacts(
            account_id=self.state.account_id,
            addresses=addresses,
            balancers={arn: self._balancer(by_arn[arn]) for arn in arns},
            named=named,
            owners=self._owners(addresses),
        )

    def _address(self, ip: str) -> AddressFacts:
        fact = self.look.view.addresses.get(ip)
        if fact is None:
            return self._absent(ip)
        endpoint = self.look.endpoints.get(fact.endpoint or "")
        balancer = endpoint.load_balancer if endpoint is not None else None
        holding = _HOLDINGS[fact.kind]
        if balancer is not None and holding is Holding.IPV6:
            holding = Holding.LOAD_BALANCER
        facts = AddressFacts(
            Told(holding),
            released=_YES if self._reallocated(fact) else _NO,
            balancer=balancer.arn if balancer is not None else "",
            serves=not fact.on_nat_gateway and fact.interface_id is not None,
            on_nat_gateway=fact.on_nat_gateway,
        )
        exposed = self.look.exposed
        return facts if exposed is None else facts._replace(exposed=exposed.get(ip, _NOTHING))

    def _absent(self, ip: str) -> AddressFacts:
        others = [one for one in self.known.holders(ip) if one != self.state.account_id]
        unread = [one for name in _ADDRESS_READS if (one := self.state.failed(name)) is not None]
        if unread and not others:
            return AddressFacts(
                _failed(self.state, unread), released=_failed(self.state, unread), serves=False
            )
        return AddressFacts(
            _NONE,
            elsewhere=others[0] if others else "",
            released=self._released(ip),
            serves=False,
        )

    def _released(self, ip: str) -> Told[bool]:
        if self.memory is None:
            return _KEPT_NOWHERE
        before = self._remembered(ip)
        if before is None:
            return _NO
        # A load balancer changes its addresses by itself.
        return _NO if self.access.load_balancer and before.kind == "elb" else _YES

    def _reallocated(self, fact: AddressFact) -> bool:
        before = self._remembered(fact.ip)
        return bool(
            before is not None
            and before.allocation_id
            and fact.allocation_id
            and before.allocation_id != fact.allocation_id
        )

    def _remembered(self, ip: str) -> RememberedAddress | None:
        return None if self.memory is None else self.memory.get((self.state.account_id, ip))

    def _named(self) -> Told[tuple[str, ...]]:
        """The load balancers that the record's text fits.

        An ARN or a DNS name fits one at most; a name may fit one of either API.
        """
        text = self.access.load_balancer.strip()
        if not text:
            return Told(())
        fits = tuple(one.arn for one in find_balancers(text, self.state.load_balancers))
        unread = [one for name in _BALANCER_READS if (one := self.state.failed(name)) is not None]
        certain = len(fits) > 1 or (fits and ("." in text or text.startswith("arn:")))
        return Told(fits) if certain or not unread else _failed(self.state, unread)

    def _balancer(self, balancer: LoadBalancer) -> BalancerFacts:
        internal = balancer.scheme == "internal"
        endpoint = self.look.endpoints.get(balancer.arn)
        doubts = endpoint.doubts if endpoint is not None else ()
        return BalancerFacts(
            balancer.arn,
            balancer.name,
            tuple(one.ip for one in endpoint.addresses) if endpoint is not None else (),
            internal,
            _doubtful(doubts) if doubts and not internal else _YES,
        )

    def _owners(self, addresses: Mapping[str, AddressFacts]) -> Told[bool]:
        """Whether it is known which load balancer, if any, owns each address."""
        for ip, facts in addresses.items():
            if facts.holding.value is None:
                return not_told(facts.holding.reason, facts.holding.reason_zh)
            fact = self.look.view.addresses.get(ip)
            endpoint = self.look.endpoints.get(fact.endpoint or "") if fact is not None else None
            if endpoint is not None and endpoint.kind == "interface" and endpoint.doubts:
                return _doubtful(endpoint.doubts)
        return _YES


_NOTHING: Final[Told[tuple[str, ...]]] = Told(())


def _look(state: AccountState, policy: Policy | None, at: datetime | None) -> _Look:
    if policy is None or at is None:
        view = read_endpoints(state)
        return _Look(state, view, {one.endpoint: one for one in view.endpoints}, None)
    reach = judge_account(state, policy, at)
    exposed: dict[str, Told[tuple[str, ...]]] = {}
    for one in unknown_exposures(reach):
        untold: Told[tuple[str, ...]] = not_told(one.reason, one.reason_zh)
        exposed.update(dict.fromkeys(one.ips, untold))
    for found in exposures(reach):  # what is known to be open is open, whatever else is unknown
        for ip in found.ips:
            ports = exposed.get(ip, _NOTHING).value or ()
            exposed[ip] = Told((*ports, f"{found.protocol} {found.port}"))
    endpoints = {name: one.endpoint for name, one in reach.endpoints.items()}
    return _Look(state, reach.view, endpoints, exposed)


def _failed(state: AccountState, failures: Iterable[Failure]) -> Told[Any]:
    named = [f"{one.operation} ({printable(one.code)})" for one in failures]
    name = state.account_id
    if not named:
        return not_told(f"account {name} could not be read", f"账号 {name} 无法读取")
    return not_told(
        f"account {name}: {', '.join(named)} failed", f"账号 {name}：{'、'.join(named)} 读取失败"
    )


def _doubtful(doubts: Iterable[Doubt]) -> Told[bool]:
    unique = list(dict.fromkeys(doubts))
    return not_told(
        "; ".join(one.reason for one in unique), "；".join(one.reason_zh for one in unique)
    )
