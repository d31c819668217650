"""What the Internet can reach, for people and for programs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from gatekeeper.account import AccountState, Rule
from gatekeeper.gate import Exposure, TracedRule, UnknownExposure
from gatekeeper.report.accounts import alarms
from gatekeeper.report.records import Report, Table, several

_PROTOCOLS: Final = {"-1": "all", "1": "icmp", "6": "tcp", "17": "udp", "58": "icmpv6"}


def exposure_report(
    exposures: Sequence[Exposure],
    unknown: Sequence[UnknownExposure],
    states: Sequence[AccountState],
    *,
    trail_head: str | None,
    lang: str,
) -> Report:
    """``exposure``: exposure/1 and two tables."""
    return Report(
        title="exposure",
        document={
            "schema": "gatekeeper/exposure/1",
            "exposures": [exposure_record(exposure) for exposure in exposures],
            "unknown": [
                {
                    "account_id": item.account_id,
                    "endpoint": item.endpoint,
                    "ips": list(item.ips),
                    "reason": item.reason,
                }
                for item in unknown
            ],
            "trail_head": trail_head,
        },
        tables=(exposure_table(exposures), _unknown_table(unknown, lang)),
        facts=(("trail_head", trail_head),),
        alarms=alarms(states, lang),
        headless=("unknown_exposures",),
    )


def exposure_record(exposure: Exposure) -> dict[str, Any]:
    """One entry of ``exposures`` (DESIGN §10)."""
    return {
        "account_id": exposure.account_id,
        "endpoint": exposure.endpoint,
        "kind": exposure.kind,
        "family": exposure.family,
        "ips": list(exposure.ips),
        "protocol": exposure.protocol,
        "port": exposure.port,
        "rules": [_rule_record(traced) for traced in exposure.rules],
    }


def exposure_table(exposures: Sequence[Exposure]) -> Table:
    """One row an exposure; the rules in one cell."""
    return Table(
        "exposures",
        ("account_id", "endpoint", "kind", "family", "ips", "protocol", "port", "rules"),
        [
            (
                e.account_id,
                e.endpoint,
                e.kind,
                e.family,
                several(e.ips),
                e.protocol,
                e.port,
                several(_rule_text(traced) for traced in e.rules),
            )
            for e in exposures
        ],
        brief=_brief_table(exposures),
    )


def _brief_table(exposures: Sequence[Exposure]) -> Table:
    """One row for each endpoint and family: all its ports, and each rule once."""
    together: dict[tuple[str, str, str], list[Exposure]] = {}
    for exposure in exposures:
        key = (exposure.account_id, exposure.endpoint, exposure.family)
        together.setdefault(key, []).append(exposure)
    return Table(
        "exposures",
        ("account_id", "endpoint", "family", "ips", "ports", "rules"),
        [
            (
                account_id,
                endpoint,
                family,
                several(found[0].ips),
                several(f"{e.protocol}/{e.port}" for e in found),
                several(dict.fromkeys(_rule_text(traced) for e in found for traced in e.rules)),
            )
            for (account_id, endpoint, family), found in together.items()
        ],
    )


def _unknown_table(unknown: Sequence[UnknownExposure], lang: str) -> Table:
    return Table(
        "unknown_exposures",
        ("account_id", "endpoint", "ips", "reason"),
        [
            (
                item.account_id,
                item.endpoint,
                several(item.ips),
                item.reason_zh if lang == "zh" else item.reason,
            )
            for item in unknown
        ],
    )


def _rule_record(traced: TracedRule) -> dict[str, Any]:
    rule = traced.rule
    low, high = _ports(rule)
    return {
        "group_id": traced.group_id,
        "protocol": _protocol(rule),
        "from_port": low,
        "to_port": high,
        "source": rule.source,
        "description": rule.description,
    }


def _rule_text(traced: TracedRule) -> str:
    rule = traced.rule
    low, high = _ports(rule)
    ports = "" if low is None else f" {low}" if low == high else f" {low}-{high}"
    return f"{traced.group_id or 'listener'} {_protocol(rule)}{ports} {rule.source}"


def _protocol(rule: Rule) -> str:
    """The protocol's name, else its number as text."""
    text = rule.protocol.lower()
    return _PROTOCOLS.get(text, text)


def _ports(rule: Rule) -> tuple[int | None, int | None]:
    """AWS writes "every port" as null or as -1; here it is null."""
    if rule.from_port in (None, -1) and rule.to_port in (None, -1):
        return None, None
    return rule.from_port, rule.to_port
