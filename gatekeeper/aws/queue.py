"""The queue that changes are told through: the few SQS calls of whoever consumes it.

A queue of the standard kind delivers a message at least once and in any order, and keeps one that
is not deleted ("Amazon SQS Developer Guide").  Credentials come the standard boto3 way.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from functools import partial
from itertools import islice
from typing import Any, Final, NamedTuple, TypeVar

from botocore.session import Session

from gatekeeper.aws.faults import EXPECTED, translate
from gatekeeper.aws.permissions import needs
from gatekeeper.aws.session import Patience
from gatekeeper.errors import AwsError

Answer = TypeVar("Answer")

MOST: Final = 10
"""Messages a call, by SQS's own limit."""
LONGEST_WAIT: Final = 20
"""Seconds of one long poll, by SQS's own limit."""
HIDDEN: Final = 120
"""Seconds in which nobody else gets a message that was received."""
_HOST: Final = re.compile(r"https://sqs\.([a-z]{2}(?:-[a-z]+)+-[0-9])\.amazonaws\.com(?:\.cn)?/")
"""A queue may lie in another region than the accounts' objects."""
_LONGEST_HIDDEN: Final = 12 * 60 * 60
_LONGEST_REASON: Final = 500


class Message(NamedTuple):
    """One delivery of a message."""

    message_id: str
    receipt: str
    """What deletes this delivery."""
    body: str
    deliveries: int
    """How often it was delivered, about; 1 the first time."""


class Queue:
    """One SQS queue.  Every call raises ``AwsError`` where it fails."""

    def __init__(self, region: str, queue_url: str, *, patience: Patience | None = None) -> None:
        there = _HOST.match(queue_url)
        self.region = there[1] if there else region
        self.queue_url = queue_url
        self._patience = patience or Patience()
        self._made: Any = None

    @needs("sqs:ReceiveMessage", purpose="watch")
    def receive(self, *, wait: float = LONGEST_WAIT, hidden: int = HIDDEN) -> tuple[Message, ...]:
        """Up to ten messages, as soon as there is one, else after ``wait`` seconds none."""
        request = {
            "QueueUrl": self.queue_url,
            "MaxNumberOfMessages": MOST,
            "WaitTimeSeconds": max(0, min(LONGEST_WAIT, int(wait))),
            "VisibilityTimeout": hidden,
            "MessageSystemAttributeNames": ["ApproximateReceiveCount"],
        }
        answer = self._called("ReceiveMessage", lambda client: client.receive_message(**request))
        return tuple(map(_message, answer.get("Messages") or ()))

    @needs("sqs:DeleteMessage", purpose="watch")
    def delete(self, messages: Iterable[Message]) -> tuple[Message, ...]:
        """Delete messages that are done with; those that could not be, which come again."""
        left: list[Message] = []
        for batch in _batches(messages):
            request = {
                "QueueUrl": self.queue_url,
                "Entries": [
                    {"Id": str(place), "ReceiptHandle": one.receipt}
                    for place, one in enumerate(batch)
                ],
            }
            answer = self._called("DeleteMessageBatch", partial(_delete_batch, request=request))
            left.extend(batch[int(one["Id"])] for one in answer.get("Failed") or ())
        return tuple(left)

    @needs("sqs:ChangeMessageVisibility", purpose="watch")
    def hide(self, message: Message, seconds: float) -> None:
        """Let a message be delivered again after so long; from now, not from its delivery."""
        request = {
            "QueueUrl": self.queue_url,
            "ReceiptHandle": message.receipt,
            "VisibilityTimeout": max(0, min(_LONGEST_HIDDEN, round(seconds))),
        }
        self._called(
            "ChangeMessageVisibility", lambda client: client.change_message_visibility(**request)
        )

    @needs("sqs:SendMessage", purpose="bury")
    def bury(self, message: Message, dead_letter_url: str, reason: str) -> None:
        """Put a message aside, with the reason; only then it leaves this queue."""
        request = {
            "QueueUrl": dead_letter_url,
            "MessageBody": message.body,
            "MessageAttributes": {
                "reason": {"DataType": "String", "StringValue": reason[:_LONGEST_REASON]}
            },
        }
        self._called("SendMessage", lambda client: client.send_message(**request))
        self.delete([message])

    def close(self) -> None:
        """Let go of the sockets."""
        made, self._made = self._made, None
        if made is not None:
            made.close()

    def _called(self, operation: str, call: Callable[[Any], Answer]) -> Answer:
        """The call's answer.

        Raises:
            AwsError: SQS refused it or did not answer.
        """
        try:
            if self._made is None:
                self._made = Session().create_client(
                    "sqs", region_name=self.region, config=self._patience.config()
                )
            return call(self._made)
        except EXPECTED as error:
            raise translate(error, f"sqs:{operation}") from error


def _message(item: dict[str, Any]) -> Message:
    """One message of an answer.

    Raises:
        AwsError: it lacks what every message has.
    """
    count = str((item.get("Attributes") or {}).get("ApproximateReceiveCount", "1"))
    try:
        return Message(
            str(item["MessageId"]),
            str(item["ReceiptHandle"]),
            str(item.get("Body") or ""),
            max(1, int(count)) if count.isdecimal() else 1,
        )
    except KeyError as missing:
        raise AwsError(
            f"sqs:ReceiveMessage: MalformedResponse: a message without {missing}",
            operation="sqs:ReceiveMessage",
            code="MalformedResponse",
            zh=f"sqs:ReceiveMessage：MalformedResponse：消息缺少 {missing}",
        ) from None


def _delete_batch(client: Any, *, request: dict[str, Any]) -> dict[str, Any]:
    answer: dict[str, Any] = client.delete_message_batch(**request)
    return answer


def _batches(messages: Iterable[Message]) -> Iterable[list[Message]]:
    waiting = iter(messages)
    while batch := list(islice(waiting, MOST)):
        yield batch
