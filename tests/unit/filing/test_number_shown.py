"""The number that a page shows.  Numbers and pages are made up."""

import time

import pytest

from gatekeeper.filing import Entity, Seen, Service, ServiceType, judge_page, read_html
from gatekeeper.filing.number_shown import links_to_miit, numbers_shown

SITE = "宁ICP备2026000001号-1"
TEXT = "示例文字" * 150
LINK = '<a href="https://beian.miit.gov.cn/">{}</a>'


def judged(page, licence=SITE, *, province="宁夏", kind=ServiceType.WEBSITE, cut=False):
    service = Service(type=kind, licence=licence)
    entity = Entity(name="宁夏示例科技有限公司", province=province)
    return judge_page(read_html(page, cut=cut), service, entity)


@pytest.mark.parametrize(
    "shown",
    [
        SITE,
        "宁ICP备2026000001-1",
        "宁 ICP备 2026000001 号 - 1",
        "宁ＩＣＰ备２０２６０００００１号－１",
        "宁icp备2026000001号—1",
        "备案号：宁ICP备案2026000001号-1",
        "宁ICP备<span>2026000001</span>号<b>-1</b>",
        "宁ICP备2026000001&#x53F7;&#45;1",
        "宁ICP备2026000001号\u200b-1",
        "宁ICP备2026000001号-1 | 宁公网安备64010402001001号",
        "<img src=x alt=y>宁ICP备2026000001号-1</img>",
    ],
)
def test_the_right_number_is_read_however_it_is_written(shown):
    assert judged(TEXT + LINK.format(shown)).verdict is Seen.PASS


def test_a_link_around_a_part_of_the_number_is_one():
    page = '宁ICP备<a href="http://beian.miit.gov.cn">2026000001号-1</a>'
    assert judged(page).verdict is Seen.PASS


@pytest.mark.parametrize(
    "page",
    [
        TEXT + SITE,
        TEXT + '<a href="https://example.cn/">' + SITE + "</a>",
        TEXT + '<a href="beian.miit.gov.cn">' + SITE + "</a>",
        TEXT + f'<a href="https://beian.miit.gov.cn/"><img></a>{SITE}',
    ],
)
def test_without_its_link_it_does_not_count(page):
    found = judged(page)
    assert found.verdict is Seen.FAIL
    assert "does not link" in found.message


@pytest.mark.parametrize(
    "shown",
    [
        "宁ICP备2026000001号-2",
        "宁ICP备2026000001号-11",
        "宁ICP备2026000001号-1A",
        "宁ICP备2026000001号",
        "宁ICP备20260000012号-1",
        "京ICP备2026000001号-1",
        "川ICP备2026000001号-1",
        "ICP备2026000001号-1",
    ],
)
def test_another_number_is_not_the_right_one(shown):
    found = judged(TEXT + LINK.format(shown))
    assert found.verdict is Seen.FAIL
    assert f"not {SITE}" in found.message
    assert SITE in found.message_zh


def test_no_number_at_all():
    found = judged(TEXT)
    assert found.verdict is Seen.FAIL
    assert "nor is any other" in found.message


@pytest.mark.parametrize("hidden", ["<!-- {} -->", "<script>{}</script>", "<template>{}</template>",
                                    "<style>{}</style>", "<title>{}</title>"])  # fmt: skip
def test_what_a_visitor_does_not_see_is_not_shown(hidden):
    assert judged(TEXT + hidden.format(LINK.format(SITE))).verdict is Seen.FAIL


@pytest.mark.parametrize(
    ("page", "why"),
    [
        ('<div id="app"></div><script src="app.js"></script>', "scripts build"),
        ('<iframe src="/main"></iframe>', "others within"),
        ('<frameset><frame src="/main"></frameset>', "others within"),
        ('<meta http-equiv="refresh" content="0; url=/home">', "sends visitors on to /home"),
    ],
)
def test_what_the_source_does_not_tell_is_unknown(page, why):
    found = judged(page)
    assert found.verdict is Seen.UNKNOWN
    assert why in found.message


def test_a_page_with_text_and_scripts_is_judged():
    assert judged(TEXT + "<script></script>").verdict is Seen.FAIL


@pytest.mark.parametrize(
    ("page", "verdict"),
    [
        (LINK.format(SITE), Seen.PASS),
        (TEXT, Seen.UNKNOWN),
        (TEXT + SITE, Seen.UNKNOWN),
        (LINK.format("宁ICP备2026000001号-2"), Seen.UNKNOWN),
    ],
)
def test_a_page_that_was_cut_can_pass_and_cannot_fail(page, verdict):
    assert judged(page, cut=True).verdict is verdict


def test_a_picture_in_the_link_is_for_a_person_to_look_at():
    assert judged(TEXT + LINK.format('<img src="beian.png">')).verdict is Seen.ASK


@pytest.mark.parametrize(
    ("shown", "licence", "kind", "verdict"),
    [
        ("粤ICP备2026000002号", "粤ICP备2026000002号-3", ServiceType.WEBSITE, Seen.PASS),
        ("粤ICP备2026000002号 - 2026", "粤ICP备2026000002号-3", ServiceType.WEBSITE, Seen.PASS),
        ("粤ICP备2026000002号-3", "粤ICP备2026000002号-3", ServiceType.WEBSITE, Seen.FAIL),
        ("粤ICP备2026000002号-3A", "粤ICP备2026000002号-3A", ServiceType.APP, Seen.PASS),
        ("粤ICP备2026000002号", "粤ICP备2026000002号-3A", ServiceType.APP, Seen.FAIL),
        ("粤B2-20090059", "粤B2-20090059-5", ServiceType.WEBSITE, Seen.PASS),
        ("宁ICP备2026000001号", SITE, ServiceType.WEBSITE, Seen.FAIL),
    ],
)
def test_guangdong_alone_shows_the_entitys_number(shown, licence, kind, verdict):
    found = judged(LINK.format(shown), licence, province="广东", kind=kind)
    assert found.verdict is verdict


def test_a_telecom_licence_beside_it_is_no_wrong_number():
    found = judged(TEXT + "增值电信业务经营许可证：宁B2-20260001")
    assert "nor is any other" in found.message


def test_a_register_without_a_number_that_can_be_read():
    assert judged(TEXT, "某备案").verdict is Seen.UNKNOWN


@pytest.mark.parametrize(
    "target",
    [
        "https://beian.miit.gov.cn",
        "http://beian.miit.gov.cn/#/Integrated/index",
        "//beian.miit.gov.cn/",
        " https://BEIAN.MIIT.GOV.CN./ ",
        "https:\\\\beian.miit.gov.cn\\",
        "https://beian.miit.gov.cn:443/x?y",
        "ht\ntps://beian.miit.gov.cn",
    ],
)
def test_links_to_the_site(target):
    assert links_to_miit(target)


@pytest.mark.parametrize(
    "target",
    [
        "",
        "/",
        "beian.miit.gov.cn",
        "https://www.miitbeian.gov.cn",
        "https://beian.miit.gov.cn.example.cn/",
        "https://example.cn/?beian.miit.gov.cn",
        "https://beian.miit.gov.cn@example.cn/",
        "https://user@beian.miit.gov.cn/",
        "https://beian.miit.gov.cn:8443/",
        "https://beian.miit.gov.cn:x/",
        "javascript:location='https://beian.miit.gov.cn'",
        "ftp://beian.miit.gov.cn/",
        "https://[beian.miit.gov.cn/",
    ],
)
def test_links_elsewhere(target):
    assert not links_to_miit(target)


def test_numbers_are_listed_with_what_links():
    page = read_html(f"{LINK.format(SITE)} 京ICP备10046444号-9 粤B2-20090059-5 ABB2-20090059")
    assert [(one.text, one.linked) for one in numbers_shown(page)] == [
        (SITE, True),
        ("京ICP备10046444号-9", False),
        ("粤B2-20090059-5", False),
    ]


@pytest.mark.parametrize(
    "part",
    ["<!--", "<a", "<a href='", '<a b="', "<a a=", "</a", "<script>", "<", "&#9", "&#" + "9" * 5000,
     "<p>", "ICP备", "宁ICP备1", "- ", "<meta charset="],
)  # fmt: skip
def test_no_page_takes_long(part):
    started = time.monotonic()
    page = read_html(part * (200_000 // len(part)))
    numbers_shown(page)
    assert time.monotonic() - started < 5
