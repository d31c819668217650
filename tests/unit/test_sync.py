"""A portal into the register: against a real HTTP server, well-behaved and hostile."""

from __future__ import annotations

import gzip
import json
import socket
import ssl
import stat
import threading
import time
import tracemalloc
from contextlib import nullcontext, suppress
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address

import pytest

from gatekeeper.errors import ImportRefused, PortalError, StoreError
from gatekeeper.filing import Status
from gatekeeper.store import open_store
from gatekeeper.sync import Result, Stores, Window, parse_portals, spool_folder, sync_portal
from tests.portals import TOKEN, VARIABLE, portal, row, send

NOW = datetime(2026, 3, 2, 1, 30, tzinfo=UTC)


@pytest.fixture
def there(monkeypatch):
    monkeypatch.setenv(VARIABLE, TOKEN)
    with portal() as running:
        yield running


@pytest.fixture
def store(tmp_path):
    with open_store(f"sqlite:///{tmp_path}/gatekeeper.db") as opened:
        yield opened


@pytest.fixture
def sync(there, store, tmp_path):
    """Sync the portal; ``pauses`` has the seconds that it waited."""

    def run(*changes, window=None, at=NOW, dry_run=False, stopping=bool):
        [one] = parse_portals(there.settings(*changes)).portals
        return sync_portal(
            one,
            Stores(read=lambda: nullcontext(store), write=lambda: nullcontext(store)),
            spool=tmp_path / "spool",
            window=window or Window(),
            actor="li",
            clock=at if callable(at) else lambda: at,
            pause=run.pauses.append,
            stopping=stopping,
            dry_run=dry_run,
        )

    run.pauses = []
    return run


def refused(sync, store, tmp_path, *changes, error=PortalError, kept=False, **how):
    """The line of a sync that fails; the register must be as it was, and no page left over."""
    before = store.register_version(), store.trail_head(), store.source("made-up")
    with pytest.raises(error) as raised:
        sync(*changes, **how)
    assert (store.register_version(), store.trail_head(), store.source("made-up")) == before
    pages = list((tmp_path / "spool").glob("made-up/page-*"))
    assert bool(pages) is kept
    text = raised.value.message + raised.value.zh
    assert "portal made-up" in raised.value.message
    assert "门户 made-up" in raised.value.zh
    assert "\n" not in text
    assert TOKEN not in text
    return raised.value


def test_every_page_is_read_and_stored(sync, there, store, tmp_path):
    there.rows = [row(n) for n in range(1, 8)]
    done = sync()
    assert (done.result, done.pages, done.rows, done.resumed) == (Result.STORED, 3, 7, 0)
    assert (done.counts["new"], done.since) == (7, None)
    assert done.until == datetime(2026, 3, 1, 1, 7, tzinfo=UTC)
    assert there.pages == ["1", "2", "3"]
    stored = store.application("A003")
    assert stored.status is Status.SUBMITTED
    assert stored.status_at == datetime(2026, 3, 1, 1, 3, tzinfo=UTC), "without offset: Shanghai"
    assert stored.service.domains == ("a3.example.cn", "b.example.cn")
    assert stored.access.ips == ("52.83.1.3",)
    assert json.loads(stored.review) == {"entity": {"head": {"name": "示例"}}}
    [event] = store.events("A004")
    assert (event.actor, event.source) == ("li", "portal made-up, page 2")
    assert not list(tmp_path.glob("spool/*"))
    assert {"Cookie", "Authorization"} & there.asked[0].headers.keys() == {"Authorization"}


def test_the_next_sync_asks_for_what_changed(sync, there, store):
    there.rows = [row(n) for n in range(1, 4)]
    sync()
    there.rows[0] |= {"state": 5, "stateTime": "2026-03-01 12:00:00"}
    there.rows[0]["changed"] = "2026-03-01T12:00:00+08:00"
    there.asked.clear()
    done = sync()
    assert done.since == datetime(2026, 3, 1, 0, 53, tzinfo=UTC), "ten minutes of overlap"
    assert there.asked[0].query["since"] == "2026-03-01T00:53:00Z"
    assert (done.counts["moved"], done.counts["unchanged"]) == (1, 2)
    assert store.application("A001").status is Status.BUREAU_REVIEW
    assert done.until == datetime(2026, 3, 1, 4, 0, tzinfo=UTC)
    full = sync(window=Window(full=True))
    assert (full.result, full.since, full.rows) == (Result.UNCHANGED, None, 3)


def test_a_gap_is_closed_by_the_next_sync(sync, there, store):
    there.rows = [row(1)]
    sync()
    there.rows += [row(2, changed="2026-03-01T11:00:00+08:00"), row(3, changed="2026-03-01T15:00Z")]
    late = sync(window=Window(since=datetime(2026, 3, 1, 14, tzinfo=UTC)))
    assert (late.counts["new"], late.until) == (1, datetime(2026, 3, 1, 1, 1, tzinfo=UTC))
    next_one = sync()
    assert (next_one.counts["new"], next_one.counts["unchanged"]) == (1, 2)
    assert next_one.until == datetime(2026, 3, 1, 15, tzinfo=UTC)


def test_a_first_sync_of_a_part_knows_nothing_of_the_rest(sync, there):
    there.rows = [row(1), row(70)]
    part = sync(window=Window(since=datetime(2026, 3, 1, 2, tzinfo=UTC)))
    assert (part.rows, part.until) == (1, None)
    assert sync().since is None


def test_other_settings_ask_for_everything_anew(sync, there):
    there.rows = [row(1)]
    sync()
    assert sync(("entity.head.name: unit.leader\n", "\n")).since is None


def test_what_changes_during_a_long_reading_is_no_future(sync, there):
    there.rows = [row(n) for n in range(1, 4)]
    there.rows.append(row(4, changed="2026-03-02T03:00:00Z", stateTime="2026-03-02T03:00:00Z"))
    hours = {0: 0, 1: 0, 2: 2}
    done = sync(at=lambda: NOW + timedelta(hours=hours[len(there.asked)]))
    assert done.until == datetime(2026, 3, 2, 3, tzinfo=UTC)


def test_a_dry_run_stores_nothing(sync, there, store):
    there.rows = [row(1)]
    done = sync(dry_run=True)
    assert (done.result, done.counts["new"]) == (Result.DRY_RUN, 1)
    assert store.applications() == ()
    assert store.source("made-up") is None


def test_tags_save_what_did_not_change(sync, there, store):
    there.rows, there.tagged = [row(n) for n in range(1, 6)], True
    assert sync().result is Result.STORED
    second = sync()
    assert (second.result, second.pages) == (Result.UNCHANGED, 2)
    before = store.source("made-up")
    there.asked.clear()
    third = sync()
    assert (third.result, third.pages, third.rows) == (Result.UNCHANGED, 0, 0)
    assert third.until == second.until
    assert [bool(one.headers.get("If-None-Match")) for one in there.asked] == [True, True]
    assert store.source("made-up") == before, "nothing is stored"
    there.rows[4]["site"] = {"name": "另一个示例网"}
    fourth = sync()
    assert (fourth.counts["corrected"], fourth.counts["unchanged"]) == (1, 4)
    there.asked.clear()
    sync(window=Window(full=True))
    assert not any("If-None-Match" in one.headers for one in there.asked)


def test_a_304_that_nobody_asked_for_is_no_answer(sync, there, store, tmp_path):
    there.rows = [row(1)]
    there.first = lambda handler, request, n: send(handler, 304, b"")
    error = refused(sync, store, tmp_path)
    assert "HTTP 304 in place of an answer" in error.message


def test_the_same_row_on_two_pages_counts_once(sync, there, store):
    """Between two pages a row came in before: the last one of page 1 is the first of page 2."""
    moved = [row(n) for n in (1, 2, 3, 3, 4)]
    there.rows = moved
    done = sync(("    total: data.total\n", ""))
    assert (done.rows, done.pages, done.counts["new"]) == (4, 3, 4)
    assert len(store.events("A003")) == 1


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([row(1), row(1)], "stands in portal made-up, page 1, line 1 too"),
        ([row(1), row(2), row(3), row(1, state=5)], "stands in portal made-up, page 1, line 1 too"),
    ],
    ids=["on one page", "and they differ"],
)
def test_an_application_that_comes_twice_is_a_bad_row(rows, said, sync, there, store, tmp_path):
    there.rows = rows
    error = refused(sync, store, tmp_path, error=ImportRefused)
    assert said in error.problems[0].describe()
    assert "1 bad row; nothing was stored" in error.message


def test_rows_that_moved_past_are_noticed(sync, there, store, tmp_path):
    there.rows = [row(n) for n in (1, 2, 3, 3, 4, 5)]
    error = refused(sync, store, tmp_path)
    assert "5 rows came of 6 that the portal says there are" in error.message


BAD_ROWS = {
    "control": ({"unit": {"name": "示例\x1b[31m公司"}}, "entity.name", "control characters"),
    "bidi": ({"unit": {"name": "示例\u202e公司"}}, "entity.name", "control characters"),
    "id": ({"orderNo": "A\u200b1"}, "application_id", "invisible"),
    "status": ({"state": 9}, "state", "none of the words that fields.status.values knows"),
    "truth": ({"state": True}, "state", "none of the words"),
    "list": ({"state": [1]}, "status", "must be text"),
    "object": ({"state": {}}, "state", "none of the words"),
    "kind": ({"type": "\x1b]0;"}, "type", "none of the words that fields.kind.values knows"),
    "no time": ({"stateTime": "yesterday"}, "status_at", "not an ISO 8601 time"),
    "no change": ({"changed": None}, "changed", "is no time of a change"),
    "ahead": ({"changed": "2026-03-02T12:00:00Z"}, "changed", "lies in the future"),
    "future": ({"stateTime": "2027-03-01 09:00:00"}, "status_at", "lies in the future"),
    "address": ({"cloud": {"account": "111122223333", "hosts": [{"ip": "52.83.1"}]}}, "ips", "not"),
    "nothing": ({"unit": None}, "entity.name", "is required"),
    "surrogate": ({"unit": {"name": "\ud800"}}, "entity.name", "control characters"),
}


@pytest.mark.parametrize("name", BAD_ROWS)
def test_a_bad_row_is_named_and_nothing_is_stored(name, sync, there, store, tmp_path):
    over, column, said = BAD_ROWS[name]
    there.first = lambda handler, request, n: send(
        handler,
        200,
        json.dumps({"data": {"list": [row(1), row(2, **over)], "total": 2}}).encode(),
    )
    error = refused(sync, store, tmp_path, error=ImportRefused)
    [problem] = error.problems
    line = problem.describe()
    assert line.startswith("portal made-up, page 1, line 2, column ")
    assert column in line
    assert said in line
    assert line.isprintable()
    assert problem.describe("zh").isprintable()


def test_every_bad_row_is_listed_and_a_row_that_is_none(sync, there, store, tmp_path):
    there.rows = [row(n, state=9) for n in range(1, 8)]
    error = refused(sync, store, tmp_path, error=ImportRefused)
    assert len(error.problems) == 7
    there.first = lambda handler, request, n: send(
        handler, 200, b'{"data": {"list": [1, "two", null], "total": 3}}'
    )
    error = refused(sync, store, tmp_path, error=ImportRefused)
    assert [problem.reason for problem in error.problems] == ["is no JSON object"] * 3


def test_the_register_judges_like_an_import(sync, there, store, tmp_path):
    there.rows = [row(1, state=6)]
    sync()
    there.rows = [row(1, state=5, stateTime="2026-03-01 12:00:00")]
    error = refused(sync, store, tmp_path, error=ImportRefused)
    assert "no move leads from approved to bureau_review" in error.problems[0].describe()
    there.rows = [row(1, state=1, stateTime="2026-02-01 12:00:00")]
    done = sync()
    assert (done.result, done.counts["stale"]) == (Result.UNCHANGED, 1)


def test_a_path_of_this_machine_is_never_taken(sync, there, store):
    files = [{"kind": "site_photo", "path": "../../etc/passwd", "size": 120000}, "?"]
    there.rows = [row(1, files=files)]
    sync(("entity.head.name: unit.leader", "attachments: files"))
    kept = json.loads(store.application("A001").review)
    assert kept == {"attachments": [{"kind": "site_photo", "size": 120000}, "?"]}


HOSTILE = {
    "html": (
        lambda h: send(h, 200, b"<html>log in</html>", kind="text/html; charset=utf-8"),
        "says to be text/html, a page for people",
    ),
    "no kind": (lambda h: send(h, 200, b"{}", kind=""), "is no JSON but says to be nothing"),
    "truncated": (
        lambda h: send(h, 200, b'{"data": {"list": [{"orderNo": "A0'),
        "is not whole JSON",
    ),
    "empty": (lambda h: send(h, 200, b""), "is not whole JSON"),
    "deep": (lambda h: send(h, 200, b"[" * 90000), "nested too deeply"),
    "number": (lambda h: send(h, 200, b'{"a": 1e999}'), "not whole JSON (a number is too large"),
    "digits": (lambda h: send(h, 200, b"9" * 5000), "is not whole JSON"),
    "nan": (lambda h: send(h, 200, b'{"data": NaN}'), "NaN is not JSON"),
    "twice": (lambda h: send(h, 200, b'{"a": 1, "a": 2}'), "a key stands twice"),
    "latin": (lambda h: send(h, 200, '{"a": "é"}'.encode("latin-1")), "is not UTF-8"),
    "shape": (lambda h: send(h, 200, b'{"code": 500, "data": null}'), "has nothing at data.list"),
    "object": (lambda h: send(h, 200, b'{"data": {"list": {}}}'), "has no list at data.list"),
    "total": (
        lambda h: send(h, 200, b'{"data": {"list": [], "total": "many"}}'),
        "has no number at data.total",
    ),
    "elsewhere": (
        lambda h: send(h, 302, b"", {"Location": "http://169.254.169.254/latest/meta-data/"}),
        "leads to http://169.254.169.254:80, which is not the portal",
    ),
    "scheme": (lambda h: send(h, 307, b"", {"Location": "file:///etc/passwd"}), "leads to nowhere"),
    "port": (lambda h: send(h, 301, b"", {"Location": "//127.0.0.1:1/"}), "http://127.0.0.1:1,"),
    "broken link": (lambda h: send(h, 308, b"", {"Location": "http://[/"}), "leads to nowhere"),
    "in circles": (lambda h: send(h, 302, b"", {"Location": h.path}), "redirects from one page"),
    "large": (lambda h: send(h, 200, b" " * 100_001), "more than 100000 bytes"),
    "brotli": (lambda h: send(h, 200, b"x", {"Content-Encoding": "br"}), "packing (br)"),
    "no gzip": (lambda h: send(h, 200, b"x", {"Content-Encoding": "gzip"}), "packing (gzip)"),
    "half a gzip": (
        lambda h: send(h, 200, gzip.compress(b'{"a": 1}')[:-9], {"Content-Encoding": "gzip"}),
        "packing (gzip)",
    ),
    "token": (lambda h: send(h, 200, f'["{TOKEN}"]'.encode()), "the answer repeats the token"),
    "missing": (lambda h: send(h, 404, b"{}"), "HTTP 404 in place of an answer"),
    "forbidden": (
        lambda h: send(h, 403, TOKEN.encode()),
        "the token is refused (HTTP 403); check the token in ${TEST_PORTAL_TOKEN}",
    ),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_an_answer_that_is_none_is_said_and_nothing_is_stored(name, sync, there, store, tmp_path):
    answer, said = HOSTILE[name]
    there.first = lambda handler, request, n: answer(handler)
    error = refused(sync, store, tmp_path)
    assert "portal made-up, page 1: " in error.message
    assert said in error.message
    assert error.message.isprintable()
    assert sync.pauses == [], "it is not asked again"


def test_a_wrong_token_is_said_without_it(sync, there, store, tmp_path, monkeypatch):
    monkeypatch.setenv(VARIABLE, "wrong-token-of-nobody")
    error = refused(sync, store, tmp_path)
    assert "the token is refused (HTTP 401)" in error.message
    assert "wrong-token" not in error.message
    monkeypatch.setenv(VARIABLE, "two\nlines")
    assert "holds what no header can" in refused(sync, store, tmp_path).message
    monkeypatch.delenv(VARIABLE)
    error = refused(sync, store, tmp_path)
    assert error.message.startswith("portal made-up: the environment has no TEST_PORTAL_TOKEN")


def test_the_same_page_for_ever(sync, there, store, tmp_path):
    raw = json.dumps({"data": {"list": [row(1), row(2), row(3)], "total": 9}}).encode()
    there.first = lambda handler, request, n: send(handler, 200, raw)
    error = refused(sync, store, tmp_path)
    assert "page 2: it is the same as page 1" in error.message
    assert len(there.asked) == 2


def test_pages_without_end(sync, there, store, tmp_path):
    def always_more(handler, request, n):
        rows = [row(3 * n), row(3 * n + 1)]
        return send(handler, 200, json.dumps({"data": {"list": rows, "total": 999}}).encode())

    there.first = always_more
    error = refused(sync, store, tmp_path)
    assert "page 40: there is more than limits.pages allows (40)" in error.message
    many = ("pages: 40, rows: 200", "pages: 40, rows: 5")
    assert "limits.rows allows (5)" in refused(sync, store, tmp_path, many).message
    few = ("bytes: 1000000", "bytes: 2000")
    assert "limits.bytes allows (2000)" in refused(sync, store, tmp_path, few).message


CURSOR = (
    ("style: number, parameter: page", "style: cursor, parameter: cursor, next: data.next"),
    ("    total: data.total\n", ""),
)
LINK = (
    ("style: number, parameter: page", "style: link, next: data.next"),
    ("    total: data.total\n", ""),
)


def paged(nexts):
    """Answers with ``nexts`` one after the other."""

    def answer(handler, request, n):
        data = {"list": [row(n)]} | ({} if nexts[n - 1] == "absent" else {"next": nexts[n - 1]})
        return send(handler, 200, json.dumps({"data": data}).encode())

    return answer


@pytest.mark.parametrize("end", [None, "", False, "absent"])
def test_cursors_are_followed_to_their_end(end, sync, there):
    there.first = paged(["c/1", 7, end])
    done = sync(*CURSOR)
    assert (done.pages, done.rows) == (3, 3)
    assert [one.query.get("cursor") for one in there.asked] == [None, "c/1", "7"]


@pytest.mark.parametrize("where", ["body", "header"])
def test_links_are_followed_to_their_end(where, sync, there):
    if where == "body":
        there.first = paged(["/api/other?page=2", "?page=3", None])
        done = sync(*LINK)
    else:
        there.first = lambda handler, request, n: send(
            handler,
            200,
            json.dumps({"data": {"list": [row(n)]}}).encode(),
            {"Link": f'<?page={n + 1}>; rel="next"'} if n < 3 else {},
        )
        done = sync(LINK[0], LINK[1], (", next: data.next", ""))
    assert done.rows == 3
    assert there.pages == ["", "2", "3"]
    assert all(one.headers["Authorization"].endswith(TOKEN) for one in there.asked)


def test_offsets_count_rows(sync, there):
    def answer(handler, request, n):
        at = int(request.query["page"])
        rows = [row(k) for k in range(1, 6)][at : at + 2]
        return send(handler, 200, json.dumps({"data": {"list": rows}}).encode())

    there.first = answer
    done = sync(("style: number", "style: offset"), ("    total: data.total\n", ""))
    assert (done.rows, there.pages) == (5, ["0", "2", "4", "5"])


@pytest.mark.parametrize(
    ("style", "nexts", "said"),
    [
        (CURSOR, ["a", "b", "a"], "page 3: it names a page as the next that was read already"),
        (CURSOR, [["a"]], "what stands at data.next (page.next) asks for no page"),
        (CURSOR, ["a\nb"], "asks for no page"),
        (CURSOR, ["a" * 5000], "asks for no page"),
        (LINK, ["http://169.254.169.254/?page=2"], "leads to http://169.254.169.254:80"),
        (LINK, ["http://user@127.0.0.1/"], "leads to nowhere"),
        (LINK, ["/x" * 4200], "asks for no page"),
        (LINK, ["?a", "?b", "?a"], "names a page as the next that was read already"),
    ],
)
def test_what_leads_on_is_not_trusted(style, nexts, said, sync, there, store, tmp_path):
    there.first = paged(nexts)
    with pytest.raises(PortalError) as raised:
        sync(*style)
    assert said in raised.value.message
    assert store.applications() == ()


def test_a_full_page_that_does_not_speak_of_the_next_is_no_end(sync, there, store, tmp_path):
    rows = [row(1), row(2), row(3)]
    there.first = lambda handler, request, n: send(
        handler, 200, json.dumps({"data": {"list": rows}}).encode()
    )
    error = refused(sync, store, tmp_path, *CURSOR)
    assert "it is full and does not say whether another follows" in error.message


def test_errors_in_the_answer_itself(sync, there, store, tmp_path):
    there.rows = [row(1)]
    success = ("    items:", "    success: {path: code, values: [0]}\n    items:")
    assert sync(success).rows == 1
    there.first = lambda handler, request, n: send(
        handler, 200, b'{"code": false, "data": {"list": [], "total": 0}}'
    )
    assert "reports an error: code (success)" in refused(sync, store, tmp_path, success).message


def test_a_redirect_within_the_portal_is_followed(sync, there):
    there.rows = [row(1)]
    there.first = lambda handler, request, n: (
        n == 1 and send(handler, 302, b"", {"Location": f"/v2?{handler.path.partition('?')[2]}"})
    )
    assert sync().rows == 1
    assert there.asked[1].path == "/v2"


def test_a_portal_that_stumbles_is_asked_again(sync, there):
    there.rows = [row(1)]
    there.first = lambda handler, request, n: n < 3 and send(handler, 500, b"")
    assert sync().result is Result.STORED
    first, second = sync.pauses
    assert 0.5 <= first <= 1 <= second <= 2
    assert len(there.asked) == 3


@pytest.mark.parametrize(("asked", "waited"), [("7", 7), ("86400", 120), ("soon", None)])
def test_retry_after_is_obeyed_within_bounds(asked, waited, sync, there):
    there.rows = [row(1)]
    there.first = lambda handler, request, n: (
        n == 1 and send(handler, 429, b"", {"Retry-After": asked})
    )
    assert sync().result is Result.STORED
    [pause] = sync.pauses
    assert pause == waited if waited else 0.5 <= pause <= 1


def test_retry_after_may_be_a_date(sync, there):
    there.rows = [row(1)]
    there.first = lambda handler, request, n: (
        n == 1 and send(handler, 503, b"", {"Retry-After": "Fri, 31 Dec 1999 23:59:59 GMT"})
    )
    assert sync().result is Result.STORED
    assert sync.pauses == [0]


def test_it_gives_up_in_the_end(sync, there, store, tmp_path):
    there.first = lambda handler, request, n: send(handler, 503, b"")
    error = refused(sync, store, tmp_path)
    assert "page 1: HTTP 503, tried 3 times; nothing was stored" in error.message
    assert len(there.asked) == 3


def hang_up(handler):
    handler.close_connection = True
    handler.connection.close()
    return True


def half(handler):
    handler.send_response(200)
    handler.send_header("Content-Type", "application/json")
    handler.send_header("Content-Length", "5000")
    handler.end_headers()
    handler.wfile.write(b'{"data"')
    handler.close_connection = True
    return True


@pytest.mark.parametrize("break_off", [hang_up, half])
def test_a_broken_connection_is_tried_again(break_off, sync, there, store, tmp_path):
    there.rows = [row(1)]
    there.first = lambda handler, request, n: n == 1 and break_off(handler)
    assert sync().result is Result.STORED
    assert len(sync.pauses) == 1
    there.first = lambda handler, request, n: break_off(handler)
    assert "cannot connect, or the connection broke" in refused(sync, store, tmp_path).message


def test_nobody_there(sync, there, store, tmp_path):
    error = refused(sync, store, tmp_path, (there.url, "http://127.0.0.1:1"))
    assert "cannot connect, or the connection broke, tried 3 times" in error.message


def drip_headers(handler):
    handler.send_response(200)
    handler.flush_headers()
    while True:
        handler.wfile.write(b"x")
        time.sleep(0.05)


def at_the_last_moment(handler):
    """What came until the line was cut would be whole JSON."""
    handler.send_response(200)
    handler.send_header("Content-Type", "application/json")
    handler.end_headers()
    handler.close_connection = True
    handler.wfile.write(b'{"data": {"list": [], "total": 0}}')
    time.sleep(1.5)
    return True


def test_an_answer_that_never_ends(sync, there, store, tmp_path):
    """By bytes where it streams, by time where it drips."""

    def endless(handler, piece, pause, status=200, headers=None):
        handler.send_response(status)
        for name, value in (headers or {"Content-Type": "application/json"}).items():
            handler.send_header(name, value)
        handler.end_headers()
        handler.close_connection = True
        while True:
            handler.wfile.write(piece)
            time.sleep(pause)

    redirect = {"Location": "/v2"}
    there.first = lambda handler, request, n: endless(handler, b" " * 10000, 0, 302, redirect)
    assert "redirects from one page to the next" in refused(sync, store, tmp_path).message
    there.first = lambda handler, request, n: endless(handler, b" " * 10000, 0)
    assert "more than 100000 bytes" in refused(sync, store, tmp_path).message
    there.first = lambda handler, request, n: endless(handler, b" ", 0.05)
    short = ("page: 4s", "page: 1s")
    began = time.monotonic()
    assert "does not end within 1 s" in refused(sync, store, tmp_path, short).message
    there.first = lambda handler, request, n: drip_headers(handler)
    assert "does not end within 1 s" in refused(sync, store, tmp_path, short).message
    assert time.monotonic() - began < 60, "endless answers are cut off"
    there.first = lambda handler, request, n: at_the_last_moment(handler)
    assert "does not end within 1 s" in refused(sync, store, tmp_path, short).message


def test_silence_is_a_time_out(sync, there, store, tmp_path):
    def silent(handler, request, n):
        time.sleep(1.6)
        return False

    there.rows, there.first = [row(1)], silent
    quick = ("read: 2s", "read: 1s")
    once = ("retries: 2", "retries: 0")
    assert "no answer within 1 s" in refused(sync, store, tmp_path, quick, once).message


def test_a_gzip_bomb_is_not_unpacked(sync, there, store, tmp_path):
    bomb = gzip.compress(b" " * 60_000_000)
    assert len(bomb) < 100_000
    there.first = lambda handler, request, n: send(handler, 200, bomb, {"Content-Encoding": "gzip"})
    tracemalloc.start()
    try:
        error = refused(sync, store, tmp_path)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert "more than 100000 bytes" in error.message
    assert peak < 5_000_000


def test_gzip_is_read(sync, there):
    there.rows = [row(1)]

    def packed(handler, request, n):
        raw = json.dumps(there.body(request)).encode()
        return send(handler, 200, gzip.compress(raw), {"Content-Encoding": "gzip"})

    there.first = packed
    assert sync().rows == 1
    assert there.asked[0].headers["Accept-Encoding"] == "gzip"


def test_no_cookie_is_kept(sync, there):
    there.rows = [row(n) for n in range(1, 6)]

    def sets(handler, request, n):
        raw = json.dumps(there.body(request)).encode()
        return send(handler, 200, raw, {"Set-Cookie": "id=1; Path=/"})

    there.first = sets
    assert sync().rows == 5
    assert not any("Cookie" in one.headers for one in there.asked)


def test_no_other_credentials_are_sent(sync, there, store, tmp_path, monkeypatch):
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login li password hush\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    none = ("    token: ${TEST_PORTAL_TOKEN}\n", "")
    assert "HTTP 401" in refused(sync, store, tmp_path, none).message
    assert "Authorization" not in there.asked[0].headers


def test_another_header_carries_the_token(sync, there, store, tmp_path):
    there.first = lambda handler, request, n: send(
        handler, 200, b'{"data": {"list": [], "total": 0}}'
    )
    sync(("    timeout:", "    header: X-Api-Key\n    timeout:"))
    assert there.asked[0].headers["X-Api-Key"] == TOKEN
    assert "Authorization" not in there.asked[0].headers


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """A certificate for this machine that nobody vouches for, with its key, in one file."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    address = x509.IPAddress(ip_address("127.0.0.1"))
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(datetime.now(UTC) - timedelta(days=1))
        .not_valid_after(datetime.now(UTC) + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([address]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "portal.pem"
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + made.public_bytes(serialization.Encoding.PEM)
    )
    return path


def test_tls_is_verified(sync, there, store, tmp_path, monkeypatch, certificate):
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)
    with portal(context) as sealed:
        sealed.rows = [row(1), row(2)]
        change = (there.url, sealed.url)
        error = refused(sync, store, tmp_path, change)
        assert "its TLS certificate is not accepted" in error.message
        assert sealed.asked == []
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))
        assert sync(change).rows == 2


def test_a_handshake_that_never_ends(sync, there, store, tmp_path):
    """A TLS server that sends one byte at a time of an endless record."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def drip():
            line, _ = listening.accept()
            with line, suppress(OSError):
                line.sendall(b"\x16\x03\x03\x40\x00")
                while True:
                    line.sendall(b"\x00")
                    time.sleep(0.05)

        thread = threading.Thread(target=drip, daemon=True)
        thread.start()
        change = (there.url, f"https://127.0.0.1:{listening.getsockname()[1]}")
        began = time.monotonic()
        error = refused(sync, store, tmp_path, change, ("page: 4s", "page: 1s"))
        assert "does not end within 1 s" in error.message
        assert time.monotonic() - began < 60, "an endless handshake is cut off"
        thread.join(5)
        assert not thread.is_alive()


def broken_at(number):
    return lambda handler, request, n: n == number and send(handler, 404, b"")


def test_a_sync_that_broke_off_goes_on(sync, there, store, tmp_path):
    there.rows = [row(n) for n in range(1, 9)]
    there.first = broken_at(3)
    refused(sync, store, tmp_path, kept=True)
    [folder] = (tmp_path / "spool").iterdir()
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o600}
    there.asked.clear()
    there.first = None
    done = sync()
    assert there.pages == ["3"]
    assert (done.resumed, done.pages, done.rows, done.counts["new"]) == (2, 3, 8, 8)
    assert not list(tmp_path.glob("spool/*"))


def test_pages_that_wait_are_good_for_their_query_and_time_alone(sync, there, store, tmp_path):
    there.rows = [row(n) for n in range(1, 9)]

    def again(*changes, **how):
        there.first = broken_at(len(there.asked) + 3)
        refused(sync, store, tmp_path, kept=True)
        there.asked.clear()
        there.first = None
        return sync(*changes, dry_run=True, **how).resumed

    assert again() == 2
    assert again(at=NOW + timedelta(hours=1)) == 2
    assert again(at=NOW + timedelta(hours=1, seconds=1)) == 0
    assert again(at=NOW - timedelta(seconds=1)) == 0, "written by a clock that was ahead"
    assert again(("size: 3", "size: 4")) == 0
    assert again(("/api/", "/api2/")) == 0
    assert again(window=Window(since=datetime(2026, 1, 1, tzinfo=UTC))) == 0
    assert again(window=Window(full=True)) == 2, "the same query"


@pytest.mark.parametrize("how", ["cut", "other", "missing", "no json"])
def test_a_damaged_page_is_fetched_anew(how, sync, there, store, tmp_path):
    there.rows = [row(n) for n in range(1, 9)]
    there.first = broken_at(3)
    refused(sync, store, tmp_path, kept=True)
    page = tmp_path / "spool" / "made-up" / "page-000002.json"
    raw = page.read_bytes()
    if how == "missing":
        page.unlink()
    else:
        damaged = {"cut": raw[:-20], "other": raw.replace(b"52.83", b"52.84"), "no json": b"\xff\n"}
        page.write_bytes(damaged[how])
    there.first = None
    there.asked.clear()
    assert (sync().resumed, there.pages) == (1, ["2", "3"])
    assert store.application("A004").access.ips == ("52.83.1.4",)


def test_a_folder_of_others_is_refused(sync, there, store, tmp_path):
    there.rows = [row(1)]
    folder = tmp_path / "spool" / "made-up"
    folder.mkdir(parents=True)
    folder.chmod(0o755)
    assert "others may open it" in refused(sync, store, tmp_path).message
    folder.rmdir()
    folder.symlink_to(tmp_path)
    assert "others may open it" in refused(sync, store, tmp_path).message
    folder.unlink()
    folder.write_text("a file")
    assert "cannot keep pages there" in refused(sync, store, tmp_path).message
    assert there.asked == []


def test_one_process_at_a_time(sync, there, store, tmp_path):
    there.rows = [row(n) for n in range(1, 5)]
    said = []

    def second(handler, request, n):
        if n == 1:
            said.append(refused(sync, store, tmp_path).message)
        return False

    there.first = second
    assert sync().rows == 4
    assert said == ["portal made-up: another process reads it at this moment; wait for it"]


def test_a_stop_between_two_pages(sync, there, store, tmp_path):
    there.rows = [row(n) for n in range(1, 9)]
    error = refused(sync, store, tmp_path, kept=True, stopping=lambda: len(there.asked) == 2)
    assert "page 3: stopped before it was read whole" in error.message
    assert sync().resumed == 2


def test_a_register_that_moved_on_meanwhile_is_left_alone(sync, there, store, tmp_path):
    there.rows = [row(1)]

    def meanwhile(handler, request, n):
        store.keep_source("made-up", {}, before=None, at=NOW)
        return False

    there.first = meanwhile
    with pytest.raises(StoreError, match="read by another process meanwhile"):
        sync()
    assert store.applications() == (), "the rows went with it"
    assert store.verify_trail().entries == 0


def test_since_needs_a_portal_that_can_be_asked(sync, there, store, tmp_path):
    never = ("    updated: {parameter: since, path: changed, overlap: 10m}\n", "")
    window = Window(since=datetime(2026, 1, 1, tzinfo=UTC))
    assert "cannot be asked for" in refused(sync, store, tmp_path, never, window=window).message
    there.rows = [row(1)]
    done = sync(never)
    assert (done.since, done.until, done.counts["new"]) == (None, None, 1)
    assert "since" not in there.asked[-1].query


@pytest.mark.parametrize(
    ("form", "value", "asked"),
    [
        ("iso", "2026-03-01T09:01:00", "2026-03-01T00:51:00Z"),
        ("shanghai", "2026-03-01 09:01:00", "2026-03-01 08:51:00"),
        ("epoch", 1772326860, "1772326260"),
        ("epoch", "1772326860", "1772326260"),
        ("epoch_ms", 1772326860999, "1772326260000"),
    ],
)
def test_times_as_the_portal_writes_them(form, value, asked, sync, there):
    raw = json.dumps({"data": {"list": [row(1, changed=value)], "total": 1}}).encode()
    there.first = lambda handler, request, n: send(handler, 200, raw)
    change = ("path: changed, overlap", f"path: changed, format: {form}, overlap")
    sync(change)
    sync(change)
    assert there.asked[1].query["since"] == asked


@pytest.mark.parametrize("value", [True, -(10**30), 10**30, 1.5, "soon", [], {}])
def test_what_is_no_time(value, sync, there, store, tmp_path):
    raw = json.dumps({"data": {"list": [row(1, changed=value)], "total": 1}}).encode()
    there.first = lambda handler, request, n: send(handler, 200, raw)
    for form in ("epoch", "epoch_ms", "iso"):
        change = ("path: changed, overlap", f"path: changed, format: {form}, overlap")
        error = refused(sync, store, tmp_path, change, error=ImportRefused)
        assert "is no time of a change" in error.problems[0].reason


def test_where_pages_wait(tmp_path):
    file = tmp_path / "gatekeeper.db"
    assert spool_folder(file, "x", None, {}) == tmp_path / "gatekeeper.db.spool"
    assert spool_folder(file, "x", "there", {}).as_posix() == "there"
    home = spool_folder(None, "postgresql://db/one", None, {"HOME": "/h"})
    assert home.parent.as_posix() == "/h/.local/state/gatekeeper/spool"
    assert home != spool_folder(None, "postgresql://db/two", None, {"HOME": "/h"})
    state = {"HOME": "/h", "XDG_STATE_HOME": "/x", "STATE_DIRECTORY": "/var/lib/gk:/other"}
    assert spool_folder(None, "x", None, state).is_relative_to("/var/lib/gk/gatekeeper")
