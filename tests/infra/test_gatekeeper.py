"""infra/gatekeeper, run whole under mocks: what it makes, and what it refuses."""

from __future__ import annotations

import http.server
import json
import os
import re
import subprocess
import sys
import threading
from collections import Counter
from datetime import UTC, datetime, timedelta

import pulumi
import pytest
import yaml

from gatekeeper.aws.events import HEEDED
from gatekeeper.cli import app
from gatekeeper.service.config import default_config, parse_config
from gatekeeper.service.health import readiness
from gatekeeper.store import open_store
from tests.infra.conftest import GATEKEEPER
from tests.infra.programs import INFRA, run
from tests.infra.sound import check_everything, check_sources, check_statements, findings

TAGS = {
    "team": "carrier-operations",
    "gatekeeper:project": "gatekeeper",
    "gatekeeper:environment": "test",
}
KEY = "arn:aws-cn:kms:cn-northwest-1:999988887777:key/EXAMPLE"
SECRET = "arn:aws-cn:secretsmanager:cn-northwest-1:999988887777:secret:{}-AbCdEf"


@pytest.fixture(scope="module")
def ran():
    return run("gatekeeper", GATEKEEPER)


@pytest.fixture(scope="module")
def bare():
    """Everything that is optional is off, and the store is somebody else's."""
    config = {key: value for key, value in GATEKEEPER.items() if key != "alarmTopicArn"}
    return run(
        "gatekeeper",
        config
        | {
            "database": "external",
            "storeSecretArn": SECRET.format("store"),
            "storeNetwork": "10.0.8.0/24",
            "feed": "false",
            "replicas": "0",
        },
    )


@pytest.fixture(scope="module")
def full():
    """Everything that is optional is on."""
    return run(
        "gatekeeper",
        {key: value for key, value in GATEKEEPER.items() if key != "memberAccounts"}
        | {
            "organizationId": "o-exampleorg1",
            "kmsKeyArn": KEY,
            "signKeySecretArn": SECRET.format("sign"),
            "secrets": {"DINGTALK_URL": SECRET.format("dingtalk")},
            "settings": {
                "jobs": {"open": {"every": "5m", "mode": "apply"}},
                "notices": [{"name": "ops", "url": "${DINGTALK_URL}"}],
            },
            "feedReaders": ["arn:aws-cn:iam::111122223333:role/deploy"],
            "retentionMode": "COMPLIANCE",
        },
    )


def container(ran, name):
    (made,) = json.loads(ran.one("ecs.TaskDefinition", name).inputs["containerDefinitions"])
    return made


def environment(made):
    return {one["name"]: one["value"] for one in made["environment"]}


def secrets(made):
    return {one["name"]: one["valueFrom"] for one in made["secrets"]}


def allowed(ran, name):
    return {one["Sid"]: one for one in ran.one("iam.RolePolicy", name).json("policy")["Statement"]}


# --- the whole


def test_it_makes_what_the_readme_says(ran):
    assert ran.counts() == Counter(
        {
            "cloudwatch.EventBus": 1,
            "cloudwatch.EventBusPolicy": 1,
            "cloudwatch.EventRule": 2,
            "cloudwatch.EventTarget": 2,
            "cloudwatch.LogGroup": 1,
            "cloudwatch.MetricAlarm": 7,
            "ec2.SecurityGroup": 2,
            "ecs.Cluster": 1,
            "ecs.Service": 1,
            "ecs.TaskDefinition": 2,
            "iam.Role": 3,
            "iam.RolePolicy": 3,
            "rds.Instance": 1,
            "rds.ParameterGroup": 1,
            "rds.SubnetGroup": 1,
            "s3.Bucket": 1,
            "s3.BucketLifecycleConfiguration": 1,
            "s3.BucketMetric": 1,
            "s3.BucketObjectLockConfiguration": 1,
            "s3.BucketOwnershipControls": 1,
            "s3.BucketPolicy": 1,
            "s3.BucketPublicAccessBlock": 1,
            "s3.BucketServerSideEncryptionConfiguration": 1,
            "s3.BucketVersioning": 1,
            "sqs.Queue": 2,
            "sqs.QueuePolicy": 2,
            "vpc.SecurityGroupEgressRule": 2,
            "vpc.SecurityGroupIngressRule": 1,
        }
    )


def test_every_resource_is_sound(ran, bare, full):
    for one in (ran, full, bare):
        check_everything(one, "999988887777", TAGS)
        check_statements(one, anywhere={"ecr:GetAuthorizationToken"})
    check_sources("gatekeeper")


def test_the_roles_policies_have_no_findings(ran, full):
    for one in (ran, full):
        for policy in one.of("iam.RolePolicy").values():
            assert findings(policy.inputs["policy"]) == set(), policy.name


def test_the_outputs_are_what_the_readme_names(ran):
    text = (INFRA / "gatekeeper" / "README.md").read_text(encoding="utf-8")
    assert [name for name in ran.outputs if f"`{name}`" not in text] == []
    assert ran.outputs["roleArn"] == "arn:aws-cn:iam::999988887777:role/gatekeeper-service"
    assert ran.outputs["feed"] == (
        "s3://gatekeeper-999988887777-cn-northwest-1/feed/decisions.json"
    )


# --- the bucket


def test_the_bucket_is_private_encrypted_versioned_and_locked(ran):
    bucket = ran.one("s3.Bucket")
    assert bucket.inputs["objectLockEnabled"] is True
    assert not bucket.inputs.get("forceDestroy")
    assert bucket.protect
    block = ran.one("s3.BucketPublicAccessBlock").inputs
    for key in ("blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls"):
        assert block[key] is True
    assert block["restrictPublicBuckets"] is True
    assert ran.one("s3.BucketOwnershipControls").inputs["rule"] == {
        "objectOwnership": "BucketOwnerEnforced"
    }
    versioning = ran.one("s3.BucketVersioning").inputs["versioningConfiguration"]
    assert versioning == {"status": "Enabled"}
    (rule,) = ran.one("s3.BucketServerSideEncryptionConfiguration").inputs["rules"]
    assert rule["applyServerSideEncryptionByDefault"]["sseAlgorithm"] == "AES256"
    lock = ran.one("s3.BucketObjectLockConfiguration").inputs["rule"]["defaultRetention"]
    assert lock == {"mode": "GOVERNANCE", "days": 400}
    kept = ran.one("s3.BucketLifecycleConfiguration").inputs["rules"]
    assert kept[0]["noncurrentVersionExpiration"]["noncurrentDays"] >= lock["days"]
    assert not any("expiration" in rule for rule in kept)


def test_the_bucket_takes_tls_alone_and_is_nobody_elses(ran):
    (deny,) = ran.one("s3.BucketPolicy").json("policy")["Statement"]
    assert (deny["Effect"], deny["Principal"], deny["Action"]) == ("Deny", "*", ["s3:*"])
    assert deny["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
    assert deny["Resource"] == [
        "arn:aws-cn:s3:::gatekeeper-999988887777-cn-northwest-1",
        "arn:aws-cn:s3:::gatekeeper-999988887777-cn-northwest-1/*",
    ]


def test_readers_of_the_feed_read_the_feed_alone(full):
    _, read = full.one("s3.BucketPolicy").json("policy")["Statement"]
    assert read["Principal"] == {"AWS": ["arn:aws-cn:iam::111122223333:role/deploy"]}
    assert read["Action"] == ["s3:GetObject"]
    assert read["Resource"].endswith("/feed/decisions.json")
    lock = full.one("s3.BucketObjectLockConfiguration").inputs["rule"]["defaultRetention"]
    assert lock["mode"] == "COMPLIANCE"


def test_a_key_encrypts_bucket_database_and_secrets(full):
    (rule,) = full.one("s3.BucketServerSideEncryptionConfiguration").inputs["rules"]
    assert rule["applyServerSideEncryptionByDefault"]["kmsMasterKeyId"] == KEY
    database = full.one("rds.Instance").inputs
    assert database["kmsKeyId"] == database["masterUserSecretKmsKeyId"] == KEY
    encrypt = allowed(full, "gatekeeper-service")["EncryptObjects"]
    assert encrypt["Resource"] == KEY
    assert encrypt["Condition"]["StringLike"]["kms:ViaService"].startswith("s3.cn-northwest-1.")
    assert allowed(full, "gatekeeper-execution")["DecryptSecrets"]["Resource"] == KEY


# --- events


def test_the_queues_are_encrypted_and_take_messages_from_the_rule_alone(ran):
    rule = ran.one("cloudwatch.EventRule", "gatekeeper-events")
    for name in ("gatekeeper-events", "gatekeeper-events-dead"):
        queue = ran.one("sqs.Queue", name).inputs
        assert queue["sqsManagedSseEnabled"] is True
        assert queue["messageRetentionSeconds"] == 14 * 86400
        allow, deny = ran.one("sqs.QueuePolicy", name).json("policy")["Statement"]
        assert allow["Principal"] == {"Service": "events.amazonaws.com"}
        assert allow["Action"] == ["sqs:SendMessage"]
        assert allow["Condition"]["ArnEquals"]["aws:SourceArn"].endswith(rule.inputs["name"])
        assert allow["Resource"] == f"arn:aws-cn:sqs:cn-northwest-1:999988887777:{name}"
        assert deny["Effect"] == "Deny"
        assert deny["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}


def test_a_message_is_set_aside_after_many_tries(ran):
    redrive = ran.one("sqs.Queue", "gatekeeper-events").json("redrivePolicy")
    dead = "arn:aws-cn:sqs:cn-northwest-1:999988887777:gatekeeper-events-dead"
    assert redrive == {"deadLetterTargetArn": dead, "maxReceiveCount": 20}
    back = ran.one("sqs.Queue", "gatekeeper-events-dead").json("redriveAllowPolicy")
    assert back["sourceQueueArns"] == [dead.removesuffix("-dead")]
    target = ran.one("cloudwatch.EventTarget", "gatekeeper-events").inputs
    assert target["deadLetterConfig"] == {"arn": dead}


def test_the_rule_takes_the_calls_that_gatekeeper_heeds_of_the_members(ran, full):
    pattern = ran.one("cloudwatch.EventRule", "gatekeeper-events").json("eventPattern")
    assert pattern["account"] == ["111122223333", "444455556666"]
    assert pattern["detail"]["eventName"] == list(HEEDED)
    assert pattern["source"] == ["aws.ec2", "aws.elasticloadbalancing"]
    of_all = full.one("cloudwatch.EventRule", "gatekeeper-events").json("eventPattern")
    assert "account" not in of_all


def test_the_pattern_is_the_documented_one():
    from gatekeeper.aws.events import event_pattern

    text = (INFRA.parent / "docs" / "events.md").read_text(encoding="utf-8")
    blocks = [json.loads(one) for one in re.findall(r"```json\n(.*?)```", text, re.DOTALL)]
    assert event_pattern() in blocks


def test_only_members_put_events_on_the_bus(ran, full):
    (accounts,) = ran.one("cloudwatch.EventBusPolicy").json("policy")["Statement"]
    assert accounts["Action"] == ["events:PutEvents"]
    assert accounts["Principal"]["AWS"] == [
        "arn:aws-cn:iam::111122223333:root",
        "arn:aws-cn:iam::444455556666:root",
    ]
    (organization,) = full.one("cloudwatch.EventBusPolicy").json("policy")["Statement"]
    assert organization["Principal"] == "*"
    assert organization["Condition"] == {"StringEquals": {"aws:PrincipalOrgID": "o-exampleorg1"}}


# --- the network and the database


def test_nobody_reaches_the_service(ran):
    group = ran.one("ec2.SecurityGroup", "gatekeeper-service")
    assert group.inputs["ingress"] == []
    assert "egress" not in group.inputs, "inline and single rules of one direction fight"
    inbound = ran.one("vpc.SecurityGroupIngressRule").inputs
    assert inbound["securityGroupId"] == "gatekeeper-database-id"
    assert inbound["referencedSecurityGroupId"] == "gatekeeper-service-id"
    assert not {"cidrIpv4", "cidrIpv6"} & inbound.keys()
    assert (inbound["fromPort"], inbound["toPort"]) == (5432, 5432)
    assert ran.one("ec2.SecurityGroup", "gatekeeper-database").inputs["egress"] == []


def test_the_service_reaches_https_and_the_store(ran, bare):
    out = ran.of("vpc.SecurityGroupEgressRule")
    assert out["gatekeeper-service-https"].inputs["fromPort"] == 443
    assert out["gatekeeper-service-store"].inputs["referencedSecurityGroupId"] == (
        "gatekeeper-database-id"
    )
    out = bare.of("vpc.SecurityGroupEgressRule")
    assert out["gatekeeper-service-store"].inputs["cidrIpv4"] == "10.0.8.0/24"
    assert bare.counts()["vpc.SecurityGroupIngressRule"] == 0


def test_the_database_is_private_encrypted_and_hard_to_lose(ran):
    made = ran.one("rds.Instance")
    assert made.protect
    wanted = {
        "engine": "postgres",
        "publiclyAccessible": False,
        "storageEncrypted": True,
        "deletionProtection": True,
        "skipFinalSnapshot": False,
        "manageMasterUserPassword": True,
        "multiAz": True,
        "backupRetentionPeriod": 35,
        "deleteAutomatedBackups": False,
    }
    assert {key: made.inputs[key] for key in wanted} == wanted
    assert "password" not in made.inputs
    (parameter,) = ran.one("rds.ParameterGroup").inputs["parameters"]
    assert parameter == {"name": "rds.force_ssl", "value": "1"}


def test_an_external_store_is_not_made(bare):
    assert not [kind for kind in bare.counts() if kind.startswith("rds.")]
    made = container(bare, "gatekeeper-service")
    assert secrets(made)["GATEKEEPER_STORE"] == SECRET.format("store")
    assert "GATEKEEPER_STORE" not in environment(made)
    assert "databaseAddress" not in bare.outputs


# --- the service


def test_the_service_has_no_public_address_and_no_shell(ran):
    made = ran.one("ecs.Service").inputs
    network = made["networkConfiguration"]
    assert network["assignPublicIp"] is False
    assert network["subnets"] == GATEKEEPER["subnetIds"]
    assert network["securityGroups"] == ["gatekeeper-service-id"]
    assert made["launchType"] == "FARGATE"
    assert not made.get("enableExecuteCommand")
    assert made["deploymentCircuitBreaker"] == {"enable": True, "rollback": True}


@pytest.mark.parametrize("name", ["gatekeeper-service", "gatekeeper-feed"])
def test_a_container_may_do_little(ran, name):
    made = container(ran, name)
    assert made["image"] == GATEKEEPER["image"]
    assert made["user"] == "10001:10001"
    assert made["readonlyRootFilesystem"] is True
    assert made["linuxParameters"]["capabilities"] == {"drop": ["ALL"]}
    assert not made.get("privileged")
    assert not made.get("portMappings")
    assert made["stopTimeout"] > 30
    options = made["logConfiguration"]["options"]
    assert options["awslogs-group"] == "/gatekeeper/service"
    assert ran.one("cloudwatch.LogGroup").inputs["retentionInDays"] == 365


def test_the_image_has_the_folder_and_the_user_that_the_container_counts_on(ran):
    text = (INFRA / "run" / "Containerfile").read_text(encoding="utf-8")
    (mount,) = container(ran, "gatekeeper-service")["mountPoints"]
    assert f"VOLUME {mount['containerPath']}" in text
    assert "USER 10001:10001" in text


def test_no_secret_stands_in_a_task(ran, full):
    for one in (ran, full):
        for name in ("gatekeeper-service", "gatekeeper-feed"):
            made = container(one, name)
            assert environment(made)["GATEKEEPER_STORE"] == (
                "postgresql://gatekeeper@gatekeeper-database.example.rds.cn-northwest-1"
                ".amazonaws.com.cn:5432/gatekeeper?sslmode=require"
            )
            assert secrets(made)["PGPASSWORD"].endswith(":secret:rds!db-EXAMPLE:password::")


def test_fargate_may_read_the_secrets_of_the_tasks_and_no_other(ran, full):
    for one in (ran, full):
        wanted = {
            value.removesuffix(":password::")
            for name in ("gatekeeper-service", "gatekeeper-feed")
            for value in secrets(container(one, name)).values()
        }
        assert set(allowed(one, "gatekeeper-execution")["Secrets"]["Resource"]) == wanted


def test_the_key_that_signs_feeds_is_the_feeds_alone(full):
    assert secrets(container(full, "gatekeeper-feed"))["SIGN_KEY"] == SECRET.format("sign")
    assert "SIGN_KEY" not in secrets(container(full, "gatekeeper-service"))
    assert environment(container(full, "gatekeeper-feed"))["GATEKEEPER_SIGN_KEY"].endswith(".pem")


def test_the_service_is_told_its_queue_and_its_settings(full, monkeypatch):
    monkeypatch.setenv("DINGTALK_URL", "dingtalk://example")
    found = parse_config(environment(container(full, "gatekeeper-service"))["SETTINGS"])
    assert found.events.queue_url == full.outputs["queueUrl"]
    assert found.events.dead_letter_url == full.outputs["deadLetterQueueUrl"]
    assert found.http.listen == ("127.0.0.1", 9110)
    assert found.jobs.open.mode == "apply"
    assert found.notices[0].url.get_secret_value() == "dingtalk://example"
    assert "DINGTALK_URL" in secrets(container(full, "gatekeeper-service"))


@pytest.mark.parametrize("name", ["gatekeeper-service", "gatekeeper-feed"])
def test_a_container_runs_a_command_that_there_is(ran, name):
    verb, *rest = container(ran, name)["command"]
    command = app.get_command(None, verb)
    known = {option for parameter in command.params for option in parameter.opts}
    assert {word for word in rest if word.startswith("--")} <= known
    if name == "gatekeeper-feed":
        assert rest == ["--out", ran.outputs["feed"]]


def test_the_container_starts_with_what_it_was_told(ran, tmp_path):
    """The start script, run for real with a stand-in for the command."""
    made = container(ran, "gatekeeper-feed")
    state, bin_ = tmp_path / "state", tmp_path / "bin"
    state.mkdir()
    bin_.mkdir()
    (bin_ / "gatekeeper").write_text('#!/bin/sh\necho "$@"; env; ls -l .\n')
    (bin_ / "gatekeeper").chmod(0o755)
    told = environment(made) | {"STATE": str(state), "POLICY": "owner: x\n", "SIGN_KEY": "PEM"}
    done = subprocess.run(
        [*made["entryPoint"], *made["command"]],
        env={**told, "PATH": f"{bin_}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=True,
    )
    words, *rest = done.stdout.splitlines()
    assert words.split() == made["command"]
    assert not [line for line in rest if line.startswith(("SETTINGS=", "SIGN_KEY=", "POLICY="))]
    assert (state / "service.yaml").read_text() == told["SETTINGS"]
    assert (state / "gate.yaml").read_text() == "owner: x\n"
    assert (state / "sign.pem").read_text() == "PEM\n"
    assert (state / "sign.pem").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(
    ("alive", "reasons", "well"),
    [
        (True, [], True),
        (True, ["job audit has not run for 20 min; it should every 5 min"], True),
        (True, ["cannot reach the store"], False),
        (True, ["jobs cannot be read"], False),
        (True, ["job audit has not run for 20 min; it should every 5 min", "no store"], False),
        (False, [], False),
    ],
)
def test_the_health_check_ends_what_is_dead_and_not_what_is_late(ran, alive, reasons, well):
    class Pages(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            ok = alive if self.path == "/healthz" else not reasons
            body = json.dumps({"ok": ok, "reasons": [] if ok else reasons or ["late"]}).encode()
            self.send_response(200 if ok else 503)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    check = container(ran, "gatekeeper-service")["healthCheck"]
    kind, _, *rest = check["command"]
    assert kind == "CMD"
    with http.server.HTTPServer(("127.0.0.1", 0), Pages) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        script = rest[-1].replace(":9110/", f":{server.server_port}/")
        done = subprocess.run([sys.executable, "-c", script], capture_output=True, check=False)
        server.shutdown()
    assert (done.returncode == 0) is well, done.stderr
    assert b"Traceback" not in done.stderr


def test_the_reasons_of_late_jobs_begin_as_the_health_check_counts_on():
    at = datetime(2026, 5, 4, tzinfo=UTC)
    with open_store("sqlite://") as store:
        late = readiness(store, default_config(), now=at, started_at=at - timedelta(days=9))
        assert late.reasons
        assert all(reason.startswith("job ") for reason in late.reasons)


def test_a_process_that_does_not_answer_is_ill(ran):
    script = container(ran, "gatekeeper-service")["healthCheck"]["command"][-1]
    dead = script.replace(":9110/", ":9/")
    assert subprocess.run([sys.executable, "-c", dead], capture_output=True, check=False).returncode


# --- what the task may do


def test_the_task_enters_the_members_with_the_external_id(ran, full):
    enter = allowed(ran, "gatekeeper-service")["GatekeeperAssume"]
    assert enter["Resource"] == [
        f"arn:aws-cn:iam::{account}:role/{role}"
        for account in ("111122223333", "444455556666")
        for role in ("gatekeeper", "gatekeeper-read")
    ]
    assert enter["Condition"] == {"StringEquals": {"sts:ExternalId": "EXAMPLE-ID-CHANGE-ME"}}
    statements = allowed(full, "gatekeeper-service")
    assert "GatekeeperAssume" not in statements
    assert statements["GatekeeperAssumeInOrganization"]["Condition"] == {
        "StringEquals": {
            "sts:ExternalId": "EXAMPLE-ID-CHANGE-ME",
            "aws:ResourceOrgID": "o-exampleorg1",
        }
    }


def test_the_task_takes_from_one_queue_and_writes_below_two_prefixes(ran):
    found = allowed(ran, "gatekeeper-service")
    assert found.keys() == {
        "GatekeeperAssume",
        "GatekeeperWatch",
        "GatekeeperBury",
        "GatekeeperPublishFeed",
        "GatekeeperPublishEvidence",
    }
    queue = "arn:aws-cn:sqs:cn-northwest-1:999988887777:gatekeeper-events"
    assert found["GatekeeperWatch"]["Resource"] == queue
    assert found["GatekeeperBury"]["Resource"] == f"{queue}-dead"
    bucket = "arn:aws-cn:s3:::gatekeeper-999988887777-cn-northwest-1"
    assert found["GatekeeperPublishFeed"]["Resource"] == f"{bucket}/feed/*"
    assert found["GatekeeperPublishEvidence"]["Resource"] == f"{bucket}/evidence/*"


@pytest.mark.parametrize("name", ["gatekeeper-service", "gatekeeper-execution"])
def test_only_tasks_of_this_account_take_the_roles(ran, name):
    (trust,) = ran.one("iam.Role", name).json("assumeRolePolicy")["Statement"]
    assert trust["Principal"] == {"Service": "ecs-tasks.amazonaws.com"}
    assert trust["Condition"] == {"StringEquals": {"aws:SourceAccount": "999988887777"}}


def test_fargate_pulls_the_one_image(ran):
    pull = allowed(ran, "gatekeeper-execution")["PullImage"]
    assert pull["Resource"] == ("arn:aws-cn:ecr:cn-northwest-1:999988887777:repository/gatekeeper")
    elsewhere = run("gatekeeper", GATEKEEPER | {"image": "registry.example.com/gatekeeper:0.1.0"})
    assert allowed(elsewhere, "gatekeeper-execution").keys() == {"Log", "Secrets"}


# --- the feed


def test_the_schedule_writes_the_feed_and_its_role_starts_that_task_alone(ran):
    rule = ran.one("cloudwatch.EventRule", "gatekeeper-feed").inputs
    assert rule["scheduleExpression"] == "rate(15 minutes)"
    target = ran.one("cloudwatch.EventTarget", "gatekeeper-feed").inputs
    assert target["ecsTarget"]["networkConfiguration"]["assignPublicIp"] is False
    found = allowed(ran, "gatekeeper-feed-start")
    assert found["RunTask"]["Resource"] == (
        "arn:aws-cn:ecs:cn-northwest-1:999988887777:task-definition/gatekeeper-feed:*"
    )
    assert "ecs:cluster" in found["RunTask"]["Condition"]["ArnEquals"]
    assert found["PassRoles"]["Resource"] == [
        "arn:aws-cn:iam::999988887777:role/gatekeeper-service",
        "arn:aws-cn:iam::999988887777:role/gatekeeper-execution",
    ]
    passed = found["PassRoles"]["Condition"]["StringEquals"]
    assert passed == {"iam:PassedToService": "ecs-tasks.amazonaws.com"}


def test_one_minute_is_spelt_as_aws_wants_it(gatekeeper_config):
    once = run("gatekeeper", gatekeeper_config | {"feedEvery": "1"})
    rule = once.one("cloudwatch.EventRule", "gatekeeper-feed").inputs
    assert rule["scheduleExpression"] == "rate(1 minute)"


def test_without_a_feed_there_is_no_task_for_it(bare):
    assert bare.of("ecs.TaskDefinition").keys() == {"gatekeeper-service"}
    assert bare.of("cloudwatch.EventRule").keys() == {"gatekeeper-events"}
    assert bare.of("iam.Role").keys() == {"gatekeeper-service", "gatekeeper-execution"}


# --- alarms


def test_the_alarms_watch_what_can_fail_in_silence(ran):
    alarms = {
        name.removeprefix("gatekeeper-"): one.inputs
        for name, one in ran.of("cloudwatch.MetricAlarm").items()
    }
    assert alarms.keys() == {
        "dead-letters",
        "event-age",
        "events-undelivered",
        "service-down",
        "no-feed",
        "feed-not-started",
        "database-storage",
    }
    for one in alarms.values():
        assert one["alarmActions"] == one["okActions"] == [GATEKEEPER["alarmTopicArn"]]
    dead = alarms["dead-letters"]
    assert dead["dimensions"] == {"QueueName": "gatekeeper-events-dead"}
    assert (dead["comparisonOperator"], dead["threshold"]) == ("GreaterThanThreshold", 0)
    assert alarms["event-age"]["threshold"] == 900
    for name in ("service-down", "no-feed"):
        one = alarms[name]
        assert (one["comparisonOperator"], one["threshold"]) == ("LessThanThreshold", 1)
        assert one["treatMissingData"] == "breaching", "silence is what it must hear"
    assert alarms["no-feed"]["period"] == 2 * 3600, "twice decision_ttl of the packaged policy"
    metric = ran.one("s3.BucketMetric").inputs
    assert metric["filter"] == {"prefix": "feed/"}
    assert alarms["no-feed"]["dimensions"]["FilterId"] == metric["name"]


def test_an_alarm_that_nobody_hears_is_said_aloud(bare):
    assert any("nobody told" in line for line in bare.logs)
    names = {name.removeprefix("gatekeeper-") for name in bare.of("cloudwatch.MetricAlarm")}
    assert names == {"dead-letters", "event-age", "events-undelivered"}


def test_the_policy_of_the_config_sets_the_lifetime(gatekeeper_config, tmp_path):
    (tmp_path / "gate.yaml").write_text("decision_ttl: 3h\n")
    found = run("gatekeeper", gatekeeper_config | {"policyFile": "gate.yaml"}, beside=tmp_path)
    alarm = found.one("cloudwatch.MetricAlarm", "gatekeeper-no-feed").inputs
    assert alarm["period"] == 6 * 3600
    told = environment(container(found, "gatekeeper-service"))
    assert told["POLICY"] == "decision_ttl: 3h\n"
    assert told["GATEKEEPER_POLICY"] == "/var/lib/gatekeeper/gate.yaml"


# --- config


def test_the_example_has_every_key_and_runs(tmp_path):
    text = (INFRA / "gatekeeper" / "Pulumi.example.yaml").read_text(encoding="utf-8")
    told = {
        key.split(":")[1] for key in re.findall(r"^ +(?:# )?(gatekeeper:\w+):", text, re.MULTILINE)
    }
    given = yaml.safe_load(text)["config"]
    assert told == known_keys()
    config = {
        key.removeprefix("gatekeeper:"): json.dumps(value) if not isinstance(value, str) else value
        for key, value in given.items()
    }
    assert run("gatekeeper", config).counts()["ecs.Service"] == 1
    every = re.sub(r"^(  )# (gatekeeper:\w+:)", r"\1\2", text, flags=re.MULTILINE)
    config = {
        key.removeprefix("gatekeeper:"): json.dumps(value) if not isinstance(value, str) else value
        for key, value in yaml.safe_load(every)["config"].items()
    }
    (tmp_path / "gate.yaml").write_text("")
    run("gatekeeper", config, beside=tmp_path)


def known_keys():
    with pytest.raises(pulumi.RunError) as caught:
        run("gatekeeper", {"nonsense": "1"})
    return set(re.search(r"the keys are (.*)$", str(caught.value))[1].split(", "))


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"acountId": "999988887777"}, ["acountId", "no such key"]),
        ({"accountId": "12345"}, ["accountId", "'12345'", "12 digits"]),
        ({"accountId": ""}, ["accountId is missing"]),
        ({"vpcId": "my-vpc"}, ["vpcId", "'my-vpc'", "vpc-…"]),
        ({"subnetIds": ["subnet-0123456789abcdef0"]}, ["subnetIds", "two private subnets"]),
        ({"image": "example.com/gatekeeper"}, ["image", "tag"]),
        ({"image": "example.com/gatekeeper:latest"}, ["image", "no version"]),
        ({"memory": "700"}, ["memory", "'700'", "1024 to 4096"]),
        ({"cpu": "300"}, ["cpu", "'300'", "256, 512"]),
        ({"externalId": "short"}, ["externalId", "8 to 128"]),
        ({"memberAccounts": ""}, ["memberAccounts is missing", "organizationId"]),
        ({"memberAccounts": [11122223333]}, ["memberAccounts", "quotes"]),
        (
            {"memberAccounts": [f"{one:012}" for one in range(51)]},
            ["memberAccounts", "51 accounts", "organizationId"],
        ),
        ({"database": "external"}, ["storeSecretArn is missing"]),
        ({"database": "mysql"}, ["database", "'mysql'", "rds, external"]),
        ({"feedEvery": "60"}, ["feedEvery", "decision_ttl"]),
        ({"policyFile": "no.yaml"}, ["policyFile", "'no.yaml'", "cannot read"]),
        ({"settings": {"jobs": {"opne": {}}}}, ["settings", "opne"]),
        ({"settings": {"events": {}}}, ["settings", "events is set by this project"]),
        ({"secrets": {"dingtalk": "x"}}, ["secrets", "dingtalk", "ARN of a secret"]),
        ({"logDays": "7"}, ["logDays", "'7'", "365"]),
        ({"retentionMode": "NONE"}, ["retentionMode", "GOVERNANCE, COMPLIANCE"]),
        ({"tags": "team"}, ["tags", "JSON"]),
    ],
)
def test_wrong_config_is_refused_by_name(gatekeeper_config, changed, words):
    with pytest.raises(pulumi.RunError) as caught:
        run("gatekeeper", gatekeeper_config | changed)
    for word in words:
        assert word in str(caught.value)
    assert "\n" not in str(caught.value)


def test_wrong_config_is_refused_in_chinese_too(gatekeeper_config, monkeypatch):
    monkeypatch.setenv("GATEKEEPER_LANG", "zh")
    with pytest.raises(pulumi.RunError, match="配置项 gatekeeper:accountId 的值为 '1'"):
        run("gatekeeper", gatekeeper_config | {"accountId": "1"})


def test_a_lifetime_that_no_alarm_can_watch_is_refused(gatekeeper_config, tmp_path):
    (tmp_path / "gate.yaml").write_text("decision_ttl: 13h\n")
    with pytest.raises(pulumi.RunError, match="12h"):
        run("gatekeeper", gatekeeper_config | {"policyFile": "gate.yaml"}, beside=tmp_path)
    (tmp_path / "gate.yaml").write_text("nonsense: 1\n")
    with pytest.raises(pulumi.RunError, match="nonsense"):
        run("gatekeeper", gatekeeper_config | {"policyFile": "gate.yaml"}, beside=tmp_path)
