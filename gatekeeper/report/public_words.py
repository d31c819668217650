"""The words of what the public sees, in English and in Chinese."""

from __future__ import annotations

from typing import Final

EN: Final[dict[str, str]] = {
    "public": "What the public sees",
    "verdict": "Verdict",
    "count_looked_at": "Looked at",
    "count_pass": "Pass",
    "count_fail": "Fail",
    "count_ask": "For a person to look at",
    "ranges": "Published address ranges",
    "networks": "Networks",
    "published": "Published",
    "sync_token": "Sync token",
    "origin": "From",
    "age_days": "Age in days",
}

ZH: Final[dict[str, str]] = {
    "public": "公网可见情况",
    "verdict": "结论",
    "count_looked_at": "检查数",
    "count_pass": "通过",
    "count_fail": "不通过",
    "count_ask": "待人工确认",
    "ranges": "已公布的地址范围",
    "networks": "网段数",
    "published": "发布日期",
    "sync_token": "同步标记",
    "origin": "来源",
    "age_days": "距今天数",
}
