"""What changes an account, on an embedded one: plan, approve, apply, rollback, audit, doctor."""

import json
import os
import subprocess
import sys
from datetime import UTC, datetime

import pytest

from gatekeeper.store import Account, open_store
from tests.cli.world import ACCOUNT_ID, BLOG, PORTAL, SHOP


def document(gatekeeper, *words, status):
    return gatekeeper(*words, "--format", "json", status=status).json


def exposed(gatekeeper):
    shown = document(gatekeeper, "exposure", status=0)
    return {ip for exposure in shown["exposures"] for ip in exposure["ips"]}


def test_exposure_makes_no_store(box, gatekeeper, tmp_path):
    assert exposed(gatekeeper) == {SHOP, BLOG}
    assert [path.name for path in tmp_path.iterdir()] == ["filings.csv"]


def test_nothing_is_applied_on_a_store_that_is_not_there(box, gatekeeper, tmp_path, monkeypatch):
    monkeypatch.setenv("GATEKEEPER_STORE", "sqlite:///typo.db")
    assert "there is no store" in gatekeeper("apply", "--yes", status=1).err
    assert [path.name for path in tmp_path.iterdir()] == ["filings.csv"]


def test_a_look_says_that_the_register_is_empty_and_makes_the_store(box, gatekeeper, tmp_path):
    assert "there is no store" in gatekeeper("reconcile", status=3).err
    assert (tmp_path / "gatekeeper.db").exists()
    assert gatekeeper("reconcile", status=3).err == ""


def test_the_whole_job(filed, gatekeeper):
    before = document(gatekeeper, "reconcile", status=3)
    assert {f["code"] for f in before["findings"]} == {"exposed-unfiled", "closed-approved"}
    plan = document(gatekeeper, "plan", "--out", "plan.json", "--by", "operator", status=3)
    assert [a["op"] for a in plan["actions"]] == ["create-gate", "attach", "attach", "narrow"]
    run = document(gatekeeper, "apply", "plan.json", "--yes", "--by", "operator", status=0)
    assert list(run) == ["schema", "run_id", "plan_id", "results", "trail_head"]
    assert run["schema"] == "gatekeeper/run/1"
    assert run["plan_id"] == plan["id"]
    assert [r["action"] for r in run["results"]] == [a["id"] for a in plan["actions"]]
    assert {r["result"] for r in run["results"]} == {"done"}
    after = document(gatekeeper, "reconcile", status=0)
    assert after["findings"] == []
    assert exposed(gatekeeper) == {SHOP, PORTAL}
    listed = document(gatekeeper, "history", "--kind", "run.started", status=0)
    assert [event["subject"] for event in listed["events"]] == [run["run_id"]]
    gatekeeper("trail", "verify", "--expect", run["trail_head"], status=0)


def test_nothing_pending_is_clean_and_writes_no_trail(filed, gatekeeper):
    gatekeeper("apply", "--yes", status=0)
    head = document(gatekeeper, "trail", "verify", status=0)["trail_head"]
    again = gatekeeper("apply", "--format", "json", status=0)
    assert again.json["results"] == []
    assert "nothing is pending" in again.err
    gatekeeper("plan", status=0)
    assert document(gatekeeper, "trail", "verify", status=0)["trail_head"] == head


def test_a_pipe_declines(filed, process, gatekeeper):
    shown = process("apply", status=3)
    assert shown.out == ""
    assert "declined" in shown.err
    assert "--yes" in shown.err
    assert exposed(gatekeeper) == {SHOP, BLOG}


def test_a_run_that_does_not_come_to_be_is_json_too(filed, gatekeeper, tmp_path):
    (tmp_path / "tight.yaml").write_text("limits: {floor: 0, percent: 0}\n")
    (tmp_path / "two.yaml").write_text("approvals: {open: 1, close: 1}\n")
    made = document(gatekeeper, "plan", "--out", "plan.json", status=3)

    def refused(*words, status):
        shown = gatekeeper(*words, "--format", "json", status=status)
        assert shown.json["schema"] == "gatekeeper/run/1"
        assert (shown.json["run_id"], shown.json["results"]) == ("", [])
        assert len(shown.json["trail_head"]) == 64
        assert shown.json["plan_id"]
        assert shown.json["reason_zh"]
        assert shown.err == f"gatekeeper: {shown.json['reason']}\n"
        return shown.json

    assert "--yes" in refused("apply", status=3)["reason"]
    declined = refused("apply", "plan.json", status=3)
    assert declined["plan_id"] == made["id"]
    refused("apply", "--yes", "--policy", "tight.yaml", status=1)
    refused("apply", "--yes", "--policy", "two.yaml", status=3)
    assert (
        "another policy"
        in refused("apply", "plan.json", "--yes", "--policy", "two.yaml", status=3)["reason"]
    )
    run = document(gatekeeper, "apply", "plan.json", "--yes", status=0)
    assert "reason" not in run
    back = refused("rollback", run["run_id"], status=3)
    assert back["plan_id"] == made["id"]
    assert gatekeeper("rollback", run["run_id"], "--format", "csv", status=3).out == ""


@pytest.mark.parametrize(
    ("answer", "status"),
    [("y\n", 0), ("\n", 3), pytest.param("n\n", 3, marks=pytest.mark.soak)],
)
def test_a_terminal_asks(answer, status, filed, tmp_path, gatekeeper):
    controller, terminal = os.openpty()
    os.write(controller, answer.encode())
    done = subprocess.run(
        [sys.executable, "-m", "gatekeeper", "apply"],
        cwd=tmp_path,
        stdin=terminal,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    os.close(controller)
    os.close(terminal)
    assert done.returncode == status, done.stderr
    assert "narrow" in done.stderr, "the plan is shown before the question"
    opened = {SHOP, PORTAL}
    assert exposed(gatekeeper) == (opened if status == 0 else {SHOP, BLOG})


def test_a_stale_plan_does_nothing(filed, gatekeeper):
    gatekeeper("plan", "--out", "plan.json", status=3)
    gatekeeper("filings", "suspend", "F-shop", "--by", "b", "--reason", "r", status=0)
    shown = gatekeeper("apply", "plan.json", "--yes", status=3)
    assert "another register" in shown.err
    assert exposed(gatekeeper) == {SHOP, BLOG}
    assert "--region" in gatekeeper("apply", "plan.json", "--region", "cn-north-1", status=3).err


def test_another_policy_is_another_plan(filed, gatekeeper, tmp_path):
    gatekeeper("plan", "--out", "plan.json", status=3)
    (tmp_path / "gate.yaml").write_text("limits: {floor: 11}\n")
    shown = gatekeeper("apply", "plan.json", "--yes", "--policy", "gate.yaml", status=3)
    assert "another policy" in shown.err


def test_the_belts_hold_at_apply_too(filed, gatekeeper, tmp_path):
    (tmp_path / "gate.yaml").write_text("limits: {floor: 0, percent: 0}\n")
    policy = ("--policy", "gate.yaml")
    assert "--allow-large" in gatekeeper("apply", "--yes", *policy, status=1).err
    gatekeeper("plan", "--allow-large", "--out", "plan.json", *policy, status=3)
    assert "--allow-large" in gatekeeper("apply", "plan.json", "--yes", *policy, status=1).err
    gatekeeper("apply", "plan.json", "--yes", "--allow-large", *policy, status=0)


def test_approvals_are_counted(filed, gatekeeper, tmp_path):
    (tmp_path / "gate.yaml").write_text("approvals: {open: 1, close: 2}\n")
    policy = ("--policy", "gate.yaml")
    gatekeeper("plan", "--out", "plan.json", "--by", "Operator", *policy, status=3)
    assert "0 of 1" in gatekeeper("apply", "plan.json", "--yes", *policy, status=3).err
    own = gatekeeper("approve", "plan.json", "--by", " operator ", *policy, status=1)
    assert "another person" in own.err
    gatekeeper("approve", "plan.json", "--by", "first", *policy, status=0)
    assert "1 of 2" in gatekeeper("apply", "plan.json", "--yes", *policy, status=3).err
    gatekeeper("approve", "plan.json", "--by", "first", *policy, status=0)
    gatekeeper("apply", "plan.json", "--yes", *policy, status=3)
    gatekeeper("approve", "plan.json", "--by", "second", *policy, status=0)
    gatekeeper("apply", "plan.json", "--yes", *policy, status=0)


def test_approvers_who_only_look_different_are_one(filed, gatekeeper, tmp_path):
    (tmp_path / "gate.yaml").write_text("approvals: {open: 2, close: 2}\n")
    policy = ("--policy", "gate.yaml")
    gatekeeper("plan", "--out", "plan.json", "--by", "operator", *policy, status=3)
    for own in ("ope\u200brator", "Ｏｐｅｒａｔｏｒ", "\ufeffoperator"):
        refused = gatekeeper("approve", "plan.json", "--by", own, *policy, status=1)
        assert "another person" in refused.err
    for same in ("Wang Wei", "ｗａｎｇ　ｗｅｉ", "wang\u2060 wei"):
        gatekeeper("approve", "plan.json", "--by", same, *policy, status=0)
    assert "1 of 2" in gatekeeper("apply", "plan.json", "--yes", *policy, status=3).err


def test_an_offline_plan_is_never_applied(filed, gatekeeper, dump):
    dump()
    gatekeeper("plan", "--dump", "dump", "--out", "plan.json", status=3)
    assert "--dump" in gatekeeper("apply", "plan.json", "--yes", status=1).err


def test_account_and_file_exclude_each_other(filed, gatekeeper):
    gatekeeper("plan", "--out", "plan.json", status=3)
    gatekeeper("apply", "plan.json", "--yes", "--account", ACCOUNT_ID, status=2)
    gatekeeper("apply", "--yes", "--account", ACCOUNT_ID, status=0)


def test_rollback_restores_what_is_lawful_and_says_what_is_not(filed, gatekeeper, process):
    first = document(gatekeeper, "apply", "--yes", status=0)
    assert process("rollback", first["run_id"], status=3).out == ""
    back = document(gatekeeper, "rollback", first["run_id"], "--yes", status=3)
    assert back["run_id"] != first["run_id"]
    assert "blocked" in {r["result"] for r in back["results"]}
    assert BLOG not in exposed(gatekeeper)
    gatekeeper("rollback", "nonsense", "--yes", status=1)


def test_an_account_that_cannot_be_entered_is_incomplete(filed, gatekeeper):
    gatekeeper("accounts", "add", ACCOUNT_ID, status=0)
    gatekeeper("accounts", "add", "999988887777", status=0)
    shown = document(gatekeeper, "reconcile", status=4)
    assert [a["status"] for a in shown["accounts"]] == ["complete", "unreadable"]
    assert shown["accounts"][1]["errors"][0]["code"] == "AccountMismatch"
    assert document(gatekeeper, "apply", "--yes", status=4)["results"]
    assert BLOG not in exposed_of(gatekeeper)


def test_an_account_that_became_unreadable_is_incomplete(filed, gatekeeper):
    gatekeeper("plan", "--out", "plan.json", status=3)
    role = "arn:aws-cn:iam::999988887777:role/gatekeeper"
    with open_store("sqlite:///gatekeeper.db") as store:  # the command refuses such a role
        account = Account(account_id=ACCOUNT_ID, role_arn=role)
        store.put_account(account, actor="ops", at=datetime.now(UTC))
    shown = document(gatekeeper, "apply", "plan.json", "--yes", status=4)
    assert {r["result"] for r in shown["results"]} == {"blocked"}
    assert "AccountMismatch" in shown["results"][0]["reason"]


def exposed_of(gatekeeper):
    shown = document(gatekeeper, "exposure", "--account", ACCOUNT_ID, status=0)
    return {ip for exposure in shown["exposures"] for ip in exposure["ips"]}


def test_an_audit_tells_new_known_and_resolved(filed, gatekeeper):
    def states(shown):
        return {f["code"]: f["state"] for f in shown["findings"]}

    first = document(gatekeeper, "audit", status=3)
    assert first["since"] is None
    assert states(first) == {"exposed-unfiled": "new", "closed-approved": "new"}
    second = document(gatekeeper, "audit", status=3)
    assert states(second) == {"exposed-unfiled": "known", "closed-approved": "known"}
    assert second["since"] is not None
    assert second["findings"][0]["first_seen"] == first["findings"][0]["first_seen"]
    gatekeeper("apply", "--yes", status=0)
    third = document(gatekeeper, "audit", status=0)
    assert states(third) == {"exposed-unfiled": "resolved", "closed-approved": "resolved"}
    assert third["drift"] == [], "what gatekeeper did itself is no drift"
    assert document(gatekeeper, "audit", status=0)["findings"] == []


def test_an_audit_sees_what_others_changed(filed, gatekeeper):
    ec2 = filed
    gatekeeper("apply", "--yes", status=0)
    gatekeeper("audit", status=0)
    [group] = ec2.describe_security_groups(
        Filters=[{"Name": "group-name", "Values": ["web-wide"]}]
    )["SecurityGroups"]
    ec2.authorize_security_group_ingress(
        GroupId=group["GroupId"],
        IpPermissions=[
            {
                "IpProtocol": "tcp",
                "FromPort": 443,
                "ToPort": 443,
                "IpRanges": [{"CidrIp": "0.0.0.0/0"}],
            }
        ],
    )
    shown = document(gatekeeper, "audit", status=3)
    assert {d["kind"] for d in shown["drift"]} == {"endpoint-reopened", "rules-changed"}
    assert [f["code"] for f in shown["findings"]] == ["exposed-unfiled"]


def test_decisions_are_sealed(filed, gatekeeper, tmp_path):
    import hashlib

    gatekeeper("decisions", "--out", "feed.json", status=0)
    shown = json.loads((tmp_path / "feed.json").read_text(encoding="utf-8"))
    assert shown["schema"] == "gatekeeper/decisions/1"
    assert {"protocol": "udp", "port": 443} in shown["ports"]
    assert {d["decision"] for d in shown["decisions"]} == {"open", "closed"}
    digest = shown.pop("digest")
    text = json.dumps(shown, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    assert hashlib.sha256(text.encode()).hexdigest() == digest
    assert shown["generated_at"] < shown["expires_at"]


def test_signed_decisions_go_into_a_bucket(filed, gatekeeper, tmp_path):
    import boto3
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    from gatekeeper.stacks import parse_decisions

    key = Ed25519PrivateKey.generate()
    (tmp_path / "key.pem").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    s3 = boto3.client("s3", region_name="cn-northwest-1")
    s3.create_bucket(
        Bucket="gatekeeper-feed", CreateBucketConfiguration={"LocationConstraint": "cn-northwest-1"}
    )
    out = "s3://gatekeeper-feed/feed.json"
    done = gatekeeper("decisions", "--sign-key", "key.pem", "--out", out, status=0)
    assert (done.out, done.err.strip()) == ("", f"wrote {out}")
    body = s3.get_object(Bucket="gatekeeper-feed", Key="feed.json")["Body"].read()
    public = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    found = parse_decisions(body, name=out, public_key=public)
    assert {one.verdict for one in found.decided} == {"open", "closed"}
    assert found.internal_sources

    (tmp_path / "bad.pem").write_text("no key")
    refused = gatekeeper("decisions", "--sign-key", "bad.pem", status=1)
    assert "no Ed25519 private key" in refused.err
    assert "cannot read the signing key" in gatekeeper("decisions", "--sign-key", "n", status=1).err
    assert "s3://BUCKET/KEY" in gatekeeper("decisions", "--out", "s3://x", status=2).err
    none = gatekeeper("decisions", "--out", "s3://gatekeeper-none/feed.json", status=1)
    assert "NoSuchBucket" in none.err


def test_the_doctor_tries_and_changes_nothing(filed, gatekeeper):
    head = document(gatekeeper, "trail", "verify", status=0)["trail_head"]
    shown = document(gatekeeper, "doctor", status=0)
    assert shown["ok"]
    checks = {check["check"]: check["status"] for check in shown["checks"]}
    assert checks["store"] == checks["policy"] == checks["credentials"] == "ok"
    assert checks["read: ec2:DescribeSecurityGroups"] == "ok"
    assert checks["change: ec2:ModifyNetworkInterfaceAttribute"] == "ok"
    assert checks["change: elasticloadbalancing:SetSecurityGroups"] == "not tried"
    assert document(gatekeeper, "trail", "verify", status=0)["trail_head"] == head
    assert document(gatekeeper, "reconcile", status=3)["summary"]["decisions"]["unknown"] == 0


def test_the_doctor_says_what_is_missing(gatekeeper, monkeypatch, tmp_path):
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    (tmp_path / "gate.yaml").write_text("nonsense: 1\n")
    shown = document(gatekeeper, "doctor", "--policy", "gate.yaml", status=1)
    checks = {check["check"]: check for check in shown["checks"]}
    assert checks["policy"]["status"] == "missing"
    assert "nonsense" in checks["policy"]["detail"]
    assert checks["store"]["status"] == "not tried"
    assert checks["credentials"]["status"] == "missing"
    assert not (tmp_path / "gatekeeper.db").exists()


@pytest.mark.parametrize("name", ["read", "change", "assume"])
def test_the_doctor_prints_policies(name, gatekeeper):
    shown = gatekeeper("doctor", "--print-policy", name, status=0).json
    assert shown["Version"] == "2012-10-17"
    assert all(statement["Action"] for statement in shown["Statement"])
