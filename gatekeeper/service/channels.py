"""The way to a route's receiver: a webhook of our own, or whatever apprise reaches."""

from __future__ import annotations

import re
import warnings
from typing import Any, Final, Protocol

from gatekeeper.service.config import Route
from gatekeeper.service.message import Message
from gatekeeper.service.receipt import ARRIVED, Mask, Receipt, answered, failed, hushed
from gatekeeper.service.webhook import CONNECT_SECONDS, READ_SECONDS, Webhook

_STATUS: Final = re.compile(r"error\s*[=:]\s*([1-5][0-9]{2})\b")
"""How apprise's services tell the HTTP status of a refusal."""


class Channel(Protocol):
    """Sends the messages of one route."""

    def send(self, message: Message) -> Receipt:
        """Send once; never raises for what the receiver or the network does."""
        ...


def channel(route: Route) -> Channel:
    """The way to a route's receiver."""
    return Webhook(route) if scheme(route) in ("http", "https") else Chat(route)


def scheme(route: Route) -> str:
    """The kind of a route's URL: all of it that is no secret."""
    found = re.match(r"([A-Za-z][A-Za-z0-9+.-]*)://", route.url.get_secret_value())
    return found[1].lower() if found else ""


class Chat:
    """Any service that apprise knows: DingTalk, Feishu, WeCom, Slack, e-mail and the rest."""

    def __init__(self, route: Route) -> None:
        self._mask = Mask(route)
        self._url = route.url.get_secret_value()
        self._service: Any = None

    def send(self, message: Message) -> Receipt:
        """Send once, as plain text."""
        with hushed(self._mask) as said:
            try:
                if self._service is None:
                    self._service = _service(self._url)
                if self._service is None:
                    return failed(
                        "not a URL that apprise can use; see its documentation of the service",
                        "apprise 无法识别该 URL，请查阅其服务文档",
                    )
                arrived = _notify(self._service, message)
            except Exception as error:  # noqa: BLE001 - a plug-in of others may raise anything
                name = type(error).__name__
                return failed(f"apprise failed ({name})", f"apprise 出错（{name}）")
        if arrived:
            return ARRIVED
        words = " ".join(said)
        status = _STATUS.search(words)
        if status is not None:
            return answered(int(status[1]), words)
        receipt = answered(0, words)
        return failed(
            receipt.reason.replace("HTTP 0", "not accepted", 1),
            receipt.reason_zh.replace("HTTP 0", "发送未成功", 1),
        )


def _service(url: str) -> Any:
    """Apprise's service for a URL, with our time-outs; ``None`` for a URL that it cannot use."""
    with warnings.catch_warnings():
        # Its plug-ins, loaded here, import what newer Pythons warn of.
        warnings.simplefilter("ignore", DeprecationWarning)
        import apprise

        asset = apprise.AppriseAsset(async_mode=False, secure_logging=True, storage_mode="memory")
        service = apprise.Apprise.instantiate(url, asset=asset)
    if service is not None:
        service.socket_connect_timeout = CONNECT_SECONDS
        service.socket_read_timeout = READ_SECONDS
        service.redirects = False
    return service


def _notify(service: Any, message: Message) -> bool:
    import apprise

    sender = apprise.Apprise(asset=service.asset)
    sender.add(service)
    return bool(
        sender.notify(
            title=message.title(),
            body=message.body(_room(service)),
            body_format=apprise.NotifyFormat.TEXT,
        )
    )


def _room(service: Any) -> int:
    """Characters for one message.

    Some services count bytes, three for a Chinese character; others get escapes added to the text.
    """
    longest = int(getattr(service, "body_maxlen", 0) or 0) or 32_768
    return max(longest // 3, 100)
