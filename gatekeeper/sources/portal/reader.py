"""The pages of a query, one after the other, and when they cannot be believed together.

Numbers and offsets are counted until a page is empty, or until the portal's total is reached: a
page with few rows may only mean that the portal gives fewer than were asked for.  Cursors and
links are followed until a page names no other.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta, timezone
from typing import Any, Final, NamedTuple

from gatekeeper.errors import PortalError
from gatekeeper.sources.portal.client import UNCHANGED, Answer, Client
from gatekeeper.sources.portal.config import Portal, TimeForm
from gatekeeper.sources.portal.page import Page, PageError, read_page
from gatekeeper.sources.portal.spool import Kept, Spool

_SHANGHAI: Final = timezone(timedelta(hours=8))
_TAGS_AT_MOST: Final = 50
"""Pages whose tags are remembered: to ask for more than that costs as much as to read."""
_TAG_BYTES: Final = 100_000


class Tag(NamedTuple):
    """A page of the last reading: what asked for it, and its tag."""

    token: str | None
    etag: str


class ContradictoryError(PortalError):
    """The pages contradict each other or go beyond a limit: none of them is used again."""


class Reader:
    """Reads one query whole.

    Args:
        portal: which, and how.
        client: asks it.
        spool: keeps the pages until all are there.
        since: ask only for what changed from then on; ``None`` for everything.
        tags: the pages of the last reading of the same query.
        stopping: whether the process is asked to end.
    """

    def __init__(
        self,
        portal: Portal,
        client: Client,
        spool: Spool,
        *,
        since: datetime | None,
        tags: Sequence[Tag] = (),
        stopping: Callable[[], bool] = bool,
    ) -> None:
        self._portal, self._client, self._spool = portal, client, spool
        self._since, self._known, self._stopping = since, tags, stopping
        self._asked: list[str | None] = []
        self._etags: list[str | None] = []
        self._digests: dict[str, int] = {}
        self._first: Answer | None = None
        self._bytes = 0
        self._seen = 0
        self.total: int | None = None
        """The number of rows that the last page says there are."""

    @property
    def count(self) -> int:
        """Pages read so far."""
        return len(self._asked)

    @property
    def tags(self) -> tuple[Tag, ...]:
        """The tags of all pages; none where a page has none."""
        found = [
            Tag(token, etag) for token, etag in zip(self._asked, self._etags, strict=True) if etag
        ]
        size = sum(len(tag.token or "") + len(tag.etag) for tag in found)
        whole = len(found) == len(self._asked) <= _TAGS_AT_MOST and size <= _TAG_BYTES
        return tuple(found) if whole else ()

    def unchanged(self) -> bool:
        """Whether every page is as it was at the last reading, by its tag.

        Raises:
            PortalError: the portal cannot be asked.
        """
        for number, (token, etag) in enumerate(self._known, 1):
            answer = self._ask(token, number, etag)
            if answer.status != UNCHANGED:
                self._first = answer if number == 1 else None
                return False
        return bool(self._known)

    def pages(self) -> Iterator[Page]:
        """Each page in turn, those of a reading that broke off first.

        Raises:
            PortalError: a page cannot be had, or is not what it should be.
            ContradictoryError: the pages cannot be believed together.
        """
        token: str | None = None
        going = True
        for kept in self._spool.pages():
            if not going:  # the spool holds more than the query has: nobody wrote that
                raise self._contradiction("the pages kept of it do not end", "已保存的页面不完整")
            try:
                page = self._page(kept, resumed=True)
            except PortalError as error:
                raise ContradictoryError(
                    error.message, portal=self._portal.name, zh=error.zh
                ) from None
            going, token = self._take(page, token, len(kept.body), kept.url)
            yield page
        while going:
            if self._stopping():
                raise self._client.error(
                    self.count + 1,
                    "stopped before it was read whole; the next sync goes on here",
                    "读取中止，下次同步将从此处继续",
                )
            answer = self._first or self._ask(token, self.count + 1, None)
            self._first = None
            if answer.status == UNCHANGED:
                raise self._client.error(
                    self.count + 1,
                    "HTTP 304 to a request without a tag",
                    "未发送标签却返回 HTTP 304",
                )
            kept = Kept(answer.url, answer.link, answer.etag, answer.body)
            page = self._page(kept, resumed=False)
            going, token = self._take(page, token, len(kept.body), kept.url)
            self._spool.keep(kept)
            yield page

    def check(self, rows: int) -> None:
        """Compare how many rows came with how many the portal says there are.

        Raises:
            ContradictoryError: fewer came, so some moved past while the pages were read.
        """
        if self.total is not None and rows < self.total:
            raise self._contradiction(
                f"{rows} rows came of {self.total} that the portal says there are: some moved "
                "while they were read; sync again, and ask for a steady order (query)",
                f"门户称共有 {self.total} 行，实际读到 {rows} 行，读取期间数据可能有变动；"
                "请重新同步，并通过 query 指定稳定的排序",
            )

    def _page(self, kept: Kept, *, resumed: bool) -> Page:
        try:
            return read_page(
                self._portal,
                kept.body,
                number=self.count + 1,
                link=kept.link,
                etag=kept.etag,
                resumed=resumed,
            )
        except PageError as error:
            raise self._client.error(self.count + 1, error.why, error.zh) from None

    def _take(self, page: Page, token: str | None, size: int, url: str) -> tuple[bool, str | None]:
        """Count a page; whether there is another, and what asks for it."""
        limits = self._portal.limits
        self._asked.append(token)
        self._etags.append(page.etag)
        self._bytes += size
        self._seen += len(page.items)
        self.total = page.total
        if self._bytes > limits.bytes:
            raise self._beyond("bytes", limits.bytes)
        if self._seen > limits.rows:
            raise self._beyond("rows", limits.rows)
        earlier = self._digests.setdefault(page.digest, page.number)
        if page.items and earlier != page.number:
            raise self._contradiction(
                f"it is the same as page {earlier}, so the portal does not page as the settings "
                "say; check page, and name total where the portal has one",
                f"与第 {earlier} 页内容相同，门户的翻页方式与配置不符；"
                "请检查 page，门户提供总数时请配置 total",
            )
        if page.full:
            raise self._contradiction(
                "it is full and does not say whether another follows; check page.next",
                "该页已满，却未说明是否还有下一页；请检查 page.next",
            )
        following = self._following(page, url)
        if following is None:
            return False, None
        if following in self._asked:
            raise self._contradiction(
                "it names a page as the next that was read already, so there is no end; check "
                "page.next, and ask the portal's operator",
                "其下一页是已读取过的页面，翻页不会结束；请检查 page.next 并联系门户运营方",
            )
        if self.count >= limits.pages:
            raise self._beyond("pages", limits.pages)
        return True, following

    def _following(self, page: Page, url: str) -> str | None:
        style = self._portal.page.style
        if style == "cursor":
            return page.next
        if style == "link":
            if page.next is None:
                return None
            return self._client.own(page.next, url, page=page.number)
        if not page.items or (page.total is not None and self._seen >= page.total):
            return None
        return str(self._start() + (self._seen if style == "offset" else page.number))

    def _start(self) -> int:
        page = self._portal.page
        if page.first is not None:
            return page.first
        return 1 if page.style == "number" else 0

    def _ask(self, token: str | None, number: int, etag: str | None) -> Answer:
        url, query = request(self._portal, self._since, token, self._start())
        return self._client.get(url, query, page=number, etag=etag)

    def _contradiction(self, why: str, zh: str) -> ContradictoryError:
        made = self._client.error(self.count, why, zh)
        return ContradictoryError(made.message, portal=self._portal.name, zh=made.zh)

    def _beyond(self, key: str, limit: int) -> ContradictoryError:
        return self._contradiction(
            f"there is more than limits.{key} allows ({limit}); ask for less with --since, or "
            "raise the limit",
            f"超过 limits.{key} 的上限（{limit}）；请用 --since 缩小范围或调高上限",
        )


def request(
    portal: Portal, since: datetime | None, token: str | None, start: int
) -> tuple[str, Mapping[str, str]]:
    """The URL of a page and the parameters beside those that it has itself."""
    page = portal.page
    if page.style == "link" and token is not None:
        return token, {}
    query = {key: _parameter(value) for key, value in portal.query.items()}
    if portal.updated is not None and since is not None:
        query[portal.updated.parameter] = written(since, portal.updated.format)
    if page.size_parameter is not None:
        query[page.size_parameter] = str(page.size)
    if page.parameter is not None:
        if page.style in ("number", "offset"):
            query[page.parameter] = token if token is not None else str(start)
        elif token is not None:
            query[page.parameter] = token
    return portal.url, query


def written(at: datetime, form: TimeForm) -> str:
    """A time as a portal takes it, to the second below."""
    whole = at.replace(microsecond=0)
    match form:
        case "iso":
            return whole.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        case "shanghai":
            return whole.astimezone(_SHANGHAI).strftime("%Y-%m-%d %H:%M:%S")
        case "epoch":
            return str(int(whole.timestamp()))
        case "epoch_ms":
            return str(int(whole.timestamp()) * 1000)


def query_key(portal: Portal, *parts: object) -> str:
    """Digest of a query: of the portal's settings and whatever else decides its answer."""
    text = json.dumps([portal.digest(), *(_plain(part) for part in parts)])
    return hashlib.sha256(text.encode()).hexdigest()


def _plain(part: object) -> Any:
    return part.isoformat() if isinstance(part, datetime) else part


def _parameter(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)
