"""The gate policy: what is refused, and how that is said."""

import re

import pytest

from gatekeeper.errors import PolicyError
from gatekeeper.gate import CATALOGUE
from gatekeeper.policy import default_policy, parse_policy

WIDE = "switch the gate off"
REFUSED = [
    # key, text, words of the reason
    ("severity.exposed-unfild", "severity: {exposed-unfild: low}", "exposed-unfiled"),
    ("severity.exposed-unfiled", "severity: {exposed-unfiled: loud}", "critical, high"),
    ("severity", "severity: [exposed-unfiled]", "mapping"),
    ("severity", "severity:", "mapping"),
    (
        "exceptions.0.code",
        "exceptions: [{code: adress-shared, reason: r, until: 2027-01-01}]",
        "address-shared",
    ),
    (
        "exceptions.0.account_id",
        (
            "exceptions: [{code: address-shared, account_id: 111122223333, reason: r,"
            " until: 2027-01-01}]"
        ),
        "quotation marks",
    ),
    (
        "exceptions.0.account_id",
        "exceptions: [{code: address-shared, account_id: '12', reason: r, until: 2027-01-01}]",
        "12 digits",
    ),
    (
        "exceptions.0.filing_id",
        "exceptions: [{code: address-shared, filing_id: 0012, reason: r, until: 2027-01-01}]",
        "quotation marks",
    ),
    ("exceptions.0.until", "exceptions: [{code: address-shared, reason: r}]", "required"),
    (
        "exceptions.0.until",
        "exceptions: [{code: address-shared, reason: r, until: 20270101}]",
        "2027-01-31",
    ),
    (
        "exceptions.0.reason",
        "exceptions: [{code: address-shared, reason: ' ', until: 2027-01-01}]",
        "empty",
    ),
    ("exceptions.0", "exceptions: [address-shared]", "mapping"),
    ("exceptions", "exceptions: {code: address-shared}", "list"),
    *(
        ("narrow_without_headroom", f"narrow_without_headroom: {value}", "true or false")
        for value in ('"yes"', '"no"', '"on"', '"true"', "1", "0", "y", "null")
    ),
    *(
        ("kept_protocols.0", f"kept_protocols: [{value}]", "kept")
        for value in ("tcp", "udp", "TCP", "6", "17", '"6"', "006")
    ),
    ("kept_protocols.1", "kept_protocols: [icmp, all]", "icmp"),
    ("kept_protocols.0", "kept_protocols: [-1]", "icmp"),
    ("kept_protocols.0", "kept_protocols: [256]", "icmp"),
    *(
        ("internal_sources.0", f"internal_sources: ['{block}']", WIDE)
        for block in ("0.0.0.0/0", "::/0", "128.0.0.0/1", "8.0.0.0/7", "2000::/3", "2400::/12")
    ),
    ("exempt_sources.0.cidr", "exempt_sources: [{cidr: 0.0.0.0/0, reason: r}]", WIDE),
    (
        "exempt_sources.1.cidr",
        'exempt_sources: [{cidr: 9.9.9.9/32, reason: r}, {cidr: "::/0", reason: r}]',
        WIDE,
    ),
    (
        "internal_sources",
        f"internal_sources: [{', '.join(f'{n}.0.0.0/8' for n in range(1, 6))}]",
        WIDE,
    ),
    (
        "exempt_sources",
        "exempt_sources: ["
        + ", ".join(f'{{cidr: "24{n:02}::/16", reason: r}}' for n in range(5))
        + "]",
        WIDE,
    ),
    ("exempt_sources.0.cidr", "exempt_sources: [{cidr: 1.2.3.4/8, reason: r}]", "host bits"),
    ("exempt_sources.0.cidr", "exempt_sources: [{cidr: 167772160, reason: r}]", "CIDR"),
    ("exempt_sources.0.reason", "exempt_sources: [{cidr: 9.9.9.9/32}]", "required"),
    ("exempt_sources.0.reason", "exempt_sources: [{cidr: 9.9.9.9/32, reason: }]", "quotation"),
    (
        "exempt_sources.0.until",
        "exempt_sources: [{cidr: 9.9.9.9/32, reason: r, until: tomorrow}]",
        "2027-01-31",
    ),
    ("internal_sources", "internal_sources: 10.0.0.0/8", "list"),
    ("gated", "gated: []", "empty"),
    ("gated.0.protocol", "gated: [{protocol: sctp, ports: [80]}]", "tcp, udp"),
    ("gated.0.ports.0", "gated: [{protocol: tcp, ports: ['80']}]", "whole number"),
    ("gated.0.ports.0", "gated: [{protocol: tcp, ports: [0]}]", "at least 1"),
    ("gated.0.ports.0", "gated: [{protocol: tcp, ports: [65536]}]", "at most 65535"),
    ("gated.0.port", "gated: [{protocol: tcp, ports: [80], port: 80}]", "ports"),
    ("opened", "opened: [{protocol: tcp, ports: [22]}]", "tcp/22 is not gated"),
    ("limits", "limits:", "mapping"),
    ("limits.floor", "limits: {floor: -1}", "at least 0"),
    ("limits.floor", "limits: {floor: true}", "whole number"),
    ("limits.floor", "limits: {floor: 1.5}", "whole number"),
    ("limits.percent", "limits: {percent: .nan}", "0 to 100"),
    ("limits.percent", "limits: {percent: '30'}", "0 to 100"),
    ("limits.percents", "limits: {percents: 30}", "did you mean percent?"),
    ("limit", "limit: {}", "did you mean limits?"),
    ("approvals.open", "approvals: {open: '2'}", "whole number"),
    ("approvals.valid_for", "approvals: {valid_for: 24}", "72h"),
    ("decision_ttl", "decision_ttl: 99999999999d", "at most"),
    ("address_change_grace", "address_change_grace: -1h", "72h"),
    ("owner", "owner: 12", "text"),
    ("owner", "owner: ''", "128"),
    ("open_transfer_in", "open_transfer_in: draft", "approved, reported"),
    ("version", "version: 2", "1"),
    ("nonsense", "nonsense: 1", "no such key"),
]


@pytest.mark.parametrize(("key", "text", "words"), REFUSED, ids=[text for _, text, _ in REFUSED])
def test_a_refusal_names_the_key_in_our_own_words(key, text, words):
    with pytest.raises(PolicyError) as caught:
        parse_policy(text, source="gate.yaml", codes=CATALOGUE)
    message, zh = caught.value.text("en"), caught.value.text("zh")
    assert message.startswith(f"gate.yaml: key {key}: ")
    assert words in message
    assert zh.startswith(f"gate.yaml：键 {key} 无效：")
    assert re.search("[一-鿿]{2}", zh.split("无效：")[1])
    for line in (message, zh):
        assert line.count("\n") == 0
        for foreign in ("Input should", "Value error", "Field required", "Extra inputs", "valid "):
            assert foreign not in line


@pytest.mark.parametrize(
    "text",
    ["a: [", "until: 2027-02-30", "a: 1\na: 2", "[1, 2]", "just words", "a: !!python/none x"],
)
def test_what_is_no_policy_at_all_is_refused(text):
    with pytest.raises(PolicyError, match=r"^gate\.yaml"):
        parse_policy(text, source="gate.yaml")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "narrow_without_headroom: true",
        "narrow_without_headroom: yes",  # YAML 1.1 reads it as true
        "kept_protocols: [icmp, 47, '50', ICMPv6]",
        "kept_protocols: []",
        "internal_sources: [10.0.0.0/8, 9.0.0.0/8, 240.0.0.0/4, 'fc00::/7', '2408::/16']",
        "internal_sources: [10.0.0.0/7]",  # half of it is private
        "exempt_sources: [{cidr: 9.9.9.9/32, reason: r, until: 2027-01-01}]",
        "exempt_sources: [{cidr: 9.9.9.9/32, reason: r, until: '2027-01-01'}]",
        "severity: {address-unassociated: low}",
        (
            "exceptions: [{code: address-shared, account_id: '000011112222', reason: r,"
            " until: 2027-01-01}]"
        ),
        "limits: {percent: 12.5}",
        "address_change_grace: 0s",
    ],
)
def test_what_is_meant_is_taken(text):
    parse_policy(text, codes=CATALOGUE)


def test_the_same_policy_has_the_same_version():
    assert parse_policy("limits: {percent: 30}").version == default_policy().version
    assert parse_policy("limits: {percent: 31}").version != default_policy().version


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("stacks: {mode: both}", "stacks.mode: must be one of: enforce, report"),
        ("stacks: {modes: report}", "stacks.modes: there is no such key; did you mean mode?"),
        ("stacks: report", "stacks: must be a mapping of keys"),
        ("stacks: {tags: pulumi}", "stacks.tags: must be a list"),
        ("stacks: {tags: ['']}", "stacks.tags.0: must not be empty"),
        ("stacks: {tags: [' a']}", "stacks.tags.0: a tag's key has 1 to 128 characters"),
        (f"stacks: {{tags: [{'k' * 129}]}}", "stacks.tags.0: a tag's key has 1 to 128 characters"),
        ("stacks: {owned: [{group_id: sg-1}]}", "stacks.owned.0.stack: is required"),
        ("stacks: {owned: [{group_id: vpc-1, stack: s}]}", "stacks.owned.0.group_id: write a"),
        ("stacks: {owned: [{group_id: 1, stack: s}]}", "stacks.owned.0.group_id: write a"),
        ("stacks: {owned: [{group_id: sg-1, stack: ''}]}", "stacks.owned.0.stack: must not be"),
        (
            "stacks: {owned: [{group_id: sg-1, stack: a}, {group_id: sg-1, stack: b}]}",
            "stacks.owned: sg-1 stands twice",
        ),
    ],
)
def test_stacks_are_checked_key_by_key(text: str, named: str) -> None:
    with pytest.raises(PolicyError) as error:
        parse_policy(text)
    assert f"key {named}" in error.value.message
    assert error.value.zh != error.value.message


def test_stacks_merge_key_by_key() -> None:
    policy = parse_policy("stacks: {mode: report}")
    assert policy.stacks.tags == parse_policy("").stacks.tags != ()
    assert policy.version != parse_policy("").version
