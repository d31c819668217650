"""One value at a time: what is taken, in which canonical form, and what is refused."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from gatekeeper.filing import Kind, ServiceType, Status
from gatekeeper.sources import field
from gatekeeper.sources.field import FieldError

KINDS = {
    Kind.NEW: ["new", "New", "新增", "首次备案"],
    Kind.TRANSFER_IN: ["transfer_in", "transfer-in", "TRANSFER IN", "新增接入", "转入"],
    Kind.CHANGE: ["change", "变更信息", "变更主体"],
    Kind.CHANGE_IP: ["change_ip", "change-ip", "变更IP", "变更ip", "变更 IP", "变更ＩＰ"],
    Kind.DEREGISTER_SERVICE: ["deregister_service", "注销网站", "注销APP", "注销app"],
    Kind.DEREGISTER_ENTITY: ["deregister-entity", "注销主体"],
    Kind.CANCEL_ACCESS: ["cancel_access", "取消接入"],
}
STATUSES = {
    Status.DRAFT: ["draft", "草稿"],
    Status.SUBMITTED: ["submitted", "待初审"],
    Status.RETURNED: ["Returned", "已退回"],
    Status.REPORTED: ["reported", "已上报"],
    Status.SMS_PENDING: ["sms_pending", "SMS-pending", "待短信核验"],
    Status.BUREAU_REVIEW: ["bureau_review", "bureau review", "管局审核中"],
    Status.APPROVED: ["APPROVED", "已通过"],
    Status.REJECTED: ["rejected", "管局驳回"],
    Status.WITHDRAWN: ["withdrawn", "已撤回"],
}


@pytest.mark.parametrize(("word", "kind"), [(w, k) for k, words in KINDS.items() for w in words])
def test_kinds(word: str, kind: Kind) -> None:
    assert field.kind(word) is kind


@pytest.mark.parametrize(
    ("word", "status"), [(w, s) for s, words in STATUSES.items() for w in words]
)
def test_statuses(word: str, status: Status) -> None:
    assert field.status(word) is status


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("website", ServiceType.WEBSITE),
        ("网站", ServiceType.WEBSITE),
        ("app", ServiceType.APP),
        ("APP", ServiceType.APP),
    ],
)
def test_service_types(word: str, expected: ServiceType) -> None:
    assert field.service_type(word) is expected


@pytest.mark.parametrize("word", ["mini_program", "小程序", "fast-app", "快应用"])
def test_platform_services_are_sent_to_their_platform(word: str) -> None:
    with pytest.raises(FieldError, match="platform"):
        field.service_type(word)


@pytest.mark.parametrize(
    ("parse", "word"),
    [
        (field.kind, "renew"),
        (field.kind, "变更"),
        (field.status, "已备案"),
        (field.service_type, "x"),
    ],
)
def test_other_words_are_refused_not_guessed(parse: object, word: str) -> None:
    with pytest.raises(FieldError):
        parse(word)


@pytest.mark.parametrize(
    ("text", "utc"),
    [
        ("2026-11-03T09:30:00+08:00", (3, 1, 30)),
        ("2026-11-03T09:30:00", (3, 1, 30)),
        ("2026-11-03 09:30", (3, 1, 30)),
        ("2026-11-03T01:30:00Z", (3, 1, 30)),
        ("2026-11-02T20:30:00-05:00", (3, 1, 30)),
        ("2026-11-03", (2, 16, 0)),
        ("20261103T093000", (3, 1, 30)),
    ],
)
def test_times(text: str, utc: tuple[int, int, int]) -> None:
    day, hour, minute = utc
    assert field.instant(text) == datetime(2026, 11, day, hour, minute, tzinfo=UTC)
    assert field.instant(text).utcoffset().total_seconds() == 0


@pytest.mark.parametrize(
    "text",
    [
        "yesterday",
        "2026/11/03",
        "03.11.2026",
        "2026-13-01",
        "2026-11",
        "0001-01-01",
        "46000.5",
        "2026-11-03x09:30",
    ],
)
def test_other_times_are_refused(text: str) -> None:
    with pytest.raises(FieldError, match="ISO 8601"):
        field.instant(text)


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("11122223333", "leading zeros"),
        ("1.11122E+11", "number"),
        ("1111222233334", "12 digits"),
        ("1111-2222-3333", "12 digits"),
        ("１１１１２２２２３３３３", "12 digits"),
        ("11112222333a", "12 digits"),
    ],
)
def test_accounts_that_are_none(text: str, hint: str) -> None:
    with pytest.raises(FieldError, match=hint):
        field.account(text)


def test_leading_zeros_of_an_account_stay() -> None:
    assert field.account("000012345678") == "000012345678"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("52.83.1.2", ("52.83.1.2",)),
        ("52.83.10.2;52.83.9.2", ("52.83.9.2", "52.83.10.2")),
        ("52.83.1.2； 52.83.1.2 ;", ("52.83.1.2",)),
        ("52.83.1.2\r\n52.83.1.1\n", ("52.83.1.1", "52.83.1.2")),
        ("2404:C2C0:0:0::1;52.83.1.2", ("52.83.1.2", "2404:c2c0::1")),
        ("10.0.0.1", ("10.0.0.1",)),
        ("; ;", ()),
    ],
)
def test_addresses_are_canonical(text: str, expected: tuple[str, ...]) -> None:
    assert field.addresses(text) == expected


@pytest.mark.parametrize(
    ("text", "value", "reason"),
    [
        ("52.83.0.0/24", "52.83.0.0/24", "a network"),
        ("52.83.1.1/32", "52.83.1.1/32", "a network"),
        ("52.83.1.1;52.83.1.1-52.83.1.9", "52.83.1.1-52.83.1.9", "a range"),
        ("52.83.1.1,52.83.1.2", "52.83.1.1,52.83.1.2", "separate several by ;"),
        ("52.83.1.1、52.83.1.2", "52.83.1.1、52.83.1.2", "separate several by ;"),
        ("52.83.1.256", "52.83.1.256", "not an IP address"),
        ("52.83.01.2", "52.83.01.2", "not an IP address"),
        ("52.83.1", "52.83.1", "not an IP address"),
        ("５２.83.1.1", "５２.83.1.1", "not an IP address"),
        ("52.83.1.1:80", "52.83.1.1:80", "not an IP address"),
        ("fe80::1%eth0", "fe80::1%eth0", "zone"),
        ("::ffff:52.83.1.1", "::ffff:52.83.1.1", "write 52.83.1.1"),
        ("example.cn", "example.cn", "not an IP address"),
    ],
)
def test_addresses_that_are_none(text: str, value: str, reason: str) -> None:
    with pytest.raises(FieldError, match=reason) as caught:
        field.addresses(text)
    assert caught.value.value == value


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("B.cn;a.CN;b.cn", ("a.cn", "b.cn")),
        ("例子.公益；a.cn", ("a.cn", "例子.公益")),
        ("a.cn\nb.cn", ("a.cn", "b.cn")),
    ],
)
def test_domains_are_canonical(text: str, expected: tuple[str, ...]) -> None:
    assert field.domains(text) == expected


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("a.cn,b.cn", "separate several"),
        ("a.cn b.cn", "separate several"),
        ("https://a.cn", "no scheme"),
        ("a.cn:443", "no scheme"),
        ("a.cn/x", "no scheme"),
        ("a" * 254, "longer"),
        ("a.cn\u202e", "no scheme"),
    ],
)
def test_domains_that_are_none(text: str, reason: str) -> None:
    with pytest.raises(FieldError, match=reason):
        field.domains(text)


@pytest.mark.parametrize(
    "char", ["\x00", "\x07", "\x1b", "\x85", "\n", "\t", "\u202e", "\u2066", "\ud800", "\uffff"]
)
def test_text_has_no_control_characters(char: str) -> None:
    with pytest.raises(FieldError, match="control"):
        field.text(f"a{char}b")


@pytest.mark.parametrize("char", ["\u200b", "\ufeff", "\u00ad", "\u200f"])
def test_ids_have_no_invisible_characters(char: str) -> None:
    with pytest.raises(FieldError, match="invisible"):
        field.identifier(f"A{char}1")
    assert field.text(f"a{char}b") == f"a{char}b"


def test_lengths() -> None:
    assert field.identifier("A" * 128)
    assert field.text("文" * 1000)
    with pytest.raises(FieldError, match="129"):
        field.identifier("A" * 129)
    with pytest.raises(FieldError, match="1001"):
        field.text("文" * 1001)


def test_ordinary_names_pass() -> None:
    for name in ("西云数据（宁夏）", "O'Neil & Söhne", "a\u3000b", "🙂"):
        assert field.text(name) == name
