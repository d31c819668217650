"""Names to addresses, asked of a DNS server on loopback."""

import dns.rcode
import pytest

from gatekeeper.errors import UsageError
from gatekeeper.filing import Answer
from gatekeeper.public import DnsNames, Nameserver, read_nameserver
from tests.outside import DnsServer

ZONE = {
    "shop.example.cn": {"A": ["52.83.1.2", "52.83.1.1"], "AAAA": ["2404:C2C0::1"]},
    "old.example.cn": {"CNAME": "edge.example.cn."},
    "edge.example.cn": {"CNAME": "lb.example.cn."},
    "lb.example.cn": {"A": ["52.83.9.9"]},
    "loop.example.cn": {"CNAME": "loop.example.cn."},
    "mail.example.cn": {"MX": ["10 mail.example.cn."]},
    "half.example.cn": {"A": ["52.83.1.3"], "AAAA": dns.rcode.SERVFAIL},
    "gone.example.cn": {"A": [], "AAAA": dns.rcode.SERVFAIL},
    "down.example.cn": dns.rcode.SERVFAIL,
    "not-for-you.example.cn": dns.rcode.REFUSED,
    "silent.example.cn": None,
    "nonsense.example.cn": b"\xff" * 7,
    "xn--fiq228c.example.cn": {"A": ["52.83.1.4"]},
}


@pytest.fixture(scope="module")
def server():
    with DnsServer(ZONE) as running:
        yield running


@pytest.fixture
def names(server):
    return DnsNames([Nameserver("127.0.0.1", server.port)], lifetime=0.4, timeout=0.2)


def test_both_families_in_canonical_form_and_order(names):
    found = names.resolve("shop.example.cn")
    assert found.answer is Answer.FOUND
    assert found.addresses == ("52.83.1.1", "52.83.1.2", "2404:c2c0::1")
    assert not found.partial


def test_aliases_are_followed_and_told(names):
    found = names.resolve("old.example.cn")
    assert (found.addresses, found.aliases) == (
        ("52.83.9.9",),
        ("edge.example.cn", "lb.example.cn"),
    )


@pytest.mark.parametrize(
    ("name", "answer"),
    [("nowhere.example.cn", Answer.NO_NAME), ("mail.example.cn", Answer.NO_ADDRESS)],
)
def test_that_there_is_nothing_is_a_fact(names, name, answer):
    found = names.resolve(name)
    assert found.answer is answer
    assert found.empty


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("down.example.cn", "SERVFAIL"),
        ("not-for-you.example.cn", "REFUSED"),
        ("silent.example.cn", "no answer in time"),
        ("nonsense.example.cn", "A: "),
        ("loop.example.cn", "A: "),
        ("gone.example.cn", "AAAA: "),
        (f"{'x' * 64}.example.cn", "no domain name"),
        ("a..example.cn", "no domain name"),
        ("中文.example.cn\x00" + "y" * 70, "no domain name"),
        ("localhost", "top-level"),
        ("", "top-level"),
    ],
)
def test_what_nobody_says_is_unknown_with_its_reason(names, name, said):
    found = names.resolve(name)
    assert found.answer is Answer.UNKNOWN
    assert said in found.reason
    assert found.reason_zh
    assert not found.empty


def test_one_family_alone_leaves_a_doubt(names):
    found = names.resolve("half.example.cn")
    assert (found.answer, found.addresses) == (Answer.FOUND, ("52.83.1.3",))
    assert found.partial
    assert "AAAA" in found.reason


def test_every_question_goes_to_the_server(names, server):
    before = len(server.asked)
    names.resolve("lb.example.cn")
    names.resolve("lb.example.cn")
    assert server.asked[before:] == [("lb.example.cn.", "A"), ("lb.example.cn.", "AAAA")] * 2


@pytest.mark.parametrize(
    ("text", "server"),
    [
        ("10.0.0.2", ("10.0.0.2", 53)),
        (" 10.0.0.2:5353 ", ("10.0.0.2", 5353)),
        ("2404:c2c0::2", ("2404:c2c0::2", 53)),
        ("[2404:c2c0::2]:5353", ("2404:c2c0::2", 5353)),
    ],
)
def test_a_nameserver_is_read(text, server):
    assert read_nameserver(text) == server


@pytest.mark.parametrize(
    "text", ["", "dns.example.cn", "10.0.0.2:0", "10.0.0.2:70000", "10.0.0.2:x", "[::1", "1.2.3"]
)
def test_what_is_no_nameserver_is_refused(text):
    with pytest.raises(UsageError, match="nameserver"):
        read_nameserver(text)
