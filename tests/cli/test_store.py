"""``gatekeeper store`` as people use it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from gatekeeper.store import open_store
from tests.unit.store.test_upgrade import restore as as_earlier

STORE = "sqlite:///gatekeeper.db"


def test_backup_and_restore(gatekeeper, tmp_path):
    gatekeeper("accounts", "add", "111122223333", status=0)
    made = gatekeeper("store", "backup", tmp_path / "b.db", status=0)
    assert made.out == f"{tmp_path}/b.db\n"
    assert made.err.endswith(" bytes\n")
    gatekeeper("accounts", "remove", "111122223333", status=0)
    done = gatekeeper("store", "restore", tmp_path / "b.db", "--by", "li", status=0)
    assert "restored: 1 entries in the trail" in done.err
    kept = done.err.strip().rpartition(": ")[2]
    assert Path(kept).is_file()
    assert "111122223333" in gatekeeper("accounts", "list", status=0).out
    assert "store.restored" in gatekeeper("history", status=0).out
    gatekeeper("trail", "verify", status=0)


def test_a_backup_is_not_replaced(gatekeeper, tmp_path):
    gatekeeper("accounts", "add", "111122223333", status=0)
    gatekeeper("store", "backup", tmp_path / "b.db", status=0)
    refused = gatekeeper("store", "backup", tmp_path / "b.db", "--lang", "zh", status=1)
    assert "文件已存在" in refused.err
    gatekeeper("store", "backup", tmp_path / "b.db", "--force", status=0)


def test_restore_says_it_in_chinese(gatekeeper, tmp_path):
    gatekeeper("accounts", "add", "111122223333", status=0)
    gatekeeper("store", "backup", tmp_path / "b.db", "--lang", "zh", status=0)
    done = gatekeeper("store", "restore", tmp_path / "b.db", "--lang", "zh", status=0)
    assert "已恢复：审计链 1 条" in done.err
    assert "原有数据保留在" in done.err


def test_no_store_is_said(gatekeeper, tmp_path):
    assert "nothing to back up" in gatekeeper("store", "backup", tmp_path / "b", status=1).err
    for words in (["migrate"], ["migrate", "--check"], ["prune"]):
        assert "there is no store yet" in gatekeeper("store", *words, status=1).err
    assert not (tmp_path / "gatekeeper.db").exists()


def test_migrate(gatekeeper):
    gatekeeper("accounts", "add", "111122223333", status=0)
    assert gatekeeper("store", "migrate", status=0).out.endswith(": up to date\n")
    assert "已是最新" in gatekeeper("store", "migrate", "--check", "--lang", "zh", status=0).out


def test_an_older_schema(gatekeeper):
    as_earlier(STORE, "0001")
    behind = gatekeeper("store", "migrate", "--check", status=3)
    assert behind.out.startswith("schema 0001: behind ")
    assert "落后于" in gatekeeper("store", "migrate", "--check", "--lang", "zh", status=3).out
    assert gatekeeper("store", "migrate", status=0).out.startswith("schema 0001 -> ")
    gatekeeper("store", "migrate", "--check", status=0)


def test_prune_keeps_what_the_settings_say(gatekeeper, tmp_path):
    now = datetime.now(UTC)
    with open_store(STORE) as store:
        for age in (40, 10, 0):
            at = now - timedelta(days=age)
            run = store.start_job("audit", instance="a", token=1, at=at)
            store.finish_job(run, result="ok", status=0, at=at)
            store.remember_events({f"e{age}": {}}, at=at)
            store.remember_drifts([{"account_id": "1" * 12, "kind": "rule"}], at=at)
    assert gatekeeper("store", "prune", status=0).out == (
        "dropped: 1 job runs, 0 drift, 0 notices, 1 events\n"
    )
    settings = tmp_path / "service.yaml"
    settings.write_text("retention: {job_runs: 1d, drift: 5d}\n", encoding="utf-8")
    pruned = gatekeeper("store", "prune", "--config", settings, "--lang", "zh", status=0)
    assert pruned.out == "已删除：作业记录 1，漂移 2，通知 0，事件 0\n"
    gatekeeper("trail", "verify", status=0)
