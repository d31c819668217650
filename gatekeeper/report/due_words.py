"""The words of the clocks, in English and in Chinese."""

from __future__ import annotations

from typing import Final

EN: Final[dict[str, str]] = {
    "due": "Running clocks",
    "clock": "Clock",
    "started_at": "Started at",
    "deadline": "Deadline",
    "estimated": "Estimated",
    "overdue": "Overdue",
    "then": "Then",
    "clock.clock-provider": "clock-provider",
    "clock.clock-sms": "clock-sms",
    "clock.clock-bureau": "clock-bureau",
    "clock.after-police": "after-police",
    "clock.domain": "domain",
    "clock.document": "document",
    "clock.certificate": "certificate",
    "estimated.yes": "yes",
    "estimated.no": "no",
    "overdue.yes": "yes",
    "overdue.no": "no",
}

ZH: Final[dict[str, str]] = {
    "due": "办理时限",
    "clock": "时限",
    "started_at": "起算时间",
    "deadline": "截止时间",
    "estimated": "估算",
    "overdue": "逾期",
    "then": "届时",
    "clock.clock-provider": "接入商初审",
    "clock.clock-sms": "短信核验",
    "clock.clock-bureau": "管局审核",
    "clock.after-police": "公安联网备案",
    "clock.domain": "域名到期",
    "clock.document": "证件到期",
    "clock.certificate": "证书到期",
    "estimated.yes": "是",
    "estimated.no": "否",
    "overdue.yes": "是",
    "overdue.no": "否",
}
