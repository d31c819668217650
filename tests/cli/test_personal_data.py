"""Personal data by command: masked where it is shown, sealed where it lies, forgotten on request.

The persons are made up; their numbers are the examples of the standard.
"""

from __future__ import annotations

import base64
import json
import subprocess

import pytest

NUMBER = "11010519491231002X"
PHONE = "13812345678"
EMAIL = "wang@example.cn"
KEYS = [base64.urlsafe_b64encode(bytes([number]) * 32).decode() for number in range(2)]


def record(**changes):
    return {
        "application_id": "A1",
        "filing_id": "F1",
        "kind": "new",
        "status": "approved",
        "status_at": "2026-01-01T00:00:00+08:00",
        "entity": {
            "name": "某公司",
            "certificate_number": "91350100M000100Y43",
            "head": {
                "name": "王某",
                "id_type": "resident_id",
                "id_number": NUMBER,
                "phone": PHONE,
                "email": EMAIL,
            },
            "legal_representative": "王某",
        },
        "service": {"type": "website", "name": "店", "licence": "宁ICP备2026000001号-1"},
        "access": {"account_id": "111122223333", "ips": ["52.83.1.1"]},
        "portal": {"mobile": PHONE},
        **changes,
    }


@pytest.fixture
def file(tmp_path):
    def write(*records, name="a.json"):
        path = tmp_path / name
        path.write_text(json.dumps(list(records or [record()])), encoding="utf-8")
        return path

    return write


@pytest.fixture
def keys(tmp_path, monkeypatch):
    def use(*numbers):
        path = tmp_path / "keys"
        path.write_text("\n".join(KEYS[number] for number in numbers), encoding="utf-8")
        path.chmod(0o600)
        monkeypatch.setenv("GATEKEEPER_KEY_FILE", str(path))

    return use


def private(said):
    return [word for word in (NUMBER, PHONE, EMAIL, "王某") if word in said.out + said.err]


def test_records_are_masked_unless_asked_for_in_full(gatekeeper, file, tmp_path):
    gatekeeper("filings", "import", file(), status=0)
    for words in (("list",), ("show", "F1"), ("history", "A1"), ("export", "--masked")):
        forms = [()] if words[0] == "export" else [("--format", form) for form in ("json", "csv")]
        for form in forms:
            assert private(gatekeeper("filings", *words, *form, status=0)) == []
    full = gatekeeper("filings", "list", "--format", "json", "--unmasked", status=0)
    assert full.json["applications"][0]["entity"]["head"]["id_number"] == NUMBER
    shown = gatekeeper("filings", "show", "A1", "--format", "json", "--unmasked", status=0)
    assert shown.json["applications"][0]["portal"] == {"mobile": PHONE}

    for name, option in (("masked.json", ("--masked",)), ("full.jsonl", ())):
        gatekeeper("filings", "export", "--out", tmp_path / name, *option, status=0)
    assert NUMBER not in (tmp_path / "masked.json").read_text(encoding="utf-8")
    again = gatekeeper("filings", "import", tmp_path / "full.jsonl", status=0)
    assert "nothing changed" in again.err
    refused = gatekeeper("filings", "import", tmp_path / "masked.json", status=1)
    assert 'column entity.head.id_number, value "1****************X": is masked' in refused.err
    chinese = gatekeeper("filings", "import", tmp_path / "masked.json", "--lang", "zh", status=1)
    assert "该值已脱敏" in chinese.err


def test_an_entity_that_is_a_person_is_masked_in_tables_too(gatekeeper, file, tmp_path):
    own = record(entity={"name": "王某", "certificate_number": NUMBER})
    gatekeeper("filings", "import", file(own), status=0)
    assert NUMBER not in gatekeeper("filings", "list", "--format", "csv", status=0).out
    assert NUMBER not in gatekeeper("filings", "list", "--in-effect", "--format", "json").out
    assert NUMBER not in gatekeeper("filings", "export", "--masked", status=0).out
    gatekeeper("filings", "export", "--masked", "--out", tmp_path / "m.csv", status=0)
    refused = gatekeeper("filings", "import", tmp_path / "m.csv", status=1)
    assert "entity_certificate_number" in refused.err
    gatekeeper("filings", "export", "--out", tmp_path / "u.csv", status=0)
    gatekeeper("filings", "import", tmp_path / "u.csv", status=0)


def test_no_error_repeats_a_number(gatekeeper, file, tmp_path):
    bad = file(record(entity=f"{NUMBER} {PHONE}"), record(service=[{"email": EMAIL}]))
    assert private(gatekeeper("filings", "import", bad, status=1)) == []
    broken = tmp_path / "b.json"
    broken.write_text(f'[{{"{NUMBER}": 1, "{NUMBER}": {PHONE} x', encoding="utf-8")
    assert private(gatekeeper("filings", "import", broken, status=1)) == []
    for words in (("show", PHONE), ("history", NUMBER), ("advance", PHONE, "x", "--by", "li")):
        assert private(gatekeeper("filings", *words)) == []
    assert private(gatekeeper("--region", NUMBER, "filings", "list")) == []


def test_the_trail_takes_no_number(gatekeeper, file):
    gatekeeper("filings", "import", file(), status=0)
    words = ("filings", "suspend", "F1", "--by", "li", "--reason", f"call {PHONE}")
    refused = gatekeeper(*words, status=2)
    assert "never forget" in refused.err
    assert PHONE not in refused.err
    assert "审计记录无法删除" in gatekeeper(*words, "--lang", "zh", status=2).err


def test_a_store_is_sealed_rotated_and_says_when_its_key_is_gone(
    gatekeeper, process, file, keys, monkeypatch, tmp_path
):
    given = file(record(), record(application_id="A2", filing_id="F2", status="submitted"))
    gatekeeper("filings", "import", given, status=0)
    assert "no key is set" in gatekeeper("store", "seal", status=1).err
    keys(0)
    counted = gatekeeper("store", "seal", "--dry-run", status=3)
    assert counted.out.startswith("2 in the clear, 0 sealed")
    assert "sealed: 2" in gatekeeper("store", "seal", status=0).out
    assert "nothing changed" in gatekeeper("filings", "import", given, status=0).err
    keys(1, 0)
    assert "2 with another" in gatekeeper("store", "seal", "--dry-run", status=3).out
    gatekeeper("store", "seal", status=0)
    keys(1)
    gatekeeper("store", "seal", "--dry-run", status=0)
    gatekeeper("trail", "verify", status=0)
    raw = b"".join(path.read_bytes() for path in tmp_path.glob("gatekeeper.db*"))
    assert NUMBER.encode() not in raw
    assert PHONE.encode() not in raw

    monkeypatch.delenv("GATEKEEPER_KEY_FILE")
    refused = process("filings", "import", given, status=1)
    assert refused.err.count("\n") == 1
    assert "sealed with key" in refused.err
    assert "no key is set" in refused.err
    assert "尚未设置密钥" in gatekeeper("filings", "export", "--lang", "zh", status=1).err
    gatekeeper("filings", "list", status=0)
    listed = gatekeeper("filings", "list", "--format", "json", status=4)
    assert [one["sealed"] for one in listed.json["applications"]] == [True, True]
    gatekeeper("filings", "list", "--unmasked", "--format", "json", status=1)
    gatekeeper("filings", "suspend", "F1", "--by", "li", "--reason", "order 7", status=0)
    checked = gatekeeper("trail", "verify", "--format", "json", status=4)
    assert (checked.json["ok"], checked.json["sealed"]) == (True, 2)
    assert "not checked" in checked.err
    keys(0)
    assert "another key is set" in gatekeeper("filings", "import", given, status=1).err


def test_decisions_go_on_without_the_key(gatekeeper, file, keys, monkeypatch, dump):
    keys(0)
    gatekeeper("filings", "import", file(), status=0)
    words = ("reconcile", "--dump", dump(), "--format", "json")
    whole = gatekeeper(*words).json
    monkeypatch.delenv("GATEKEEPER_KEY_FILE")
    assert gatekeeper(*words).json["decisions"] == whole["decisions"]


def test_a_key_file_that_others_read_stops_every_command(gatekeeper, file, keys, tmp_path):
    keys(0)
    gatekeeper("filings", "import", file(), status=0)
    (tmp_path / "keys").chmod(0o644)
    refused = gatekeeper("filings", "list", status=1)
    assert "chmod 600" in refused.err
    assert KEYS[0] not in refused.err


def test_a_person_is_forgotten_by_a_number_that_is_not_on_the_command_line(
    gatekeeper, process, file, tmp_path
):
    given = file(record(), record(application_id="A2", filing_id="F2", status="submitted"))
    gatekeeper("filings", "import", given, status=0)
    dry = gatekeeper(
        *("filings", "forget", NUMBER, "--by", "wang", "--dry-run", "--format", "json"), status=3
    )
    assert dry.json == {
        "schema": "gatekeeper/forgotten/1",
        "dry_run": True,
        "forgotten": [
            {
                "application_id": name,
                "filing_id": filing,
                "status": status,
                "roles": ["entity.head", "entity.legal_representative", "portal.mobile"],
                "result": result,
            }
            for name, filing, status, result in (
                ("A1", "F1", "approved", "forgotten"),
                ("A2", "F2", "submitted", "refused"),
            )
        ],
    }
    assert "--yes" in process("filings", "forget", NUMBER, "--by", "wang", status=3).err
    with subprocess.Popen(["echo", NUMBER], stdout=subprocess.PIPE) as echo:
        words = ("filings", "forget", "-", "--by", "wang", "--yes", "--reason", "request 7")
        done = process(*words, stdin=echo.stdout, status=3)
    assert "under way and left alone: 1" in done.err
    assert "backups" in done.err
    assert private(done) == []
    gatekeeper("filings", "forget", NUMBER, "--by", "wang", "--yes", "--force", status=0)
    raw = b"".join(path.read_bytes() for path in tmp_path.glob("gatekeeper.db*"))
    assert NUMBER.encode() not in raw
    assert PHONE.encode() not in raw
    gatekeeper("trail", "verify", status=0)
    again = gatekeeper("filings", "import", given, status=0)
    assert again.err.count("names somebody who was forgotten") == 2
    assert "nothing changed" in again.err
    none = gatekeeper("filings", "forget", NUMBER, "--by", "wang", "--yes", status=0)
    assert "names this person" in none.err


@pytest.mark.parametrize(
    ("words", "said"),
    [(("王某",), "--filing"), ((), "standard input"), (("  ",), "must not be empty")],
)
def test_whom_to_forget_must_be_clear(gatekeeper, words, said):
    assert said in gatekeeper("filings", "forget", *words, "--by", "wang", status=2).err


def test_a_name_is_enough_in_one_filing(gatekeeper, file):
    gatekeeper("filings", "import", file(), status=0)
    words = ("filings", "forget", "王某", "--by", "wang", "--yes")
    gatekeeper(*words, "--filing", "F2", status=0)
    done = gatekeeper(*words, "--filing", "F1", "--format", "json", status=0)
    assert [one["application_id"] for one in done.json["forgotten"]] == ["A1"]
    shown = gatekeeper("filings", "show", "F1", "--unmasked", "--format", "json", status=0)
    assert private(shown) == []
