"""The words of a sync, in English and in Chinese."""

from __future__ import annotations

from typing import Final

EN: Final[dict[str, str]] = {
    "sync": "Sync",
    "portal": "Portal",
    "pages": "Pages",
    "rows": "Rows",
    "moved": "Moved",
    "corrected": "Corrected",
    "observed": "Seen again",
    "unchanged": "Unchanged",
    "stale": "Stale",
    "until": "Until",
    "result.stored": "stored",
    "result.unchanged": "unchanged",
    "result.dry-run": "dry run",
}

ZH: Final[dict[str, str]] = {
    "sync": "门户同步",
    "portal": "门户",
    "pages": "页数",
    "rows": "行数",
    "moved": "状态变更",
    "corrected": "更正",
    "observed": "再次出现",
    "unchanged": "无变化",
    "stale": "已过时",
    "until": "截至",
    "result.stored": "已写入",
    "result.unchanged": "无变化",
    "result.dry-run": "试运行",
}
