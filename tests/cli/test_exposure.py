import csv
import io

import pytest


def test_json_goes_to_stdout_alone(process, dump, tmp_path):
    dump()
    shown = process("exposure", "--dump", "dump", "--format", "json", status=0)
    assert shown.err == ""
    assert list(shown.json) == ["schema", "exposures", "unknown", "trail_head"]
    assert shown.json["schema"] == "gatekeeper/exposure/1"
    [exposure] = shown.json["exposures"]
    assert exposure == {
        "account_id": "111122223333",
        "endpoint": "eni-1",
        "kind": "interface",
        "family": "ipv4",
        "ips": ["52.83.1.2"],
        "protocol": "tcp",
        "port": 80,
        "rules": [
            {
                "group_id": "sg-1",
                "protocol": "tcp",
                "from_port": 80,
                "to_port": 80,
                "source": "0.0.0.0/0",
                "description": "web",
            }
        ],
    }
    assert [path.name for path in tmp_path.iterdir()] == ["dump"], "no database was made"


def test_no_store_file_loads_no_sql(dump):
    import subprocess
    import sys

    dump()
    code = (
        "import sys; from gatekeeper.__main__ import main\n"
        "main(['exposure', '--dump', 'dump', '--format', 'json'])\n"
        "heavy = ['sqlalchemy', 'boto3', 'botocore', 'tabulate', 'openpyxl']\n"
        "print([m for m in heavy if m in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr.strip() == "[]"


def test_what_is_unknown_makes_exit_4(gatekeeper, dump):
    dump(leave_out=("describe-security-groups",), complete=False)
    shown = gatekeeper("exposure", "--dump", "dump", "--format", "json", status=4)
    assert shown.json["exposures"] == []
    assert shown.json["unknown"]
    assert "111122223333" in gatekeeper("exposure", "--dump", "dump", status=4).out


def test_an_internal_source_is_no_exposure(gatekeeper, dump):
    dump(cidr="10.0.0.0/8")
    assert gatekeeper("exposure", "--dump", "dump", "--format=json", status=0).json == {
        "schema": "gatekeeper/exposure/1",
        "exposures": [],
        "unknown": [],
        "trail_head": None,
    }


def test_account_limits_the_scope(gatekeeper, dump):
    dump()
    dump("444455556666", ip="52.83.1.9")
    both = gatekeeper("exposure", "--dump", "dump", "--format", "json", status=0).json
    assert {e["account_id"] for e in both["exposures"]} == {"111122223333", "444455556666"}
    one = gatekeeper(
        "exposure", "--dump", "dump", "--format=json", "--account", "444455556666", status=0
    )
    assert {e["account_id"] for e in one.json["exposures"]} == {"444455556666"}


def test_an_account_that_the_dump_lacks_is_unreadable(gatekeeper, dump):
    dump()
    words = ("exposure", "--dump", "dump", "--format", "json")
    gatekeeper(*words, "--account", "999999999999", status=1)
    shown = gatekeeper(*words, "--account", "999999999999", "--account", "111122223333", status=4)
    assert [u["account_id"] for u in shown.json["unknown"]] == ["999999999999"]


@pytest.mark.parametrize("form", ["table", "json", "csv", "html"])
def test_out_writes_what_format_says(form, gatekeeper, dump, tmp_path):
    dump()
    words = ("exposure", "--dump", "dump", "--format", form)
    printed = gatekeeper(*words, status=0).out
    silent = gatekeeper(*words, "--out", "report", status=0)
    assert silent.out == ""
    assert (tmp_path / "report").read_text(encoding="utf-8") == printed


def test_names_from_outside_cannot_act(gatekeeper, dump):
    dump(description="=1\x1b[2J\u202e<script>alert(1)</script>")
    for form in ("table", "csv", "html", "json"):
        shown = gatekeeper("exposure", "--dump", "dump", "--format", form, status=0).out
        assert all(c.isprintable() or c == "\n" for c in shown), form
        assert form == "json" or "<script>" not in shown


def test_csv_has_one_row_an_exposure(gatekeeper, dump):
    dump()
    shown = gatekeeper("exposure", "--dump", "dump", "--format", "csv", status=0)
    [row] = csv.DictReader(io.StringIO(shown.out))
    assert row["ips"] == "52.83.1.2"
    assert row["port"] == "80"
    assert row["rules"] == "sg-1 tcp 80 0.0.0.0/0"
