"""``filings watch``: names from a DNS server on loopback, pages in memory.  All data is made up."""

import json
from datetime import UTC, datetime

import dns.rcode
import pytest

from gatekeeper.cli import filings_watch
from gatekeeper.store import StoredAnswer, open_store
from gatekeeper.testing import FakeNames, FakePages
from tests.outside import DnsServer

NUMBER = "宁ICP备2026000001号-1"
PAGE = f'<html><body>{"示例" * 300}<a href="https://beian.miit.gov.cn/">{NUMBER}</a></body></html>'
PLAIN = f"<html><body>{'示例' * 300}</body></html>"
HERE = {"example.cn": "52.83.1.2", "www.example.cn": "52.83.1.2"}


@pytest.fixture
def outside(monkeypatch):
    """What the outside shows: names, then pages."""

    def show(names, pages=None):
        seen = FakePages(pages or {})
        asked = FakeNames(names)
        monkeypatch.setattr(
            filings_watch, "look_with", lambda _servers, *, fetch: (asked, seen if fetch else None)
        )
        return asked, seen

    return show


@pytest.fixture
def watch(gatekeeper, filings):
    """Import rows, look, and give the results by filing."""

    def run(*rows, status, words=()):
        gatekeeper("filings", "import", filings(*rows), status=0)
        shown = gatekeeper("filings", "watch", "--format", "json", *words, status=status).json
        assert shown["schema"] == "gatekeeper/public/1"
        return shown

    return run


def codes(shown):
    return [(one["filing_id"], one["code"], one["severity"]) for one in shown["findings"]]


def results(shown, rule):
    return [
        (one["verdict"], one["domain"])
        for filing in shown["filings"]
        for one in filing["results"]
        if one["rule"] == rule
    ]


def test_all_is_well(watch, outside, gatekeeper):
    outside(HERE, {"example.cn": PAGE})
    shown = watch(status=0)
    assert shown["findings"] == []
    assert results(shown, "domain-address") == [("pass", "example.cn")]
    assert results(shown, "after-footer") == [("pass", "example.cn")]
    assert results(shown, "shell-filing") == [("pass", None)]
    [filing] = shown["filings"]
    assert filing["names"][0]["addresses"] == ["52.83.1.2"]
    chinese = gatekeeper("filings", "watch", "--lang", "zh", status=0).out
    assert "结论" in chinese
    assert "example.cn 解析至已备案地址" in chinese


def test_before_the_first_approval_it_must_not_resolve_there(watch, outside):
    _, pages = outside(HERE, {"example.cn": PAGE})
    shown = watch({"status": "bureau_review", "service_licence": ""}, status=3)
    assert codes(shown) == [("F1", "resolves-before-approval", "high")]
    assert shown["findings"][0]["ips"] == ["52.83.1.2"]
    assert "bureau_review" in shown["findings"][0]["message"]
    assert pages.asked == []


@pytest.mark.parametrize("names", [{}, {"example.cn": "52.83.9.9", "www.example.cn": ()}])
def test_before_the_first_approval_it_may_lead_elsewhere(watch, outside, names):
    outside(names)
    shown = watch({"status": "draft", "service_licence": ""}, status=0)
    assert results(shown, "before-approval") == [("pass", "example.cn")]


def test_before_the_first_approval_silence_is_no_proof(watch, outside):
    outside({"www.example.cn": None})
    shown = watch({"status": "submitted", "service_licence": ""}, status=4)
    assert results(shown, "before-approval") == [("unknown", "example.cn")]


def test_a_withdrawn_application_is_left_alone(watch, outside):
    asked, _ = outside(HERE)
    assert watch({"status": "withdrawn", "service_licence": ""}, status=0)["filings"] == []
    assert asked.asked == []


def test_elsewhere_counts_as_a_shell(watch, outside):
    outside({"example.cn": "52.83.9.9"}, {"example.cn": PAGE})
    shown = watch(status=3)
    assert codes(shown) == [("F1", "shell-filing", "high"), ("F1", "domain-elsewhere", "medium")]
    assert "no notice" in shown["findings"][0]["message"]


def test_one_sub_domain_keeps_a_filing(watch, outside):
    outside({"www.example.cn": "52.83.1.2"}, {"www.example.cn": PAGE})
    shown = watch(status=0)
    assert results(shown, "domain-address") == [("pass", "example.cn")]


def test_partly_elsewhere_is_no_shell(watch, outside):
    outside({"example.cn": ("52.83.1.2", "52.83.9.9")}, {"example.cn": PAGE})
    shown = watch(status=3)
    assert codes(shown) == [("F1", "domain-elsewhere", "medium")]
    assert shown["findings"][0]["ips"] == ["52.83.9.9"]


def test_no_address_at_all(watch, outside):
    outside({})
    shown = watch(status=4)  # no page can be read either
    assert codes(shown) == [("F1", "shell-filing", "high"), ("F1", "domain-unresolved", "low")]
    outside({"example.cn": None, "www.example.cn": "52.83.9.9"}, {"www.example.cn": PAGE})


def test_silence_is_no_shell(watch, outside):
    outside({"example.cn": None})
    shown = watch(status=4, words=["--no-pages"])
    assert shown["findings"] == []
    assert results(shown, "domain-address") == [("unknown", "example.cn")]
    assert results(shown, "shell-filing") == [("unknown", None)]


CHANGE = {
    "application_id": "A2",
    "kind": "change_ip",
    "status": "bureau_review",
    "status_at": "2026-03-05T10:00:00+08:00",
    "ips": "52.83.7.7",
}


def test_the_old_address_stays_until_the_change_is_approved(watch, outside):
    outside(HERE, {"example.cn": PAGE})
    shown = watch({}, CHANGE, status=0)
    assert results(shown, "before-approval") == [("pass", "example.cn")]


def test_the_new_address_must_wait_for_the_change(watch, outside):
    outside({"example.cn": "52.83.7.7"}, {"example.cn": PAGE})
    shown = watch({}, CHANGE, status=3)
    assert ("F1", "resolves-before-approval", "high") in codes(shown)
    assert ("F1", "domain-elsewhere", "medium") not in codes(shown)
    [early] = [f for f in shown["findings"] if f["code"] == "resolves-before-approval"]
    assert "A2" in early["message"]


def test_the_old_address_is_strange_once_the_change_is_approved(watch, outside):
    outside({"example.cn": ("52.83.7.7", "52.83.1.2")}, {"example.cn": PAGE})
    shown = watch({}, {**CHANGE, "status": "approved"}, status=3)
    assert codes(shown) == [("F1", "domain-elsewhere", "medium")]
    assert "left the filing with its last change" in shown["findings"][0]["message"]


def test_a_new_domain_must_wait_for_its_change(watch, outside):
    outside({**HERE, "sub.example.cn": "52.83.1.2", "new.cn": "52.83.1.2"}, {"example.cn": PAGE})
    change = {**CHANGE, "kind": "change", "ips": "", "domains": "example.cn;sub.example.cn;new.cn"}
    shown = watch({}, change, status=3)
    assert codes(shown) == [("F1", "resolves-before-approval", "high")]
    assert "new.cn" in shown["findings"][0]["message"]
    assert "sub.example.cn" not in shown["findings"][0]["message"]


def test_an_ended_filing_that_is_filed_again_waits_for_its_approval(watch, outside):
    outside(HERE, {"example.cn": PAGE})
    shown = watch(
        {},
        {**CHANGE, "kind": "cancel_access", "status": "approved", "ips": ""},
        {**CHANGE, "application_id": "A3", "kind": "new", "status": "submitted",
         "status_at": "2026-03-09T10:00:00+08:00", "ips": "52.83.1.2"},
        status=3,
    )  # fmt: skip
    assert codes(shown) == [("F1", "resolves-before-approval", "high")]


def test_what_another_filing_covers_may_resolve(watch, outside):
    """A domain that is filed again, by another entity, is served lawfully until then."""
    outside({**HERE, "sub.example.cn": "52.83.1.2"}, {"example.cn": PAGE})
    again = {"application_id": "A2", "filing_id": "F2", "status": "bureau_review",
             "domains": "example.cn;sub.example.cn", "service_licence": ""}  # fmt: skip
    shown = watch({}, again, status=0)
    assert results(shown, "before-approval") == [("pass", "example.cn"), ("pass", "sub.example.cn")]
    again = {**again, "ips": "52.83.1.2;52.83.7.7", "application_id": "A3", "filing_id": "F3"}
    outside({"example.cn": ("52.83.1.2", "52.83.7.7")}, {"example.cn": PAGE})
    found = [f for f in watch({}, again, status=3)["findings"] if f["filing_id"] == "F3"]
    assert [(one["code"], one["ips"]) for one in found] == [
        ("resolves-before-approval", ["52.83.7.7"])
    ]


def test_numbers(watch, outside, gatekeeper):
    outside(HERE, {"example.cn": PLAIN})
    shown = watch(status=3)
    assert codes(shown) == [("F1", "after-footer", "medium")]
    assert "is not shown" in shown["findings"][0]["message"]
    outside(HERE, {"example.cn": PLAIN + NUMBER})
    assert "does not link" in gatekeeper("filings", "watch", status=3).out
    outside(HERE, {})
    shown = gatekeeper("filings", "watch", "--format", "json", status=4).json
    assert results(shown, "after-footer") == [("unknown", "example.cn")]
    assert shown["filings"][0]["pages"][0]["reason"] == "example.cn cannot be reached"


def test_guangdong_shows_the_subjects_number(watch, outside):
    row = {"entity_province": "广东", "service_licence": "粤ICP备2026000002号-3"}
    link = '<a href="https://beian.miit.gov.cn">粤ICP备2026000002号{}</a>'
    outside(HERE, {"example.cn": link.format("")})
    assert watch(row, status=0)["findings"] == []
    outside(HERE, {"example.cn": link.format("-3")})
    assert codes(watch(row, status=3)) == [("F1", "after-footer", "medium")]


def app(place=None):
    record = {
        "application_id": "A1", "filing_id": "F1", "kind": "new", "status": "approved",
        "status_at": "2026-03-01T10:00:00+08:00", "entity": {"name": "宁夏示例科技有限公司"},
        "service": {"type": "app", "name": "示例", "licence": f"{NUMBER}A", "domains": [],
                    "app": {"number_place": place} if place else {}},
        "access": {"account_id": "111122223333", "ips": ["52.83.1.2"]},
    }  # fmt: skip
    return json.dumps(record, ensure_ascii=False)


def test_an_app_is_for_a_person_to_look_at(gatekeeper, outside, tmp_path):
    outside({})
    file = tmp_path / "app.json"
    file.write_text(app("设置 → 关于"), encoding="utf-8")
    gatekeeper("filings", "import", file, status=0)
    shown = gatekeeper("filings", "watch", "--format", "json", status=4).json
    assert results(shown, "after-footer") == [("ask", None)]
    assert "设置 → 关于" in shown["filings"][0]["results"][0]["message"]
    for yes, status, verdict in ((True, 0, "pass"), (False, 3, "fail")):
        with open_store("sqlite:///gatekeeper.db") as store:
            store.answer(StoredAnswer("A1", "after-footer", yes, "ops", datetime.now(UTC)))
        shown = gatekeeper("filings", "watch", "--format", "json", status=status).json
        assert results(shown, "after-footer") == [(verdict, None)]


def test_the_declared_place_of_an_app_is_read(gatekeeper, outside, tmp_path):
    place = "https://example.cn/about"
    file = tmp_path / "app.json"
    file.write_text(app(place), encoding="utf-8")
    gatekeeper("filings", "import", file, status=0)
    outside({}, {place: PAGE.replace(NUMBER, f"{NUMBER}A")})
    shown = gatekeeper("filings", "watch", "--format", "json", status=0).json
    assert results(shown, "after-footer") == [("pass", place)]
    outside({}, {place: PAGE})
    assert "not " + NUMBER + "A" in gatekeeper("filings", "watch", status=3).out


NOTICE = """
notices:  # made up
  - {province: 宁夏, published: 2026-04-01, days: 7, reference: 2026-12}
"""


@pytest.mark.parametrize(
    ("at", "said", "left"),
    [
        ("2026-03-31T23:59", "no notice", None),
        ("2026-04-01T00:00", "7 days left", 7),
        ("2026-04-07T12:00", "1 day left", 1),
        ("2026-04-08T23:59", "today is the last day", 0),
        ("2026-04-09T00:00", "ended 2026-04-08, 1 day ago", -1),
    ],
)
def test_the_days_of_a_notice(gatekeeper, filings, outside, tmp_path, at, said, left):
    outside({"example.cn": "52.83.9.9"})
    gatekeeper("filings", "import", filings(), status=0)
    file = tmp_path / "notice.yaml"
    file.write_text(NOTICE, encoding="utf-8")
    shown = gatekeeper(
        "filings", "watch", "--no-pages", "--notice", file, "--at", at, "--format", "json", status=3
    ).json
    [shell] = [f for f in shown["findings"] if f["code"] == "shell-filing"]
    assert said in shell["message"]
    notice = shown["filings"][0]["notice"]
    assert (notice and notice["days_left"]) == left


def test_a_notice_that_lists_a_filing_always_counts(gatekeeper, filings, outside, tmp_path):
    outside(HERE)
    gatekeeper("filings", "import", filings(), status=0)
    file = tmp_path / "notice.yaml"
    text = "notices: [{province: Ningxia, published: 2026-04-01, until: 2026-05-01, filings: [%s]}]"
    for listed, status in ((NUMBER, 3), ("F1", 3), ("宁ICP备2026000009号-1", 0)):
        file.write_text(text % listed, encoding="utf-8")
        out = gatekeeper(
            "filings", "watch", "--no-pages", "--notice", file, "--at", "2026-04-29", status=status
        ).out
        assert ("2 days left" in out) == (status == 3)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("notices: [{province: 宁夏, published: 2026-04-01}]", "either days or until"),
        ("notices: [{province: 宁夏, published: 2026-04-01, days: 0}]", "notices.0.days"),
        ("notices: [{province: 某地, published: 2026-04-01, days: 7}]", "notices.0.province"),
        ("notices: [{province: 宁夏, published: 2026-04-31, days: 7}]", "not valid YAML"),
        ("notices: [{province: 宁夏, published: x, days: 7}]", "notices.0.published"),
        ("notice: []", "notice"),
        ("[", "not valid YAML"),
        (None, "check the path"),
    ],
)
def test_a_notice_that_cannot_be_read_is_refused(gatekeeper, outside, tmp_path, text, said):
    outside({})
    file = tmp_path / "notice.yaml"
    if text is not None:
        file.write_text(text, encoding="utf-8")
    shown = gatekeeper("filings", "watch", "--notice", file, status=1)
    assert said in shown.err
    assert len(shown.err.splitlines()) == 1


def test_one_filing_or_account_alone(gatekeeper, filings, outside):
    second = {"application_id": "A2", "filing_id": "F2", "domains": "example.com",
              "service_licence": "宁ICP备2026000001号-2", "account_id": "222233334444"}  # fmt: skip
    gatekeeper("filings", "import", filings({}, second), status=0)
    for words in (["F2"], ["A2"], ["--account", "222233334444"]):
        asked, _ = outside({})
        gatekeeper("filings", "watch", "--no-pages", *words, status=3)
        assert set(asked.asked) == {"example.com", "www.example.com"}
    assert "F9" in gatekeeper("filings", "watch", "F9", status=1).err
    assert (
        "nothing" not in gatekeeper("filings", "watch", "--account", "333333333333", status=0).err
    )
    gatekeeper("filings", "watch", "--no-pages", "--fail-on", "none", status=0)


def test_what_strangers_write_is_shown_harmless(watch, outside, gatekeeper):
    wild = f"{'示例' * 300}\x1b[31m宁ICP备2026000001号-9\u202e"
    outside(HERE, {"example.cn": wild})
    watch(status=3)
    out = gatekeeper("filings", "watch", status=3).out
    assert "\x1b" not in out
    assert "\u202e" not in out


def test_it_runs_as_a_process_against_a_nameserver(process, filings):
    zone = {
        "example.cn": {"CNAME": "lb.example.cn."},
        "lb.example.cn": {"A": ["52.83.1.2"]},
        "www.example.cn": dns.rcode.SERVFAIL,
        "example.com": dns.rcode.SERVFAIL,
    }
    second = {"application_id": "A2", "filing_id": "F2", "domains": "example.com",
              "service_licence": "宁ICP备2026000001号-2"}  # fmt: skip
    process("filings", "import", filings({}, second), status=0)
    with DnsServer(zone) as server:
        words = ["--no-pages", "--nameserver", f"127.0.0.1:{server.port}", "--format", "json"]
        shown = process("filings", "watch", *words, status=4).json
    assert results(shown, "domain-address") == [("pass", "example.cn"), ("unknown", "example.com")]
    assert shown["filings"][0]["names"][0]["aliases"] == ["lb.example.cn"]
    assert "SERVFAIL" in shown["filings"][1]["results"][0]["message"]
    assert "nameserver" in process("filings", "watch", "--nameserver", "dns", status=2).err


def test_a_domain_that_leads_inside_is_never_fetched(process, filings):
    process("filings", "import", filings(), status=0)
    with DnsServer({"example.cn": {"A": ["169.254.169.254"]}}) as server:
        words = ["--nameserver", f"127.0.0.1:{server.port}", "--format", "json"]
        shown = process("filings", "watch", *words, status=4).json
    assert ("F1", "domain-elsewhere", "medium") in codes(shown)
    [page] = shown["filings"][0]["pages"]
    assert page["read"] is False
    assert "169.254.169.254, which is not public (link-local)" in page["reason"]
