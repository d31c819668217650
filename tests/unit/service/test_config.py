"""The service's settings: what is refused, with the key named in both languages."""

from __future__ import annotations

from datetime import time, timedelta

import pytest

from gatekeeper.errors import PolicyError
from gatekeeper.service import default_config, load_config, parse_config


def test_a_file_needs_only_what_differs() -> None:
    config = parse_config("jobs: {close: {mode: plan}, audit: {every: 90s}}")
    assert config.job("close").mode == "plan"
    assert config.job("close").every == timedelta(minutes=1)
    assert config.job("audit").every == timedelta(seconds=90)
    assert config.job("verify-trail").every == timedelta(days=1)
    assert config.job("config") is config.job("nothing") is None
    assert parse_config("") == default_config() == load_config(None)


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("jobs: {close: {every: 0s}}", "jobs.close.every"),
        ("jobs: {close: {every: soon}}", "jobs.close.every"),
        ("jobs: {close: {mode: yes}}", "jobs.close.mode"),
        ("jobs: {audit: {mode: plan}}", "jobs.audit.mode"),
        ("jobs: {tidy: {every: 1m}}", "jobs.tidy"),
        ("evnts: {}", "evnts"),
        ("workers: many", "workers"),
        ("http: {listen: nowhere}", "http.listen"),
        ("http: {listen: '[::x]:80'}", "http.listen"),
        ("http: {listen: '127.0.0.1:99999'}", "http.listen"),
        ("notices: [{name: a}]", "notices.0.url"),
        ("notices: [{name: a, url: '${GK_NOT_SET}'}]", "notices.0.url"),
        ("notices: [{name: a, url: 'json://x', accounts: [111122223333]}]", "notices.0.accounts.0"),
        ("notices: [{name: a, url: 'json://x', quiet: {from: '25:00', to: '8:00'}}]", "quiet.from"),
        ("notices: [{name: a, url: 'json://x'}, {name: a, url: 'json://y'}]", "notices"),
        ("- jobs", "must be a mapping"),
    ],
)
def test_what_is_wrong_is_named(text: str, key: str) -> None:
    with pytest.raises(PolicyError) as refused:
        parse_config(text, source="service.yaml")
    assert key in refused.value.message
    assert refused.value.message.startswith("service.yaml: ")
    assert refused.value.zh != refused.value.message


def test_secrets_come_from_the_environment_and_are_not_shown(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("GK_TOKEN", "t0ken")
    config = parse_config(
        "notices: [{name: a, url: 'slack://${GK_TOKEN}/b', secret: '${GK_TOKEN}'}]"
    )
    (route,) = config.notices
    assert route.url.get_secret_value() == "slack://t0ken/b"
    assert "t0ken" not in repr(config)


def test_quiet_hours_are_times_of_the_day() -> None:
    text = "notices: [{name: a, url: 'json://x', quiet: {from: 22:00, to: '8:30'}}]"
    (route,) = parse_config(text).notices
    assert (route.quiet.begin, route.quiet.end) == (time(22), time(8, 30))


def test_a_missing_file_is_said() -> None:
    with pytest.raises(PolicyError, match="--config"):
        load_config("/nowhere/service.yaml")


def test_the_address_of_the_figures() -> None:
    assert default_config().http.listen == ("127.0.0.1", 9110)
    assert parse_config("http: {listen: '[::1]:80'}").http.listen == ("::1", 80)
    assert parse_config("http: {listen: null}").http.listen is None
