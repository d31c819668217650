"""The register by command: import, list, show, moves, orders, history, trail."""

import csv
import io
import json
import sqlite3

import pytest


def listed(gatekeeper, *words):
    return gatekeeper("filings", "list", *words, "--format", "json", status=0).json


def test_an_import_twice_changes_nothing_and_says_so(process, filings):
    file = filings({}, {"application_id": "A2", "filing_id": "F2", "ips": "52.83.1.3"})
    first = process("filings", "import", file, "--format", "json", status=0)
    assert first.json["summary"] == {
        "new": 2,
        "moved": 0,
        "corrected": 0,
        "observed": 0,
        "unchanged": 0,
        "stale": 0,
    }
    assert first.err == ""
    again = process("filings", "import", file, "--format", "json", status=0)
    assert again.json["changed"] is False
    assert again.json["summary"]["unchanged"] == 2
    assert again.err == "nothing changed\n"
    assert "没有变化" in process("filings", "import", file, "--lang", "zh", status=0).err


def test_one_bad_row_stores_nothing(gatekeeper, filings, tmp_path):
    file = filings(
        {},
        {"application_id": "A2", "account_id": "12"},
        {"application_id": "A3", "ips": "52.83.1.0/24"},
    )
    shown = gatekeeper("filings", "import", file, status=1)
    lines = shown.err.splitlines()
    assert shown.out == ""
    assert len(lines) == 3
    assert "line 3" in lines[0]
    assert "account_id" in lines[0]
    assert '"12"' in lines[0]
    assert "line 4" in lines[1]
    assert "52.83.1.0/24" in lines[1]
    assert lines[2].startswith("gatekeeper: 2 bad rows; nothing was stored")
    assert not (tmp_path / "gatekeeper.db").exists()
    chinese = gatekeeper("filings", "import", file, "--lang", "zh", status=1)
    assert "第 3 行" in chinese.err
    assert "未写入任何记录" in chinese.err


def test_one_bad_file_stores_nothing_of_the_others(gatekeeper, filings):
    good = filings({}, name="good.csv")
    bad = filings({"application_id": "A2", "kind": "nonsense"}, name="bad.csv")
    gatekeeper("filings", "import", good, bad, status=1)
    assert listed(gatekeeper)["applications"] == []


@pytest.mark.parametrize("command", ["filings", "accounts"])
def test_a_file_that_is_not_there_is_no_bad_row(command, gatekeeper, filings, tmp_path):
    good = filings()
    (tmp_path / "folder.csv").mkdir()
    for name, why in (("none.csv", "No such file"), ("folder.csv", "Is a directory")):
        files = (good, name) if command == "filings" else (name,)
        shown = gatekeeper(command, "import", *files, status=1)
        assert shown.err.startswith(f"gatekeeper: {name}: cannot read the file ({why}")
        assert shown.err.count("\n") == 1
        assert "row" not in shown.err
        assert name in gatekeeper(command, "import", *files, "--lang", "zh", status=1).err
    assert not (tmp_path / "gatekeeper.db").exists()


def test_a_move_without_a_path_is_a_bad_row(gatekeeper, filings):
    gatekeeper("filings", "import", filings(), status=0)
    back = filings({"status": "draft", "status_at": "2026-04-01T10:00:00+08:00"})
    shown = gatekeeper("filings", "import", back, status=1)
    assert "approved" in shown.err
    assert "draft" in shown.err


def test_a_dry_run_makes_no_store(gatekeeper, filings, tmp_path):
    shown = gatekeeper("filings", "import", filings(), "--dry-run", status=0)
    assert "dry run" in shown.err
    assert not (tmp_path / "gatekeeper.db").exists()


def test_stale_rows_are_said_and_left_out(gatekeeper, filings):
    gatekeeper("filings", "import", filings(), status=0)
    old = filings({"status": "submitted", "status_at": "2026-01-01T10:00:00+08:00"})
    shown = gatekeeper("filings", "import", old, status=0)
    assert "A1 is stale" in shown.err
    assert "nothing changed" in shown.err


def test_unknown_columns_are_said(gatekeeper, filings):
    shown = gatekeeper("filings", "import", filings({"colour\x1b[31m": "red"}), status=0)
    assert "unknown column colour\\x1b[31m" in shown.err


def test_skipped_statuses_are_recorded(gatekeeper, filings):
    gatekeeper("filings", "import", filings({"status": "submitted"}), status=0)
    later = filings({"status_at": "2026-04-01T10:00:00+08:00"})
    shown = gatekeeper("filings", "import", later, "--by", "ops", "--format", "json", status=0)
    assert shown.json["import"][0]["skipped"] == ["reported", "bureau_review"]
    history = gatekeeper("filings", "history", "A1", "--format", "json", status=0).json
    assert history["schema"] == "gatekeeper/events/1"
    assert [e["status"] for e in history["events"]] == ["submitted", "approved"]
    assert history["events"][1]["skipped"] == ["reported", "bureau_review"]
    assert history["events"][1]["actor"] == "ops"


def test_list_prints_applications_as_an_import_reads_them(gatekeeper, filings, tmp_path):
    gatekeeper("filings", "import", filings(), status=0)
    shown = listed(gatekeeper)
    assert list(shown) == ["schema", "applications"]
    assert shown["schema"] == "gatekeeper/applications/1"
    [application] = shown["applications"]
    assert application["entity"]["name"] == "宁夏示例科技有限公司"
    assert application["access"]["ips"] == ["52.83.1.2"]
    (tmp_path / "again.json").write_text(json.dumps(shown), encoding="utf-8")
    again = gatekeeper("filings", "import", "again.json", status=0)
    assert again.err == "nothing changed\n"


def test_list_narrows(gatekeeper, filings):
    gatekeeper(
        "filings",
        "import",
        filings(
            {"entity_certificate_number": "91640000MA00000001"},
            {"application_id": "A2", "filing_id": "F2", "status": "draft", "entity_name": "另一家"},
            {"application_id": "A3", "kind": "change", "account_id": "444455556666"},
        ),
        status=0,
    )

    def ids(*words):
        return [a["application_id"] for a in listed(gatekeeper, *words)["applications"]]

    assert ids() == ["A1", "A2", "A3"]
    assert ids("--status", "draft") == ["A2"]
    assert ids("--status", "draft", "--status", "approved") == ["A1", "A2", "A3"]
    assert ids("--kind", "change") == ["A3"]
    assert ids("--entity", "另一") == ["A2"]
    assert ids("--entity", "91640000ma00000001") == ["A1"]
    assert ids("--entity", "9164") == []
    assert ids("--account", "444455556666") == ["A3"]


def test_a_list_is_cut_at_its_limit(gatekeeper, filings):
    rows = [{"application_id": f"A{n}", "filing_id": f"F{n}"} for n in (3, 1, 2)]
    gatekeeper("filings", "import", filings(*rows), status=0)
    first = listed(gatekeeper, "--limit", "2")["applications"]
    assert [one["application_id"] for one in first] == ["A1", "A2"]
    assert len(listed(gatekeeper, "--limit", "9")["applications"]) == 3
    effective = listed(gatekeeper, "--in-effect", "--limit", "1")["filings"]
    assert [one["filing_id"] for one in effective] == ["F1"]
    gatekeeper("filings", "list", "--limit", "0", status=2)


def test_in_effect_is_what_was_approved_by_then(gatekeeper, filings):
    gatekeeper(
        "filings",
        "import",
        filings({}, {"application_id": "A2", "filing_id": "F2", "status": "bureau_review"}),
        status=0,
    )
    shown = listed(gatekeeper, "--in-effect")
    assert shown["schema"] == "gatekeeper/filings/1"
    assert [f["filing_id"] for f in shown["filings"]] == ["F1"]
    assert shown["filings"][0]["since"] == "2026-03-01T02:00:00Z"
    assert listed(gatekeeper, "--at", "2026-03-01T09:59:59")["filings"] == []
    assert len(listed(gatekeeper, "--at", "2026-03-01T10:00:00")["filings"]) == 1
    assert listed(gatekeeper, "--at", "2026-03-01T01:59:59Z")["filings"] == []
    gatekeeper("filings", "list", "--at", "yesterday", status=2)
    gatekeeper("filings", "list", "--in-effect", "--status", "draft", status=2)


def test_an_empty_register_lists_nothing_and_makes_no_store(gatekeeper, tmp_path):
    assert listed(gatekeeper)["applications"] == []
    assert listed(gatekeeper, "--in-effect")["filings"] == []
    assert list(tmp_path.iterdir()) == []


def test_show_takes_a_filing_or_an_application(gatekeeper, filings):
    gatekeeper("filings", "import", filings(), status=0)
    for name in ("F1", "A1"):
        shown = gatekeeper("filings", "show", name, "--format", "json", status=0).json
        assert shown["schema"] == "gatekeeper/filings/1"
        assert [f["filing_id"] for f in shown["filings"]] == ["F1"]
        assert [a["application_id"] for a in shown["applications"]] == ["A1"]
    assert "nope" in gatekeeper("filings", "show", "nope", status=1).err
    assert "nope" in gatekeeper("filings", "history", "nope", status=1).err


@pytest.mark.parametrize("lang", ["en", "zh"])
@pytest.mark.parametrize("name", ["out.csv", "out.xlsx", "out.json", "out.jsonl"])
def test_an_export_imports_back(name, lang, gatekeeper, filings):
    gatekeeper("filings", "import", filings({"service_name": "=1+1"}), status=0)
    gatekeeper("filings", "export", "--out", name, "--lang", lang, status=0)
    assert gatekeeper("filings", "import", name, status=0).err == "nothing changed\n"


def test_export_prints_csv_without_formulas(gatekeeper, filings):
    gatekeeper("filings", "import", filings({"service_name": "=1+1"}), status=0)
    shown = gatekeeper("filings", "export", status=0)
    [row] = csv.DictReader(io.StringIO(shown.out))
    assert row["application_id"] == "A1"
    assert row["service_name"] == "'=1+1"


def test_export_knows_its_endings(gatekeeper, filings):
    gatekeeper("filings", "import", filings(), status=0)
    assert "csv or xlsx" in gatekeeper("filings", "export", "--out", "out.pdf", status=2).err


def test_advance_takes_one_legal_step(gatekeeper, filings):
    gatekeeper("filings", "import", filings({"status": "bureau_review"}), status=0)
    move = ("filings", "advance", "A1")
    refused = gatekeeper(*move, "submitted", "--by", "ops", status=1)
    assert "bureau_review" in refused.err
    assert "submitted" in refused.err
    early = gatekeeper(*move, "approved", "--by", "ops", "--at", "2026-01-01", status=1)
    assert "before its present status" in early.err
    late = gatekeeper(*move, "approved", "--by", "ops", "--at", "2999-01-01", status=1)
    assert "future" in late.err
    wrong = gatekeeper(*move, "approved", "--by", "ops", "--licence", "nonsense", status=1)
    assert "nonsense" in wrong.err
    gatekeeper(*move, "approved", status=2)
    gatekeeper(
        *move,
        *("approved", "--by", "王", "--at", "2026-03-02T08:00", "--note", "电话确认"),
        *("--licence", "宁ICP备2026000001号-7"),
        status=0,
    )
    [filing] = listed(gatekeeper, "--in-effect")["filings"]
    assert filing["service"]["licence"] == "宁ICP备2026000001号-7"
    assert filing["since"] == "2026-03-02T00:00:00Z"
    event = gatekeeper("filings", "history", "A1", "--format", "json", status=0).json["events"][-1]
    assert (event["actor"], event["note"], event["status"]) == ("王", "电话确认", "approved")


@pytest.mark.parametrize("word", ["approved", "已通过", " 已通过 "])
def test_a_status_is_written_in_either_language(word, gatekeeper, filings):
    gatekeeper("filings", "import", filings({"status": "管局审核中"}), status=0)
    assert len(listed(gatekeeper, "--status", "管局审核中")["applications"]) == 1
    gatekeeper("filings", "advance", "A1", word, "--by", "王", status=0)
    [application] = listed(gatekeeper, "--status", word)["applications"]
    assert application["status"] == "approved"


def test_every_status_has_a_chinese_word_that_advance_knows(gatekeeper, filings):
    gatekeeper("filings", "import", filings({"status": "draft"}), status=0)
    for word in ("草稿", "待初审", "已退回", "已上报", "待短信核验", "管局审核中", "已通过"):
        listed(gatekeeper, "--status", word)
    for word in ("管局驳回", "已撤回"):
        listed(gatekeeper, "--status", word)
    wrong = gatekeeper("filings", "advance", "A1", "通过", "--by", "王", status=2).err
    assert "approved" in wrong
    chinese = gatekeeper("filings", "advance", "A1", "x", "--by", "王", "--lang=zh", status=2).err
    assert "已通过" in chinese


def test_one_status_at_a_time(gatekeeper, filings):
    at = "2026-03-01T10:00:00+08:00"
    gatekeeper("filings", "import", filings({"status": "bureau_review", "status_at": at}), status=0)
    move = ("filings", "advance", "A1", "approved", "--by", "ops", "--at")
    assert "later --at" in gatekeeper(*move, at, status=1).err
    assert "--at" in gatekeeper(*move, "2026-03-01T02:00:00Z", "--lang", "zh", status=1).err
    assert listed(gatekeeper)["applications"][0]["status"] == "bureau_review"
    gatekeeper(*move, "2026-03-01T10:00:01", status=0)


def test_times_of_applications_are_utc_in_json(gatekeeper, filings, tmp_path):
    gatekeeper("filings", "import", filings(), status=0)
    gatekeeper("filings", "export", "--out", "all.json", status=0)
    gatekeeper("filings", "export", "--out", "all.jsonl", status=0)
    found = [
        *listed(gatekeeper)["applications"],
        *gatekeeper("filings", "show", "F1", "--format", "json").json["applications"],
        *json.loads((tmp_path / "all.json").read_text(encoding="utf-8"))["applications"],
        json.loads((tmp_path / "all.jsonl").read_text(encoding="utf-8")),
    ]
    assert [one["status_at"] for one in found] == ["2026-03-01T02:00:00Z"] * 4


def test_an_order_holds_at_once(gatekeeper, filings):
    gatekeeper("filings", "import", filings(), status=0)
    order = ("filings", "suspend", "F1", "--by", "管局", "--reason", "第7号")
    later = gatekeeper(*order, "--at", "2999-01-01", status=1).err
    assert "at once" in later
    assert "--at" in gatekeeper(*order, "--at", "2999-01-01", "--lang", "zh", status=1).err
    assert len(listed(gatekeeper, "--in-effect")["filings"]) == 1
    said = gatekeeper(*order, "--at", "2026-03-05", status=0).err
    assert said == "F1: not in effect from now on (suspension)\n"
    assert listed(gatekeeper, "--in-effect")["filings"] == []


def test_moves_name_what_they_do_not_find(gatekeeper, filings):
    gatekeeper("filings", "advance", "A9", "approved", "--by", "x", status=1)
    gatekeeper("filings", "import", filings(), status=0)
    assert "A9" in gatekeeper("filings", "advance", "A9", "approved", "--by", "x", status=1).err
    gatekeeper("filings", "suspend", "F9", "--by", "x", "--reason", "r", status=1)
    gatekeeper("filings", "resume", "F1", "--by", "x", status=1)
    gatekeeper("filings", "suspend", "F1", "--by", "x", status=2)


@pytest.mark.parametrize("text", ["", "  ", "\u200b", "a\nb", "a\x1b[31m", "a\u2028b"])
@pytest.mark.parametrize(
    "words",
    [
        ("plan", "--by"),
        ("approve", "plan.json", "--by"),
        ("apply", "--by"),
        ("accounts", "add", "111122223333", "--by"),
        ("filings", "import", "filings.csv", "--by"),
        ("filings", "advance", "A1", "approved", "--by"),
        ("filings", "suspend", "F1", "--reason", "r", "--by"),
        ("filings", "suspend", "F1", "--by", "b", "--reason"),
        ("filings", "resume", "F1", "--by"),
        ("filings", "resume", "F1", "--by", "b", "--reason"),
    ],
    ids=" ".join,
)
def test_who_and_why_are_said(words, text, gatekeeper, filings, tmp_path):
    filings()
    shown = gatekeeper(*words, text, status=2)
    assert words[-1] in shown.err
    assert shown.err.count("\n") == 1
    chinese = gatekeeper(*words, text, "--lang", "zh", status=2).err
    assert "不能为空" in chinese or "控制字符" in chinese
    assert [path.name for path in tmp_path.iterdir()] == ["filings.csv"]


@pytest.mark.parametrize("extra", [(), ("--restricted",)])
def test_an_order_holds_a_filing_until_it_ends(extra, gatekeeper, filings):
    gatekeeper("filings", "import", filings(), status=0)
    gatekeeper("filings", "suspend", "F1", "--by", "管局", "--reason", "第7号", *extra, status=0)
    assert listed(gatekeeper, "--in-effect")["filings"] == []
    state = gatekeeper("filings", "show", "F1", "--format", "json", status=0).json
    assert state["filings"][0]["state"] == ("restricted" if extra else "suspended")
    again = gatekeeper("filings", "suspend", "F1", "--by", "b", "--reason", "x", *extra, status=0)
    assert "stands already" in again.err
    gatekeeper("filings", "resume", "F1", "--by", "b", "--reason", "第8号", *extra, status=0)
    assert len(listed(gatekeeper, "--in-effect")["filings"]) == 1


@pytest.mark.parametrize(
    ("role", "words"),
    [
        ("gatekeeper", "not the ARN of a role"),
        ("arn:aws-cn:iam::111122223333:user/x", "not the ARN of a role"),
        ("arn:aws-cn:iam::11112222333:role/x", "not the ARN of a role"),
        ("arn:aws-cn:iam::111122223333:role/", "not the ARN of a role"),
        ("arn:aws-cn:iam::444455556666:role/x", "444455556666"),
        ("arn:aws:iam::111122223333:role/x", "partition aws,"),
    ],
)
def test_a_role_is_of_the_account_and_the_partition(role, words, gatekeeper, tmp_path):
    add = ("accounts", "add", "111122223333", "--role-arn", role)
    assert words in gatekeeper(*add, status=2).err
    assert "--role-arn" in gatekeeper(*add, "--lang", "zh", status=2).err
    assert list(tmp_path.iterdir()) == []


def test_the_partition_follows_the_region(gatekeeper, tmp_path):
    role = "arn:aws:iam::111122223333:role/team/x"
    (tmp_path / "a.csv").write_text(f"account_id,role_arn\n111122223333,{role}\n")
    refused = gatekeeper("accounts", "import", "a.csv", status=1).err
    assert "line 2, column role_arn" in refused
    assert "partition" in refused
    gatekeeper("accounts", "import", "a.csv", "--region", "eu-west-1", status=0)
    gatekeeper(
        "accounts", "add", "111122223333", "--role-arn", role, "--region=eu-west-1", status=0
    )


def test_accounts_are_kept_and_forgotten(gatekeeper, tmp_path):
    role = "arn:aws-cn:iam::111122223333:role/gatekeeper"
    gatekeeper("accounts", "add", "111122223333", "--name", "生产", "--role-arn", role, status=0)
    again = gatekeeper(
        "accounts", "add", "111122223333", "--name", "生产", "--role-arn", role, status=0
    )
    assert "nothing changed" in again.err
    (tmp_path / "more.csv").write_text("account_id,name\n000000000001,first\n444455556666,x\n")
    gatekeeper("accounts", "import", "more.csv", status=0)
    shown = gatekeeper("accounts", "list", "--format", "json", status=0).json
    assert shown["schema"] == "gatekeeper/accounts/1"
    assert [a["account_id"] for a in shown["accounts"]] == [
        "000000000001",
        "111122223333",
        "444455556666",
    ]
    assert shown["accounts"][1]["name"] == "生产"
    gatekeeper("accounts", "remove", "444455556666", status=0)
    gatekeeper("accounts", "remove", "444455556666", status=1)
    (tmp_path / "bad.csv").write_text("account_id\n12\n")
    assert "line 2" in gatekeeper("accounts", "import", "bad.csv", status=1).err


def test_history_is_the_trail(gatekeeper, filings):
    assert gatekeeper("history", "--format", "json", status=0).json["events"] == []
    gatekeeper("filings", "import", filings(), "--by", "ops", status=0)
    gatekeeper("accounts", "add", "111122223333", status=0)

    def kinds(*words):
        shown = gatekeeper("history", *words, "--format", "json", status=0).json
        return [event["kind"] for event in shown["events"]]

    assert kinds() == ["application.new", "account.put"]
    assert kinds("--limit", "1") == ["account.put"]
    assert kinds("--kind", "application.new") == ["application.new"]
    assert kinds("--account", "111122223333", "--kind", "account.put") == ["account.put"]
    assert kinds("--subject", "A1") == ["application.new"]
    assert kinds("--since", "2999-01-01") == []


def test_the_trail_verifies_until_somebody_edits_it(gatekeeper, process, filings, tmp_path):
    assert "no store yet" in gatekeeper("trail", "verify", status=1).err
    gatekeeper("filings", "import", filings(), status=0)
    gatekeeper("accounts", "add", "111122223333", status=0)
    sound = gatekeeper("trail", "verify", "--format", "json", status=0).json
    assert sound["ok"]
    head = sound["trail_head"]
    assert gatekeeper("history", "--format", "json").json["trail_head"] == head
    gatekeeper("trail", "verify", "--expect", head, status=0)
    cut = gatekeeper("trail", "verify", "--expect", "f" * 64, status=1)
    assert "gatekeeper: the trail does not verify" in cut.err
    with sqlite3.connect(tmp_path / "gatekeeper.db") as base:
        names = [
            row[0] for row in base.execute("select name from sqlite_master where type='trigger'")
        ]
        for name in names:
            base.execute(f'drop trigger "{name}"')
        base.execute("update trail set actor = 'nobody' where seq = 1")
    base.close()
    broken = process("trail", "verify", status=1)
    assert "1" in broken.err
    assert head in broken.out


def test_hostile_records_reach_nobody(gatekeeper, filings):
    name = "=HYPERLINK()<img src=x>"
    gatekeeper("filings", "import", filings({"entity_name": name}), status=0)
    gatekeeper("accounts", "add", "111122223333", "--name", "a\u202eb\x1b[31m", status=0)
    for words in (("filings", "list"), ("accounts", "list"), ("history",)):
        for form in ("table", "csv", "json"):
            shown = gatekeeper(*words, "--format", form, status=0).out
            assert all(c.isprintable() or c == "\n" for c in shown), (words, form)
    shown = gatekeeper("filings", "list", "--format", "csv", status=0).out
    [row] = csv.DictReader(io.StringIO(shown))
    assert row["entity_name"].startswith("'=HYPERLINK")


def test_another_store(gatekeeper, filings, tmp_path, monkeypatch):
    gatekeeper("filings", "import", filings(), "--store", "sqlite:///other.db", status=0)
    assert (tmp_path / "other.db").exists()
    assert listed(gatekeeper)["applications"] == []
    monkeypatch.setenv("GATEKEEPER_STORE", "sqlite:///other.db")
    assert len(listed(gatekeeper)["applications"]) == 1
    assert gatekeeper("filings", "list", "--store", "mysql://x", status=1).err.count("\n") == 1
