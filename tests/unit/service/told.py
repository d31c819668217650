"""Findings, routes and settings for tests of notices."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from gatekeeper.gate import Finding, Severity
from gatekeeper.service import Route, ServiceConfig, default_config

AT = datetime(2026, 11, 2, 4, 0, tzinfo=UTC)
"""Noon in Shanghai."""

FINDING = Finding(
    code="exposed-unfiled",
    severity=Severity.CRITICAL,
    account_id="111122223333",
    filing_id=None,
    endpoint="eni-1",
    family="ipv4",
    ips=("52.83.1.2",),
    ports=("tcp/80", "tcp/443"),
    message="eni-1 is reachable and was never filed",
    message_zh="eni-1 可从互联网访问，但从未备案",
    remedy="close it with apply",
    remedy_zh="请执行 apply 关闭",
    first_seen=AT,
    last_seen=AT,
    subject="eni-1|ipv4",
)


def finding(**values: Any) -> Finding:
    if "severity" in values:
        values["severity"] = Severity(values["severity"])
    return replace(FINDING, **values)


def high(number: int = 1, **values: Any) -> Finding:
    """A finding that may wait."""
    return finding(
        **{
            "code": "closed-approved",
            "severity": "high",
            "filing_id": f"F{number}",
            "subject": f"F{number}",
            **values,
        }
    )


def route(name: str = "ops", url: str = "http://127.0.0.1:9/hook", **values: Any) -> Route:
    return Route.model_validate({"name": name, "url": url, "lang": "en", **values})


def settings(*routes: Route) -> ServiceConfig:
    return default_config().model_copy(update={"notices": routes})


class Clock:
    """A time that a test sets."""

    def __init__(self, at: datetime = AT) -> None:
        self.at = at

    def __call__(self) -> datetime:
        return self.at

    def on(self, **pause: float) -> None:
        self.at += timedelta(**pause)
