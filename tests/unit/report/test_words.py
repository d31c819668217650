import ast
from pathlib import Path

import gatekeeper.report as room
from gatekeeper.account import ReadStatus
from gatekeeper.filing import ClockId, FilingState, Kind, Status
from gatekeeper.gate.model import Severity, Verdict
from gatekeeper.report.words import EN, ZH, spoken, word


def test_both_languages_have_the_same_keys():
    assert set(EN) == set(ZH)
    assert all(EN.values())
    assert all(ZH.values())


def test_a_text_takes_the_same_fields_in_both_languages():
    for key, text in EN.items():
        fields = {part.split("}")[0] for part in text.split("{")[1:]}
        assert fields == {part.split("}")[0] for part in ZH[key].split("{")[1:]}, key


def test_no_key_stands_twice():
    texts = [
        Path(room.__file__).with_name(name).read_text(encoding="utf-8")
        for name in ("words.py", "register_words.py", "due_words.py", "sync_words.py")
    ]
    languages = [
        [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Dict)] for text in texts
    ]
    for parts in zip(*languages, strict=True):
        keys = [k.value for part in parts for k in part.keys if isinstance(k, ast.Constant)]
        assert len(keys) > 200
        assert len(keys) == len(set(keys)), {k for k in keys if keys.count(k) > 1}


def test_every_code_that_people_read_has_chinese_words():
    for column, codes in (
        ("severity", Severity),
        ("decision", Verdict),
        ("status", ReadStatus),
        ("status", Status),
        ("kind", Kind),
        ("state", FilingState),
        ("clock", ClockId),
    ):
        for code in codes:
            assert not spoken(column, code.value, "zh").isascii(), (column, code)
            assert spoken(column, code.value, "en").isascii()


def test_only_columns_of_codes_are_translated():
    assert spoken("message", "open", "zh") == "open"
    assert word("no such key", "zh") == "no such key"
