"""``filings verify``: the register against exports of MIIT's query.  Every value is made up."""

import json

import pytest

from tests.cli.test_reference import differences, sample

UNIT = "宁夏示例科技有限公司"
NUMBER = "宁ICP备2026000001号-1"
DAY = "2026-04-{:02}T09:00:00+08:00"


def row(**more):
    return {
        "contentTypeName": "",
        "domain": "example.cn",
        "domainId": 1.10000415475e11,
        "leaderName": "",
        "limitAccess": "否",
        "mainId": 230000000001,
        "mainLicence": "宁ICP备2026000001号",
        "natureName": "企业",
        "serviceId": 110000000002,
        "serviceLicence": NUMBER,
        "unitName": UNIT,
        "updateRecordTime": "2026-03-01 10:00:00",
        **more,
    }


def answer(*rows, **params):
    figures = {"total": len(rows), "pages": min(1, len(rows)), "pageNum": 1, "pageSize": 26}
    return {
        "code": 200,
        "msg": "操作成功",
        "success": True,
        "params": {"list": list(rows), **figures, **params},
    }


ERROR = {"code": 401, "msg": "没有通过身份验证", "success": False}


@pytest.fixture
def export(tmp_path):
    def write(*answers, day=None, name="miit.json"):
        content = answers[0] if len(answers) == 1 else list(answers)
        if day is not None:
            content = {"queried_at": DAY.format(day), "body": content}
        path = tmp_path / name
        path.write_text(json.dumps(content), encoding="utf-8")
        return path

    return write


@pytest.fixture
def register(gatekeeper, filings):
    def write(*rows):
        gatekeeper("filings", "import", filings(*rows), status=0)

    return write


def state(gatekeeper):
    shown = gatekeeper("filings", "show", "F1", "--format", "json", status=0).json
    return shown["filings"][0]["state"]


def orders(gatekeeper):
    events = gatekeeper("filings", "history", "F1", "--format", "json", status=0).json["events"]
    return [(e["kind"], e["actor"]) for e in events if e["kind"].startswith("order.")]


def test_equal(gatekeeper, register, export):
    register()
    shown = gatekeeper("filings", "verify", "--miit", export(answer(row())), status=0)
    assert "equal" in shown.out
    assert "Equal: 1" in shown.out
    assert shown.err == ""
    chinese = gatekeeper(
        "filings", "verify", "--miit", export(answer(row())), "--lang", "zh", status=0
    )
    assert "一致" in chinese.out


def test_it_runs_as_a_process(process, filings, export):
    process("filings", "import", filings(), status=0)
    shown = process(
        "filings", "verify", "--miit", export(answer(row())), "--format", "json", status=0
    )
    assert shown.json["result"] == "equal"


def test_another_holder_and_number(gatekeeper, register, export):
    register({}, {"application_id": "A2", "filing_id": "F2", "domains": "example.com",
                  "service_licence": "宁ICP备2026000001号-2"})  # fmt: skip
    file = export(
        answer(row(unitName="别家（北京）有限公司")),
        answer(row(domain="example.com", serviceLicence="宁ICP备2026000001号-7")),
    )
    shown = gatekeeper("filings", "verify", "--miit", file, status=3)
    assert "MIIT shows 别家（北京）有限公司 as the holder" in shown.out
    assert "other-holder" in shown.out
    assert "other-number" in shown.out
    chinese = gatekeeper("filings", "verify", "--miit", file, "--lang", "zh", status=3)
    assert "主办单位" in chinese.out
    assert "不一致: 2" in chinese.out
    found = gatekeeper("filings", "verify", "--miit", file, "--format", "json", status=3).json
    assert [
        (one["filing_id"], point["code"], point["register"], point["miit"])
        for one in found["filings"]
        for point in one["differences"]
    ] == [
        ("F1", "other-holder", UNIT, "别家（北京）有限公司"),
        ("F2", "other-number", "宁ICP备2026000001号-2", "宁ICP备2026000001号-7"),
    ]


def test_not_found(gatekeeper, register, export):
    register()
    shown = gatekeeper("filings", "verify", "--miit", export(answer()), "--format=csv", status=3)
    assert f"F1,{UNIT},{NUMBER},different,not-found" in shown.out


def test_what_could_not_be_told_wins(gatekeeper, register, export):
    register()
    for file in (
        export(answer(row()), ERROR, name="error.json"),
        export(answer(row(), total=3, pages=2, pageSize=1), name="page.json"),
        export(row(unitName="别家有限公司", serviceLicence=None), name="row.json"),
    ):
        shown = gatekeeper("filings", "verify", "--miit", file, status=4)
        assert "Not told (" in shown.out
    chinese = gatekeeper("filings", "verify", "--miit", file, "--lang", "zh", status=4)
    assert "未能获知" in chinese.out


def test_pages_in_several_files(gatekeeper, register, export):
    register()
    pages = {"total": 2, "pages": 2, "pageSize": 1}
    one = export(answer(row(), **pages), name="1.json")
    two = export(answer(row(domain="b.cn", serviceLicence="宁ICP备2026000001号-9"), **pages,
                        pageNum=2), name="2.json")  # fmt: skip
    gatekeeper("filings", "verify", "--miit", one, status=4)
    for words in (("--miit", one, two), ("--miit", one, "--miit", two)):
        shown = gatekeeper("filings", "verify", *words, "--format", "json", status=0).json
        assert shown["summary"]["unmatched_rows"] == 1


@pytest.mark.parametrize(
    "text", ["<html>", '{"code": 200, "params"', '{"a": 1}', json.dumps(answer(row(domain=5)))]
)
def test_a_bad_file_is_refused_whole(gatekeeper, register, export, tmp_path, text):
    register()
    bad = tmp_path / "bad.json"
    bad.write_text(text, encoding="utf-8")
    good = export(answer(row(limitAccess="是")), day=1)
    record = ("--record", "--by", "小王")
    shown = gatekeeper("filings", "verify", "--miit", good, bad, *record, status=1)
    assert shown.out == ""
    assert "bad.json" in shown.err
    assert "nothing was compared or stored" in shown.err
    assert orders(gatekeeper) == []
    chinese = gatekeeper("filings", "verify", "--miit", bad, "--lang", "zh", status=1)
    assert "未作比对" in chinese.err


def test_usage(gatekeeper, register, export):
    file = export(answer(row()))
    assert "no store" in gatekeeper("filings", "verify", "--miit", file, status=1).err
    register()
    assert "--miit" in gatekeeper("filings", "verify", status=2).err
    gatekeeper("filings", "verify", "--miit", file, "--record", status=2)
    gatekeeper("filings", "verify", "--miit", file, "--by", "x", status=2)
    gatekeeper("filings", "verify", "--miit", "none.json", status=1)
    shown = gatekeeper("filings", "verify", "--miit", file, "--at", "2099-01-01", status=1)
    assert "future" in shown.err
    chinese = gatekeeper("filings", "verify", "--miit", file, "--record", "--lang=zh", status=2)
    assert "必须同时使用" in chinese.err


def test_only_some_filings(gatekeeper, register, export):
    register({}, {"application_id": "A2", "filing_id": "F2", "domains": "b.cn",
                  "entity_name": "别家有限公司", "account_id": "444455556666",
                  "service_licence": "宁ICP备2026000002号-1"})  # fmt: skip
    file = export(answer(row()))
    gatekeeper("filings", "verify", "--miit", file, status=3)
    gatekeeper("filings", "verify", "--miit", file, "--account", "111122223333", status=0)
    gatekeeper("filings", "verify", "--miit", file, "--entity", "示例", status=0)
    gatekeeper("filings", "verify", "--miit", file, "--entity", "别家", status=3)


def test_at_is_the_time_of_what_does_not_say(gatekeeper, register, export):
    register()
    file = export(answer())
    early = gatekeeper(
        "filings", "verify", "--miit", file, "--at", "2026-03-01T10:00", "--format", "json",
        status=3,
    ).json  # fmt: skip
    assert early["exports"][0]["answers"][0]["dated"] == "at"
    before = gatekeeper(
        "filings", "verify", "--miit", file, "--at", "2026-02-01", "--format", "json", status=4
    )
    assert before.json["filings"] == [], "nothing was approved by then"
    old = export(answer(), day=1, name="old.json")
    register({"application_id": "A3", "kind": "change", "status_at": "2026-05-01T00:00+08:00"})
    shown = gatekeeper("filings", "verify", "--miit", old, "--format", "json", status=4).json
    assert [point["code"] for point in shown["filings"][0]["doubts"]] == ["older-than-filing"]


def test_restricted_access_is_shown_and_not_recorded(gatekeeper, register, export):
    register()
    file = export(answer(row(limitAccess="是")), day=1)
    shown = gatekeeper("filings", "verify", "--miit", file, status=3)
    assert "restricted" in shown.out
    assert state(gatekeeper) == "in_effect"
    assert orders(gatekeeper) == []


def test_a_restriction_is_recorded_once_and_lifted_once(gatekeeper, register, export):
    register()
    record = ("--record", "--by", "小王")
    first = export(answer(row(limitAccess="是")), day=10, name="1.json")
    shown = gatekeeper("filings", "verify", "--miit", first, *record, status=3)
    assert shown.err == "F1: restriction recorded\n"
    assert state(gatekeeper) == "restricted"
    placed = [("order.placed", "小王")]
    assert orders(gatekeeper) == placed

    again = gatekeeper("filings", "verify", "--miit", first, *record, "--format=json", status=0)
    assert again.json["recorded"] == []
    assert again.err == "nothing to record\n"
    assert orders(gatekeeper) == placed

    older = export(answer(row()), day=9, name="0.json")
    gatekeeper("filings", "verify", "--miit", older, *record, status=4)
    assert state(gatekeeper) == "restricted"

    newer = export(answer(row()), day=20, name="2.json")
    gatekeeper("filings", "verify", "--miit", newer, status=3)
    assert state(gatekeeper) == "restricted", "never without --record"
    shown = gatekeeper(
        "filings", "verify", "--miit", first, newer, *record, "--lang", "zh", status=3
    )
    assert shown.err == "F1：已解除限制接入\n"
    assert state(gatekeeper) == "in_effect"
    both = [*placed, ("order.lifted", "小王")]
    assert orders(gatekeeper) == both

    for file, status in ((newer, 0), (first, 4)):
        gatekeeper("filings", "verify", "--miit", file, *record, status=status)
        assert orders(gatekeeper) == both, "an old 是 is not recorded again"
    third = export(answer(row(limitAccess="是")), day=21, name="3.json")
    gatekeeper("filings", "verify", "--miit", third, *record, status=3)
    assert state(gatekeeper) == "restricted"
    gatekeeper("trail", "verify", status=0)


def test_the_trail_says_what_was_seen(gatekeeper, register, export):
    register()
    file = export(answer(row(limitAccess="是")), day=10)
    gatekeeper("filings", "verify", "--miit", file, "--record", "--by", "小王", status=3)
    [event] = [
        event
        for event in gatekeeper("filings", "history", "F1", "--format", "json").json["events"]
        if event["kind"] == "order.placed"
    ]
    assert event["at"] == "2026-04-10T01:00:00Z"
    assert event["data"]["order"] == "restriction"
    assert "limitAccess 是 (miit.json, recorded 20" in event["data"]["reason"]


def test_a_restriction_is_a_finding(gatekeeper, register, export, dump):
    register()
    file = export(answer(row(limitAccess="是")), day=10)
    gatekeeper("filings", "verify", "--miit", file, "--record", "--by", "小王", status=3)
    dump()
    shown = gatekeeper("reconcile", "--dump", "dump", "--format", "json", status=3).json
    assert ("access-restricted", "critical") in {
        (finding["code"], finding["severity"]) for finding in shown["findings"]
    }
    assert {one["decision"] for one in shown["decisions"]} == {"closed"}


def test_a_hand_made_restriction_is_lifted_too(gatekeeper, register, export):
    register()
    by = ("--by", "管局", "--reason", "公示", "--at", "2026-04-01T00:00", "--restricted")
    gatekeeper("filings", "suspend", "F1", *by, status=0)
    file = export(answer(row()), day=10)
    gatekeeper("filings", "verify", "--miit", file, "--record", "--by", "小王", status=3)
    assert state(gatekeeper) == "in_effect"


def test_an_order_of_the_bureau_stands(gatekeeper, register, export):
    register()
    gatekeeper("filings", "suspend", "F1", "--by", "管局", "--reason", "第7号", status=0)
    file = export(answer(row()), day=10)
    gatekeeper("filings", "verify", "--miit", file, "--record", "--by", "小王", status=0)
    assert state(gatekeeper) == "suspended"


def test_an_order_that_was_lifted_is_no_lifted_restriction(gatekeeper, register, export):
    register()
    gatekeeper("filings", "suspend", "F1", "--by", "管局", "--reason", "第7号", status=0)
    gatekeeper("filings", "resume", "F1", "--by", "管局", status=0)
    file = export(answer(row(limitAccess="是")), day=10)
    gatekeeper("filings", "verify", "--miit", file, "--record", "--by", "小王", status=3)
    assert state(gatekeeper) == "restricted"


def test_nothing_is_lifted_by_an_export_of_an_unknown_day(gatekeeper, register, export):
    register()
    by = ("--by", "管局", "--reason", "公示", "--restricted", "--at", "2026-04-01")
    gatekeeper("filings", "suspend", "F1", *by, status=0)
    file = export(answer(row()))
    record = ("filings", "verify", "--miit", file, "--record", "--by", "小王")
    shown = gatekeeper(*record, "--format", "json", status=3)
    assert [one["result"] for one in shown.json["recorded"]] == ["withheld"]
    assert "say when MIIT was asked (or --at)" in shown.err
    assert state(gatekeeper) == "restricted"
    assert "未解除" in gatekeeper(*record, "--lang", "zh", status=3).err
    gatekeeper(*record, "--at", "2026-04-02", status=3)
    assert state(gatekeeper) == "in_effect"


def test_it_puts_nothing_in_effect(gatekeeper, register, export):
    register({"status": "bureau_review"})
    file = export(answer(row()))
    shown = gatekeeper("filings", "verify", "--miit", file, "--format=json", status=4)
    assert shown.json["filings"] == []
    assert shown.err.startswith("no filing was compared")
    assert (
        "没有可比对" in gatekeeper("filings", "verify", "--miit", file, "--lang=zh", status=4).err
    )
    register({"application_id": "A2", "filing_id": "F2", "service_licence": ""})
    found = gatekeeper(
        "filings", "verify", "--miit", export(answer(row())), "--format", "json", status=3
    ).json
    assert [point["code"] for point in found["filings"][0]["differences"]] == ["other-number"]
    listed = gatekeeper("filings", "list", "--in-effect", "--format", "json", status=0).json
    assert listed["filings"] == []


def test_the_document_has_the_keys_of_its_sample(gatekeeper, register, export):
    register()
    file = export(answer(row(limitAccess="是", unitName="别家有限公司")), ERROR, day=10)
    seen = gatekeeper(
        "filings", "verify", "--miit", file, "--record", "--by", "小王", "--format", "json",
        status=4,
    ).json  # fmt: skip
    for name in ("exports", "filings", "gaps", "recorded"):
        assert seen[name], name
    register({"application_id": "A9", "filing_id": "F9", "domains": "lost.cn",
              "service_licence": "宁ICP备2026000009号-1"})  # fmt: skip
    doubts = gatekeeper("filings", "verify", "--miit", file, "--format", "json", status=4).json
    assert any(one["doubts"] for one in doubts["filings"])
    for document in (seen, doubts):
        assert list(differences(document, sample("verification"))) == []


def test_out_writes_whole(gatekeeper, register, export, tmp_path):
    register()
    out = tmp_path / "found.json"
    file = export(answer(row()))
    shown = gatekeeper("filings", "verify", "--miit", file, "--format=json", "--out", out, status=0)
    assert shown.out == ""
    assert json.loads(out.read_text(encoding="utf-8"))["schema"] == "gatekeeper/verification/1"


def test_hostile_texts_do_not_reach_the_terminal(gatekeeper, register, export):
    register()
    file = export(
        answer(row()), {"code": 500, "success": False, "msg": "\x1b]0;x\x07 \u202e \ud800"}
    )
    for form in ("table", "json", "csv"):
        shown = gatekeeper("filings", "verify", "--miit", file, "--format", form, status=4)
        assert not {"\x1b", "\u202e", "\ud800"} & set(shown.out + shown.err)


def test_an_order_that_somebody_else_recorded_meanwhile(gatekeeper, register, export):
    from datetime import UTC, datetime

    from gatekeeper.cli.filings_verify import _recorded
    from gatekeeper.filing import Dated, MiitRow, Restriction, Shown
    from gatekeeper.store import open_store

    register()
    asked = datetime(2026, 4, 10, tzinfo=UTC)
    shown = Shown(MiitRow(restricted=True), asked, Dated.FILE, "x.json", 1)
    with open_store("sqlite:///gatekeeper.db") as store:
        steps = [Restriction("F1", place, shown) for place in (True, True, False, False)]
        done = [_recorded(store, step, by="小王", now=asked).done for step in steps]
    assert done == [True, False, True, False]
    assert [kind for kind, _ in orders(gatekeeper)] == ["order.placed", "order.lifted"]
