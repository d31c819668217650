"""The file of portals: what it may say, and how a wrong key is named."""

from __future__ import annotations

from pathlib import Path

import pytest

from gatekeeper.errors import PolicyError
from gatekeeper.sources.portal import load_portals, parse_portals
from gatekeeper.sources.portal.path import MISSING, parse_path

ROOT = Path(__file__).resolve().parents[3]
MINIMAL = """
portals:
  - name: made-up
    url: https://portal.example.cn/api
    page: {style: number, parameter: page}
    items: data.list
    fields:
      application_id: id
      filing_id: service
      kind: kind
      status: status
      status_at: at
      entity_name: name
"""


def test_the_least_that_there_must_be():
    [portal] = parse_portals(MINIMAL).portals
    assert (portal.token, portal.header, portal.retries) == (None, "Authorization: Bearer", 4)
    assert portal.timeout.page.total_seconds() == 120
    assert portal.fields["entity_name"].path == parse_path("name")
    assert portal.limits.page_bytes == 4 * 1024 * 1024


def test_the_example_is_one():
    [portal] = load_portals(ROOT / "policies" / "portal.example.yaml").portals
    assert portal.token == "GATEKEEPER_PORTAL_TOKEN"
    assert portal.fields["status"].values["6"] == "approved"


def test_what_decides_an_answer_is_in_the_digest():
    [portal] = parse_portals(MINIMAL).portals
    same = ("retries: 0", "timeout: {read: 9s}", "limits: {rows: 5}", "token: '${X}'", "resume: 2h")
    for line in same:
        [other] = parse_portals(MINIMAL + f"    {line}\n").portals
        assert other.digest() == portal.digest(), line
    for line in ("total: n", "query: {a: 1}", "updated: {parameter: s, path: t}"):
        [other] = parse_portals(MINIMAL + f"    {line}\n").portals
        assert other.digest() != portal.digest(), line
    [other] = parse_portals(MINIMAL.replace("entity_name: name", "entity_name: title")).portals
    assert other.digest() != portal.digest()


WRONG = {
    "no portal": ("", "key portals: is required"),
    "unknown": (MINIMAL + "    tokens: x\n", "key portals.0.tokens: there is no such key; did you"),
    "name": (MINIMAL.replace("made-up", "../up"), "portals.0.name: write 1 to 64 of"),
    "dots": (MINIMAL.replace("made-up", '".."'), "portals.0.name: write 1 to 64 of"),
    "twice": (
        MINIMAL + MINIMAL.partition("portals:\n")[2].replace("made-up", "MADE-UP"),
        "portals.1.name: MADE-UP stands twice",
    ),
    "scheme": (MINIMAL.replace("https:", "ftp:"), "portals.0.url: write it as https://"),
    "port": (MINIMAL.replace("example.cn/", "example.cn:99999/"), "portals.0.url: write it as"),
    "spaces": (MINIMAL.replace("/api", "/a b"), "portals.0.url: must be a URL in one line"),
    "user": (MINIMAL.replace("//portal", "//li:secret@portal"), "has no user, password or"),
    "http": (MINIMAL.replace("https:", "http:"), "portals.0: the URL must be https"),
    "token": (MINIMAL + "    token: secret-token\n", "portals.0.token: a token never stands"),
    "part": (MINIMAL + "    token: 'x${NAME}'\n", "portals.0.token: a token never stands"),
    "header": (MINIMAL + '    header: "A\\nB: c"\n', "portals.0.header: write a header's name"),
    "path": (MINIMAL.replace("items: data.list", "items: data..list"), "items: write a path as"),
    "list": (MINIMAL.replace("data.list", "'data[].list'"), "items names the list itself"),
    "style": (MINIMAL.replace("number", "letter"), "page.style: must be one of: number, offset"),
    "parameter": (MINIMAL.replace(", parameter: page", ""), "style number needs a parameter"),
    "cursor": (MINIMAL.replace("number", "cursor"), "style cursor needs next, a path"),
    "next": (MINIMAL.replace("page}", "page, next: n}"), "next belongs to the styles cursor"),
    "first": (MINIMAL.replace("number", "link").replace("page}", "p, first: 1}"), "first belongs"),
    "size": (MINIMAL.replace("page}", "page, size: 5}"), "size and size_parameter go together"),
    "column": (MINIMAL + "      entity: name\n", "fields.entity: there is no such column"),
    "key": (MINIMAL + "      entity.heads.name: n\n", "fields.entity.heads.name: there is no"),
    "dot": (MINIMAL + "      entity.head.: n\n", "there is no such column"),
    "same": (MINIMAL + "      entity.name: n\n", "fields: entity_name, entity.name lead to one"),
    "inside": (
        MINIMAL + "      entity.head: n\n      entity.head.name: n\n",
        "fields: entity.head and entity.head.name lead to one place",
    ),
    "needed": (MINIMAL.replace("      status: status\n", ""), "fields: status must be there"),
    "both": (MINIMAL + "      provider: {path: p, value: nwcd}\n", "either a path or a value"),
    "neither": (MINIMAL + "      provider: {}\n", "fields.provider: write either a path or"),
    "beside": (MINIMAL + "      provider: {value: a, separator: ','}\n", "nothing beside it"),
    "words": (MINIMAL + "      provider: {path: p, values: [a]}\n", "their word to ours"),
    "number": (MINIMAL + "      provider: {path: p, values: {a: 1}}\n", "what 'a' means must be"),
    "no field": (MINIMAL + "      provider: [a]\n", "fields.provider: must be a mapping"),
    "limit": (MINIMAL + "    limits: {page_bytes: 1}\n", "page_bytes: must be at least 1024"),
    "retries": (MINIMAL + "    retries: 1000\n", "retries: must be at most 20"),
    "duration": (MINIMAL + "    resume: soon\n", "resume: write a duration as"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_is_named(name):
    text, said = WRONG[name]
    with pytest.raises(PolicyError) as raised:
        parse_portals(text, source="portals.yaml")
    message = raised.value.message
    assert message.startswith("portals.yaml: key ")
    assert said in message
    assert "see docs/portal.md" in message
    assert "docs/portal.md" in raised.value.zh
    assert not raised.value.zh.isascii()
    assert "secret" not in message + raised.value.zh


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.9.1", "localhost", "[::1]"])
def test_this_machine_may_be_asked_without_tls(host):
    parse_portals(MINIMAL.replace("https://portal.example.cn", f"http://{host}:8080"))


def test_plain_http_can_be_written_down():
    parse_portals(MINIMAL.replace("https:", "http:") + "    insecure: true\n")


def test_a_file_that_cannot_be_read(tmp_path):
    with pytest.raises(PolicyError, match="cannot read the portals"):
        load_portals(tmp_path / "none.yaml")
    (tmp_path / "latin.yaml").write_bytes(b"\xe9")
    with pytest.raises(PolicyError, match="not UTF-8"):
        load_portals(tmp_path / "latin.yaml")
    (tmp_path / "large.yaml").write_bytes(b"#" * 1_000_001)
    with pytest.raises(PolicyError, match="larger than 1000000 bytes"):
        load_portals(tmp_path / "large.yaml")


@pytest.mark.parametrize(
    ("text", "value", "found"),
    [
        (".", [1], [1]),
        ("a", {"a": None}, None),
        ("a.b", {"a": {"b": 1}}, 1),
        ("a.b", {"a": None}, MISSING),
        ("a.b", {"a": {}}, MISSING),
        ("a.b", [], MISSING),
        ("a[1]", {"a": [1, 2]}, 2),
        ("a[2]", {"a": [1, 2]}, MISSING),
        ("a[0]", {"a": {"0": 1}}, MISSING),
        ("a[0].b", {"a": [{"b": 1}]}, 1),
        ("a[].b", {"a": [{"b": 1}, {}, {"b": None}]}, [1, None]),
        ("a[]", {"a": "text"}, MISSING),
        ("a[][0]", {"a": [[1], [], [2, 3]]}, [1, 2]),
        ("名称", {"名称": 1}, 1),
        ("a b", {"a b": 1}, 1),
    ],
)
def test_paths(text, value, found):
    result = parse_path(text).of(value)
    assert result is found if found is MISSING else result == found


@pytest.mark.parametrize(
    "text",
    ["", "..", "a.", ".a", "a..b", "[0]", "a[", "a[x]", "a[-1]", "a]b", "a[].b[]"],
)
def test_what_is_no_path(text):
    with pytest.raises(ValueError, match=r".*"):
        parse_path(text)
    with pytest.raises(ValueError, match=r".*"):
        parse_path(".".join("a" * 21))
