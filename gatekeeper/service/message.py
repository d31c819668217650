"""One message to one route: its JSON for webhooks, its words for people.

Findings carry names that others chose.  In words for people they are stripped of whatever is not
shown, call nobody (``@all``), and are bounded; JSON for programs carries them as they are, escaped.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal

from gatekeeper.gate import Severity, moment

SCHEMA: Final = "gatekeeper/notice/1"
SHOWN: Final = 20
"""Findings that a message for people shows; the others are counted."""
_LONGEST: Final = 12_000
"""Characters of a message for people; each service has its own limit as well."""
_FIELD: Final = 400
"""Characters of one text of a finding."""
_NAMES: Final = 10
"""Addresses or ports of a finding that are shown."""

_SEVERITIES: Final = {
    "critical": "严重",
    "high": "高",
    "medium": "中",
    "low": "低",
    "info": "提示",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """What is sent in one go."""

    id: str
    """The same whenever the same notices are sent again, so that a receiver knows them."""
    route: str
    lang: Literal["en", "zh"]
    sent_at: datetime
    findings: tuple[Mapping[str, Any], ...]
    """As ``finding_record`` makes them, with ``state`` and an ``id`` of their own."""
    test: bool = False

    def payload(self) -> bytes:
        """The body of a webhook, all ASCII."""
        return json.dumps(
            {
                "schema": SCHEMA,
                "id": self.id,
                "route": self.route,
                "sent_at": moment(self.sent_at),
                "test": self.test,
                "findings": list(self.findings),
            },
            separators=(",", ":"),
        ).encode()

    def title(self) -> str:
        """One line: how many findings of which severity."""
        zh = self.lang == "zh"
        if self.test:
            return "[gatekeeper] 测试消息" if zh else "[gatekeeper] test message"
        fresh = Counter(str(f["severity"]) for f in self.findings if f["state"] == "new")
        resolved = sum(f["state"] == "resolved" for f in self.findings)
        parts = [
            f"{fresh[name]} 项{_SEVERITIES[name]}" if zh else f"{fresh[name]} {name}"
            for name in _SEVERITIES
            if fresh[name]
        ]
        if resolved:
            parts.append(f"{resolved} 项已消除" if zh else f"{resolved} resolved")
        words = ("、" if zh else ", ").join(parts)
        if len(self.findings) == 1:
            only = self.findings[0]
            words = f"{clean(only['code'])} {clean(only['account_id'])} · {words}".replace(
                "  ", " "
            )
        return f"[gatekeeper] {words}"

    def body(self, limit: int = _LONGEST) -> str:
        """The findings for people, worst first, at most ``limit`` characters of plain text."""
        zh = self.lang == "zh"
        if self.test:
            return (
                f"这是 gatekeeper 发给通知渠道 {clean(self.route)} 的测试消息，无需处理。"
                if zh
                else f"A test of gatekeeper's route {clean(self.route)}; there is nothing to do."
            )
        ordered = sorted(self.findings, key=_worst_first)
        limit = min(limit, _LONGEST)
        blocks: list[str] = []
        room = limit - len(_more(len(ordered), zh)) - 2
        for finding in ordered[:SHOWN]:
            block = _block(finding, zh)
            if len(block) + 2 > room:
                if not blocks:
                    blocks.append(block[: max(room - 3, 0)] + "…")
                break
            blocks.append(block)
            room -= len(block) + 2
        left = len(ordered) - len(blocks)
        if left:
            blocks.append(_more(left, zh))
        return "\n\n".join(blocks)[:limit]


def compose(
    keyed: Iterable[tuple[str, Mapping[str, Any]]],
    *,
    route: str,
    lang: Literal["en", "zh"],
    sent_at: datetime,
) -> Message:
    """The message of some notices, each with its key."""
    notices = list(keyed)
    return Message(
        id=stable_id(key for key, _ in notices),
        route=route,
        lang=lang,
        sent_at=sent_at,
        findings=tuple({"id": stable_id([key]), **data} for key, data in notices),
    )


def stable_id(keys: Iterable[str]) -> str:
    """The same id for the same keys, in whatever order; it tells nothing of them."""
    text = "\n".join(sorted(keys))
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()[:32]


def clean(text: object, longest: int = _FIELD) -> str:
    """Text on one line without what is not shown: controls, bidirectional marks, surrogates.

    ``@`` becomes its wide form, so that no name calls everybody of a group.
    """
    shown = "".join(
        c if c.isprintable() else " " if c.isspace() else "" for c in str(text)
    ).replace("@", "＠")
    line = " ".join(shown.split())
    return line if len(line) <= longest else f"{line[: longest - 1]}…"


def _worst_first(finding: Mapping[str, Any]) -> tuple[bool, int]:
    return finding["state"] == "resolved", -Severity(finding["severity"]).rank


def _block(finding: Mapping[str, Any], zh: bool) -> str:
    resolved = finding["state"] == "resolved"
    severity = str(finding["severity"])
    mark = _SEVERITIES.get(severity, severity) if zh else severity
    if resolved:
        mark = f"已消除，{mark}" if zh else f"resolved, {mark}"
    account = clean(finding.get("account_id") or "")
    head = [f"[{mark}] {clean(finding['code'])}"]
    if account:
        head.append(f"账号 {account}" if zh else f"account {account}")
    lines = [" · ".join(head), clean(finding["message_zh" if zh else "message"])]
    about = [
        f"{word} {value}"
        for word, value in (
            ("IP" if zh else "IPs", _names(finding.get("ips") or ())),
            ("端口" if zh else "ports", _names(finding.get("ports") or ())),
            ("备案" if zh else "filing", clean(finding.get("filing_id") or "")),
            ("端点" if zh else "endpoint", clean(finding.get("endpoint") or "")),
        )
        if value
    ]
    if about:
        lines.append(" · ".join(about))
    remedy = clean(finding.get("remedy_zh" if zh else "remedy") or "")
    if remedy and not resolved:
        lines.append(f"处理办法：{remedy}" if zh else f"To do: {remedy}")
    return "\n".join(lines)


def _names(items: Sequence[object]) -> str:
    shown = ", ".join(clean(item, 60) for item in items[:_NAMES])
    return shown if len(items) <= _NAMES else f"{shown}, … ({len(items)})"


def _more(count: int, zh: bool) -> str:
    return (
        f"另有 {count} 项，可用 gatekeeper audit 查看"
        if zh
        else f"and {count} more; see gatekeeper audit"
    )
