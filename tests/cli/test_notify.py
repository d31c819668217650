"""``gatekeeper notify``: a test message to each route, and the outbox."""

from datetime import UTC, datetime

import pytest

from gatekeeper.service.webhook import verify_signature
from gatekeeper.store import Notice, open_store
from tests.cli.test_reference import differences, sample
from tests.unit.service.receiver import receiver

AT = datetime(2026, 11, 2, tzinfo=UTC)


@pytest.fixture
def told():
    with receiver() as opened:
        yield opened


@pytest.fixture
def config(tmp_path, told):
    """Settings with a signed webhook and a chat, both of the receiver."""
    path = tmp_path / "service.yaml"
    path.write_text(
        "notices:\n"
        f"  - {{name: hook, url: '{told.url}/t0ken-of-hook', secret: '${{GK_KEY}}', lang: en}}\n"
        f"  - {{name: 群, url: 'json://{told.host}/t0ken-of-chat'}}\n",
        encoding="utf-8",
    )
    return path


@pytest.fixture(autouse=True)
def _key(monkeypatch):
    monkeypatch.setenv("GK_KEY", "k3y-of-hook")


def test_each_route_gets_one_message_that_says_it_is_a_test(gatekeeper, config, told):
    shown = gatekeeper("notify", "test", "--config", config, "--format", "json", status=0)
    assert shown.json == {
        "schema": "gatekeeper/notify-test/1",
        "ok": True,
        "routes": [
            {"route": "hook", "scheme": "http", "result": "sent", "reason": "", "reason_zh": ""},
            {"route": "群", "scheme": "json", "result": "sent", "reason": "", "reason_zh": ""},
        ],
    }
    hook, chat = told.got
    assert (hook.json["test"], hook.json["findings"], hook.json["route"]) == (True, [], "hook")
    assert verify_signature(
        "k3y-of-hook",
        hook.headers["Gatekeeper-Timestamp"],
        hook.body,
        hook.headers["Gatekeeper-Signature"],
        now=datetime.now(UTC),
    )
    assert chat.json["title"] == "[gatekeeper] 测试消息"
    assert "群" in chat.json["message"]


def test_one_route_is_tested_alone(gatekeeper, config, told):
    gatekeeper("notify", "test", "--config", config, "--route", "群", status=0)
    assert len(told.got) == 1


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_what_did_not_arrive_is_said_without_secrets(gatekeeper, config, told, lang):
    told.status, told.words = 403, "no t0ken-of-hook, no k3y-of-hook"
    shown = gatekeeper("--lang", lang, "notify", "test", "--config", config, status=1)
    assert "403" in shown.out
    assert "t0ken" not in shown.out + shown.err
    assert "k3y" not in shown.out + shown.err
    assert ("未送达：hook、群" if lang == "zh" else "not delivered by hook, 群") in shown.err


def test_the_settings_come_from_the_environment_too(process, config, told):
    env = {"GATEKEEPER_SERVICE": str(config)}
    shown = process("notify", "test", "--route", "群", "--route", "hook", env=env, status=0)
    assert shown.err == ""
    assert len(told.got) == 2


def test_settings_without_a_route_are_said_so(gatekeeper):
    shown = gatekeeper("notify", "test", status=1)
    assert shown.out == ""
    assert "no route" in shown.err
    assert "通知渠道" in gatekeeper("notify", "test", "--lang", "zh", status=1).err


def test_a_route_that_is_not_there_is_wrong_usage(gatekeeper, config, told):
    shown = gatekeeper("notify", "test", "--config", config, "--route", "pager", status=2)
    assert "'pager'" in shown.err
    assert "hook, 群" in shown.err
    assert told.got == []


def test_bad_settings_are_refused(gatekeeper, tmp_path):
    (tmp_path / "bad.yaml").write_text("notices: [{name: a}]\n")
    assert "notices.0.url" in gatekeeper("notify", "test", "--config", "bad.yaml", status=1).err


def test_the_outbox_is_listed_with_what_became_of_each_notice(gatekeeper):
    finding = {"code": "elb-internal", "severity": "high", "account_id": "1", "state": "new"}
    with open_store("sqlite:///gatekeeper.db") as store:
        store.queue_notices([Notice(f"k{n}", "ops", finding, AT) for n in range(3)], at=AT)
        store.notice_sent([1], at=AT)
        store.notice_failed([2], error="HTTP 404", retry_at=None, at=AT)
    shown = gatekeeper("notify", "list", "--format", "json", status=0).json
    assert shown["schema"] == "gatekeeper/notices/1"
    assert [one["state"] for one in shown["notices"]] == ["sent", "dead", "waiting"]
    assert shown["notices"][1] == {
        "id": 2,
        "route": "ops",
        "state": "dead",
        "created_at": "2026-11-02T00:00:00Z",
        "due_at": "2026-11-02T00:00:00Z",
        "attempts": 1,
        "error": "HTTP 404",
        "finding": finding,
    }
    table = gatekeeper("--lang", "zh", "notify", "list", "--state", "dead", status=0).out
    assert "已放弃" in table
    assert "HTTP 404" in table
    assert "待发送" not in table
    newest = gatekeeper("notify", "list", "--limit", "1", "--format", "json").json["notices"]
    assert [one["id"] for one in newest] == [3]


def test_without_a_store_the_outbox_is_empty(gatekeeper):
    shown = gatekeeper("notify", "list", "--format", "json", status=0)
    assert shown.json["notices"] == []
    assert "there is no store" in shown.err


def test_the_json_has_the_keys_of_its_samples(gatekeeper, config):
    tested = gatekeeper("notify", "test", "--config", config, "--format", "json").json
    assert list(differences(tested, sample("notify-test"))) == []
    with open_store("sqlite:///gatekeeper.db") as store:
        store.queue_notices([Notice("k", "ops", {"state": "new"}, AT)], at=AT)
    listed = gatekeeper("notify", "list", "--format", "json").json
    listed["notices"][0]["finding"] = {}
    assert list(differences(listed, sample("notices"))) == []
