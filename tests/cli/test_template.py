"""``filings template`` by command: what it writes can be filled in and imported."""

import json

import openpyxl


def test_json_on_stdout_and_a_workbook_in_a_file(process, tmp_path):
    printed = process("filings", "template", "--service", "app", status=0)
    (example,) = printed.json["applications"]
    assert len(example["service"]["app"]["platforms"]) == 2
    assert printed.err == ""

    process("--lang", "zh", "filings", "template", "--out", "a.xlsx", status=0)
    assert "主办单位" in openpyxl.load_workbook(tmp_path / "a.xlsx").sheetnames


def test_a_filled_template_is_imported(gatekeeper, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    gatekeeper("filings", "template", "--out", "a.json", status=0)
    template = json.loads((tmp_path / "a.json").read_text(encoding="utf-8"))
    record = {**template["applications"][0], "application_id": "A1", "filing_id": "F1"}
    template["applications"].append(record)
    (tmp_path / "a.json").write_text(json.dumps(template), encoding="utf-8")
    gatekeeper("filings", "import", "a.json", status=0)
    shown = gatekeeper("filings", "list", "--format", "json", status=0)
    assert [one["application_id"] for one in shown.json["applications"]] == ["A1"]


def test_the_untouched_template_imports_nothing(gatekeeper, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    said = gatekeeper("filings", "template", "--out", "a.xlsx", status=0)
    assert said.out == ""
    assert "wrote a.xlsx" in said.err
    assert "nothing changed" in gatekeeper("filings", "import", "a.xlsx", status=0).err


def test_refusals_leave_what_stands(gatekeeper, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    said = gatekeeper("filings", "template", "--out", "a.csv", status=2)
    assert "name the file accordingly" in said.err
    assert "cannot write" in gatekeeper("filings", "template", "--out", "no/a.json", status=1).err
    (tmp_path / "a.xlsx").write_bytes(b"old")
    gatekeeper("filings", "template", "--out", "a.xlsx", status=0)
    assert (tmp_path / "a.xlsx").read_bytes()[:2] == b"PK"
    assert [one.name for one in tmp_path.iterdir() if one.name.startswith(".")] == []
