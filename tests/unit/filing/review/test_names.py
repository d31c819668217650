"""The names of websites and APPs; every record is made up."""

from __future__ import annotations

from typing import Any

import pytest

from gatekeeper.filing import Kind, Status
from gatekeeper.filing.model import FilingState
from gatekeeper.filing.review import Level, Surroundings
from gatekeeper.filing.review.hanzi import chinese_characters, name_key, simplified
from gatekeeper.sources.provider_rules import packaged_providers
from tests.unit.filing.review.others import STRANGER, filing, peer, register
from tests.unit.filing.review.records import DELETE, app, changed, judged, verdict, website


def named(record: dict[str, Any], name: str) -> dict[str, Any]:
    """The record with another name of its service, on every platform too."""
    found = changed(record, "service.name", name)
    for platform in found["service"].get("app", {}).get("platforms", []):
        platform["name"] = name
    return found


class TestCompared:
    @pytest.mark.parametrize(
        ("written", "key"),
        [
            ("Ｃｈｉｎａ", "china"),
            (" 论\u3000坛\t", "论坛"),
            ("論壇", "论坛"),
            ("中華\u200b國家", "中华国家"),
            ("塞上測試", "塞上测试"),
            ("薴苧", "苎苎"),
            ("头发", "头发"),
        ],
    )
    def test_key(self, written: str, key: str) -> None:
        assert name_key(written) == key
        assert name_key(key) == key

    def test_simplified_text_stays_as_it_is(self) -> None:
        for name in packaged_providers()["nwcd"].names.banned:
            assert simplified(name) == name

    @pytest.mark.parametrize(
        ("text", "count"),
        [
            ("", 0),
            ("abc，。", 0),
            ("測試ab", 2),
            ("〇", 1),
            ("カタカナ", 0),
            ("𠮷野", 2),
            ("\uf900", 1),
        ],
    )
    def test_chinese_characters(self, text: str, count: int) -> None:
        assert chinese_characters(text) == count


class TestWords:
    @pytest.mark.parametrize(
        ("name", "expected"),
        [
            ("塞上测试商城", "pass"),
            ("中国测试商城", "fail"),
            ("中國測試商城", "fail"),
            ("测试中华网", "fail"),
            ("測試中華網", "fail"),
            ("China测试网站", "fail"),
            ("ＣＨＩＮＡ测试", "fail"),
            ("测试ch ina", "fail"),
            ("测试论 坛", "fail"),
            ("测试論\u200b壇", "fail"),
            ("中国民生测试", "fail"),
            ("测试中的国", "pass"),
            ("中 央测试网", "fail"),
            ("国家测试", "fail"),
            ("测试政府网", "fail"),
            ("某国民网站", "fail"),
            ("人民测试网", "fail"),
            ("华中测试网", "pass"),
            ("chin测试网站", "pass"),
        ],
    )
    def test_table(self, name: str, expected: str) -> None:
        found = judged(named(website(), name), "name-website-words")
        assert [str(one.verdict) for one in found] == [expected]
        if expected == "fail":
            assert found[0].field == "service.name"

    def test_every_word_is_named(self) -> None:
        [found] = judged(named(website(), "中國人民測試"), "name-website-words")
        for message in (found.message, found.message_zh):
            assert "中国" in message
            assert "人民" in message

    def test_with_papers_it_may(self) -> None:
        record = changed(named(website(), "中国测试商城"), "service.name_papers", True)
        [found] = judged(record, "name-website-words")
        assert (str(found.verdict), found.field) == ("pass", "service.name_papers")

    def test_a_provider_may_write_its_words_in_any_way(self) -> None:
        nwcd = packaged_providers()["nwcd"]
        words = nwcd.names.model_copy(update={"banned": ("ＦＯＲＵＭ", "論壇")})
        other = nwcd.model_copy(update={"names": words})
        for name, expected in (("测试forum", "fail"), ("测试论坛", "fail"), ("中国测试", "pass")):
            assert verdict(named(website(), name), "name-website-words", provider=other) == expected

    def test_a_missing_name_is_unknown(self) -> None:
        for rule in ("name-website-words", "name-website-length", "name-website-related"):
            [found] = judged(changed(website(), "service.name", DELETE), rule)
            assert (str(found.verdict), found.field) == ("unknown", "service.name")

    def test_an_app_may_be_named_as_it_likes(self) -> None:
        for rule in ("name-website-words", "name-website-length", "name-website-related"):
            assert verdict(named(app(), "中国"), rule) == "not_applicable"


class TestLength:
    @pytest.mark.parametrize(
        ("name", "expected"),
        [
            ("测试网", "pass"),
            ("測試網", "pass"),
            ("测试", "warn"),
            ("测试shop", "warn"),
            ("T", "warn"),
        ],
    )
    def test_table(self, name: str, expected: str) -> None:
        assert verdict(named(website(), name), "name-website-length") == expected

    def test_the_level_is_the_providers(self) -> None:
        nwcd = packaged_providers()["nwcd"]
        strict = nwcd.model_copy(update={"rules": {"name-website-length": Level.FAIL}})
        assert verdict(named(website(), "测试"), "name-website-length", provider=strict) == "fail"


class TestRelated:
    @pytest.mark.parametrize(
        ("answer", "expected"), [("yes", "pass"), ("no", "fail"), (None, "ask")]
    )
    def test_a_person_says(self, answer: str | None, expected: str) -> None:
        given = {"name-website-related": {"answer": answer, "by": "reviewer"}} if answer else {}
        record = changed(website(), "answers", given)
        [found] = judged(record, "name-website-related")
        assert (str(found.verdict), found.field) == (expected, "service.name")

    def test_the_question_names_both(self) -> None:
        [found] = judged(changed(website(), "answers", {}), "name-website-related")
        for message in (found.message, found.message_zh):
            assert "塞上测试商城" in message
            assert "宁夏测试科技有限公司" in message

    def test_without_an_entity_there_is_no_question(self) -> None:
        [found] = judged(changed(website(), "entity.name", DELETE), "name-website-related")
        assert (str(found.verdict), found.field) == ("unknown", "entity.name")


class TestUnique:
    @pytest.mark.parametrize("name", ["塞上测试", "塞上測試", " 塞上 测试", "塞上测试\u200b"])
    def test_another_app_of_the_register_has_it(self, name: str) -> None:
        around = Surroundings.of((), register(filing("FP9", "app", name)))
        [found] = judged(app(), "name-app-unique", surroundings=around)
        assert (str(found.verdict), found.field) == ("fail", "service.name")
        assert "FP9" in found.message
        assert "备案 FP9 也是" in found.message_zh

    @pytest.mark.parametrize(
        "other",
        [
            filing("FP9", "app", "塞上测试二"),
            filing("FP9", "website", "塞上测试"),
            filing("FP9", "app", "塞上测试", entity=STRANGER),
            filing("FP9", "app", "塞上测试", state=FilingState.ENDED),
            filing("FP1", "app", "塞上测试"),
        ],
        ids=["another name", "a website", "another entity", "ended", "its own filing"],
    )
    def test_what_is_close_may_be(self, other: Any) -> None:
        around = Surroundings.of((), register(other))
        assert verdict(app(), "name-app-unique", surroundings=around) == "pass"

    @pytest.mark.parametrize(
        ("given", "expected"),
        [
            ({}, "fail"),
            ({"kind": Kind.CHANGE, "status": Status.BUREAU_REVIEW}, "fail"),
            ({"status": Status.REJECTED}, "pass"),
            ({"kind": Kind.DEREGISTER_SERVICE}, "pass"),
            ({"filing_id": "FP1"}, "pass"),
            ({"entity": STRANGER}, "pass"),
            ({"service_type": None}, "pass"),
        ],
    )
    def test_another_application(self, given: dict[str, Any], expected: str) -> None:
        base = {"application_id": "P9", "filing_id": "FP9"}
        around = Surroundings.of([peer(app()), peer(app(), **{**base, **given})])
        assert verdict(app(), "name-app-unique", surroundings=around) == expected

    def test_no_name_and_nobody_are_unknown(self) -> None:
        assert verdict(changed(app(), "service.name", DELETE), "name-app-unique") == "unknown"
        nobody = changed(changed(app(), "entity.name", ""), "entity.certificate_number", "")
        assert verdict(nobody, "name-app-unique") == "unknown"


class TestPlatforms:
    FIELD = "service.app.platforms[1].name"

    @pytest.mark.parametrize(
        ("name", "expected"),
        [
            ("塞上测试", "pass"),
            ("", "pass"),
            ("塞上測試", "pass"),
            ("塞上 测试\u200b", "pass"),
            ("塞上测试版", "fail"),
            ("Saishang", "fail"),
        ],
    )
    def test_one_name_everywhere(self, name: str, expected: str) -> None:
        found = judged(changed(app(), self.FIELD, name), "name-app-platforms")
        assert [str(one.verdict) for one in found] == [expected]
        if expected == "fail":
            assert found[0].field == self.FIELD
            assert "ios" in found[0].message

    def test_capitals_are_advice(self) -> None:
        record = changed(named(app(), "Shop Test"), self.FIELD, "SHOP test")
        [found] = judged(record, "name-app-platforms")
        assert (str(found.verdict), found.field) == ("warn", self.FIELD)

    def test_an_unnamed_platform_is_counted(self) -> None:
        record = changed(app(), self.FIELD, "别的名称")
        record["service"]["app"]["platforms"][1].pop("platform")
        [found] = judged(record, "name-app-platforms")
        assert "platform 2" in found.message
        assert "第 2 个平台" in found.message_zh

    @pytest.mark.parametrize(
        ("path", "field"),
        [
            ("service.name", "service.name"),
            ("service.app", "service.app.platforms"),
            ("service.app.platforms", "service.app.platforms"),
        ],
    )
    def test_what_is_missing_is_unknown(self, path: str, field: str) -> None:
        [found] = judged(changed(app(), path, DELETE), "name-app-platforms")
        assert (str(found.verdict), found.field) == ("unknown", field)
