"""The sender: what is due goes out once, in order, in bounds; what fails comes again."""

from __future__ import annotations

import contextlib
import logging
import shutil
import threading
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatekeeper.errors import StoreError
from gatekeeper.gate import finding_record
from gatekeeper.service.channels import _room, _service
from gatekeeper.service.message import compose, stable_id
from gatekeeper.service.notices import plan_notices
from gatekeeper.service.sender import ATTEMPTS, JOB, REFUSALS, SendReport, send_due
from gatekeeper.service.webhook import Webhook
from gatekeeper.store import Store, open_store
from tests.properties.examples import examples
from tests.unit.service.receiver import Receiver, receiver
from tests.unit.service.told import AT, FINDING, Clock, finding, high, route
from tests.unit.service.told import settings as told_settings
from tests.unit.store import conftest as stores

sqlite_file, store, url = stores.sqlite_file, stores.store, stores.url


@pytest.fixture
def told() -> Iterator[Receiver]:
    with receiver() as opened:
        yield opened


@pytest.fixture
def clock() -> Clock:
    return Clock()


def queue(store, routes, *findings, at=AT, state="new"):
    changes = [(one, state) for one in findings]
    return store.queue_notices(plan_notices(changes, routes, {}, at=at), at=at)


def many(count, **values):
    return [high(number, **values) for number in range(count)]


# one by one


def test_what_is_due_goes_out_oldest_first_and_once(store: Store, told, clock) -> None:
    config = told_settings(route(url=told.url))
    queue(store, config.notices, FINDING, *many(2))
    assert send_due(store, config, clock=clock) == SendReport(sent=3)
    assert told.codes() == [["exposed-unfiled"], ["closed-approved"], ["closed-approved"]]
    assert [one.json["findings"][0]["filing_id"] for one in told.got] == [None, "F0", "F1"]
    assert len({one.headers["Idempotency-Key"] for one in told.got}) == 3
    assert send_due(store, config, clock=clock) == SendReport()
    assert len(told.got) == 3
    assert store.outbox_counts() == {"sent": 3}


def test_what_is_not_due_waits(store: Store, told, clock) -> None:
    config = told_settings(route(url=told.url, digest="1h"))
    queue(store, config.notices, *many(2))
    assert send_due(store, config, clock=clock) == SendReport(waiting=2)
    clock.on(hours=1)
    assert send_due(store, config, clock=clock) == SendReport(sent=2)
    assert told.codes() == [["closed-approved", "closed-approved"]]


def test_a_digest_is_one_message_but_critical_findings_come_alone(store, told, clock) -> None:
    config = told_settings(route(url=told.url, digest="1h"))
    queue(store, config.notices, *many(3), FINDING)
    assert send_due(store, config, clock=clock) == SendReport(sent=1, waiting=3)
    assert told.codes() == [["exposed-unfiled"]]
    clock.on(hours=1)
    assert send_due(store, config, clock=clock).sent == 3
    assert len(told.got) == 2


def test_what_is_beyond_the_rate_goes_into_one_digest(store: Store, told, clock) -> None:
    config = told_settings(route(url=told.url, rate={"count": 3, "per": "1h"}))
    queue(store, config.notices, *many(10))
    assert send_due(store, config, clock=clock) == SendReport(sent=10)
    assert [len(codes) for codes in told.codes()] == [1, 1, 8]
    queue(store, config.notices, *(high(number) for number in range(20, 25)))
    assert send_due(store, config, clock=clock) == SendReport(waiting=5)
    clock.on(minutes=59)
    assert send_due(store, config, clock=clock) == SendReport(waiting=5)
    clock.on(minutes=2)
    assert send_due(store, config, clock=clock) == SendReport(sent=5)
    assert [len(codes) for codes in told.codes()] == [1, 1, 8, 1, 1, 3]
    told_of = [one["filing_id"] for got in told.got for one in got.json["findings"]]
    assert told_of == [f"F{number}" for number in [*range(10), *range(20, 25)]]


def test_in_quiet_hours_only_critical_findings_go_out(store: Store, told, clock) -> None:
    day = route(url=told.url)
    quiet = route(url=told.url, quiet={"from": "11:00", "to": "13:00"})
    queue(store, [day], high(), FINDING)  # due at noon, as before the hours were set
    assert send_due(store, told_settings(quiet), clock=clock) == SendReport(sent=1, waiting=1)
    assert told.codes() == [["exposed-unfiled"]]
    clock.on(hours=1)
    assert send_due(store, told_settings(quiet), clock=clock) == SendReport(sent=1)


# failures


def test_a_failure_is_tried_again_later_and_later_under_the_same_id(store, told, clock) -> None:
    config = told_settings(route(url=told.url))
    queue(store, config.notices, FINDING, high())
    told.status = 503
    pauses = []
    for _ in range(ATTEMPTS - 1):
        assert send_due(store, config, clock=clock) == SendReport(failed=1, waiting=2)
        assert send_due(store, config, clock=clock) == SendReport(waiting=2)  # the route rests
        (resting,) = store.backlog(at=clock()).values()
        pauses.append(int((resting.resting_until - clock()).total_seconds()))
        clock.at = resting.resting_until
    assert pauses == [30, 60, 120, 240, 480, 960, 1920, 3600, 3600, 3600, 3600]
    assert len(told.got) == ATTEMPTS - 1
    assert len({one.headers["Idempotency-Key"] for one in told.got}) == 1
    report = send_due(store, config, clock=clock)  # the last attempt; then the next one's first
    assert report == SendReport(failed=1, dead=1, waiting=1)
    (dead,) = store.notices("dead")
    assert (dead.attempts, dead.error) == (ATTEMPTS, "HTTP 503")
    told.status = 200
    clock.on(hours=1)
    assert send_due(store, config, clock=clock) == SendReport(sent=1)


def test_what_is_refused_is_dead_after_three_attempts(store: Store, told, clock) -> None:
    config = told_settings(route(url=told.url))
    queue(store, config.notices, FINDING)
    told.status = 404
    for _ in range(REFUSALS - 1):
        assert send_due(store, config, clock=clock).failed == 1
        clock.on(hours=1)
    assert send_due(store, config, clock=clock) == SendReport(dead=1)
    assert len(told.got) == REFUSALS


@pytest.mark.parametrize("status", [408, 425, 429])
def test_who_asks_to_come_later_is_asked_more_often(store: Store, told, clock, status) -> None:
    config = told_settings(route(url=told.url))
    queue(store, config.notices, FINDING)
    told.status = status
    for _ in range(REFUSALS + 1):
        assert send_due(store, config, clock=clock).failed == 1
        clock.on(hours=1)


@pytest.mark.parametrize(
    ("wish", "seconds"), [("600", 600), ("5", 30), ("999999", 6 * 3600), ("soon", 30)]
)
def test_a_receiver_says_when_to_come_again(store: Store, told, clock, wish, seconds) -> None:
    config = told_settings(route(url=told.url))
    queue(store, config.notices, FINDING)
    told.status, told.headers = 429, {"Retry-After": wish}
    assert send_due(store, config, clock=clock).failed == 1
    (one,) = store.notices()
    assert one.due_at == AT + timedelta(seconds=seconds)


def test_one_route_does_not_hold_up_another(store: Store, told, clock) -> None:
    with receiver() as well:
        config = told_settings(
            route("a", url=told.url), route("b", url=well.url), route("c", url="nonsense://x")
        )
        queue(store, config.notices, FINDING, high())
        told.status = 500
        assert send_due(store, config, clock=clock) == SendReport(sent=2, failed=2, waiting=4)
        assert len(well.got) == 2


def test_what_was_tried_together_is_tried_together(store: Store, told, clock) -> None:
    config = told_settings(route(url=told.url, digest="1h"))
    queue(store, config.notices, *many(3))
    clock.on(hours=1)
    told.status = 500
    assert send_due(store, config, clock=clock).failed == 3
    queue(store, config.notices, *(high(number) for number in (8, 9)), at=clock())
    told.status = 200
    clock.on(hours=1)
    assert send_due(store, config, clock=clock).sent == 5
    ids = [one.headers["Idempotency-Key"] for one in told.got]
    assert ids[0] == ids[1] != ids[2]
    assert [len(codes) for codes in told.codes()] == [3, 3, 2]


def test_notices_of_a_route_that_is_gone_are_dead(store: Store, told, clock) -> None:
    queue(store, [route("gone", digest="1d"), route("stays", url=told.url)], FINDING, high())
    config = told_settings(route("stays", url=told.url))
    assert send_due(store, config, clock=clock) == SendReport(sent=2, dead=2)
    assert {one.error for one in store.notices("dead")} == {
        "route gone is not in the settings any more"
    }
    assert send_due(store, config, clock=clock) == SendReport()


def test_no_secret_reaches_the_store_or_the_log(store: Store, told, clock, caplog) -> None:
    token = "t0ken-in-the-url"
    told.status, told.words = 500, f"no such key: {token}"
    config = told_settings(
        route("hook", url=f"{told.url}/{token}?key={token}", secret="s3cret-key"),
        route("chat", url=f"json://{token}:{token}@{told.host}/{token}"),
        route("bad", url=f"slack://{token}"),
    )
    queue(store, config.notices, FINDING)
    with caplog.at_level(logging.DEBUG):
        assert send_due(store, config, clock=clock).failed == 3
    stored = " ".join(f"{one.error} {one.data} {one.key}" for one in store.notices())
    for secret in (token, "s3cret-key"):
        assert secret not in stored
        assert secret not in caplog.text
    assert "HTTP 500" in stored


# apprise


def test_apprise_is_sent_plain_text_in_the_language_of_the_route(store, told, clock) -> None:
    chat = f"json://{told.host}"
    config = told_settings(route("en", url=chat), route("zh", url=chat, lang="zh"))
    queue(store, config.notices, finding(message="<b>x</b> *y* \x1b[31m\u202e@all"))
    assert send_due(store, config, clock=clock) == SendReport(sent=2)
    english, chinese = (one.json for one in told.got)
    assert english["title"] == "[gatekeeper] exposed-unfiled 111122223333 · 1 critical"
    assert "<b>x</b> *y* [31m＠all" in english["message"]
    assert "IPs 52.83.1.2 · ports tcp/80, tcp/443 · endpoint eni-1" in english["message"]
    assert "To do: close it with apply" in english["message"]
    assert "[严重] exposed-unfiled · 账号 111122223333" in chinese["message"]
    assert "处理办法：请执行 apply 关闭" in chinese["message"]


@pytest.mark.parametrize(
    ("form", "shown"),
    [
        ("html", "&lt;b&gt;&lt;!channel&gt;&nbsp;*y*"),
        ("markdown", r"<b\><\!channel\> \*y\* \[z\]\("),
        ("text", "<b><!channel> *y* [z](http://x)"),
    ],
)
def test_markup_in_a_name_is_shown_as_it_stands(store, told, clock, form, shown) -> None:
    config = told_settings(route(url=f"json://{told.host}?format={form}"))
    queue(store, config.notices, finding(message="<b><!channel> *y* [z](http://x)"))
    assert send_due(store, config, clock=clock) == SendReport(sent=1)
    assert shown in told.got[0].json["message"]


def test_apprise_follows_no_redirect_and_tells_the_status(store: Store, told, clock) -> None:
    with receiver() as elsewhere:
        told.status, told.headers = 307, {"Location": elsewhere.url}
        config = told_settings(route(url=f"json://{told.host}"))
        queue(store, config.notices, FINDING)
        assert send_due(store, config, clock=clock).failed == 1
        assert elsewhere.got == []
    told.status, told.headers = 401, {}
    clock.on(hours=1)
    assert send_due(store, config, clock=clock).failed == 1
    assert store.notices()[0].error.startswith("HTTP 401")
    clock.on(hours=1)
    assert send_due(store, config, clock=clock).dead == 1


def test_a_chat_that_cannot_be_reached_or_breaks_is_tried_again(store, clock, monkeypatch) -> None:
    with receiver() as gone:
        config = told_settings(route(url=f"json://{gone.host}"))
    queue(store, config.notices, FINDING)
    assert send_due(store, config, clock=clock).failed == 1
    assert store.notices()[0].error.startswith("not accepted: A Connection error occurred")
    monkeypatch.setattr("gatekeeper.service.channels._notify", crash)
    clock.on(hours=1)
    assert send_due(store, config, clock=clock).failed == 1
    assert store.notices()[0].error == "apprise failed (Crash)"


def test_a_url_that_apprise_does_not_know_is_told(store: Store, clock) -> None:
    config = told_settings(route(url="nonsense://t0ken/secret"))
    queue(store, config.notices, FINDING)
    assert send_due(store, config, clock=clock).failed == 1
    assert store.notices()[0].error.startswith("not a URL that apprise can use")


# one at a time, and to be stopped


def test_who_finds_another_sender_does_nothing(store: Store, told, clock) -> None:
    config = told_settings(route(url=told.url))
    queue(store, config.notices, FINDING)
    with store.acquire_lease(JOB) as held:
        assert send_due(store, config, clock=clock) == SendReport(waiting=1)
        assert told.got == []
        assert send_due(store, config, clock=clock, lease=held) == SendReport(sent=1)
    assert send_due(store, config, clock=clock) == SendReport()


def test_who_lost_the_lease_sends_nothing_more(store: Store, told, clock) -> None:
    from gatekeeper.errors import LeaseLost

    config = told_settings(route(url=told.url))
    queue(store, config.notices, FINDING)
    lease = store.acquire_lease(JOB)
    lease.release()
    with pytest.raises(LeaseLost):
        send_due(store, config, clock=clock, lease=lease)
    assert told.got == []


def test_a_stop_is_heard_between_messages(store: Store, told, clock) -> None:
    config = told_settings(route(url=told.url))
    queue(store, config.notices, *many(3))
    stop = threading.Event()

    class Stopping(Clock):
        def __call__(self):
            if told.got:
                stop.set()
            return self.at

    assert send_due(store, config, clock=Stopping(), stop=stop) == SendReport(sent=1, waiting=2)
    assert send_due(store, config, clock=clock, stop=stop) == SendReport(waiting=2)
    assert send_due(store, config, clock=clock) == SendReport(sent=2)


def test_a_store_that_is_away_for_a_moment_doubles_nothing(store, told, clock, monkeypatch) -> None:
    config = told_settings(route(url=told.url))
    queue(store, config.notices, FINDING)
    monkeypatch.setattr("gatekeeper.service.sender._REWRITES", (0.01, 0.01))
    mark, away = store.notice_sent, [StoreError("away"), StoreError("away")]

    def reluctant(ids, *, at):
        if away:
            raise away.pop()
        mark(ids, at=at)

    monkeypatch.setattr(store, "notice_sent", reluctant)
    assert send_due(store, config, clock=clock) == SendReport(sent=1)
    assert len(told.got) == 1
    queue(store, config.notices, high())
    away += [StoreError("away")] * 9
    with pytest.raises(StoreError):
        send_due(store, config, clock=clock)


# words


def record(number=0, **values):
    return f"k{number}", {**finding_record(finding(**values)), "state": "new"}


def test_a_long_message_is_bounded_and_worst_first() -> None:
    keyed = [record(number, severity="low", message=f"no {number}") for number in range(30)]
    keyed.append(record(30, message="the worst"))
    made = compose(keyed, route="ops", lang="en", sent_at=AT)
    body = made.body()
    assert made.title() == "[gatekeeper] 1 critical, 30 low"
    assert body.index("the worst") < body.index("no 0")
    assert body.endswith("and 11 more; see gatekeeper audit")
    for limit in (100, 300, 2000):
        short = made.body(limit)
        assert len(short) <= limit
        assert short.splitlines()[-1].endswith("more; see gatekeeper audit")
    endless = compose([record(message="x" * 99999)], route="ops", lang="en", sent_at=AT).body()
    assert len(endless) < 1500


@pytest.mark.parametrize(
    "url",
    [
        "wecombot://01234567-89ab-cdef-0123-456789abcdef",
        "discord://123456789012345678/abcdefghijklmnopqrstuvwxyzabcdefghijklmn",
        "tgram://123456789:abcdefg_hijklmnop/lead2gold",
        "dingtalk://abcdefghijklmnopqrstuvwxyz",
    ],
)
def test_a_message_in_chinese_is_within_the_limit_of_each_service(url: str) -> None:
    service = _service(url)
    keyed = [record(number, message_zh="可从互联网访问_" * 20) for number in range(30)]
    body = compose(keyed, route="ops", lang="zh", sent_at=AT).body(_room(service))
    assert len(body.encode()) <= service.body_maxlen
    assert "另有" in body


def test_what_is_resolved_is_said_so_in_both_languages() -> None:
    key, data = record()
    resolved = [(key, {**data, "state": "resolved"}), record(1, severity="high")]
    english = compose(resolved, route="ops", lang="en", sent_at=AT)
    assert english.title() == "[gatekeeper] 1 high, 1 resolved"
    assert english.body().index("[high]") < english.body().index("[resolved, critical]")
    chinese = compose(resolved, route="ops", lang="zh", sent_at=AT)
    assert chinese.title() == "[gatekeeper] 1 项高、1 项已消除"
    assert "[已消除，严重]" in chinese.body()


def test_an_id_tells_its_notices_apart_and_not_their_order() -> None:
    assert stable_id(["a", "b"]) == stable_id(["b", "a"]) != stable_id(["a"])


# whatever happens


class Crash(Exception):
    """The process ends here."""


def crash(*_, **__):
    raise Crash


CRASHES = {
    "crash before": lambda opened: (Webhook, "send"),
    "crash after": lambda opened: (opened, "notice_sent"),
}
STEPS = st.lists(
    st.sampled_from(["audit", "send", "fail", "crash before", "crash after", "pause"]),
    min_size=1,
    max_size=14,
)


@examples(0.5)
@given(steps=STEPS, digest=st.booleans())
def test_each_notice_is_delivered_once_whatever_happens(
    tmp_path_factory, empty_store, steps, digest
) -> None:
    """At least once always; exactly once unless the process ended between answer and write."""
    path = tmp_path_factory.mktemp("outbox") / "gatekeeper.db"
    shutil.copy(empty_store, path)
    clock, planned, doubtful = Clock(), set(), set()
    with (
        receiver() as told,
        open_store(f"sqlite:///{path}") as store,
        pytest.MonkeyPatch.context() as patch,
    ):
        extra = {"digest": "5m"} if digest else {}
        one = route(url=told.url, rate={"count": 2, "per": "1m"}, **extra)
        config = told_settings(one)
        for number, step in enumerate(steps):
            told.answers = [503] if step == "fail" else []
            if step == "audit":  # the same audit twice, as after a crash
                changes = [
                    (high(number, first_seen=clock()), "new"),
                    (finding(subject=str(number), first_seen=clock()), "new"),
                    (high(number, first_seen=clock()), "resolved"),
                ]
                for _ in range(2):
                    notices = plan_notices(changes, [one], {}, at=clock())
                    store.queue_notices(notices, at=clock())
                planned |= {stable_id([notice.key]) for notice in notices}
            elif step == "pause":
                clock.on(minutes=3)
            elif step in CRASHES:
                with patch.context() as broken, contextlib.suppress(Crash):
                    broken.setattr(*CRASHES[step](store), crash)
                    send_due(store, config, clock=clock)
                if step == "crash after" and told.got:
                    doubtful |= {f["id"] for f in told.got[-1].json["findings"]}
            else:
                send_due(store, config, clock=clock)
        told.answers = []
        for _ in range(3 + len(steps)):
            clock.on(minutes=61)
            send_due(store, config, clock=clock)
        taken = [got for got in told.got if got.status == 200]
        arrived = Counter(f["id"] for got in taken for f in got.json["findings"])
        assert set(arrived) == planned
        assert {one for one, times in arrived.items() if times > 1} <= doubtful
        assert store.outbox_counts() == ({"sent": len(planned)} if planned else {})
