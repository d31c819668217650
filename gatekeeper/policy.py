"""The gate policy: what is gated, what may stay open, and how much may change at once.

Read from YAML, checked key by key, then a value.  ``Policy.version`` is the SHA-256 of every
effective key, so that a plan made under one policy is never applied under another.
"""

from __future__ import annotations

import hashlib
import ipaddress
import json
import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from functools import cached_property
from importlib import resources
from typing import Annotated, Any, Final, Literal, NamedTuple, Self

import yaml
from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StrictInt,
    ValidationError,
    model_validator,
)

from gatekeeper.errors import PolicyError

SeverityName = Literal["critical", "high", "medium", "low", "info"]

_UNITS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86400}
PROTOCOL_NUMBERS: Final = {"icmp": 1, "tcp": 6, "udp": 17, "icmpv6": 58}
PROTOCOL_NAMES: Final = {number: name for name, number in PROTOCOL_NUMBERS.items()}


def _duration(value: object) -> timedelta:
    match = re.fullmatch(r"(\d+)\s*([smhd])", str(value).strip())
    if match is None:
        raise ValueError("write a duration as 90s, 30m, 72h or 7d")
    return timedelta(seconds=int(match[1]) * _UNITS[match[2]])


def _network(value: object) -> str:
    try:
        return str(ipaddress.ip_network(str(value).strip()))
    except ValueError as error:
        raise ValueError(f"not a network in CIDR form: {error}") from None


def _protocol(value: object) -> str:
    text = str(value).strip().lower()
    if text in PROTOCOL_NUMBERS:
        return text
    if text.isascii() and text.isdigit() and int(text) <= 255:
        return PROTOCOL_NAMES.get(int(text), str(int(text)))
    raise ValueError("write a protocol as its name (icmp) or its IANA number (47)")


def _text(value: object) -> str:
    return str(value)


Duration = Annotated[timedelta, BeforeValidator(_duration)]
Network = Annotated[str, BeforeValidator(_network)]
ProtocolName = Annotated[str, BeforeValidator(_protocol)]
Text = Annotated[str, BeforeValidator(_text), Field(min_length=1)]


class Port(NamedTuple):
    """One gated port: "tcp" or "udp", and its number."""

    protocol: str
    port: int

    def __str__(self) -> str:
        return f"{self.protocol}/{self.port}"


class _Model(BaseModel):
    model_config = ConfigDict(
        frozen=True, extra="forbid", strict=False, ignored_types=(cached_property,)
    )


class PortList(_Model):
    """Ports of one protocol."""

    protocol: Literal["tcp", "udp"]
    ports: tuple[Annotated[StrictInt, Field(ge=1, le=65535)], ...] = Field(min_length=1)


class ExemptSource(_Model):
    """A network that may reach gated ports without being the Internet, until a date."""

    cidr: Network
    reason: Text
    until: date | None = None


class Limits(_Model):
    """How much one plan may change, and AWS's quotas of the account."""

    floor: StrictInt = Field(10, ge=0)
    percent: float = Field(30, ge=0, le=100)
    count: StrictInt = Field(200, ge=0)
    groups_per_interface: StrictInt = Field(5, ge=1, le=16)
    rules_per_group: StrictInt = Field(60, ge=1, le=1000)


class Approvals(_Model):
    """How many people must approve a plan that opens or closes, and for how long it holds."""

    open: StrictInt = Field(0, ge=0)
    close: StrictInt = Field(0, ge=0)
    valid_for: Duration = timedelta(hours=24)


class FindingException(_Model):
    """Mutes one finding code in a scope, with a reason and an end."""

    code: Text
    account_id: Annotated[str, BeforeValidator(_text), Field(pattern=r"^\d{12}$")] | None = None
    filing_id: Text | None = None
    endpoint: Text | None = None
    reason: Text
    until: date


class Policy(_Model):
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
    kept_protocols: tuple[ProtocolName, ...]
    narrow_without_headroom: bool
    open_transfer_in: Literal["approved", "reported"]
    severity: dict[str, SeverityName]
    exceptions: tuple[FindingException, ...]

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        extra = sorted(set(self.opened_ports) - set(self.gated_ports))
        if extra:
            raise ValueError(f"opened: {', '.join(map(str, extra))} is not gated; open never more")
        return self

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


def default_policy() -> Policy:
    """The policy that ships with gatekeeper."""
    return parse_policy("")


def parse_policy(text: str, *, source: str = "policy") -> Policy:
    """A policy from YAML text; keys that it lacks come from the packaged one.

    Raises:
        PolicyError: the text is not YAML, or a key is unknown or wrong; the key is named.
    """
    base = yaml.load(_packaged(), Loader=_Loader)  # noqa: S506 (a safe loader, see below)
    try:
        given = yaml.load(text, Loader=_Loader)  # noqa: S506 (a safe loader, see below)
    except yaml.YAMLError as error:
        where = getattr(error, "problem_mark", None)
        line = f", line {where.line + 1}" if where else ""
        raise PolicyError(
            f"{source}{line}: not valid YAML ({getattr(error, 'problem', error)}); mend the file",
            zh=f"{source}{line}：不是有效的 YAML，请修正该文件",
        ) from None
    if given is None:
        given = {}
    if not isinstance(given, dict):
        raise PolicyError(
            f"{source}: a policy is a mapping of keys, not {type(given).__name__}",
            zh=f"{source}：策略文件应为键值映射",
        )
    try:
        return Policy.model_validate(_overlay(base, given))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        key = ".".join(str(part) for part in first["loc"]) or "policy"
        reason = first["msg"].removeprefix("Value error, ")
        raise PolicyError(
            f"{source}: key {key}: {reason}; see docs/policy.md",
            zh=f"{source}：键 {key} 无效（{reason}），参见 docs/policy.md",
        ) from None


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """The safe loader, which here also refuses a key that stands twice."""

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        seen: set[Any] = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if isinstance(key, str | int):
                if key in seen:
                    raise yaml.constructor.ConstructorError(
                        None, None, f"key {key!r} stands twice", key_node.start_mark
                    )
                seen.add(key)
        mapping: dict[Any, Any] = super().construct_mapping(node, deep=deep)
        return mapping


def _packaged() -> str:
    return resources.files("gatekeeper").joinpath("data/gate.yaml").read_text(encoding="utf-8")


def _overlay(base: Mapping[str, Any], given: Mapping[Any, Any]) -> dict[str, Any]:
    """``given`` over ``base``; the two nested sections merge key by key."""
    merged: dict[str, Any] = {**base, **{str(key): value for key, value in given.items()}}
    for section in ("limits", "approvals"):
        if isinstance(merged[section], dict):
            merged[section] = {**base[section], **merged[section]}
    return merged
