"""Facts about domains: a registry on loopback, lists in files.  Every answer is made up."""

import json
from datetime import UTC, date, datetime

import pytest

from gatekeeper.errors import PolicyError
from gatekeeper.public import Fetcher, Limits, LiveDomains, parse_lists, read_bootstrap, read_lists
from gatekeeper.testing import FakeNames
from tests.outside import reply, web_server

AT = datetime(2026, 11, 1, tzinfo=UTC)
LISTS = """
date: 2026-10-01
tlds: [cn, .COM, 公益, gov.cn]
registrars:
  - 示例注册服务机构有限公司
  - {name: 另一注册服务机构, also: ["Example Registrar, Ltd."]}
"""
NAMES = {"shop.example.com": "52.83.1.2", "dark.example.com": None}


def answer(**more):
    return {
        "objectClassName": "domain",
        "ldhName": "EXAMPLE.COM",
        "events": [
            {"eventAction": "registration", "eventDate": "2020-01-01T00:00:00Z"},
            {"eventAction": "expiration", "eventDate": "2027-05-01T20:00:00Z"},
        ],
        "entities": [
            {"roles": ["abuse"], "vcardArray": ["vcard", [["fn", {}, "text", "nobody"]]]},
            {
                "roles": ["registrar"],
                "vcardArray": [
                    "vcard",
                    [["version", {}, "text", "4.0"], ["fn", {}, "text", "EXAMPLE Registrar Ltd"]],
                ],
            },
        ],
        **more,
    }


def facts(body, name="shop.example.com", *, lists=LISTS, status=200, at=AT, **headers):
    asked = []

    def serve(handler):
        asked.append(handler.path)
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        headers.setdefault("Content_Type", "application/rdap+json")
        reply(handler, data, status=status, **headers)

    with web_server(serve) as port:
        names = FakeNames({**NAMES, "rdap.example.net": "127.0.0.1"})
        fetcher = Fetcher(
            names,
            loopback=True,
            ports=frozenset({port}),
            limits=Limits(connect=0.5, read=0.5, total=1.0, size=20_000),
        )
        made = LiveDomains(
            names,
            fetcher,
            lists=parse_lists(lists, source="lists") if lists else None,
            servers={"com": f"http://rdap.example.net:{port}/v1/"},
        )
        found = made.facts(name, at)
        made.facts(name, at)
    return found, asked


def test_all_facts():
    found, asked = facts(answer())
    assert found.registrar.value == "EXAMPLE Registrar Ltd"
    assert found.expires.value == date(2027, 5, 2)  # 04:00 in Shanghai
    assert found.registrar_approved.value is True
    assert found.registrar_approved.source == "list of 2026-10-01"
    assert found.tld_approved.value is True
    assert found.resolves_to.value == ("52.83.1.2",)
    assert asked == ["/v1/domain/example.com"]  # the registered domain, once


@pytest.mark.parametrize(
    ("name", "approved"),
    [
        ("shop.example.cn", True),
        ("example.gov.cn", True),
        ("示例.公益", True),
        ("xn--fsqu00a.xn--55qw42g", True),
        ("example.org", False),
        ("cn.example.io", False),
    ],
)
def test_top_level_domains(name, approved):
    found, _ = facts(answer(), name)
    assert found.tld_approved.value is approved


@pytest.mark.parametrize(
    ("registrar", "approved"),
    [
        ("示例注册服务机构有限公司", True),
        ("示例注册服务机构 有限公司", True),
        ("example registrar ltd", True),
        ("未批复注册商", False),
        ("Unapproved Registrar LLC", False),
    ],
)
def test_registrars(registrar, approved):
    entity = {"roles": ["registrar"], "vcardArray": ["vcard", [["fn", {}, "text", registrar]]]}
    found, _ = facts(answer(entities=[entity]))
    assert found.registrar_approved.value is approved


def test_a_name_in_another_script_than_the_list_proves_nothing():
    found, _ = facts(answer(), lists="{date: 2026-10-01, registrars: [示例注册服务机构]}")
    assert found.registrar_approved.value is None
    assert "script" in found.registrar_approved.reason
    assert found.tld_approved.value is None
    assert "no tlds" in found.tld_approved.reason


def test_an_old_list_counts_and_is_said():
    found, _ = facts(answer(), at=datetime(2026, 12, 30, tzinfo=UTC))
    assert found.tld_approved.source == "list of 2026-10-01"
    found, _ = facts(answer(), at=datetime(2026, 12, 31, tzinfo=UTC))
    assert found.tld_approved.source == "list of 2026-10-01, 91 days old"


def test_without_a_list_nothing_is_known_of_approval():
    found, _ = facts(answer(), lists=None)
    assert found.registrar.value == "EXAMPLE Registrar Ltd"
    for told in (found.tld_approved, found.registrar_approved):
        assert told.value is None
        assert "--lists" in told.reason


@pytest.mark.parametrize(
    ("body", "more", "why"),
    [
        (b"not json", {}, "not JSON"),
        (b"[" * 10_000, {}, "not JSON"),
        (b"x" * 30_000, {}, "no answer that can be read"),
        ([], {}, "about no domain"),
        ({"objectClassName": "entity"}, {}, "about no domain"),
        (answer(ldhName="other.com"), {}, "about another"),
        (answer(), {"status": 404}, "not registered"),
        (answer(), {"status": 429}, "status 429"),
        (answer(), {"Content_Type": "text/html"}, "no answer that can be read"),
        (answer(), {"status": 302, "Location": "http://10.0.0.1/"}, "redirected"),
        (answer(entities="x", events="y"), {}, "names no"),
        (answer(entities=[{"roles": ["registrar"]}], events=[{"eventAction": "expiration"}]), {},
         "names no"),
        (answer(entities=[7, {"roles": ["registrar"], "vcardArray": ["vcard", [[], 7, ["fn"]]]}],
                events=[7, {"eventAction": "expiration", "eventDate": "soon"}]), {}, "names no"),
    ],
)  # fmt: skip
def test_what_no_registry_tells_is_unknown(body, more, why):
    found, _ = facts(body, **more)
    for told in (found.registrar, found.expires):
        assert told.value is None
        assert why in told.reason
        assert told.reason_zh
    assert found.registrar_approved.value is None


def test_a_registry_that_nobody_named_is_not_asked():
    found, asked = facts(answer(), "example.cn")
    assert asked == []
    assert found.registrar.reason == "no RDAP server is known for .cn"


def test_names():
    assert facts(answer(), "dark.example.com")[0].resolves_to.value is None
    assert facts(answer(), "gone.example.com")[0].resolves_to.value == ()
    wrong = facts(answer(), "https://example.com/")[0]
    assert wrong.tld_approved.value is None
    assert wrong.resolves_to.reason


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("tlds: [cn]", "date"),
        ("{date: soon}", "date"),
        ("{date: 2026-10-01, tlds: [a b]}", "tlds.0"),
        ("{date: 2026-10-01, tlds: ['']}", "tlds.0"),
        ("{date: 2026-10-01, tlds: [no]}", "tlds.0"),
        ("{date: 2026-10-01, registrars: [{also: [x]}]}", "registrars.0"),
        ("{date: 2026-10-01, rdap: {com: 'http://x'}}", "rdap.com"),
        ("{date: 2026-10-01, extra: 1}", "extra"),
    ],
)
def test_a_wrong_list_is_refused(text, said):
    with pytest.raises(PolicyError, match=said):
        parse_lists(text, source="lists.yaml")


def test_lists_from_files(tmp_path):
    file = tmp_path / "lists.yaml"
    file.write_text(LISTS, encoding="utf-8")
    assert "cn" in read_lists(file).tlds
    with pytest.raises(PolicyError, match="check the path"):
        read_lists(tmp_path / "none.yaml")
    file.write_bytes("名单".encode("gb18030"))
    with pytest.raises(PolicyError, match="not UTF-8"):
        read_lists(file)


def test_ianas_bootstrap(tmp_path):
    file = tmp_path / "dns.json"
    services = [[["com", "NET"], ["http://a.example/", "https://b.example/"]],
                [["old"], ["http://c.example/"]]]  # fmt: skip
    file.write_text(json.dumps({"services": services}), encoding="utf-8")
    assert read_bootstrap(file) == {"com": "https://b.example/", "net": "https://b.example/"}
    for text in ("{}", "[]", "x", '{"services": [[1, 2]]}'):
        file.write_text(text, encoding="utf-8")
        with pytest.raises(PolicyError, match="IANA"):
            read_bootstrap(file)
