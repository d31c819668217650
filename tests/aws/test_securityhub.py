"""Findings into Security Hub: in pages, tried again, refused ones told."""

from __future__ import annotations

import boto3
import pytest
from botocore.stub import ANY, Stubber

from gatekeeper.aws.securityhub import PAGE, import_findings
from gatekeeper.aws.session import AccountTarget, open_account

from .conftest import OWN_ACCOUNT, REGION

PRODUCT = f"arn:aws-cn:securityhub:{REGION}:{OWN_ACCOUNT}:product/{OWN_ACCOUNT}/default"


def records(count):
    return [
        {
            "SchemaVersion": "2018-10-08",
            "Id": f"f{number}",
            "ProductArn": PRODUCT,
            "GeneratorId": "g",
            "AwsAccountId": OWN_ACCOUNT,
            "CreatedAt": "2026-05-04T08:00:00Z",
            "UpdatedAt": "2026-05-04T08:00:00Z",
            "Title": "t",
            "Description": "d",
            "Resources": [{"Type": "Other", "Id": "x"}],
        }
        for number in range(count)
    ]


class Fixed:
    """A connection with one client."""

    def __init__(self, client):
        self._client = client

    def client(self, service):
        assert service == "securityhub"
        return self._client


@pytest.fixture
def stub():
    client = boto3.client("securityhub", region_name=REGION)
    with Stubber(client) as stubber:
        stubber.client = client
        yield stubber
        stubber.assert_no_pending_responses()


def answer(*failed):
    return {
        "FailedCount": len(failed),
        "SuccessCount": 0,
        "FailedFindings": [
            {"Id": name, "ErrorCode": code, "ErrorMessage": "no"} for name, code in failed
        ],
    }


def run(stub, findings):
    pauses = []
    return import_findings(Fixed(stub.client), findings, sleep=pauses.append), pauses


def test_pages_of_a_hundred(moto):
    client = boto3.client("securityhub", region_name=REGION, endpoint_url=moto)
    client.enable_security_hub()
    with open_account(AccountTarget(account_id=OWN_ACCOUNT), REGION) as connection:
        assert import_findings(connection, records(PAGE * 2 + 1)) == ()
    pages = client.get_paginator("get_findings").paginate()
    found = [one["Id"] for page in pages for one in page["Findings"]]
    assert len(set(found)) == 201


def test_only_what_failed_is_tried_again(stub):
    stub.add_response("batch_import_findings", answer(("f1", "InternalError")), {"Findings": ANY})
    stub.add_response("batch_import_findings", answer(), {"Findings": records(2)[1:]})
    assert run(stub, records(2)) == ((), [1.0])


def test_what_another_attempt_would_not_mend_is_told_at_once(stub):
    stub.add_response("batch_import_findings", answer(("f0", "InvalidInput")), {"Findings": ANY})
    (refused,), pauses = run(stub, records(2))
    assert (refused.finding_id, refused.code, refused.message) == ("f0", "InvalidInput", "no")
    assert pauses == []


def test_a_page_that_fails_is_tried_three_times_and_the_next_one_goes_on(stub):
    for _ in range(3):
        stub.add_client_error("batch_import_findings", "InternalException", "later")
    stub.add_response("batch_import_findings", answer(), {"Findings": ANY})
    refused, pauses = run(stub, records(PAGE + 1))
    assert len(refused) == PAGE
    assert {one.code for one in refused} == {"InternalException"}
    assert pauses == [1.0, 2.0]


def test_an_account_without_a_hub_is_asked_once(stub):
    stub.add_response("batch_import_findings", answer(), {"Findings": ANY})
    stub.add_client_error("batch_import_findings", "InvalidAccessException", "not subscribed")
    refused, pauses = run(stub, records(PAGE * 4))
    assert len(refused) == PAGE * 3
    assert refused[-1].finding_id == f"f{PAGE * 4 - 1}"
    assert pauses == []


def test_nothing_is_one_call_less(stub):
    assert run(stub, []) == ((), [])
