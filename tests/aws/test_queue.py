"""The queue's edge, against moto's SQS."""

from __future__ import annotations

import boto3
import pytest

from gatekeeper.aws.queue import Queue
from gatekeeper.errors import AwsError

from .conftest import REGION


@pytest.fixture
def sqs(moto):
    client = boto3.client("sqs", region_name=REGION)
    yield client
    client.close()


@pytest.fixture
def url(sqs):
    return sqs.create_queue(QueueName="events")["QueueUrl"]


@pytest.fixture
def queue(url):
    made = Queue(REGION, url)
    yield made
    made.close()


def test_messages_come_with_their_deliveries(sqs, url, queue):
    sqs.send_message(QueueUrl=url, MessageBody="text")
    [first] = queue.receive(wait=0)
    assert (first.body, first.deliveries) == ("text", 1)
    assert queue.receive(wait=0) == ()
    queue.hide(first, 0)
    [second] = queue.receive(wait=0)
    assert (second.message_id, second.deliveries) == (first.message_id, 2)


def test_more_are_deleted_than_one_call_takes(sqs, url, queue):
    for number in range(14):
        sqs.send_message(QueueUrl=url, MessageBody=str(number))
    messages = []
    while batch := queue.receive(wait=0):
        assert len(batch) <= 10
        messages += batch
    assert len(messages) == 14
    assert queue.delete(messages) == ()
    for message in messages:
        with pytest.raises(AwsError):
            queue.hide(message, 0)


def test_a_buried_message_is_elsewhere_with_its_reason(sqs, url, queue):
    dead = sqs.create_queue(QueueName="dead")["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody="{")
    [message] = queue.receive(wait=0)
    queue.bury(message, dead, "no JSON")
    [found] = sqs.receive_message(QueueUrl=dead, MessageAttributeNames=["All"])["Messages"]
    assert found["Body"] == "{"
    assert found["MessageAttributes"]["reason"]["StringValue"] == "no JSON"
    assert queue.receive(wait=0) == ()


def test_what_cannot_be_buried_stays(sqs, url, queue):
    sqs.send_message(QueueUrl=url, MessageBody="{")
    [message] = queue.receive(wait=0)
    with pytest.raises(AwsError):
        queue.bury(message, url + "-missing", "no JSON")
    queue.hide(message, 0)
    assert [one.body for one in queue.receive(wait=0)] == ["{"]


def test_a_missing_queue_is_named(sqs, url):
    missing = Queue(REGION, url + "-missing")
    with pytest.raises(AwsError, match="sqs:ReceiveMessage"):
        missing.receive(wait=0)
    missing.close()


@pytest.mark.parametrize(
    ("url", "region"),
    [
        ("https://sqs.cn-north-1.amazonaws.com.cn/111122223333/events", "cn-north-1"),
        ("https://sqs.eu-west-1.amazonaws.com/111122223333/events", "eu-west-1"),
        ("http://127.0.0.1:4566/111122223333/events", REGION),
    ],
)
def test_a_queue_is_asked_in_its_own_region(url, region):
    assert Queue(REGION, url).region == region
