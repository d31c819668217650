"""reconcile, audit, plan and approve on recorded answers."""

import json

import pytest

REGISTERED = ("accounts", "add", "111122223333")


@pytest.fixture
def filed(gatekeeper, filings, dump):
    """One account, exposed on tcp/80, and a filing in effect that covers it."""
    gatekeeper("filings", "import", filings(), status=0)
    dump()


@pytest.fixture
def unfiled(gatekeeper, filings, dump):
    """The same account, and a filing for another address."""
    gatekeeper("filings", "import", filings({"ips": "52.83.1.9"}), status=0)
    dump()


def run(gatekeeper, command, *words, status):
    return gatekeeper(command, "--dump", "dump", "--format", "json", *words, status=status).json


def test_the_shape_of_a_reconciliation(gatekeeper, unfiled):
    shown = run(gatekeeper, "reconcile", status=3)
    assert list(shown) == [
        "schema",
        "generated_at",
        "region",
        "accounts",
        "findings",
        "decisions",
        "summary",
        "trail_head",
    ]
    assert shown["schema"] == "gatekeeper/reconciliation/1"
    assert shown["region"] == "cn-northwest-1"
    assert shown["accounts"] == [{"account_id": "111122223333", "status": "complete", "errors": []}]
    assert {f["code"] for f in shown["findings"]} == {"address-not-in-account", "exposed-unfiled"}
    for finding in shown["findings"]:
        assert list(finding) == [
            "code",
            "severity",
            "account_id",
            "filing_id",
            "endpoint",
            "family",
            "ips",
            "ports",
            "message",
            "message_zh",
            "remedy",
            "remedy_zh",
            "first_seen",
            "last_seen",
        ]
    [decision] = shown["decisions"]
    assert list(decision) == [
        "account_id",
        "endpoint",
        "kind",
        "family",
        "ips",
        "decision",
        "reason",
        "filing_ids",
    ]
    assert decision["decision"] == "closed"
    assert shown["summary"]["findings"]["critical"] == 2
    assert shown["summary"]["decisions"] == {"open": 0, "closed": 1, "hold": 0, "unknown": 0}
    assert len(shown["trail_head"]) == 64


@pytest.mark.parametrize(
    ("level", "status"), [(None, 3), ("critical", 0), ("high", 3), ("info", 3), ("none", 0)]
)
def test_fail_on_decides_the_exit(level, status, gatekeeper, filed):
    words = ("--fail-on", level) if level else ()
    shown = run(gatekeeper, "reconcile", *words, status=status)
    assert [f["code"] for f in shown["findings"]] == ["closed-approved"]


def test_what_was_not_read_wins_over_findings(gatekeeper, filings, dump):
    gatekeeper("filings", "import", filings({"ips": "52.83.1.9"}), status=0)
    dump(leave_out=("describe-vpcs",), complete=False)
    shown = run(gatekeeper, "reconcile", status=4)
    assert shown["accounts"][0]["status"] == "partial"
    assert shown["accounts"][0]["errors"][0]["code"] == "NotRead"
    assert {d["decision"] for d in shown["decisions"]} == {"unknown"}
    text = gatekeeper("reconcile", "--dump", "dump", status=4).out
    assert text.startswith("!! Account 111122223333 was read in part")
    page = gatekeeper("reconcile", "--dump", "dump", "--format", "html", "--lang=zh", status=4).out
    assert '<p class="alarm" role="alert">账号 111122223333 仅部分读取' in page


def test_a_registered_account_that_the_dump_lacks_is_unreadable(gatekeeper, filed):
    gatekeeper(*REGISTERED, status=0)
    gatekeeper("accounts", "add", "444455556666", status=0)
    shown = run(gatekeeper, "reconcile", status=4)
    assert [(a["account_id"], a["status"]) for a in shown["accounts"]] == [
        ("111122223333", "complete"),
        ("444455556666", "unreadable"),
    ]
    assert "account-unreadable" in {f["code"] for f in shown["findings"]}
    limited = run(gatekeeper, "reconcile", "--account", "111122223333", status=3)
    assert [a["account_id"] for a in limited["accounts"]] == ["111122223333"]


def test_no_store_is_needed_for_a_dump_and_none_is_made(gatekeeper, dump, tmp_path):
    dump()
    shown = run(gatekeeper, "reconcile", status=3)
    assert [f["code"] for f in shown["findings"]] == ["exposed-unfiled"]
    assert shown["trail_head"] is None
    assert [path.name for path in tmp_path.iterdir()] == ["dump"]


@pytest.mark.parametrize(
    "words",
    [
        ("reconcile", "--dump", "dump"),
        ("audit", "--dump", "dump"),
        ("exposure", "--dump", "dump"),
        ("filings", "list"),
        ("filings", "list", "--in-effect"),
        ("filings", "export"),
        ("accounts", "list"),
        ("history",),
        ("filings", "import", "filings.csv", "--dry-run"),
    ],
    ids=" ".join,
)
@pytest.mark.parametrize("lang", ["en", "zh"])
def test_a_named_store_that_is_not_there_is_said(words, lang, gatekeeper, dump, filings, tmp_path):
    dump()
    filings()
    shown = gatekeeper(*words, "--store", "sqlite:///typo.db", "--lang", lang)
    assert shown.status in (0, 3)
    said = shown.err.splitlines()[0]
    assert said.startswith("typo.db")
    assert "GATEKEEPER_STORE" in said
    assert ("不存在" if lang == "zh" else "there is no store") in said
    assert not (tmp_path / "typo.db").exists()


@pytest.mark.parametrize("command", ["plan", "decisions", "reconcile", "exposure"])
def test_without_a_store_the_head_of_the_trail_is_null(command, gatekeeper, dump, tmp_path):
    dump()
    words = (command, "--dump", "dump", "--out", "made.json")
    form = ("--format", "json") if command in ("reconcile", "exposure") else ()
    gatekeeper(*words, *form)
    assert json.loads((tmp_path / "made.json").read_text())["trail_head"] is None


def test_every_report_carries_the_head_of_the_trail(gatekeeper, unfiled):
    head = gatekeeper("trail", "verify", "--format", "json", status=0).json["trail_head"]
    for command in ("exposure", "reconcile", "audit", "plan"):
        words = (command, "--dump", "dump", "--format")
        assert gatekeeper(*words, "json").json["trail_head"] == head, command
        assert head in gatekeeper(*words, "html").out, command
    assert gatekeeper("decisions", "--dump", "dump").json["trail_head"] == head


def test_the_page_is_for_an_inspector(gatekeeper, unfiled, tmp_path):
    words = ("reconcile", "--dump", "dump", "--format", "html", "--lang", "zh")
    gatekeeper(*words, "--out", "report.html", status=3)
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert '<html lang="zh-CN">' in page
    assert '<b class="critical">2</b>严重' in page
    assert "exposed-unfiled" in page
    assert "<td>eni-1</td>" in page


def test_names_from_outside_act_in_no_form(gatekeeper, dump):
    dump(description="=1\x1b[2J\u202e<script>alert(1)</script>")
    for command in ("reconcile", "audit", "plan"):
        for form in ("table", "csv", "html", "json"):
            shown = gatekeeper(command, "--dump", "dump", "--format", form, status=3).out
            assert all(c.isprintable() or c == "\n" for c in shown), (command, form)
            assert form == "json" or "<script>" not in shown


def test_an_audit_of_a_dump_remembers_nothing(gatekeeper, unfiled):
    for _ in range(2):
        shown = run(gatekeeper, "audit", status=3)
        assert shown["schema"] == "gatekeeper/audit/1"
        assert shown["since"] is None
        assert {f["state"] for f in shown["findings"]} == {"new"}
        assert shown["drift"] == []
    gatekeeper("audit", "--dump", "dump", "--fail-on", "none", status=0)


def test_the_shape_of_a_plan(gatekeeper, unfiled, tmp_path):
    shown = run(gatekeeper, "plan", "--out", "plan.json", "--by", "ops", status=3)
    assert shown["schema"] == "gatekeeper/plan/1"
    assert [action["op"] for action in shown["actions"]] == ["narrow"]
    assert shown["actions"][0]["group_id"] == "sg-1"
    assert shown["made_by"] == "ops"
    assert json.loads((tmp_path / "plan.json").read_text(encoding="utf-8")) == shown
    again = run(gatekeeper, "plan", status=3)
    assert again["id"] == shown["id"]


def test_out_leaves_stdout_as_format_says(gatekeeper, unfiled, tmp_path):
    shown = gatekeeper("plan", "--dump", "dump", "--out", "plan.json", "--format", "csv", status=3)
    assert shown.out.startswith("id,op,account_id,target,filing_ids,reason\n")
    assert json.loads((tmp_path / "plan.json").read_text(encoding="utf-8"))["actions"]


def test_nothing_pending_is_clean(gatekeeper, dump):
    dump(cidr="10.0.0.0/8")
    assert run(gatekeeper, "plan", status=0)["actions"] == []


def test_a_plan_beyond_the_belts_is_refused_whole(gatekeeper, unfiled, tmp_path):
    (tmp_path / "gate.yaml").write_text("limits: {floor: 0, percent: 0}\n")
    words = ("plan", "--dump", "dump", "--policy", "gate.yaml", "--out", "plan.json")
    shown = gatekeeper(*words, status=1)
    assert shown.out == ""
    for word in ("1 endpoints", "limits.floor", "limits.percent", "--allow-large"):
        assert word in shown.err
    assert not (tmp_path / "plan.json").exists()
    gatekeeper(*words, "--allow-large", status=3)
    (tmp_path / "gate.yaml").write_text("limits: {count: 0}\n")
    assert "limits.count" in gatekeeper(*words, status=1).err
    assert "limits.count" in gatekeeper(*words, "--lang", "zh", status=1).err


def test_approve_refuses_what_is_no_plan_to_apply(gatekeeper, unfiled, tmp_path):
    run(gatekeeper, "plan", "--out", "plan.json", status=3)
    offline = gatekeeper("approve", "plan.json", "--by", "boss", status=1)
    assert "--dump" in offline.err
    text = (tmp_path / "plan.json").read_text(encoding="utf-8")
    (tmp_path / "cut.json").write_text(text[:-40], encoding="utf-8")
    assert "cut short" in gatekeeper("approve", "cut.json", "--by", "boss", status=1).err
    (tmp_path / "edited.json").write_text(text.replace("sg-1", "sg-2"), encoding="utf-8")
    assert "altered" in gatekeeper("approve", "edited.json", "--by", "boss", status=1).err
    assert "cannot read" in gatekeeper("approve", "none.json", "--by", "boss", status=1).err
    gatekeeper("approve", "plan.json", status=2)
