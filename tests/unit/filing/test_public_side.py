"""What follows from what the public sees; the rest is in tests/cli/test_public.py."""

from datetime import UTC, datetime

import pytest

from gatekeeper.filing import (
    Access,
    Answer,
    Application,
    Entity,
    Kind,
    PageSeen,
    Resolution,
    Seen,
    Service,
    ServiceType,
    Status,
    fold,
    look_at_public,
    read_html,
    to_watch,
)

AT = datetime(2026, 4, 1, tzinfo=UTC)
NUMBER = "宁ICP备2026000001号-1"
RIGHT = f'<a href="https://beian.miit.gov.cn">{NUMBER}</a>'
WRONG = f"{'示例' * 300}{NUMBER[:-1]}7"
SILENT = '<script src="app.js"></script>'


def application(**more):
    given = {
        "application_id": "A1",
        "filing_id": "F1",
        "kind": Kind.NEW,
        "status": Status.APPROVED,
        "status_at": AT,
        "entity": Entity(name="宁夏示例科技有限公司"),
        "service": Service(type=ServiceType.WEBSITE, licence=NUMBER, domains=("example.cn",)),
        "access": Access(account_id="111122223333", ips=("52.83.1.2",)),
    }
    return Application(**{**given, **more})


def look(*applications, page=None, url="https://example.cn/", answers=None):
    register = fold(applications, at=AT)
    [subject] = to_watch(register, applications, answers or {})
    known = {
        "example.cn": Resolution(name="example.cn", answer=Answer.FOUND, addresses=("52.83.1.2",)),
        "www.example.cn": Resolution(name="www.example.cn", answer=Answer.NO_NAME),
    }
    pages = {"example.cn": PageSeen(url, read_html(page))} if page is not None else {}
    return look_at_public(subject, known, pages, (), at=AT)


def footer(found):
    return [one for one in found.results if one.check == "after-footer"]


@pytest.mark.parametrize(
    ("url", "page", "verdict"),
    [
        ("https://example.cn/", WRONG, Seen.FAIL),
        ("https://www.example.cn/home", WRONG, Seen.FAIL),
        ("https://example.cn.example.com/", WRONG, Seen.ASK),
        ("https://shop.example.com/", WRONG, Seen.ASK),
        ("https://notexample.cn/", WRONG, Seen.ASK),
        ("https://shop.example.com/", RIGHT, Seen.PASS),
    ],
)
def test_a_page_on_another_site_proves_nothing_against_this_one(url, page, verdict):
    [one] = footer(look(application(), page=page, url=url))
    assert one.verdict is verdict
    assert one.url == url


@pytest.mark.parametrize(
    ("page", "answer", "verdict"),
    [
        (SILENT, None, Seen.UNKNOWN),
        (SILENT, "yes", Seen.PASS),
        (SILENT, "no", Seen.FAIL),
        (None, "yes", Seen.PASS),
        (WRONG, "yes", Seen.FAIL),
        (RIGHT, "no", Seen.PASS),
    ],
)
def test_a_person_settles_what_no_page_tells_and_nothing_else(page, answer, verdict):
    answers = {"A1": answer} if answer else {}
    [one] = footer(look(application(), page=page, answers=answers))
    assert one.verdict is verdict


def test_an_answer_within_the_record_counts():
    review = '{"answers": {"after-footer": {"answer": "yes", "by": "ops"}}}'
    [one] = footer(look(application(review=review), page=SILENT))
    assert one.verdict is Seen.PASS


@pytest.mark.parametrize("review", ["", "[", "[]", '{"answers": 7}', '{"service": {"app": []}}'])
def test_a_record_that_says_nothing_is_no_fault(review):
    service = Service(type=ServiceType.APP, licence=f"{NUMBER}A")
    found = look(application(review=review, service=service))
    assert [(one.check, one.verdict) for one in found.results] == [
        ("after-footer", Seen.ASK),
        ("shell-filing", Seen.PASS),
    ]


def test_a_filing_without_access_is_a_shell_and_without_addresses_cannot_be_compared():
    found = look(application(access=Access(account_id="111122223333")), page=RIGHT)
    assert [(one.check, one.verdict) for one in found.results] == [
        ("after-footer", Seen.PASS),
        ("shell-filing", Seen.FAIL),
    ]
    access = Access(account_id="111122223333", load_balancer="shop")
    found = look(application(access=access), page=RIGHT)
    assert [(one.check, one.verdict) for one in found.results] == [
        ("domain-address", Seen.UNKNOWN),
        ("after-footer", Seen.PASS),
        ("shell-filing", Seen.PASS),
    ]


def test_a_website_without_a_domain_cannot_be_looked_up():
    service = Service(type=ServiceType.WEBSITE, licence=NUMBER)
    found = look(application(service=service))
    assert ("domain-address", Seen.UNKNOWN) in [(one.check, one.verdict) for one in found.results]


def test_an_application_without_addresses_cannot_be_compared():
    found = look(application(status=Status.SUBMITTED, access=Access(account_id="111122223333")))
    assert [(one.check, one.verdict) for one in found.results] == [
        ("before-approval", Seen.UNKNOWN)
    ]
