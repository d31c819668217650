"""The service as a process on an embedded account: jobs, signals, a second instance, one job."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from contextlib import contextmanager
from datetime import UTC, datetime

import pytest

from gatekeeper.store import open_store
from tests.cli.world import BLOG, SHOP

SETTINGS = """
jobs:
  collect: {every: 1h}
  audit: {every: 1h}
  reconcile: {every: 1h}
  close: {every: 1s}
  open: {every: 1h}
"""


def until(condition, seconds=30.0):
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, "it did not come to that"
        time.sleep(0.1)
    return found


def free_port():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


@pytest.fixture
def serve(tmp_path):
    """Run the service as a process; gives it with its log and the address of its figures."""

    @contextmanager
    def run(settings=SETTINGS, *words):
        port = free_port()
        (tmp_path / "service.yaml").write_text(
            f"{settings}\nhttp: {{listen: '127.0.0.1:{port}'}}\n"
        )
        log = tmp_path / "run.log"
        with log.open("wb") as stream:
            process = subprocess.Popen(
                [sys.executable, "-m", "gatekeeper", "run", "--config", "service.yaml", *words],
                cwd=tmp_path,
                env={**os.environ, "PYTHONWARNINGS": "error"},
                stdin=subprocess.DEVNULL,
                stderr=stream,
            )
        process.url = f"http://127.0.0.1:{port}"
        process.log = lambda: [json.loads(line) for line in log.read_text().splitlines()]
        try:
            yield process
        finally:
            process.kill()
            process.wait(10)

    return run


def ended(process, seconds=30):
    process.send_signal(signal.SIGTERM)
    return process.wait(seconds)


def reachable(ec2):
    """The public addresses that some group lets the world reach on port 443."""
    groups = {
        group["GroupId"]
        for group in ec2.describe_security_groups()["SecurityGroups"]
        for rule in group["IpPermissions"]
        if rule["IpProtocol"] in ("tcp", "-1")
        and (rule.get("FromPort") or 0) <= 443 <= (rule.get("ToPort") or 65535)
        and any(source["CidrIp"] == "0.0.0.0/0" for source in rule["IpRanges"])
    }
    return {
        interface["Association"]["PublicIp"]
        for interface in ec2.describe_network_interfaces()["NetworkInterfaces"]
        if "Association" in interface and groups & {g["GroupId"] for g in interface["Groups"]}
    }


def page(process, path):
    with urllib.request.urlopen(process.url + path, timeout=5) as answer:
        return answer.read().decode()


def test_what_is_opened_by_hand_is_closed_by_itself(filed, serve, tmp_path):
    with serve() as process:
        until(lambda: reachable(filed) == {SHOP})
        web = next(
            group["GroupId"]
            for group in filed.describe_security_groups()["SecurityGroups"]
            if group["GroupName"] == "web-wide"
        )
        filed.authorize_security_group_ingress(
            GroupId=web, IpProtocol="tcp", FromPort=443, ToPort=443, CidrIp="0.0.0.0/0"
        )
        assert BLOG in reachable(filed)
        until(lambda: reachable(filed) == {SHOP})
        figures = page(process, "/metrics")
        assert 'gatekeeper_job_runs_total{job="close",result="ok"}' in figures
        assert json.loads(page(process, "/healthz"))["ok"] is True
        assert ended(process) == 0
        assert [line["run"] for line in process.log() if line.get("job") == "close"]
    with open_store(f"sqlite:///{tmp_path}/gatekeeper.db") as store:
        assert store.verify_trail().ok
        assert store.unfinished_runs() == ()
        assert {run.result for run in store.job_runs("close")} == {"ok"}
        for name in ("service", "123456789012", "job:close"):
            store.acquire_lease(name).release()


def test_a_second_instance_and_wrong_settings_are_refused_and_new_ones_taken(
    filed, serve, tmp_path, gatekeeper
):
    """One process for all: on SQLite there is no second beside it."""
    with serve(SETTINGS.replace("close: {every: 1s}", "close: {every: 1h, mode: plan}")) as process:
        until(lambda: process.log() and "runs as" in process.log()[-1]["message"])
        second = gatekeeper("run", status=1)
        assert second.err.count("\n") == 1
        assert "PostgreSQL" in second.err
        assert "SQLite" in gatekeeper("run", "--lang", "zh", status=1).err
        settings = tmp_path / "service.yaml"
        good = settings.read_text()
        settings.write_text("jobs: {close: {every: never}}")
        process.send_signal(signal.SIGHUP)
        until(lambda: any("not reloaded" in line["message"] for line in process.log()))
        refusal = next(line for line in process.log() if "not reloaded" in line["message"])
        assert "jobs.close.every" in refusal["message"]
        assert process.poll() is None
        settings.write_text(good.replace("every: 1h, mode: plan", "every: 1s, mode: apply"))
        process.send_signal(signal.SIGHUP)
        until(lambda: reachable(filed) == {SHOP})
        assert ended(process) == 0


def test_it_does_not_start_on_wrong_settings(gatekeeper, tmp_path, monkeypatch):
    (tmp_path / "bad.yaml").write_text("jobs: {close: {mode: maybe}}")
    said = gatekeeper("run", "--config", "bad.yaml", status=1).err
    assert said.count("\n") == 1
    assert "jobs.close.mode" in said
    monkeypatch.setenv("GATEKEEPER_SERVICE", "bad.yaml")
    assert "jobs.close.mode" in gatekeeper("run", status=1).err
    assert not (tmp_path / "gatekeeper.db").exists()


def test_one_job_ends_like_its_command(filed, gatekeeper):
    assert gatekeeper("job", "collect", status=0).err == ""
    assert gatekeeper("job", "audit", status=3).out
    waiting = gatekeeper("job", "open", "--format", "json", status=3).json
    assert waiting["detail"]["mode"] == "plan"
    done = gatekeeper("job", "close", "--format", "json", status=0).json
    assert (done["schema"], done["job"], done["status"]) == ("gatekeeper/job/1", "close", 0)
    assert reachable(filed) == {SHOP}
    assert gatekeeper("job", "close", "--format", "json", status=0).json["detail"]["actions"] == 0
    assert gatekeeper("job", "verify-trail", status=0).out
    runs = gatekeeper("jobs", "--format", "json", status=0).json["jobs"]
    assert [run["job"] for run in runs] == [
        "collect",
        "audit",
        "reconcile",
        "close",
        "open",
        "verify-trail",
        "due",
        "sync",
    ]
    close = runs[3]
    assert close["last_run"]["status"] == 0
    assert close["next_run"] > close["last_run"]["started_at"]
    assert runs[2]["last_run"] is None
    assert "关闭" in gatekeeper("jobs", "--lang", "zh", status=0).out


def test_a_trail_that_was_cut_is_found_by_the_next_verification(filed, gatekeeper, tmp_path):
    gatekeeper("job", "verify-trail", status=0)
    import sqlite3

    base = sqlite3.connect(tmp_path / "gatekeeper.db")
    base.execute("DROP TRIGGER trail_no_delete")
    base.execute("DELETE FROM trail WHERE seq = (SELECT max(seq) FROM trail)")
    base.commit()
    base.close()
    assert gatekeeper("job", "verify-trail", status=1).out


def test_an_unknown_job_is_wrong_usage(gatekeeper):
    assert "verify-trail" in gatekeeper("job", "tidy", status=2).err


def test_a_job_that_changes_needs_the_store_to_be_there(gatekeeper, tmp_path):
    assert "there is no store" in gatekeeper("job", "close", status=1).err
    assert list(tmp_path.iterdir()) == []


def test_drift_has_its_author_where_cloudtrail_tells(filed, gatekeeper, monkeypatch):

    from gatekeeper.account import Actor

    gatekeeper("apply", "--yes", status=0)
    gatekeeper("audit", "--fail-on", "none", status=0)
    web = filed.describe_security_groups(Filters=[{"Name": "group-name", "Values": ["web-wide"]}])
    group = web["SecurityGroups"][0]["GroupId"]
    at = datetime(2026, 11, 1, tzinfo=UTC)
    asked = []

    def who(connection, names, since, until, *, most):
        asked.append((connection.account_id, set(names), most))
        assert since < until
        return {group: Actor("arn:aws-cn:iam::123456789012:user/li", at, "Authorize", "e-1")}

    monkeypatch.setattr("gatekeeper.aws.cloudtrail.who", who)
    filed.authorize_security_group_ingress(
        GroupId=group, IpProtocol="tcp", FromPort=443, ToPort=443, CidrIp="0.0.0.0/0"
    )
    drift = gatekeeper("audit", "--fail-on", "none", "--format", "json", status=0).json["drift"]
    assert {entry["kind"] for entry in drift} == {"rules-changed", "endpoint-reopened"}
    assert {entry["actor"] for entry in drift} == {"arn:aws-cn:iam::123456789012:user/li"}
    assert {entry["at"] for entry in drift} == {"2026-11-01T00:00:00Z"}
    [(account_id, names, most)] = asked
    assert group in names
    assert (account_id, most) == ("123456789012", 10)


def test_drift_without_cloudtrail_has_no_author(filed, gatekeeper):
    gatekeeper("apply", "--yes", status=0)
    web = filed.describe_security_groups(Filters=[{"Name": "group-name", "Values": ["web-wide"]}])
    filed.authorize_security_group_ingress(
        GroupId=web["SecurityGroups"][0]["GroupId"],
        IpProtocol="tcp",
        FromPort=443,
        ToPort=443,
        CidrIp="0.0.0.0/0",
    )
    audit = gatekeeper("audit", "--fail-on", "none", "--format", "json", status=0)
    assert {entry["actor"] for entry in audit.json["drift"]} == {None}
    assert audit.err == ""


def test_a_route_of_a_province_gets_what_is_filed_there(box, filings, gatekeeper, tmp_path):
    filed = {"A-shop": "宁夏", "A-portal": "北京"}
    rows = [
        {
            "application_id": name,
            "filing_id": name.replace("A", "F"),
            "entity_province": province,
            "account_id": "111122223333",
            "ips": ip,
        }
        for (name, province), ip in zip(filed.items(), ("52.83.9.1", "52.83.9.2"), strict=True)
    ]
    filings(*rows)
    gatekeeper("filings", "import", "filings.csv", "--by", "t", status=0)
    route = "{{name: {0}, url: 'http://127.0.0.1:9/', severity: info, provinces: [{0}]}}"
    routes = ", ".join(route.format(name) for name in filed.values())
    (tmp_path / "told.yaml").write_text(f"notices: [{routes}]", encoding="utf-8")
    gatekeeper("job", "audit", "--config", "told.yaml", status=3)
    with open_store(f"sqlite:///{tmp_path}/gatekeeper.db") as store:
        told = {
            name: {
                one.data["filing_id"] for one in store.due_notices(at=datetime.now(UTC), route=name)
            }
            for name in filed.values()
        }
    assert told == {"宁夏": {"F-shop"}, "北京": {"F-portal"}}


def test_what_an_audit_by_hand_finds_is_told_all_the_same(filed, gatekeeper, tmp_path):
    (tmp_path / "told.yaml").write_text(
        "notices: [{name: ops, url: 'http://127.0.0.1:9/', severity: low}]"
    )
    gatekeeper("apply", "--yes", status=0)
    gatekeeper("job", "audit", "--config", "told.yaml")

    def queued():
        with open_store(f"sqlite:///{tmp_path}/gatekeeper.db") as store:
            found = store.due_notices(at=datetime.now(UTC))
            return sorted((one.data["code"], one.data["state"]) for one in found)

    before = queued()
    web = filed.describe_security_groups(Filters=[{"Name": "group-name", "Values": ["web-wide"]}])
    filed.authorize_security_group_ingress(
        GroupId=web["SecurityGroups"][0]["GroupId"],
        IpProtocol="tcp",
        FromPort=443,
        ToPort=443,
        CidrIp="0.0.0.0/0",
    )
    gatekeeper("audit", status=3)
    assert queued() == before
    gatekeeper("job", "audit", "--config", "told.yaml", status=3)
    assert ("exposed-unfiled", "new") in queued()
    told = queued()
    gatekeeper("job", "audit", "--config", "told.yaml", status=3)
    assert queued() == told
