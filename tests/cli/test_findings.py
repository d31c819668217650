"""``gatekeeper findings`` as people use it."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
import requests

from gatekeeper.store import Account, open_store

STORE = "sqlite:///gatekeeper.db"
OWN = "123456789012"
NOW = datetime.now(UTC)


def record(code="exposed-unfiled", account=OWN, subject="eni-1|ipv4", severity="critical"):
    return {
        "key": f"{code}|{account}|{subject}",
        "code": code,
        "severity": severity,
        "account_id": account,
        "filing_id": None,
        "endpoint": "eni-1",
        "family": "ipv4",
        "ips": ["52.83.1.2"],
        "ports": ["tcp/80"],
        "message": "=cmd() \x1b[31mreachable",
        "message_zh": "可达",
        "remedy": "close",
        "remedy_zh": "关闭",
    }


@pytest.fixture
def remembered():
    """Three findings that stand, one that was resolved yesterday, one long ago."""
    with open_store(STORE) as store:
        store.put_account(Account(account_id=OWN), actor="t", at=NOW)
        standing = [
            record(),
            record("address-shared", severity="low"),
            record("account-unknown", account="999988887777", subject="F1", severity="high"),
        ]
        old, new = record("exposed-ended"), record("exposed-pending")
        long_ago, yesterday = NOW - timedelta(days=90), NOW - timedelta(days=1)
        scope = [OWN, "999988887777"]
        store.remember_findings([*standing, old, new], accounts=scope, at=long_ago)
        store.remember_findings([*standing, new], accounts=scope, at=long_ago + timedelta(days=1))
        store.remember_findings(standing, accounts=scope, at=yesterday)


@pytest.fixture
def hub(monkeypatch, moto_server):
    """A Security Hub of moto."""
    import boto3

    requests.post(f"{moto_server}/moto-api/reset", timeout=10)
    monkeypatch.setenv("AWS_ENDPOINT_URL", moto_server)
    client = boto3.client("securityhub", region_name="cn-northwest-1")
    client.enable_security_hub()
    return client


def codes(outcome):
    return [one["code"] for one in outcome.json["findings"]]


@pytest.mark.usefixtures("remembered")
def test_list(gatekeeper):
    listed = gatekeeper("findings", "list", "--format", "json", status=0)
    assert listed.json["schema"] == "gatekeeper/findings/1"
    assert codes(listed) == ["exposed-unfiled", "account-unknown", "address-shared"]
    first = listed.json["findings"][0]
    assert (first["state"], first["resolved_at"]) == ("open", None)
    table = gatekeeper("findings", "list", "--lang", "zh", status=0).out
    assert "可达" in table
    assert "\x1b" not in gatekeeper("findings", "list", status=0).out
    assert "'=cmd()" in gatekeeper("findings", "list", "--format", "csv", status=0).out


@pytest.mark.usefixtures("remembered")
def test_filters(gatekeeper):
    def listed(*words):
        return codes(gatekeeper("findings", "list", "--format", "json", *words, status=0))

    assert listed("--severity", "high") == ["exposed-unfiled", "account-unknown"]
    assert listed("--code", "address-shared") == ["address-shared"]
    assert listed("--account", "999988887777") == ["account-unknown"]
    assert listed("--state", "resolved") == ["exposed-ended", "exposed-pending"]
    since = (NOW - timedelta(days=2)).isoformat()
    assert listed("--state", "all", "--since", since) == ["exposed-pending"]
    assert len(listed("--state", "all")) == 5


def test_a_code_that_is_none(gatekeeper):
    assert "is not a finding code" in gatekeeper("findings", "list", "--code", "x", status=2).err


def test_no_store_is_said(gatekeeper):
    assert "there is no store" in gatekeeper("findings", "list", status=0).err
    gatekeeper("findings", "export", "--as", "asff", status=1)
    gatekeeper("findings", "push", status=1)


@pytest.mark.usefixtures("remembered")
def test_export(gatekeeper, tmp_path):
    asff = gatekeeper("findings", "export", "--as", "asff", "--state", "all", status=0).json
    assert [one["RecordState"] for one in asff].count("ARCHIVED") == 2
    ocsf = gatekeeper("findings", "export", "--as", "ocsf", status=0).json
    assert {one["class_uid"] for one in ocsf} == {2003}
    out = tmp_path / "findings.sarif"
    assert gatekeeper("findings", "export", "--as", "sarif", "--out", out, status=0).out == ""
    assert len(json.loads(out.read_text())["runs"][0]["results"]) == 3


@pytest.mark.usefixtures("remembered")
def test_push(gatekeeper, hub):
    dry = gatekeeper("findings", "push", "--dry-run", status=0)
    assert dry.out == "4 findings would be sent\n"
    assert hub.get_findings()["Findings"] == []
    assert gatekeeper("findings", "push", status=0).out == "4 findings sent, 0 refused\n"
    found = hub.get_findings()["Findings"]
    states = {one["ProductFields"]["gatekeeper/Code"]: one["RecordState"] for one in found}
    assert states == {
        "exposed-unfiled": "ACTIVE",
        "address-shared": "ACTIVE",
        "account-unknown": "ACTIVE",
        "exposed-pending": "ARCHIVED",
    }
    assert {one["AwsAccountId"] for one in found} == {OWN}
    long_ago = (NOW - timedelta(days=400)).isoformat()
    again = gatekeeper("findings", "push", "--since", long_ago, "--lang", "zh", status=0)
    assert again.out == "已发送 5 条发现，0 条被拒绝\n"
    assert len(hub.get_findings()["Findings"]) == 5


@pytest.mark.usefixtures("remembered", "hub")
def test_what_cannot_be_sent_is_said(gatekeeper):
    with open_store(STORE) as store:
        store.put_account(Account(account_id="111122223333"), actor="t", at=NOW)
        store.remember_findings([record(account="111122223333")], accounts=["111122223333"], at=NOW)
    failed = gatekeeper("findings", "push", status=1)
    assert "AccountMismatch" in failed.err
    assert failed.out == "4 findings sent, 1 refused\n"


@pytest.mark.usefixtures("remembered", "hub")
def test_refused_ones_are_listed(gatekeeper, monkeypatch):
    from gatekeeper.aws import securityhub

    def refuse(connection, findings):
        return tuple(securityhub.Refused(one["Id"], "InvalidInput", "no") for one in findings)

    monkeypatch.setattr(securityhub, "import_findings", refuse)
    failed = gatekeeper("findings", "push", status=1)
    assert f"exposed-unfiled|{OWN}|eni-1|ipv4: InvalidInput: no" in failed.err
    assert failed.out == "0 findings sent, 4 refused\n"
