"""What may be asked about a record, and that nothing unasked is taken for a fact."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from gatekeeper.account import AccountState
from gatekeeper.desk.facts import Knowledge, accounts_of, known_accounts
from gatekeeper.filing import PageSeen, fold, read_html
from gatekeeper.filing.review import DomainFacts, Facts, Told
from gatekeeper.policy import default_policy
from gatekeeper.public import ApprovedLists
from gatekeeper.sources import application_from_json, packaged_providers, read_miit
from tests.unit.filing.review.records import NOW, app, changed, read, verdict, website

LISTS = ApprovedLists(
    made=date(2026, 11, 1), tlds=frozenset({"cn"}), registrars=frozenset({"测试注册商"})
)
LICENCE = "宁ICP备2026000001号-1"


class Page:
    """One page for every address; made up."""

    def __init__(self, html: str) -> None:
        self.html, self.asked = html, []

    def read(self, target: str) -> PageSeen:
        self.asked.append(target)
        if not self.html:
            return PageSeen(target, None, "nobody answers", "无响应")
        return PageSeen(target, read_html(self.html))


class Domains:
    """Knows nothing of any domain but what it is given."""

    def __init__(self, facts: DomainFacts) -> None:
        self.given = facts

    def facts(self, name, at) -> DomainFacts:
        del name, at
        return self.given


def knowledge(record=None, **given) -> Knowledge:
    filings = {}
    if record is not None:
        register = fold([application_from_json(record)], at=NOW)
        filings = {one.filing_id: one for one in register.filings}
    return Knowledge(providers=packaged_providers(), at=NOW, filings=filings, **given)


def approved(record):
    record = changed(record, "status", "approved")
    return changed(record, "service.licence", LICENCE)


def test_nobody_asked_is_no_facts() -> None:
    assert knowledge().facts(read(website())) is None


def test_lists_alone_judge_the_registrar_that_the_record_states() -> None:
    facts = knowledge(lists=LISTS).facts(read(website()))
    assert facts is not None
    [one] = facts.domains.values()
    assert (one.tld_approved.value, one.registrar_approved.value) == (True, True)
    assert not facts.account.known
    assert verdict(website(), "domain-registrar", facts=facts) == "pass"
    other = changed(website(), "service.domains[0].registrar", "别的注册商")
    assert (
        verdict(other, "domain-registrar", facts=knowledge(lists=LISTS).facts(read(other)))
        == "fail"
    )


def test_what_a_registry_says_wins_over_the_records_word() -> None:
    told = DomainFacts(registrar=Told("Elsewhere Inc."), registrar_approved=Told(False))
    facts = knowledge(lists=LISTS, domains=Domains(told)).facts(read(website()))
    assert facts is not None
    assert verdict(website(), "domain-registrar", facts=facts) == "fail"


def test_an_account_that_was_not_read_is_unknown() -> None:
    facts = knowledge(accounts=known_accounts((), default_policy(), NOW)).facts(read(website()))
    assert facts is not None
    assert not facts.account.known
    assert "was not read" in facts.account.reason
    assert verdict(website(), "access-owned", facts=facts) == "unknown"


def test_a_read_account_without_the_addresses_fails() -> None:
    state = AccountState(account_id="123456789012", region="cn-northwest-1")
    facts = knowledge(accounts=known_accounts([state], default_policy(), NOW)).facts(
        read(website())
    )
    assert verdict(website(), "access-owned", facts=facts) == "fail"


def test_the_page_of_an_approved_website_is_read() -> None:
    record = approved(website())
    good = Page(f'<a href="https://beian.miit.gov.cn/">{LICENCE}</a>')
    assert shown(record, good) == "pass"
    assert good.asked == ["example-test.cn"]
    assert shown(record, Page(f"<p>{LICENCE}</p>")) == "fail"
    assert shown(record, Page("<p>nothing here, only a page of plain words</p>")) == "fail"
    assert shown(record, Page("")) == "unknown"


def test_nothing_is_fetched_for_an_application_under_way() -> None:
    page = Page("<p>x</p>")
    record = changed(website(), "status", "submitted")
    knowledge(record, pages=page).facts(read(record))
    assert page.asked == []


def test_an_apps_place_is_read_where_it_is_a_page() -> None:
    record = changed(approved(app()), "service.licence", f"{LICENCE}A")
    page = Page(f'<a href="https://beian.miit.gov.cn/">{LICENCE}A</a>')
    assert shown(record, page) == "ask"
    assert page.asked == []
    placed = changed(record, "service.app.number_place", "https://example-test.cn/about")
    assert shown(placed, page) == "pass"
    assert page.asked == ["https://example-test.cn/about"]


def shown(record, page: Page) -> str:
    facts = knowledge(record, pages=page).facts(read(record))
    assert isinstance(facts, Facts)
    return verdict(record, "after-footer", facts=facts)


def test_an_export_of_miit_answers_the_lookup(tmp_path: Path) -> None:
    record = approved(website())
    row = (
        '{"code":200,"success":true,"msg":"","params":{"list":[%s],"total":%d,"pages":1,'
        '"pageNum":1,"pageSize":10,"lastPage":1}}'
    )
    found = (
        '{"domain":"example-test.cn","limitAccess":"%s","mainLicence":"宁ICP备2026000001号",'
        f'"serviceLicence":"{LICENCE}","unitName":"宁夏测试科技有限公司","natureName":"企业",'
        '"updateRecordTime":"2026-11-19 10:00:00"}'
    )

    def looked_up(content: str) -> str:
        file = tmp_path / "miit.json"
        file.write_text(content, encoding="utf-8")
        export = read_miit(file, at=NOW, given=True, now=NOW).export
        facts = knowledge(record, exports=(export,)).facts(read(record))
        return verdict(record, "after-lookup", facts=facts)

    assert looked_up(row % (found % "否", 1)) == "pass"
    assert looked_up(row % (found % "是", 1)) == "fail"
    assert looked_up(row % ("", 0)) == "fail"
    assert verdict(record, "after-lookup", facts=None) == "unknown"


def test_each_account_is_read_once() -> None:
    assert accounts_of([read(website()), read(app())]) == ("123456789012",)
