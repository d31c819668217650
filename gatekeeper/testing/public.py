"""The public side in memory: names that resolve as they are told, pages that say what they say."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from ipaddress import ip_address

from gatekeeper.filing import Answer, PageSeen, Resolution, read_html
from gatekeeper.filing.review import DomainFacts


class FakeNames:
    """Resolves what it was told; every other name does not exist.

    A value is an address or several; ``None`` is a name that nobody could resolve.  With
    ``then``, a name answers so from its second question on, as rebinding names do.
    """

    def __init__(
        self,
        known: Mapping[str, tuple[str, ...] | str | None],
        *,
        then: Mapping[str, tuple[str, ...] | str | None] | None = None,
    ) -> None:
        self._known = dict(known)
        self._then = dict(then or {})
        self.asked: list[str] = []

    def resolve(self, name: str) -> Resolution:
        """Answer, and remember the question."""
        again = name in self.asked and name in self._then
        self.asked.append(name)
        source = self._then if again else self._known
        if name not in source:
            return Resolution(name=name, answer=Answer.NO_NAME)
        told = source[name]
        if told is None:
            return Resolution(
                name=name,
                answer=Answer.UNKNOWN,
                reason="A: no answer in time",
                reason_zh="A 查询超时",
            )
        addresses = (told,) if isinstance(told, str) else told
        if not addresses:
            return Resolution(name=name, answer=Answer.NO_ADDRESS)
        return Resolution(
            name=name,
            answer=Answer.FOUND,
            addresses=tuple(str(ip_address(address)) for address in addresses),
        )


class FakePages:
    """Shows the HTML that it was given, by name or URL; every other page cannot be reached."""

    def __init__(self, known: Mapping[str, str]) -> None:
        self._known = dict(known)
        self.asked: list[str] = []

    def read(self, target: str) -> PageSeen:
        """The page, and remember the question."""
        self.asked.append(target)
        url = target if "://" in target else f"https://{target}/"
        if target not in self._known:
            return PageSeen(url, None, f"{target} cannot be reached", f"无法连接 {target}")
        return PageSeen(url, read_html(self._known[target]))


class FakeDomains:
    """Tells the facts that it was given, by domain; of every other one nothing."""

    def __init__(self, known: Mapping[str, DomainFacts]) -> None:
        self._known = dict(known)
        self.asked: list[str] = []

    def facts(self, name: str, at: datetime) -> DomainFacts:
        """The facts, and remember the question."""
        del at
        self.asked.append(name)
        return self._known.get(name, DomainFacts())
