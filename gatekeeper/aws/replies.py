"""Puts ``ec2xml`` where botocore would read a successful EC2 answer.

Everything else stays botocore's: credentials, signing, retries, and what an error says.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from botocore.model import StructureShape
from botocore.parsers import EC2QueryParser, ResponseParser, ResponseParserFactory

from gatekeeper.aws.answers import AnswerError
from gatekeeper.aws.ec2xml import OPERATIONS, Page, read_page

_PAGE: Final = "gatekeeper:Page"
_SHAPES: Final = {f"{operation}Result": operation for operation in OPERATIONS}


class PageParserFactory(ResponseParserFactory):  # type: ignore[misc]
    """A session component; its EC2 parser gives pages of account values."""

    def create_parser(self, protocol_name: str) -> ResponseParser:
        if protocol_name == "ec2":
            return _PageParser(**self._defaults)
        return super().create_parser(protocol_name)


class _PageParser(EC2QueryParser):  # type: ignore[misc]
    def parse(self, response: Mapping[str, Any], shape: StructureShape | None) -> Any:
        operation = _SHAPES.get(shape.name) if shape is not None else None
        if operation is None or response["status_code"] != 200:
            return super().parse(response, shape)
        # A failure to read travels as a value: botocore would not retry an exception from here,
        # and its retry handlers look into the parsed answer.
        page: Page[object] | AnswerError
        try:
            page = read_page(operation, response["body"])
        except AnswerError as error:
            page = error
        return {_PAGE: page, "ResponseMetadata": {"HTTPStatusCode": response["status_code"]}}


def page_of(reply: Mapping[str, Any]) -> Page[Any]:
    """The page that the reply to a call carries.

    Raises:
        AnswerError: the body could not be read.
    """
    page: Page[Any] | AnswerError = reply[_PAGE]
    if isinstance(page, AnswerError):
        raise page
    return page
