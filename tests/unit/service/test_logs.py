"""The log: one line a record, with ids and without secrets."""

from __future__ import annotations

import io
import json
import logging
import threading
import time

import pytest

from gatekeeper.service.logs import bound, configure, mask


@pytest.fixture(autouse=True)
def _restore():
    root = logging.getLogger()
    before = root.level, root.handlers[:]
    quiet = {name: logging.getLogger(name).level for name in ("botocore", "alembic")}
    yield
    root.handlers[:] = before[1]
    root.setLevel(before[0])
    for name, level in quiet.items():
        logging.getLogger(name).setLevel(level)
    logging.captureWarnings(False)


class Log:
    def __init__(self, form="json", level="info"):
        self.stream = io.StringIO()
        configure(form, level, stream=self.stream)
        self.log = logging.getLogger("gatekeeper.test")

    @property
    def lines(self):
        return self.stream.getvalue().splitlines()

    @property
    def last(self):
        return json.loads(self.lines[-1])


def test_a_line_is_json_with_time_level_message_and_logger():
    log = Log()
    log.log.info("read %d accounts", 3)
    assert list(log.last) == ["time", "level", "message", "logger"]
    assert log.last["message"] == "read 3 accounts"
    assert log.last["level"] == "info"
    assert log.last["time"].endswith("Z")


def test_bound_fields_are_on_every_line_and_end_with_the_block():
    log = Log()
    with bound(run="R1", job="audit", account_id=None):
        with bound(account_id="111122223333"):
            log.log.info("inner")
            assert log.last["account_id"] == "111122223333"
        log.log.info("outer", extra={"operation": "DescribeVpcs"})
        assert (log.last["run"], log.last["operation"]) == ("R1", "DescribeVpcs")
        assert "account_id" not in log.last
        thread = threading.Thread(target=lambda: log.log.info("elsewhere"))
        thread.start()
        thread.join()
        assert "run" not in log.last
    log.log.info("after")
    assert "job" not in log.last


def test_a_bound_field_cannot_pose_as_the_message():
    log = Log()
    with bound(message="forged", level="debug"):
        log.log.warning("true")
    assert (log.last["message"], log.last["level"]) == ("true", "warning")


@pytest.mark.parametrize("form", ["json", "text"])
def test_a_record_stays_one_line_whatever_it_holds(form):
    log = Log(form)
    (handler,) = (h for h in logging.getLogger().handlers if getattr(h, "stream", 0) is log.stream)
    text = "a\nb\r\x1b[31m\x85\u2028\u202e\ud800\x00"
    # Past the loggers: what captures logs for a report cannot send half a character.
    handler.handle(logging.LogRecord("gatekeeper", logging.INFO, "", 0, text, None, None))
    assert len(log.lines) == 1
    assert log.lines[0].isprintable()


def test_chinese_is_left_readable():
    log = Log()
    log.log.info("账号")
    assert "账号" in log.lines[0]


def test_an_exception_is_one_line_and_its_stack_only_at_debug():
    for level, stack in (("info", False), ("debug", True)):
        log = Log(level=level)
        try:
            raise ValueError("bad\nthing password=hunter2")
        except ValueError:
            log.log.exception("job failed")
        assert len(log.lines) == 1
        assert log.last["error"].startswith("ValueError: bad\nthing password=")
        assert "hunter2" not in log.lines[0]
        assert ("stack" in log.last) is stack


def test_text_is_for_people():
    log = Log("text")
    with bound(job="audit"):
        log.log.warning("late")
    assert log.lines[0].split(" ", 1)[1] == "warning late logger=gatekeeper.test job=audit"


def test_arguments_that_do_not_fit_lose_nothing():
    log = Log()
    record = logging.makeLogRecord({"msg": "%d accounts", "args": ("three",)})
    logging.getLogger().handlers[-1].handle(record)
    assert log.last["message"] == "%d accounts ('three',)"


def test_called_again_it_replaces_itself_and_others_handlers_stay():
    other = logging.NullHandler()
    logging.getLogger().addHandler(other)
    first, second = Log(), Log()
    second.log.info("once")
    assert (len(first.lines), len(second.lines)) == (0, 1)
    assert other in logging.getLogger().handlers


def test_libraries_are_quiet():
    log = Log()
    logging.getLogger("botocore.hooks").info("chatter")
    assert log.lines == []


def test_a_stream_that_is_gone_stops_nothing():
    log = Log()
    log.stream.close()
    log.log.info("nobody reads this")


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        ("postgresql://gatekeeper:hunter2@db/gk", "hunter2"),
        ("https://user:hun/ter2@host/x", "ter2"),
        ("https://oapi.dingtalk.com/robot/send?access_token=hunter2", "hunter2"),
        ("https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=hunter2", "hunter2"),
        ("https://open.feishu.cn/open-apis/bot/v2/hook/hunter2", "hunter2"),
        ("https://hooks.slack.com/services/T1/B1/hunter2", "hunter2"),
        ("https://x/?a=1&sign=hunter2&b=2", "hunter2"),
        ("https://b/k?X-Amz-Credential=hunter2&X-Amz-Signature=hunter2", "hunter2"),
        ("cannot send to dingtalk://hunter2@abc/138", "hunter2"),
        ("mailtos://u:hunter2@example.com?to=a", "hunter2"),
        ("Authorization: Bearer hunter2hunter2", "hunter2"),
        ("{'Authorization': 'AWS4-HMAC-SHA256 Credential=x, Signature=hunter2'}", "hunter2"),
        ("token bearer hunter2hunter2", "hunter2"),
        ("key AKIAIOSFODNN7EXAMPLE is old", "AKIA"),
        ("ASIAIOSFODNN7EXAMPLE", "ASIA"),
        ("aws_secret_access_key = hunter2/x+y", "hunter2"),
        ('{"SecretAccessKey": "hunter2 x", "b": 1}', "hunter2"),
        ("PGPASSWORD=hunter2 pg_dump", "hunter2"),
        ("external secret: hunter2, then", "hunter2"),
    ],
)
def test_secrets_are_masked(text, secret):
    shown = mask(text)
    assert secret not in shown
    assert "…" in shown


@pytest.mark.parametrize(
    "text",
    [
        "account 111122223333: key F1|exposed-unfiled",
        "https://docs.example.cn/a/b?page=2",
        "sqlite:///gatekeeper.db: the disk is full",
        "arn:aws-cn:iam::111122223333:role/gatekeeper",
        "lease of job:audit lost",
    ],
)
def test_what_is_no_secret_stays(text):
    assert mask(text) == text


def test_masking_takes_no_long_time():
    for text in ("a-" * 50_000, "://" * 50_000, "https://" + "a/" * 50_000, "?" * 50_000):
        start = time.perf_counter()
        mask(text)
        assert time.perf_counter() - start < 2
