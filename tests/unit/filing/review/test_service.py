"""An APP's features, what it uses, and content that is approved first; every record is made up."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.filing.review.records import DELETE, app, changed, judged, verdict, website

APP_RULES = ("app-features", "app-sdk", "app-basics")
PLATFORM = "service.app.platforms[0]"
MD5 = "0123456789abcdef0123456789abcdef"


def without_attachment(record: dict[str, Any], kind: str) -> dict[str, Any]:
    """The record without the attachments of one kind."""
    left = [one for one in record["attachments"] if one["kind"] != kind]
    return changed(record, "attachments", left)


@pytest.mark.parametrize(
    ("rule", "path", "value", "field"),
    [
        ("app-features", "service.app.platforms", [], "service.app.platforms"),
        ("app-features", "service.app.platforms", DELETE, "service.app.platforms"),
        ("app-features", f"{PLATFORM}.platform", DELETE, f"{PLATFORM}.platform"),
        ("app-features", f"{PLATFORM}.package", "", f"{PLATFORM}.package"),
        ("app-features", f"{PLATFORM}.public_key", DELETE, f"{PLATFORM}.public_key"),
        ("app-features", f"{PLATFORM}.md5", DELETE, f"{PLATFORM}.md5"),
        ("app-sdk", "service.app.sdks", None, "service.app.sdks"),
        ("app-sdk", "service.app.sdks", DELETE, "service.app.sdks"),
        ("app-sdk", "service.app.sdks", ["测试推送", " "], "service.app.sdks[1]"),
        ("app-sdk", "service.app.sdks", [{"name": ""}], "service.app.sdks[0]"),
        ("app-sdk", "service.app.sdks", [7], "service.app.sdks[0]"),
        ("app-basics", "service.name", DELETE, "service.name"),
        ("app-basics", "service.app.service_type", "", "service.app.service_type"),
        ("app-basics", "service.app.category", DELETE, "service.app.category"),
        ("app-basics", "service.languages", [], "service.languages"),
        ("app-basics", "service.languages", [""], "service.languages"),
        ("app-basics", "service.languages", DELETE, "service.languages"),
    ],
)
def test_what_is_not_filled_in_fails(rule: str, path: str, value: Any, field: str) -> None:
    found = judged(changed(app(), path, value), rule)
    assert [(str(one.verdict), one.field) for one in found] == [("fail", field)]


@pytest.mark.parametrize("rule", APP_RULES)
def test_a_complete_app_passes_and_a_website_is_none(rule: str) -> None:
    assert verdict(app(), rule) == "pass"
    assert verdict(website(), rule) == "not_applicable"


@pytest.mark.parametrize("rule", APP_RULES)
def test_a_record_that_says_nothing_of_the_app_is_unknown(rule: str) -> None:
    """As a row of a table is, which has no columns for it."""
    [found] = judged(changed(app(), "service.app", DELETE), rule)
    assert (str(found.verdict), found.field) == ("unknown", "service.app")


@pytest.mark.parametrize("sdks", [[], ["测试推送"], [{"name": "测试推送", "company": "某公司"}]])
def test_declared_sdks_pass(sdks: list[Any]) -> None:
    assert verdict(changed(app(), "service.app.sdks", sdks), "app-sdk") == "pass"


def test_the_icon_belongs_to_the_basics() -> None:
    [found] = judged(without_attachment(app(), "app_icon"), "app-basics")
    assert (str(found.verdict), found.field) == ("fail", "attachments")


class TestFeatures:
    @pytest.mark.parametrize(
        ("platform", "package", "expected"),
        [
            ("android", "cn.example.test", "pass"),
            ("安卓", "cn.example.test_2", "pass"),
            ("android", "example", "fail"),
            ("android", "cn.2example", "fail"),
            ("android", "cn.exa-mple", "fail"),
            ("android", "cn..example", "fail"),
            ("android", "cn.example.", "fail"),
            ("android", "cn.例子", "fail"),
            ("android", "cn.example test", "fail"),
            ("android", "cn." + "a" * 252, "pass"),
            ("android", "cn." + "a" * 253, "fail"),
            ("ios", "cn.example-test.App2", "pass"),
            ("ios", "cn.2example", "pass"),
            ("ios", "cn.exa_mple", "fail"),
            ("ios", "example", "fail"),
            ("macos", "cn.example.mac", "pass"),
            ("鸿蒙", "cn.example.test", "pass"),
            ("harmonyos", "com.atomicservice.5765880207", "pass"),
            ("harmonyos", "5765880207.test", "fail"),
            ("linux", "example-test", "pass"),
            ("windows", "Example.Test_8wekyb3d8bbwe", "pass"),
            ("blackberry", "例子", "fail"),
        ],
    )
    def test_package(self, platform: str, package: str, expected: str) -> None:
        record = changed(app(), f"{PLATFORM}.platform", platform)
        found = judged(changed(record, f"{PLATFORM}.package", package), "app-features")
        assert [str(one.verdict) for one in found] == [expected]
        if expected == "fail":
            assert found[0].field == f"{PLATFORM}.package"

    @pytest.mark.parametrize(
        ("md5", "expected"),
        [
            (MD5, "pass"),
            (MD5.upper(), "pass"),
            (":".join(MD5[i : i + 2] for i in range(0, 32, 2)), "pass"),
            ("：".join(MD5[i : i + 2] for i in range(0, 32, 2)).upper(), "pass"),
            (MD5[:-1], "fail"),
            (MD5 + "0", "fail"),
            (MD5[:-1] + "g", "fail"),
            (MD5 + "01234567", "fail"),
            (":".join(MD5[i : i + 4] for i in range(0, 32, 4)), "fail"),
            ("-".join(MD5[i : i + 2] for i in range(0, 32, 2)), "fail"),
        ],
    )
    def test_md5(self, md5: str, expected: str) -> None:
        found = judged(changed(app(), f"{PLATFORM}.md5", md5), "app-features")
        assert [str(one.verdict) for one in found] == [expected]

    def test_each_platform_has_its_own(self) -> None:
        record = changed(app(), "service.app.platforms[0].md5", "")
        record = changed(record, "service.app.platforms[1].public_key", "")
        found = judged(record, "app-features")
        assert [one.field for one in found] == [
            "service.app.platforms[0].md5",
            "service.app.platforms[1].public_key",
        ]
        assert "安卓" in found[0].message_zh
        assert "iOS" in found[1].message_zh

    def test_everything_at_once(self) -> None:
        found = judged(changed(app(), "service.app.platforms", [{}]), "app-features")
        assert [one.field.rpartition(".")[2] for one in found] == [
            "platform",
            "package",
            "public_key",
            "md5",
        ]


class TestPreapproval:
    @pytest.mark.parametrize(
        ("category", "expected"),
        [
            ("news", "fail"),
            ("新闻", "fail"),
            ("出版", "fail"),
            ("药品和医疗器械", "fail"),
            ("文化", "fail"),
            ("广播电影电视节目", "fail"),
            ("网络游戏", "fail"),
            ("education", "warn"),
            ("教育", "warn"),
            ("宗教", "warn"),
            ("购物", "pass"),
        ],
    )
    @pytest.mark.parametrize("record", [website(), app()], ids=["website", "app"])
    def test_table(self, record: dict[str, Any], category: str, expected: str) -> None:
        record = changed(record, "service.categories", ["购物", category])
        found = judged(record, "preapproval")
        assert [str(one.verdict) for one in found] == [expected]
        if expected != "pass":
            assert found[0].field == "service.categories[1]"
        record["attachments"].append({"kind": "preapproval", "size": 90_000})
        assert verdict(record, "preapproval") == "pass"

    def test_what_must_be_hides_what_may_be(self) -> None:
        record = changed(website(), "service.categories", ["教育", "新闻"])
        [found] = judged(record, "preapproval")
        assert (str(found.verdict), found.field) == ("fail", "service.categories[1]")
        assert "新闻" in found.message_zh

    def test_none_is_fine_and_nothing_said_is_unknown(self) -> None:
        assert verdict(changed(website(), "service.categories", []), "preapproval") == "pass"
        [found] = judged(changed(website(), "service.categories", DELETE), "preapproval")
        assert (str(found.verdict), found.field) == ("unknown", "service.categories")

    def test_an_ending_needs_no_paper(self) -> None:
        record = changed(website(), "service.categories", ["新闻"])
        assert verdict(changed(record, "kind", "deregister_service"), "preapproval") == (
            "not_applicable"
        )
