"""``gatekeeper ranges``: refreshed from a server on loopback.  The lists are made up."""

import json

import pytest

from gatekeeper.account import outside_region, packaged_ranges, use_ranges
from tests.outside import reply, web_server

TOKEN = 1_900_000_000


def published(*more, token=TOKEN, created="2030-03-17-17-46-40", leave_out=()):
    rows = [("52.83.0.0/16", "cn-northwest-1"), ("52.80.0.0/15", "cn-north-1"), *more]
    rows6 = [("2404:c2c0::/32", "cn-northwest-1"), ("2400:7fc0::/40", "cn-north-1")]
    rest = [{"ip_prefix": "3.0.0.0/8", "region": "us-east-1", "service": "EC2"},
            {"ip_prefix": "52.94.0.0/24", "region": "cn-north-1", "service": "S3"}]  # fmt: skip
    return {
        "syncToken": str(token),
        "createDate": created,
        "prefixes": [
            *(
                {"ip_prefix": c, "region": r, "service": "EC2"}
                for c, r in rows
                if r not in leave_out
            ),
            *rest,
        ],
        "ipv6_prefixes": [{"ipv6_prefix": c, "region": r, "service": "EC2"} for c, r in rows6],
    }


@pytest.fixture(autouse=True)
def _own_ranges(monkeypatch, tmp_path):
    monkeypatch.setenv("GATEKEEPER_RANGES", str(tmp_path / "kept" / "ranges.json"))
    yield
    use_ranges(None)


@pytest.fixture
def aws():
    """Serve what was last put into it."""
    told = {"body": b"{}", "status": 200, "headers": {}, "asked": []}

    def answer(handler):
        told["asked"].append(dict(handler.headers))
        body = told["body"]
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        if told["headers"].get("ETag") == handler.headers.get("If-None-Match", "-"):
            reply(handler, status=304)
            return
        reply(handler, data, status=told["status"], **told["headers"])

    with web_server(answer) as port:
        told["url"] = f"http://127.0.0.1:{port}/ip-ranges.json"
        yield told


def update(gatekeeper, aws, *words, status=0):
    return gatekeeper("ranges", "update", "--url", aws["url"], *words, status=status)


def test_a_newer_list_counts_from_then_on(gatekeeper, aws, tmp_path):
    aws["body"] = published(("52.99.0.0/16", "cn-northwest-1"))
    update(gatekeeper, aws, "--lang", "zh")
    shown = gatekeeper("ranges", "show", "--format", "json", status=0).json
    assert shown["schema"] == "gatekeeper/ranges/1"
    assert (shown["created"], shown["origin"]) == ("2030-03-17", aws["url"])
    assert {one["region"] for one in shown["ranges"]} == {"cn-north-1", "cn-northwest-1"}
    assert outside_region("52.99.1.1", "cn-northwest-1") is False
    assert outside_region("52.82.0.1", "cn-northwest-1") is True
    assert outside_region("3.1.1.1", "us-east-1") is None
    again = update(gatekeeper, aws)
    assert "known already" in again.err
    assert list((tmp_path / "kept").iterdir()) == [tmp_path / "kept" / "ranges.json"]


def test_it_does_not_come_again_where_it_is_the_same(gatekeeper, aws):
    aws["body"], aws["headers"] = published(), {"ETag": '"a"'}
    update(gatekeeper, aws)
    assert "known already" in update(gatekeeper, aws).err
    assert [one.get("If-None-Match") for one in aws["asked"]] == [None, '"a"']


def test_an_older_list_replaces_nothing(gatekeeper, aws, tmp_path):
    kept = tmp_path / "kept" / "ranges.json"
    aws["body"] = published()
    update(gatekeeper, aws)
    before = kept.read_bytes()
    aws["body"] = published(token=TOKEN - 1)
    assert "older than the known" in update(gatekeeper, aws, status=1).err
    assert kept.read_bytes() == before
    update(gatekeeper, aws, "--force")
    assert kept.read_bytes() != before


def test_the_packaged_list_counts_where_it_is_newer(gatekeeper, aws):
    aws["body"] = published(token=1, created="1970-01-01-00-00-01")
    update(gatekeeper, aws, status=1)
    assert "packaged" in update(gatekeeper, aws, "--force").err
    shown = gatekeeper("ranges", "show", "--format", "json", status=0).json
    assert shown["sync_token"] == str(packaged_ranges().sync_token)


@pytest.mark.parametrize(
    ("body", "more", "said"),
    [
        (b"<html>not here</html>", {}, "not JSON"),
        (json.dumps(published()).encode()[:-40], {}, "not JSON, or cut short"),
        (b"[]", {}, "known form"),
        ({}, {}, "known form"),
        ({**published(), "syncToken": "soon"}, {}, "known form"),
        ({**published(), "createDate": "today"}, {}, "known form"),
        ({**published(), "prefixes": "x"}, {}, "known form"),
        (published(("52.99.0.1/16", "cn-north-1")), {}, "known form"),
        (published(("2001:db8::/32", "cn-north-1")), {}, "known form"),
        (published(leave_out=("cn-northwest-1",)), {}, "no EC2 ranges of cn-northwest-1"),
        (published(), {"status": 404}, "status 404"),
        (
            published(),
            {"status": 302, "Location": "http://127.0.0.1:9/x"},
            "redirects to http://127",
        ),
        (published(), {"Content_Length": "999999", "length": False}, "cannot be fetched"),
    ],
)
def test_what_is_no_list_changes_nothing(gatekeeper, aws, tmp_path, body, more, said):
    more = dict(more)
    aws.update(body=body, status=more.pop("status", 200), headers=more)
    shown = update(gatekeeper, aws, status=1)
    assert said in shown.err
    assert len(shown.err.splitlines()) == 1
    assert not (tmp_path / "kept" / "ranges.json").exists()
    assert update(gatekeeper, aws, "--lang", "zh", status=1).err.startswith("gatekeeper：")


def test_a_server_that_is_not_there(gatekeeper, aws):
    for url in ("http://127.0.0.1:9/x", "ftp://127.0.0.1/x", "http://[x"):
        shown = gatekeeper("ranges", "update", "--url", url, status=1)
        assert "the ranges stay" in shown.err


def test_a_damaged_file_is_said_by_every_command(gatekeeper, aws, tmp_path):
    kept = tmp_path / "kept" / "ranges.json"
    kept.parent.mkdir()
    kept.write_text('{"regions": {}}', encoding="utf-8")
    assert str(kept) in gatekeeper("ranges", "show", status=1).err
    said = gatekeeper("filings", "list", status=1).err
    assert str(kept) in said
    assert "gatekeeper ranges update --force" in said
    aws["body"] = published()
    assert str(kept) in update(gatekeeper, aws, status=1).err
    update(gatekeeper, aws, "--force")
    gatekeeper("ranges", "show", status=0)


def test_a_file_that_is_named_must_be_there(gatekeeper, monkeypatch):
    assert "GATEKEEPER_RANGES" in gatekeeper("ranges", "show", status=1).err
    monkeypatch.delenv("GATEKEEPER_RANGES")
    assert "2026-08-22" in gatekeeper("ranges", "show", status=0).out


def test_old_ranges_are_said(gatekeeper, monkeypatch):
    from datetime import UTC, datetime

    from gatekeeper.cli import options

    monkeypatch.delenv("GATEKEEPER_RANGES")
    for day, said in (
        (datetime(2027, 2, 18, tzinfo=UTC), False),
        (datetime(2027, 2, 19, tzinfo=UTC), True),
    ):
        monkeypatch.setattr(options, "now", lambda day=day: day)
        assert ("days old" in gatekeeper("ranges", "show", status=0).err) is said


def test_findings_go_by_the_refreshed_list(process, filings, dump, aws):
    folder = dump(ip="52.99.1.2")
    row = {"ips": "52.83.1.9"}
    process("ranges", "update", "--url", aws["url"], status=1)
    aws["body"] = published()
    process("filings", "import", filings(row), status=1)  # the file that is named is not there
    process("ranges", "update", "--url", aws["url"], status=0)
    process("filings", "import", filings(row), status=0)
    words = ["reconcile", "--dump", folder, "--format", "json"]
    found = {one["code"] for one in process(*words, status=3).json["findings"]}
    assert "address-not-in-account" in found
    aws["body"] = published(token=TOKEN + 1)
    aws["body"]["prefixes"][0]["ip_prefix"] = "52.83.0.0/24"
    process("ranges", "update", "--url", aws["url"], status=0)
    found = {one["code"] for one in process(*words, status=3).json["findings"]}
    assert "address-outside-region" in found
