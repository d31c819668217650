"""The figures: what a scrape says."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from gatekeeper.gate import CATALOGUE, Finding, Severity
from gatekeeper.service.metrics import Metrics

AT = datetime(2026, 5, 4, 8, 0, tzinfo=UTC)


def finding(code="exposed-unfiled", severity=Severity.CRITICAL):
    return Finding(
        code=code,
        severity=severity,
        account_id="111122223333",
        filing_id=None,
        endpoint="eni-1",
        family="ipv4",
        ips=(),
        ports=(),
        message="m",
        message_zh="m",
        remedy="r",
        remedy_zh="r",
        first_seen=AT,
        last_seen=AT,
    )


def value(metrics, name, **labels):
    return metrics.registry.get_sample_value(f"gatekeeper_{name}", labels)


def test_what_is_not_known_is_absent():
    metrics = Metrics()
    page = metrics.render()[0].decode()
    for name in ("findings", "exposed_endpoints", "account_age_seconds", "outbox"):
        assert f"\ngatekeeper_{name}" not in page
    assert "gatekeeper_build_info" in page
    assert "process_resident_memory_bytes" in page


def test_findings_are_replaced_as_a_whole_and_fall_to_zero():
    metrics = Metrics()
    metrics.findings([finding(), finding(), finding("address-shared", Severity.HIGH)])
    assert value(metrics, "findings", code="exposed-unfiled", severity="critical") == 2
    assert value(metrics, "findings", code="address-shared", severity="high") == 1
    assert value(metrics, "findings", code="exposed-ended", severity="critical") == 0
    metrics.findings([])
    assert value(metrics, "findings", code="exposed-unfiled", severity="critical") == 0
    assert value(metrics, "findings", code="address-shared", severity="high") == 0
    page = metrics.render()[0].decode()
    assert page.count("\ngatekeeper_findings{") == len(CATALOGUE) + 1


def test_what_another_instance_knows_better_is_told_by_it_alone():
    metrics = Metrics()
    metrics.findings([finding()])
    metrics.exposed(3)
    metrics.superseded()
    assert value(metrics, "findings", code="exposed-unfiled", severity="critical") is None
    assert value(metrics, "exposed_endpoints") is None
    metrics.findings([finding()])
    assert value(metrics, "findings", code="exposed-unfiled", severity="critical") == 1


def test_the_age_of_a_read_is_told_at_the_scrape():
    now = AT
    metrics = Metrics(lambda: now)
    metrics.account_read("111122223333", AT)
    metrics.account_read("444455556666", AT)
    metrics.account_read("111122223333", AT - timedelta(hours=1))
    now = AT + timedelta(seconds=90)
    assert value(metrics, "account_age_seconds", account_id="111122223333") == 90
    metrics.accounts(["111122223333"])
    assert value(metrics, "account_age_seconds", account_id="444455556666") is None
    now = AT - timedelta(hours=1)
    assert value(metrics, "account_age_seconds", account_id="111122223333") == 0


def test_jobs_are_counted_and_only_a_good_run_is_a_success():
    metrics = Metrics()
    metrics.job_finished("audit", "failed", 3.0, AT)
    assert value(metrics, "job_last_success_timestamp_seconds", job="audit") is None
    metrics.job_finished("audit", "ok", 0.2, AT)
    assert value(metrics, "job_last_success_timestamp_seconds", job="audit") == AT.timestamp()
    assert value(metrics, "job_runs_total", job="audit", result="ok") == 1
    assert value(metrics, "job_runs_total", job="audit", result="failed") == 1
    assert value(metrics, "job_seconds_count", job="audit") == 2
    assert value(metrics, "job_seconds_bucket", job="audit", le="0.5") == 1


def test_the_rest():
    metrics = Metrics()
    metrics.exposed(7)
    metrics.applied(["done", "done", "blocked"])
    metrics.events("handled", 3)
    metrics.events("poison", 0)
    metrics.outbox({"waiting": 2})
    metrics.holder("audit", "a/1", True)
    metrics.holder("audit", "b/2", False)
    metrics.aws_call("ec2:DescribeVpcs", "ok")
    metrics.aws_call("ec2:DescribeVpcs", "throttled")
    assert value(metrics, "exposed_endpoints") == 7
    assert value(metrics, "apply_results_total", result="done") == 2
    assert value(metrics, "events_total", result="handled") == 3
    assert value(metrics, "events_total", result="poison") is None
    assert value(metrics, "outbox", state="waiting") == 2
    assert value(metrics, "outbox", state="dead") == 0
    assert value(metrics, "lease_holder", job="audit", instance="a/1") == 1
    assert value(metrics, "lease_holder", job="audit", instance="b/2") == 0
    assert value(metrics, "aws_calls_total", operation="ec2:DescribeVpcs", outcome="ok") == 1
    assert value(metrics, "aws_throttles_total", operation="ec2:DescribeVpcs") == 1


def test_a_label_from_outside_stays_one_line():
    metrics = Metrics()
    metrics.holder("audit", 'host\n"x\\', True)
    page = metrics.render()[0].decode()
    assert 'instance="host\\n\\"x\\\\"' in page


def test_open_metrics_where_it_is_asked_for():
    body, content_type = Metrics().render("application/openmetrics-text; version=1.0.0")
    assert content_type.startswith("application/openmetrics-text")
    assert body.endswith(b"# EOF\n")
