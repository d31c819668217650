"""Files of full records for the review: formats, places of what is wrong, nothing required."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from gatekeeper.filing.review import DossierAccess, DossierEntity, DossierService
from gatekeeper.filing.review.dossier import Dossier
from gatekeeper.sources import nested, read_dossiers
from gatekeeper.sources.dossiers import DossierFile
from tests.unit.filing.review.records import app, changed, read, website


def write(path: Path, content: Any) -> Path:
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return path


def problems(found: DossierFile) -> list[tuple[int, str, str, str]]:
    return [(one.where.line, one.column, one.value, one.reason) for one in found.problems]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.json", [website(), app()]),
        ("a.json", {"schema": "x", "applications": [website(), app()]}),
        ("a.jsonl", f"{json.dumps(website())}\n\n{json.dumps(app())}\n"),
    ],
)
def test_records_of_every_json_form(tmp_path: Path, name: str, content: Any) -> None:
    found = read_dossiers(write(tmp_path / name, content))
    assert (found.problems, found.unknown_keys, found.format) == ((), (), name[2:])
    assert [one.dossier for one in found.dossiers] == [read(website()), read(app())]
    assert found.dossiers[1].given == app()
    assert found.dossiers[0].where.line == 1


def test_one_object_and_a_draft_without_anything(tmp_path: Path) -> None:
    (one,) = read_dossiers(write(tmp_path / "a.json", website())).dossiers
    assert one.dossier.application_id == "W1"
    (empty,) = read_dossiers(write(tmp_path / "b.json", {})).dossiers
    assert empty.dossier == Dossier()
    two = read_dossiers(write(tmp_path / "c.json", [{}, {}]))
    assert (len(two.dossiers), two.problems) == (2, ())


def test_a_value_that_is_not_of_its_kind_has_its_path_and_line(tmp_path: Path) -> None:
    wrong = changed(website(), "service.domains[0].valid_until", "soon")
    wrong = changed(wrong, "attachments[1].size", "big")
    wrong = changed(wrong, "access.ips[1]", "52.83.300.1")
    found = read_dossiers(write(tmp_path / "a.jsonl", f"{json.dumps(app())}\n{json.dumps(wrong)}"))
    assert [one.dossier.application_id for one in found.dossiers] == ["P1"]
    assert problems(found) == [
        (
            2,
            "service.domains[0].valid_until",
            "soon",
            "is no date; write it as 2027-01-31, or 长期 where there is no end",
        ),
        (2, "access.ips[1]", "52.83.300.1", "is no IP address"),
        (2, "attachments[1].size", "big", "must be a whole number"),
    ]
    assert "应为整数" in found.problems[2].describe("zh")


def test_what_is_personal_is_never_shown(tmp_path: Path) -> None:
    wrong = changed(website(), "entity.head.id_type", "110101199001010000")
    wrong = changed(wrong, "service.head.phone", 13800138000.5)
    wrong = changed(wrong, "portal.mobile", ["13800138000"])
    found = read_dossiers(write(tmp_path / "a.json", wrong))
    said = " ".join(one.describe(lang) for one in found.problems for lang in ("en", "zh"))
    assert len(found.problems) == 3
    assert "1101011990" not in said
    assert "13800138" not in said


def test_masked_values_cannot_be_judged(tmp_path: Path) -> None:
    masked = changed(website(), "entity.head.phone", "138****5678")
    (problem,) = read_dossiers(write(tmp_path / "a.json", masked)).problems
    assert (problem.column, problem.reason[:9]) == ("entity.head.phone", "is masked")


@pytest.mark.parametrize("text", ["塞上\u202e城", "a\x00b", "a\x1b[31m", "\u2066x"])
def test_control_and_bidi_characters_are_refused(tmp_path: Path, text: str) -> None:
    found = read_dossiers(write(tmp_path / "a.json", changed(website(), "service.name", text)))
    (problem,) = found.problems
    assert (problem.column, problem.reason) == ("service.name", "contains control characters")
    assert problem.describe().isprintable()


def test_line_breaks_in_an_address_stay(tmp_path: Path) -> None:
    record = changed(website(), "entity.address", "银川市\n金凤区")
    (one,) = read_dossiers(write(tmp_path / "a.json", record)).dossiers
    assert one.dossier.entity.address == "银川市\n金凤区"


def test_what_is_no_record(tmp_path: Path) -> None:
    found = read_dossiers(write(tmp_path / "a.json", '[1, [2], {"kind": "new", "kind": "change"}]'))
    assert [(column, value, reason) for _, column, value, reason in problems(found)] == [
        ("", "1", "is no JSON object"),
        ("", "", "is no JSON object"),
        ("kind", "", "the key stands twice in one object"),
    ]
    deep = '{"answers": ' + '{"a":' * 400 + "1" + "}" * 401
    assert "nested too deeply" in problems(read_dossiers(write(tmp_path / "d.json", deep)))[0][3]


def test_one_application_stands_once_in_a_file(tmp_path: Path) -> None:
    lines = "\n".join(json.dumps(one) for one in (website(), app(), website()))
    found = read_dossiers(write(tmp_path / "a.jsonl", lines))
    assert len(found.dossiers) == 2
    assert problems(found)[0][:3] == (3, "application_id", "W1")
    assert "first at line 1" in found.problems[0].reason


def test_unknown_keys_are_named(tmp_path: Path) -> None:
    record = changed(changed(website(), "entity.nmae", "x"), "service.domains[0].expiry", "y")
    found = read_dossiers(write(tmp_path / "a.json", {"applications": [record], "by": "z"}))
    assert set(found.unknown_keys) == {"entity.nmae", "service.domains[0].expiry", "by"}
    assert len(found.dossiers) == 1


@pytest.mark.parametrize("name", ["gone.json", "a.txt", "folder.json", "x\0.json"])
def test_nothing_is_raised_for_a_file_that_cannot_be_read(tmp_path: Path, name: str) -> None:
    (tmp_path / "folder.json").mkdir()
    found = read_dossiers(tmp_path / name)
    assert len(found.problems) == 1
    assert found.dossiers == ()


TABLE = (
    "申请编号,申请类型,主办单位名称,服务类型,域名,账号,亚马逊云科技账号,IP地址\n"
    "A1,新增,宁夏测试科技有限公司,小程序,a.cn；b.cn,x,012345678901,52.83.1.1;52.83.1.2\n"
)


def test_a_table_needs_no_column(tmp_path: Path) -> None:
    found = read_dossiers(write(tmp_path / "a.csv", TABLE))
    assert (found.problems, found.unknown_keys) == ((), ("账号",))
    (one,) = found.dossiers
    assert one.dossier.service.type == "mini_program"
    assert [domain.name for domain in one.dossier.service.domains] == ["a.cn", "b.cn"]
    assert one.dossier.access.account_id == "012345678901"
    assert one.dossier.status is None


@pytest.mark.parametrize(
    ("old", "new", "column", "reason"),
    [
        ("新增,", "新曾,", "申请类型", "is none of"),
        ("012345678901", "1.23E+10", "亚马逊云科技账号", "lost digits"),
        ("52.83.1.2", "52.83.1.256", "IP地址", "is no IP address"),
        (",x,", ",", "", "7 cells, but the header has 8"),
    ],
)
def test_a_bad_cell_of_a_table(
    tmp_path: Path, old: str, new: str, column: str, reason: str
) -> None:
    found = read_dossiers(write(tmp_path / "a.csv", TABLE.replace(old, new)))
    ((line, shown, _, why),) = problems(found)
    assert (line, shown, found.dossiers) == (2, column, ())
    assert reason in why


def test_a_table_without_any_known_column(tmp_path: Path) -> None:
    (problem,) = read_dossiers(write(tmp_path / "a.csv", "x,y\n1,2\n")).problems
    assert problem.reason == "has no header line of known columns"


@pytest.mark.parametrize(
    ("part", "model"),
    [
        ("", Dossier),
        ("entity", DossierEntity),
        ("service", DossierService),
        ("access", DossierAccess),
    ],
)
def test_an_import_keeps_every_key_of_the_model(part: str, model: Any) -> None:
    kept = nested._KEYS[part] | nested.REVIEW_KEYS[part]
    parts = frozenset(nested._PARTS) if part == "" else frozenset()
    assert kept | parts == model.model_fields.keys()
    assert not nested._KEYS[part] & nested.REVIEW_KEYS[part]
