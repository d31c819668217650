"""``gatekeeper check-plan`` as people and pipelines run it."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from gatekeeper.seal import digest
from tests.cli.test_reference import differences, sample
from tests.unit.stacks.check.plans import (
    CLOSED,
    DECIDED,
    INGRESS,
    OPEN,
    PORTS,
    UNKNOWN,
    preview,
    step,
    tied,
    urn,
    web,
)


def content(**more):
    now = datetime.now(UTC)
    return {
        "schema": "gatekeeper/decisions/1",
        "generated_at": now.isoformat(),
        "expires_at": (now + timedelta(hours=1)).isoformat(),
        "ports": [{"protocol": protocol, "port": port} for protocol, port in PORTS],
        "decisions": list(DECIDED),
        **more,
    }


@pytest.fixture
def files(tmp_path):
    """Write a feed and a plan; gives the words that name them."""

    def write(*steps, feed=None, sealed=True, plan=None, **more):
        made = feed or content()
        seal = {"digest": digest(made)} if sealed else {"digest": "0" * 64}
        (tmp_path / "feed.json").write_text(json.dumps({**made, **seal}), encoding="utf-8")
        document = json.dumps(preview(*steps, **more)) if plan is None else plan
        (tmp_path / "plan.json").write_text(document, encoding="utf-8")
        return "check-plan", "plan.json", "--decisions", "feed.json"

    return write


RULE = step(INGRESS, "r", web())


def test_a_lawful_plan_passes(process, files):
    done = process(*files(RULE, tied(OPEN)), status=0)
    assert "passed; 0 violations, 0 not judged" in done.err
    assert done.err.count("\n") == 1


def test_a_violation_is_3_and_names_everything(gatekeeper, files):
    words = files(RULE, tied(CLOSED), step(INGRESS, "u", web(cidrIpv4=UNKNOWN)))
    found = gatekeeper(*words, "--format", "json", status=3)
    (one,) = found.json["violations"]
    assert {key: one[key] for key in ("resource", "protocol", "ports", "sources")} == {
        "resource": urn(INGRESS, "r"),
        "protocol": "tcp",
        "ports": [443],
        "sources": ["0.0.0.0/0"],
    }
    assert CLOSED in one["reason"]
    assert "52.83.1.2" in one["reason_zh"]
    assert [note["resource"] for note in found.json["not_judged"]] == [urn(INGRESS, "u")]
    assert "failed; 1 violations, 1 not judged" in found.err


def test_what_cannot_be_judged_is_4(gatekeeper, files):
    found = gatekeeper(*files(step(INGRESS, "u", web(cidrIpv4=UNKNOWN)), tied(OPEN)), status=4)
    assert urn(INGRESS, "u") in found.out
    assert "not judged" in found.err


def test_json_has_the_keys_of_its_sample(gatekeeper, files):
    hidden = step(INGRESS, "u", web(cidrIpv4=UNKNOWN))
    six = step(INGRESS, "s", web(cidrIpv4=None, cidrIpv6="::/0"))
    words = files(RULE, tied(CLOSED), hidden, six)
    shown = gatekeeper(*words, "--format", "json", status=3).json
    assert all(shown[name] for name in ("violations", "not_judged", "warnings"))
    assert list(differences(shown, sample("plan-check"))) == []


def test_chinese(gatekeeper, files):
    found = gatekeeper(*files(RULE, tied(CLOSED)), "--lang", "zh", status=3)
    assert "对互联网开放" in found.out
    assert "不通过" in found.err
    refused = gatekeeper("check-plan", "none.json", "--decisions", "feed.json", "--lang", "zh")
    assert (refused.status, "无法读取" in refused.err) == (1, True)


def test_sarif(gatekeeper, files, tmp_path):
    words = files(RULE, tied(CLOSED), step(INGRESS, "u", web(cidrIpv4=UNKNOWN)))
    gatekeeper(*words, "--format", "sarif", "--out", "plan.sarif", status=3)
    (run,) = json.loads((tmp_path / "plan.sarif").read_text(encoding="utf-8"))["runs"]
    rules = [rule["id"] for rule in run["tool"]["driver"]["rules"]]
    for result in run["results"]:
        assert rules[result["ruleIndex"]] == result["ruleId"]
    assert [one["ruleId"] for one in run["results"]] == ["plan-opens-unfiled", "plan-not-judged"]
    where = run["results"][0]["locations"][0]
    assert where["logicalLocations"][0]["fullyQualifiedName"] == urn(INGRESS, "r")
    assert where["physicalLocation"]["artifactLocation"]["uri"] == "plan.json"


def test_stdin(process, files, tmp_path):
    files(RULE, tied(CLOSED))
    with (tmp_path / "plan.json").open("rb") as stream:
        done = process("check-plan", "-", "--decisions", "feed.json", stdin=stream, status=3)
    assert "stdin (pulumi-preview)" in done.err


def test_unattached(gatekeeper, files):
    gatekeeper(*files(RULE), status=3)
    gatekeeper(*files(RULE), "--allow-unattached", status=0)


def test_from_the_register_to_the_plan(gatekeeper, files, filings, dump):
    dump()
    filings()
    gatekeeper("filings", "import", "filings.csv", status=0)
    words = files(RULE, tied("eni-1"))
    for status in (0, 3):
        gatekeeper("decisions", "--dump", "dump", "--out", "feed.json", status=0)
        gatekeeper(*words, status=status)
        gatekeeper("filings", "suspend", "F1", "--by", "bureau", "--reason", "order", status=0)


def test_no_store_is_made(gatekeeper, files, tmp_path):
    gatekeeper(*files(RULE, tied(OPEN)), status=0)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["feed.json", "plan.json"]


@pytest.mark.parametrize(
    ("feed", "sealed", "said"),
    [
        (
            {"expires_at": "2026-01-01T00:00:00Z", "generated_at": "2025-12-31T23:00:00Z"},
            1,
            "expired",
        ),
        ({}, 0, "changed or damaged"),
        ({"schema": "gatekeeper/decisions/9"}, 1, "schema"),
        ({"internal_sources": ["0.0.0.0/0"]}, 1, "internal_sources"),
    ],
)
def test_a_feed_that_cannot_be_believed_is_refused(gatekeeper, files, feed, sealed, said):
    refused = gatekeeper(*files(RULE, tied(OPEN), feed=content(**feed), sealed=sealed), status=1)
    assert said in refused.err
    assert refused.out == ""


def test_a_plan_that_is_cut_short_is_refused(gatekeeper, files):
    refused = gatekeeper(*files(plan=json.dumps(preview(RULE))[:-9]), status=1)
    assert "cut short" in refused.err
    assert refused.out == ""


def test_the_feed_must_be_signed_where_a_key_is_given(gatekeeper, files, tmp_path):
    from cryptography.hazmat.primitives import serialization as forms
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    from gatekeeper.seal import sign

    key = Ed25519PrivateKey.generate()
    private = key.private_bytes(forms.Encoding.PEM, forms.PrivateFormat.PKCS8, forms.NoEncryption())
    public = key.public_key().public_bytes(
        forms.Encoding.PEM, forms.PublicFormat.SubjectPublicKeyInfo
    )
    (tmp_path / "feed.pem").write_bytes(public)
    words = (*files(RULE, tied(OPEN)), "--feed-key", "feed.pem")
    assert "not signed" in gatekeeper(*words, status=1).err
    made = content()
    files(RULE, tied(OPEN), feed={**made, "signature": sign(digest(made), private)})
    gatekeeper(*words, status=0)
    (tmp_path / "feed.pem").write_text("no key", encoding="utf-8")
    gatekeeper(*words, status=1)
    (tmp_path / "feed.pem").unlink()
    assert "feed.pem" in gatekeeper(*words, status=1).err


def test_what_a_terminal_would_obey_is_shown_as_text(gatekeeper, files):
    evil = "\x1b]0;owned\x07\x1b[2J\u202egnp.exe\n::error::fake"
    words = files(step(INGRESS, evil, web(cidrIpv4="0.0.0.0/0")), tied(CLOSED))
    for form in ("table", "json", "sarif"):
        found = gatekeeper(*words, "--format", form, status=3)
        assert not {"\x1b", "\x07", "\u202e"} & set(found.out + found.err)
        assert "\n::error::" not in found.out + found.err
    nasty = json.dumps(preview(RULE)).replace('"op": "create"', '"op": "\\u001b[2J"')
    found = gatekeeper(*files(plan=nasty), status=3)
    assert "\x1b" not in found.out + found.err


def test_a_file_of_200_mb_is_refused(gatekeeper, files, tmp_path):
    words = files(RULE)
    with (tmp_path / "plan.json").open("r+b") as stream:
        stream.truncate(200 * 2**20)
    assert "larger than 128 MB" in gatekeeper(*words, status=1).err


def test_wrong_usage(gatekeeper, files):
    assert gatekeeper("check-plan", "plan.json").status == 2
    assert gatekeeper(*files(RULE), "--format", "csv").status == 2


def test_a_long_name_with_odd_letters_is_an_address(gatekeeper, files, tmp_path):
    words = files(RULE, tied(CLOSED))
    odd = tmp_path / "a plan%20 中.json"
    (tmp_path / "plan.json").rename(odd)
    found = gatekeeper(words[0], odd.name, *words[2:], "--format", "sarif", status=3)
    (run,) = found.json["runs"]
    uri = run["results"][0]["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
    assert uri == "a%20plan%2520%20%E4%B8%AD.json"
