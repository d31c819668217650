"""``gatekeeper watch``: events of a queue, handled and told."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import uuid
from datetime import UTC, datetime

import pytest
from boto3.session import Session

from tests.cli.world import ACCOUNT_ID

REGION = "cn-northwest-1"


@pytest.fixture
def sqs(filed):
    client = Session(region_name=REGION).client("sqs")
    yield client
    client.close()


@pytest.fixture
def url(sqs):
    return sqs.create_queue(QueueName="gatekeeper-events")["QueueUrl"]


@pytest.fixture
def opened(filed, sqs, url):
    """Tell that somebody changed a group; gives a look at its rules."""
    filters = [{"Name": "group-name", "Values": ["web-wide"]}]
    [group] = filed.describe_security_groups(Filters=filters)["SecurityGroups"]
    detail = {
        "userIdentity": {
            "arn": f"arn:aws-cn:iam::{ACCOUNT_ID}:user/zhang",
            "accountId": ACCOUNT_ID,
        },
        "eventTime": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "eventSource": "ec2.amazonaws.com",
        "eventName": "AuthorizeSecurityGroupIngress",
        "awsRegion": REGION,
        "eventID": str(uuid.uuid4()),
        "recipientAccountId": ACCOUNT_ID,
        "requestParameters": {"groupId": group["GroupId"]},
    }
    sqs.send_message(QueueUrl=url, MessageBody=json.dumps({"detail": detail}))

    def cidrs():
        [now] = filed.describe_security_groups(Filters=filters)["SecurityGroups"]
        return [
            (one["FromPort"], one["ToPort"])
            for one in now["IpPermissions"]
            if {"CidrIp": "0.0.0.0/0"} in one["IpRanges"]
        ]

    return cidrs


def test_one_batch_is_handled_and_told(gatekeeper, opened, url):
    assert opened() == [(0, 65535)]
    said = gatekeeper("watch", "--queue-url", url, "--once", status=0)
    assert said.err.startswith(f"received 1; {ACCOUNT_ID} closed 1 (")
    assert len(said.err.splitlines()) == 1
    assert all(not low <= port <= high for low, high in opened() for port in (80, 443, 8080))
    again = gatekeeper("watch", "--queue-url", url, "--once", status=0)
    assert (again.err, again.out) == ("", "")


def test_in_chinese(gatekeeper, opened, url, tmp_path):
    settings = tmp_path / "service.yaml"
    settings.write_text(f"events: {{queue_url: '{url}'}}\njobs: {{close: {{mode: plan}}}}\n")
    said = gatekeeper("watch", "--config", settings, "--once", "--lang", "zh", status=0)
    assert said.err.startswith(f"收到 1；{ACCOUNT_ID} 仅列入计划 1")
    assert opened() == [(0, 65535)]


def test_no_queue_is_an_error(gatekeeper, filed):
    said = gatekeeper("watch", "--once", status=1)
    assert "--queue-url" in said.err
    assert len(said.err.splitlines()) == 1


def test_a_missing_store_is_an_error(gatekeeper):
    said = gatekeeper(
        "watch", "--queue-url", "http://127.0.0.1:1/1/q", "--store", "sqlite:///none.db", status=1
    )
    assert "there is no store yet" in said.err


def test_a_queue_that_is_not_there_is_an_error_once(gatekeeper, filed, url):
    said = gatekeeper("watch", "--queue-url", url + "-not", "--once", status=1)
    assert "sqs:ReceiveMessage" in said.err


def test_it_ends_with_0_when_asked_to(opened, url, tmp_path):
    settings = tmp_path / "service.yaml"
    settings.write_text(f"events: {{queue_url: '{url}'}}")
    with subprocess.Popen(
        [sys.executable, "-m", "gatekeeper", "watch"],
        cwd=tmp_path,
        env={**os.environ, "GATEKEEPER_SERVICE": str(settings)},
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stderr is not None
        assert process.stderr.readline() == f"waiting for events: {url}\n"
        assert process.stderr.readline().startswith("received 1; ")
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0
        assert process.stderr.read() == ""
