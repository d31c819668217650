"""The feed as stacks read it: what cannot be believed is closed, and says why."""

import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from gatekeeper.errors import FeedError
from gatekeeper.seal import digest, sign
from gatekeeper.stacks import load_decisions, parse_decisions, read_decisions

NOON = datetime(2026, 5, 4, 4, 0, tzinfo=UTC)
OPEN, SHUT, BOTH = "52.83.1.1", "52.83.1.2", "52.83.1.3"


def decision(endpoint, verdict, *ips, family="ipv4"):
    return {
        "account_id": "111122223333",
        "endpoint": endpoint,
        "kind": "interface",
        "family": family,
        "ips": list(ips),
        "decision": verdict,
        "reason": "filed and approved",
        "filing_ids": ["F1"],
    }


def content(**more):
    return {
        "schema": "gatekeeper/decisions/1",
        "generated_at": "2026-05-04T04:00:00Z",
        "expires_at": "2026-05-04T05:00:00Z",
        "ports": [{"protocol": "tcp", "port": 443}],
        "decisions": [
            decision("eni-1", "open", OPEN, BOTH),
            decision("eni-1", "closed", "2001:db8::1", family="ipv6"),
            decision("eni-2", "closed", SHUT),
            decision("eni-3", "hold", BOTH),
        ],
        **more,
    }


def sealed(**more):
    plain = content(**more)
    return json.dumps({**plain, "digest": digest(plain)}).encode()


def read(data, at=NOON, **more):
    return parse_decisions(data, name="feed.json", at=at, **more)


def test_an_address_is_what_its_strictest_decision_says():
    found = read(sealed())
    assert found.verdict(OPEN) == "open"
    assert found.verdict(SHUT) == "closed"
    assert found.verdict(BOTH) == "hold"
    assert found.verdict("2001:0DB8:0::1") == "closed"
    assert found.ports == (("tcp", 443),)
    assert [one.filing_ids for one in found.of_address(OPEN)] == [("F1",)]


@pytest.mark.parametrize("address", ["52.83.9.9", "", "eni-1", "0.0.0.0/0", "52.83.1.1 "])
def test_what_nobody_knows_is_closed(address):
    assert read(sealed()).verdict(address) == "closed"


def test_several_addresses_are_open_if_all_are():
    found = read(sealed())
    assert found.verdict_of_all([OPEN]) == "open"
    assert found.verdict_of_all([OPEN, BOTH]) == "hold"
    assert found.verdict_of_all([OPEN, "52.83.9.9"]) == "closed"
    assert found.verdict_of_all([]) == "closed"


def test_an_endpoint_is_decided_in_each_family():
    found = read(sealed())
    assert found.verdict_of_endpoint("eni-1", "ipv4") == "open"
    assert found.verdict_of_endpoint("eni-1", "ipv6") == "closed"
    assert found.verdict_of_endpoint("eni-9", "ipv4") == "closed"


def test_the_extra_keys_are_optional():
    bare = read(sealed())
    assert (bare.internal_sources, bare.exempt_sources, bare.offline) == (None, (), False)
    full = read(sealed(internal_sources=["10.0.0.0/8"], exempt_sources=[], offline=True))
    assert (full.internal_sources, full.offline) == (("10.0.0.0/8",), True)


def changed(key, value):
    return sealed(**{key: value})


def without(key):
    plain = content()
    del plain[key]
    return json.dumps({**plain, "digest": digest(plain)}).encode()


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "not JSON"),
        (sealed()[:-30], "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b"[]", "no schema"),
        (changed("schema", "gatekeeper/decisions/2"), "decisions/2"),
        (sealed().replace(b'"hold"', b'"open"'), "changed or damaged"),
        (json.dumps(content()).encode(), "changed or damaged"),
        (sealed().replace(b'{"schema"', b'{"decisions": [], "schema"'), "twice"),
        (changed("expires_at", "2026-05-04T04:00:00Z"), "expired at 2026-05-04T04:00:00"),
        (changed("generated_at", "2026-05-04T04:06:00Z"), "in the future"),
        (changed("expires_at", "2026-05-04T05:00:00"), "no zone"),
        (changed("expires_at", "soon"), "no feed"),
        (changed("expires_at", 7), "no feed"),
        (changed("ports", [{"protocol": "tcp", "port": True}]), "no feed"),
        (changed("ports", {}), "no feed"),
        (changed("decisions", [decision("eni-1", "maybe", OPEN)]), "maybe"),
        (changed("decisions", [decision("eni-1", "open", "1.2.3")]), "no feed"),
        (changed("decisions", [decision("eni-1", "open", "2406:da70::1")]), "another family"),
        (changed("decisions", [{}]), "no feed"),
        (changed("decisions", None), "no feed"),
        (without("ports"), "no feed"),
        (without("expires_at"), "no feed"),
        (b'{"schema": "gatekeeper/decisions/1", "x": "\\ud800"}', "digest"),
    ],
)
def test_what_cannot_be_believed_is_refused(data, said):
    with pytest.raises(FeedError, match=said) as refused:
        read(data)
    assert "feed.json" in refused.value.message
    assert refused.value.zh != refused.value.message


def test_a_feed_is_good_until_it_expires():
    read(sealed(), at=NOON + timedelta(minutes=59))
    with pytest.raises(FeedError, match="expired"):
        read(sealed(), at=NOON + timedelta(hours=1))


def test_a_key_asks_for_its_signature():
    key = Ed25519PrivateKey.generate()
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    public = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    plain = content()
    signature = sign(digest(plain), private)
    signed = json.dumps({**plain, "digest": digest(plain), "signature": signature}).encode()
    assert read(signed, public_key=public).key_id == signature["key_id"]
    assert read(signed).key_id == ""
    with pytest.raises(FeedError, match="not signed"):
        read(sealed(), public_key=public)
    forged = content(decisions=[decision("eni-2", "open", SHUT)])
    forged = {**forged, "digest": digest(forged), "signature": signature}
    with pytest.raises(FeedError, match="does not verify"):
        read(json.dumps(forged).encode(), public_key=public)


def test_a_file_that_is_not_there_closes_everything(tmp_path):
    with pytest.raises(FeedError, match="cannot be read"):
        read_decisions(tmp_path / "none.json")
    found = load_decisions(tmp_path / "none.json")
    assert found.problem is not None
    assert (found.verdict(OPEN), found.ports) == ("closed", ())
    with pytest.raises(FeedError, match="cannot be read"):
        read_decisions(tmp_path)


def test_a_file_is_read_at_the_time_it_is_used(tmp_path):
    feed = tmp_path / "feed.json"
    feed.write_bytes(sealed())
    assert load_decisions(feed, at=NOON).verdict(OPEN) == "open"
    late = load_decisions(feed)
    assert "expired" in str(late.problem)
    assert late.verdict(OPEN) == "closed"


@given(st.binary() | st.text().map(str.encode), st.integers(0, 400), st.binary(max_size=3))
def test_no_bytes_break_the_reader(data, place, put_in):
    whole = sealed()
    for one in (data, whole[:place] + put_in + whole[place:]):
        try:
            found = read(one)
        except FeedError:
            continue
        assert found == read(whole), "only white space may be added"


def test_reading_decisions_loads_nothing_but_the_standard_library():
    heavy = ("pydantic", "boto3", "botocore", "sqlalchemy", "typer", "pulumi", "cryptography")
    text = (
        "import sys, gatekeeper.stacks as s; s.load_decisions('none'); "
        f"print(sorted(set({heavy!r}) & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
