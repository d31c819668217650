"""Writes one object into an S3 bucket."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple

from gatekeeper.aws.faults import EXPECTED, translate
from gatekeeper.aws.permissions import needs
from gatekeeper.errors import UsageError

if TYPE_CHECKING:
    from gatekeeper.aws.session import Connection

_ADDRESS: Final = re.compile(r"s3://(?P<bucket>[a-z0-9][a-z0-9.-]{1,61}[a-z0-9])/(?P<key>.+)")
_LONGEST_KEY: Final = 1024
"""Bytes (Amazon S3 User Guide, "Naming Amazon S3 objects")."""


class Place(NamedTuple):
    """Where an object is."""

    bucket: str
    key: str

    def __str__(self) -> str:
        return f"s3://{self.bucket}/{self.key}"


def parse_place(text: str) -> Place:
    """``s3://BUCKET/KEY``.

    Raises:
        UsageError: it is not that.
    """
    found = _ADDRESS.fullmatch(text)
    if found is None or len(found["key"].encode()) > _LONGEST_KEY or found["key"].endswith("/"):
        raise UsageError(
            f"{text}: not the address of an object; write s3://BUCKET/KEY",
            zh=f"{text}：不是有效的对象地址，应为 s3://BUCKET/KEY",
        )
    return Place(found["bucket"], found["key"])


@needs("s3:PutObject", purpose="publish")
def put_object(
    connection: Connection, place: Place, body: bytes, *, content_type: str = "application/json"
) -> None:
    """Write an object whole; the bucket's own rules say how it is encrypted and kept.

    S3 shows an object only when all of it has arrived and its checksum fits.

    Raises:
        AwsError: no such bucket, no permission, no answer.
    """
    try:
        connection.client("s3").put_object(
            Bucket=place.bucket,
            Key=place.key,
            Body=body,
            ContentType=content_type,
            ChecksumAlgorithm="SHA256",
        )
    except EXPECTED as error:
        raise translate(error, "PutObject") from None
