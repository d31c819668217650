"""``filings due`` by command: what it lists, what it settles, how it ends."""

import csv
import io
import json
from datetime import UTC, datetime, timedelta

import pytest

from tests.cli.test_reference import differences, sample

SENT = "2026-02-13T10:00:00+08:00"


@pytest.fixture
def register(gatekeeper, tmp_path):
    """Import applications in their nested form, each over a common one; the data are made up."""

    def bring(*applications):
        common = {
            "kind": "new",
            "status": "submitted",
            "status_at": SENT,
            "entity": {"name": "宁夏示例科技有限公司"},
            "service": {"type": "website", "name": "示例网", "domains": ["example.cn"]},
            "access": {"account_id": "111122223333", "ips": ["52.83.1.2"]},
        }
        rows = [
            {"application_id": f"A{n}", "filing_id": f"F{n}", **common, **one}
            for n, one in enumerate(applications, 1)
        ]
        (tmp_path / "filings.json").write_text(json.dumps(rows), encoding="utf-8")
        gatekeeper("filings", "import", "filings.json", status=0)

    return bring


def due(gatekeeper, *words, status=0):
    shown = gatekeeper("filings", "due", *words, "--format", "json", status=status)
    assert shown.json["schema"] == "gatekeeper/due/1"
    return shown.json["due"]


def test_clocks_across_the_spring_festival(gatekeeper, register):
    register(
        {},
        {"provider": "21vianet"},
        {"status": "sms_pending"},
        {"status": "bureau_review"},
        {"status": "reported"},
    )
    found = due(gatekeeper, "--at", "2026-02-13T12:00")
    assert [(one["clock"], one["application_id"], one["deadline"]) for one in found] == [
        ("clock-sms", "A3", "2026-02-14T02:00:00Z"),
        ("clock-provider", "A1", "2026-02-14T16:00:00Z"),
        ("clock-provider", "A2", "2026-02-24T16:00:00Z"),
        ("clock-bureau", "A4", "2026-03-19T16:00:00Z"),
    ]
    assert {one["started_at"] for one in found} == {"2026-02-13T02:00:00Z"}
    assert not any(one["estimated"] or one["overdue"] for one in found)
    assert list(differences({"due": found}, {"due": sample("due")["due"]})) == []


def test_it_ends_with_3_where_one_is_overdue(gatekeeper, register):
    register({}, {"status": "bureau_review"})
    late = ("--at", "2026-02-15T00:00")
    assert [one["overdue"] for one in due(gatekeeper, *late, status=3)] == [True, False]
    assert due(gatekeeper, "--at", "2026-02-14T23:59:59")[0]["overdue"] is False
    only = due(gatekeeper, *late, "--clock", "clock-bureau")
    assert [one["clock"] for one in only] == ["clock-bureau"]
    both = due(gatekeeper, *late, "--clock", "clock-bureau", "--clock", "clock-provider", status=3)
    assert len(both) == 2


def test_within_shows_what_ends_soon_and_what_has_ended(gatekeeper, register):
    register({}, {"status": "bureau_review"})
    at = ("--at", "2026-02-13T12:00")
    assert len(due(gatekeeper, *at, "--within", "36h")) == 1
    assert len(due(gatekeeper, *at, "--within", "35h")) == 0
    assert len(due(gatekeeper, *at, "--within", "60d")) == 2
    assert len(due(gatekeeper, "--at", "9999-12-31", "--within", "999999d", status=3)) == 2
    late = due(gatekeeper, "--at", "2026-03-01T12:00", "--within", "1d", status=3)
    assert [one["clock"] for one in late] == ["clock-provider"]
    shown = gatekeeper("filings", "due", "--within", "soon", status=2)
    assert "write it as 36h or 7d" in shown.err


def test_settle_sends_back_what_was_not_verified(gatekeeper, register):
    fresh = datetime.now(UTC) - timedelta(hours=1)
    register(
        {"status": "sms_pending"},
        {"status": "sms_pending", "status_at": fresh.isoformat()},
    )
    dry = gatekeeper("filings", "due", status=3)
    assert "SMS verification is over for 1; --settle" in dry.err
    assert "A1" in dry.out
    settled = gatekeeper("filings", "due", "--settle", "--by", "王", "--format", "json", status=0)
    assert settled.err == "A1: sms_pending -> returned (2026-02-14 10:00:00+08:00)\n"
    assert [one["application_id"] for one in settled.json["due"]] == ["A2"]
    events = gatekeeper("filings", "history", "A1", "--format", "json", status=0).json["events"]
    assert [(one["status"], one["status_at"]) for one in events] == [
        ("sms_pending", "2026-02-13T02:00:00Z"),
        ("returned", "2026-02-14T02:00:00Z"),
    ]
    assert (events[1]["actor"], events[1]["source"]) == ("王", "due")
    again = gatekeeper("filings", "due", "--settle", status=0)
    assert again.err == ""
    assert len(gatekeeper("filings", "history", "A1", "--format", "json").json["events"]) == 2
    gatekeeper("trail", "verify", status=0)
    gatekeeper("filings", "advance", "A1", "submitted", "--by", "王", status=0)


def test_settle_keeps_to_the_clocks_asked_for_and_to_the_present(gatekeeper, register):
    register({"status": "sms_pending"})
    due(gatekeeper, "--settle", "--clock", "clock-provider")
    early = due(gatekeeper, "--settle", "--at", "2026-02-14T09:59:59")
    assert [one["overdue"] for one in early] == [False]
    shown = gatekeeper("filings", "due", "--settle", "--at", "2999-01-01", status=2)
    assert "leave out --at" in shown.err
    assert len(gatekeeper("filings", "history", "A1", "--format", "json").json["events"]) == 1


def test_without_a_store_there_is_nothing_due(gatekeeper, tmp_path):
    shown = gatekeeper("filings", "due", status=0)
    assert "there is no store" in shown.err
    assert "no store yet" in gatekeeper("filings", "due", "--settle", status=1).err
    assert list(tmp_path.iterdir()) == []


def test_a_year_of_the_operator_counts(gatekeeper, register, tmp_path):
    register({})
    (tmp_path / "2026.yaml").write_text(
        "year: 2026\nholidays: [2026-02-16, 2026-02-17]\n", encoding="utf-8"
    )
    [one] = due(gatekeeper, "--at", SENT, "--calendar", "2026.yaml")
    assert one["deadline"] == "2026-02-18T16:00:00Z"
    (tmp_path / "2026.yaml").write_text("year: 2026\nholidays: [soon]\n", encoding="utf-8")
    wrong = gatekeeper("filings", "due", "--calendar", "2026.yaml", status=1)
    assert wrong.err.startswith("gatekeeper: 2026.yaml: key holidays.0: write a date as 2027-02-05")
    assert wrong.err.count("\n") == 1
    chinese = gatekeeper("filings", "due", "--calendar", "2026.yaml", "--lang", "zh", status=1)
    assert "日期应写作" in chinese.err
    gatekeeper("filings", "due", "--calendar", "none.yaml", status=1)


def test_beyond_the_calendar_it_is_estimated(gatekeeper, register, monkeypatch):
    from gatekeeper.filing import Holidays
    from gatekeeper.sources import holidays

    monkeypatch.setattr(holidays, "known_holidays", lambda: Holidays(frozenset({2025})))
    register({})
    [one] = due(gatekeeper, "--at", SENT)
    assert (one["deadline"], one["estimated"]) == ("2026-02-16T16:00:00Z", True)


def test_dates_that_are_none_are_said(gatekeeper, register):
    domains = [{"name": "example.cn", "valid_until": "2026-02-30\x1b[31m"}]
    register({"service": {"type": "website", "name": "示例网", "domains": domains}})
    shown = gatekeeper("filings", "due", "--at", SENT, status=0)
    assert "A1: service.domains[0].valid_until: '2026-02-30" in shown.err
    assert "\x1b" not in shown.err
    chinese = gatekeeper("filings", "due", "--at", SENT, "--lang", "zh", status=0)
    assert "不是日期" in chinese.err


def test_the_job_settles_as_the_command_does(gatekeeper, register):
    gatekeeper("job", "due", status=1)
    register({"status": "sms_pending"})
    done = gatekeeper("job", "due", "--format", "json", status=0).json
    assert done["detail"]["applications"] == ["A1"]
    events = gatekeeper("filings", "history", "A1", "--format", "json", status=0).json["events"]
    assert events[-1]["status"] == "returned"
    assert "处理到期时限" in gatekeeper("jobs", "--lang", "zh", status=0).out


def test_forms_and_languages(gatekeeper, register):
    register({}, {"status": "sms_pending"})
    at = ("--at", "2026-02-14T12:00")
    table = gatekeeper("filings", "due", *at, status=3).out
    assert "2026-02-15 00:00:00+08:00" in table
    assert "goes back to returned" in table
    chinese = gatekeeper("filings", "due", *at, "--lang", "zh", status=3)
    assert "短信核验" in chinese.out
    assert "接入商初审" in chinese.out
    assert "可用 --settle 退回" in chinese.err
    rows = list(
        csv.DictReader(
            io.StringIO(gatekeeper("filings", "due", *at, "--format", "csv", status=3).out)
        )
    )
    assert [(row["clock"], row["overdue"]) for row in rows] == [
        ("clock-sms", "yes"),
        ("clock-provider", "no"),
    ]
    gatekeeper("filings", "due", *at, "--format", "csv", "--out", "due.csv", status=3)
