"""The gate policy as a value: every key with its type and bounds (DESIGN §11)."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Annotated, Literal, NamedTuple

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    StrictBool,
    StrictInt,
    ValidationInfo,
    field_validator,
)

from gatekeeper.policy.values import (
    AccountId,
    Day,
    Duration,
    GroupId,
    KeptProtocol,
    Network,
    Percent,
    TagKey,
    Text,
    check_list,
    wrong,
)

SeverityName = Literal["critical", "high", "medium", "low", "info"]


class Port(NamedTuple):
    """One gated port: "tcp" or "udp", and its number."""

    protocol: str
    port: int

    def __str__(self) -> str:
        return f"{self.protocol}/{self.port}"


class ConfigModel(BaseModel):
    """A section of a file that people write: what it does not know it refuses."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", strict=False, ignored_types=(cached_property,)
    )


class PortList(ConfigModel):
    """Ports of one protocol."""

    protocol: Literal["tcp", "udp"]
    ports: tuple[Annotated[StrictInt, Field(ge=1, le=65535)], ...] = Field(min_length=1)


class ExemptSource(ConfigModel):
    """A network that may reach gated ports without being the Internet, until a date."""

    cidr: Network
    reason: Text
    until: Day | None = None


class Limits(ConfigModel):
    """How much one plan may change, and AWS's quotas of the account."""

    floor: StrictInt = Field(10, ge=0)
    percent: Percent = 30.0
    count: StrictInt = Field(200, ge=0)
    groups_per_interface: StrictInt = Field(5, ge=1, le=16)
    rules_per_group: StrictInt = Field(60, ge=1, le=1000)


class Approvals(ConfigModel):
    """How many people must approve a plan that opens or closes, and for how long it holds."""

    open: StrictInt = Field(0, ge=0)
    close: StrictInt = Field(0, ge=0)
    valid_for: Duration = timedelta(hours=24)


class StackGroup(ConfigModel):
    """A group that a stack owns although no tag says so."""

    group_id: GroupId
    stack: Text


class Stacks(ConfigModel):
    """Groups that stacks own: how they are known, and whether they are narrowed all the same."""

    mode: Literal["enforce", "report"] = "enforce"
    tags: tuple[TagKey, ...] = ()
    owned: tuple[StackGroup, ...] = ()

    @field_validator("owned")
    @classmethod
    def _once(cls, owned: tuple[StackGroup, ...]) -> tuple[StackGroup, ...]:
        seen: set[str] = set()
        for one in owned:
            if one.group_id in seen:
                raise wrong(
                    f"{one.group_id} stands twice; a group has one owner",
                    f"{one.group_id} 重复出现；一个安全组只能有一个所有者",
                )
            seen.add(one.group_id)
        return owned


class FindingException(ConfigModel):
    """Mutes one finding code in a scope, with a reason and an end."""

    code: Text
    account_id: AccountId | None = None
    filing_id: Text | None = None
    endpoint: Text | None = None
    reason: Text
    until: Day


class Policy(ConfigModel):
    """Every key of ``policies/gate.yaml`` (DESIGN §11)."""

    format: Literal[1] = Field(1, alias="version")
    owner: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:/+@-]{0,127}$")]
    gated: tuple[PortList, ...] = Field(min_length=1)
    opened: tuple[PortList, ...]
    internal_sources: tuple[Network, ...]
    exempt_sources: tuple[ExemptSource, ...]
    address_change_grace: Duration
    limits: Limits
    approvals: Approvals
    decision_ttl: Duration
    kept_protocols: tuple[KeptProtocol, ...]
    narrow_without_headroom: StrictBool
    open_transfer_in: Literal["approved", "reported"]
    stacks: Stacks
    severity: dict[str, SeverityName]
    exceptions: tuple[FindingException, ...]

    @field_validator("opened")
    @classmethod
    def _never_more(
        cls, opened: tuple[PortList, ...], info: ValidationInfo
    ) -> tuple[PortList, ...]:
        gated = _ports(info.data.get("gated", opened))
        extra = ", ".join(str(port) for port in _ports(opened) if port not in gated)
        if extra:
            raise wrong(
                f"{extra} is not gated; open never more than gated", f"{extra} 不在 gated 之内"
            )
        return opened

    @field_validator("internal_sources")
    @classmethod
    def _internal(cls, networks: tuple[str, ...]) -> tuple[str, ...]:
        check_list(networks)
        return networks

    @field_validator("exempt_sources")
    @classmethod
    def _exempt(cls, sources: tuple[ExemptSource, ...]) -> tuple[ExemptSource, ...]:
        check_list(source.cidr for source in sources)
        return sources

    @cached_property
    def gated_ports(self) -> tuple[Port, ...]:
        """Every gated port, sorted, each once."""
        return _ports(self.gated)

    @cached_property
    def opened_ports(self) -> tuple[Port, ...]:
        """What the gate lets in, sorted, each once."""
        return _ports(self.opened)

    @cached_property
    def version(self) -> str:
        """SHA-256 (hex) of every effective key."""
        canonical = json.dumps(self.model_dump(mode="json"), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(canonical.encode()).hexdigest()

    def exempt_at(self, at: datetime) -> tuple[str, ...]:
        """The exempt networks that still hold at ``at``; the ``until`` day (UTC) still counts."""
        today = at.astimezone(UTC).date()
        return tuple(s.cidr for s in self.exempt_sources if s.until is None or today <= s.until)


def _ports(lists: tuple[PortList, ...]) -> tuple[Port, ...]:
    return tuple(sorted({Port(item.protocol, port) for item in lists for port in item.ports}))
