"""The decision feed in a bucket."""

from __future__ import annotations

import boto3
import pytest

from gatekeeper.aws.bucket import Place, parse_place, put_object
from gatekeeper.aws.session import AccountTarget, open_account
from gatekeeper.errors import AwsError, UsageError

from .conftest import REGION


def test_an_object_is_written_whole(moto):
    s3 = boto3.client("s3", region_name=REGION)
    s3.create_bucket(
        Bucket="gatekeeper-feed", CreateBucketConfiguration={"LocationConstraint": REGION}
    )
    with open_account(AccountTarget(), REGION) as connection:
        put_object(connection, Place("gatekeeper-feed", "cn/决策.json"), b'{"a": 1}')
        with pytest.raises(AwsError, match="NoSuchBucket"):
            put_object(connection, Place("gatekeeper-none", "a"), b"")
    found = s3.get_object(Bucket="gatekeeper-feed", Key="cn/决策.json")
    assert found["Body"].read() == b'{"a": 1}'
    assert found["ContentType"] == "application/json"


def test_an_address_names_bucket_and_key():
    assert parse_place("s3://bucket/a/b.json") == Place("bucket", "a/b.json")
    assert str(Place("bucket", "a/b.json")) == "s3://bucket/a/b.json"


@pytest.mark.parametrize(
    "text", ["s3://", "s3:/b/k", "s3://bucket", "s3://bucket/", "s3://Bu/k", "s3://bucket/a/"]
)
def test_what_is_no_address_of_an_object_is_refused(text):
    with pytest.raises(UsageError, match="s3://BUCKET/KEY"):
        parse_place(text)
