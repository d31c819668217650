"""Whatever bytes a page is made of, reading it ends, and finds what is there."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gatekeeper.filing import Entity, Seen, Service, ServiceType, judge_page, read_html
from gatekeeper.filing.number_shown import links_to_miit, numbers_shown
from gatekeeper.public.pages import decode

NUMBER = "宁ICP备2026000001号-1"
SERVICE = Service(type=ServiceType.WEBSITE, licence=NUMBER)
ENTITY = Entity(name="宁夏示例科技有限公司")

fragments = st.sampled_from(
    ["<a href=", "https://beian.miit.gov.cn", '"', "'", ">", "<", "</a>", "<!--", "-->", "<script>",
     "</script", NUMBER, "宁ICP备", "号", "-1", "&#x", "&#99999999999;", "&amp", "<meta charset=",
     "gb2312", "utf-16", "\x00", "\r\n", " ", "/", "=", "<iframe",
     "<meta http-equiv=refresh content="]
)  # fmt: skip
sources = st.lists(fragments | st.text(max_size=8), max_size=60).map("".join)


@given(sources)
def test_any_text_is_read(source: str) -> None:
    page = read_html(source)
    for one in numbers_shown(page):
        assert one.text
    for link in page.links:
        links_to_miit(link)
    judge_page(page, SERVICE, ENTITY)


@given(st.binary(max_size=400), st.sampled_from(["", "utf-8", "gbk", "utf-16", "zip", "idna", "x"]))
def test_any_bytes_are_decoded(data: bytes, charset: str) -> None:
    judge_page(read_html(decode(data, charset)), SERVICE, ENTITY)


@given(
    st.text(alphabet="abc 中文<&;'\"", max_size=40),
    st.sampled_from(["utf-8", "gb18030", "utf-16"]),
    st.booleans(),
)
def test_a_number_is_found_in_every_charset(before: str, charset: str, said: bool) -> None:
    linked = f'<a href="https://beian.miit.gov.cn/">{NUMBER}</a>'
    source = "<html><body><p>" + before.replace("<", "").replace("&", "") + linked
    text = decode(source.encode(charset), charset if said else "")
    service = Service(type=ServiceType.WEBSITE, licence=NUMBER)
    assert judge_page(read_html(text), service, ENTITY).verdict is Seen.PASS
