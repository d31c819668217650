"""The JSON samples of docs/reference.md have the keys of what the commands print, and no others."""

import json
import re
from pathlib import Path

import pytest

from gatekeeper.apply import Outcome, Result, RunReport
from gatekeeper.drift import drift

REFERENCE = Path(__file__).resolve().parents[2] / "docs" / "reference.md"
EITHER = {"endpoint", "group_id"}
OPAQUE = {"before", "after"}


def sample(noun):
    text = REFERENCE.read_text(encoding="utf-8")
    found = re.search(
        rf"^`gatekeeper/{noun}/1`.*?^```json\n(.*?)^```", text, re.MULTILINE | re.DOTALL
    )
    return json.loads(found[1])


def differences(real, said, path=""):
    """Keys that only one of both has; of a list, the items together have what the sample has."""
    if isinstance(said, dict) and isinstance(real, dict):
        for key in sorted(real.keys() ^ said.keys()):
            if path == ".actions[]" and key in real:
                continue  # what only apply reads differs between kinds of actions
            yield f"{path}.{key} is {'not documented' if key in real else 'not there'}"
        for key in sorted(real.keys() & said.keys() - OPAQUE):
            yield from differences(real[key], said[key], f"{path}.{key}")
    elif isinstance(said, list) and isinstance(real, list) and said and isinstance(said[0], dict):
        for item in real:
            named = item.keys() & EITHER
            shown = {key: value for key, value in said[0].items() if key not in EITHER - named}
            yield from differences(item, shown, f"{path}[]")


@pytest.mark.parametrize(
    ("command", "noun", "lists"),
    [
        ("reconcile", "reconciliation", ["accounts", "findings", "decisions"]),
        ("exposure", "exposure", ["exposures"]),
        ("audit", "audit", ["accounts", "findings"]),
        ("plan", "plan", ["actions"]),
        ("decisions", "decisions", ["accounts", "ports", "decisions"]),
    ],
)
def test_a_report_has_the_keys_of_its_sample(command, noun, lists, gatekeeper, dump):
    dump()
    form = () if command == "decisions" else ("--format", "json")
    shown = gatekeeper(command, "--dump", "dump", *form).json
    assert [name for name in lists if not shown[name]] == [], "an empty list shows nothing"
    assert list(differences(shown, sample(noun))) == []


def test_what_could_not_be_read_has_the_keys_of_its_sample(gatekeeper, dump):
    dump(leave_out=("describe-vpcs",), complete=False)
    for command, noun in (("reconcile", "reconciliation"), ("exposure", "exposure")):
        shown = gatekeeper(command, "--dump", "dump", "--format", "json", status=4).json
        assert shown.get("unknown") or shown["accounts"][0]["errors"]
        assert list(differences(shown, sample(noun))) == []


def test_a_run_has_the_keys_of_its_sample():
    outcome = Outcome(action_id="a", result=Result.DONE, reason="")
    run = RunReport(run_id="r", plan_id="p", outcomes=(outcome,), trail_head="")
    assert list(differences(run.to_json(), sample("run"))) == []


def test_drift_has_the_keys_of_its_sample():
    before = {"endpoints": {}, "groups": {"sg-1": []}}
    rule = {"protocol": "tcp", "from_port": 80, "to_port": 80, "source": "0.0.0.0/0"}
    after = {
        "endpoints": {"eni-1": {"kind": "interface", "ips": {}, "groups": [], "ports": {}}},
        "groups": {"sg-1": [rule]},
    }
    found = list(drift("111122223333", before, after))
    assert {item["kind"] for item in found} == {"endpoint-new", "rules-changed"}
    assert list(differences({"drift": found}, {"drift": sample("audit")["drift"]})) == []


def test_a_difference_is_seen():
    said = {"a": [{"b": 1, "endpoint": ""}], "c": {}}
    real = {"a": [{"endpoint": "", "d": 1}], "e": {}}
    assert sorted(differences(real, said)) == [
        ".a[].b is not there",
        ".a[].d is not documented",
        ".c is not there",
        ".e is not documented",
    ]
