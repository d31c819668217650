"""Findings in the forms of other programs: ASFF, OCSF, SARIF."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import botocore.session
import pytest
from botocore.validate import ParamValidator

from gatekeeper.gate import CATALOGUE, Severity
from gatekeeper.report.asff import to_asff
from gatekeeper.report.ocsf import to_ocsf
from gatekeeper.report.remembered import Wanted, fingerprint, ranked, remembered_report
from gatekeeper.report.sarif import to_sarif
from gatekeeper.report.text import to_json
from gatekeeper.store import RememberedFinding

AT = datetime(2026, 5, 4, 8, 0, tzinfo=UTC)
LATER = AT + timedelta(hours=1, microseconds=7)
ACCOUNT = "111122223333"
BALANCER = (
    "arn:aws-cn:elasticloadbalancing:cn-northwest-1:111122223333"
    ":loadbalancer/app/web/0123456789abcdef"
)
HOSTILE = "x\n\x1b[31m=cmd|' /C calc'!A0 [a](http://evil) {0} \u202e" + "长" * 3000


def remembered(code="exposed-unfiled", *, subject="eni-1|ipv4", resolved=None, **changes):
    entry = CATALOGUE.get(code)
    data = {
        "code": code,
        "severity": entry.severity.value if entry else "high",
        "account_id": ACCOUNT,
        "filing_id": None,
        "endpoint": "eni-0123",
        "family": "ipv4",
        "ips": ["52.83.1.2"],
        "ports": ["tcp/80"],
        "message": "eni-0123 is reachable",
        "message_zh": "eni-0123 可达",
        "remedy": "close it",
        "remedy_zh": "关闭",
        **changes,
    }
    key = f"{code}|{data['account_id']}|{subject}"
    return RememberedFinding(
        key=key, first_seen=AT, last_seen=LATER, resolved_at=resolved, data=data
    )


ODD = [
    remembered(),
    remembered(resolved=LATER),
    remembered(endpoint=BALANCER),
    remembered(endpoint=BALANCER.replace("app/", "").rsplit("/", 1)[0]),
    remembered("gate-altered", subject="sg-0abc", endpoint=None, ips=[]),
    remembered(
        "licence-invalid", subject="F1", account_id="", endpoint=None, filing_id="F1", ips=[]
    ),
    remembered(
        message=HOSTILE, message_zh=HOSTILE, remedy=HOSTILE, filing_id=HOSTILE, subject=HOSTILE
    ),
    remembered(message="\u3000", message_zh="", remedy=" ", ips=[" "], endpoint="eni-<script>"),
    remembered(ips=[f"52.83.{n}.1" for n in range(250)], endpoint=None),
    *(remembered(code) for code in CATALOGUE),
]


@pytest.fixture(scope="module")
def validate():
    model = botocore.session.get_session().get_service_model("securityhub")
    shape = model.operation_model("BatchImportFindings").input_shape

    def check(findings):
        report = ParamValidator().validate({"Findings": findings}, shape)
        assert not report.has_errors(), report.generate_report()

    return check


def asff(one, hub=ACCOUNT):
    return to_asff(one, region="cn-northwest-1", partition="aws-cn", hub=hub)


def texts(value):
    if isinstance(value, dict):
        for inner in value.values():
            yield from texts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from texts(inner)
    elif isinstance(value, str):
        yield value


@pytest.mark.parametrize("one", ODD)
def test_asff_is_what_the_service_model_takes(one, validate):
    found = asff(one)
    validate([found])
    assert all(text.strip() for text in texts(found)), "Security Hub refuses blank text"
    assert all(text.isprintable() for text in texts(found))
    assert len(found["Id"]) <= 512
    assert len(found["Title"]) <= 256
    assert len(found["Description"]) <= 1024
    assert (
        len(found.get("Remediation", {"Recommendation": {"Text": ""}})["Recommendation"]["Text"])
        <= 512
    )
    assert 1 <= len(found["Resources"]) <= 32
    assert all(len(text) <= 2048 for text in found["ProductFields"].values())
    assert len(json.dumps(found)) < 240_000


def test_asff_says_whose_it_is_and_when():
    found = asff(remembered())
    assert found["ProductArn"] == (
        f"arn:aws-cn:securityhub:cn-northwest-1:{ACCOUNT}:product/{ACCOUNT}/default"
    )
    assert found["AwsAccountId"] == ACCOUNT
    assert found["CreatedAt"] == "2026-05-04T08:00:00.000Z"
    assert found["UpdatedAt"] == "2026-05-04T09:00:00.000Z"
    assert found["Severity"]["Label"] == "CRITICAL"
    assert found["FindingProviderFields"]["Severity"]["Label"] == "CRITICAL"
    assert all(one.startswith("Software and Configuration Checks/") for one in found["Types"])
    assert found["Resources"][0] == {
        "Type": "AwsEc2NetworkInterface",
        "Id": f"arn:aws-cn:ec2:cn-northwest-1:{ACCOUNT}:network-interface/eni-0123",
        "Partition": "aws-cn",
        "Region": "cn-northwest-1",
    }
    assert found["RecordState"] == "ACTIVE"


def test_a_resolved_finding_is_archived_under_the_same_id():
    standing, gone = asff(remembered()), asff(remembered(resolved=LATER))
    assert gone["Id"] == standing["Id"]
    assert (gone["RecordState"], gone["Compliance"]["Status"]) == ("ARCHIVED", "PASSED")
    assert asff(remembered(subject="eni-2|ipv4"))["Id"] != standing["Id"]


@pytest.mark.parametrize(
    ("one", "kind"),
    [
        (ODD[2], "AwsElbv2LoadBalancer"),
        (ODD[3], "AwsElbLoadBalancer"),
        (ODD[4], "AwsEc2SecurityGroup"),
        (ODD[5], "AwsAccount"),
        (ODD[7], "Other"),
    ],
)
def test_asff_names_the_resource(one, kind):
    assert asff(one)["Resources"][0]["Type"] == kind


def test_a_finding_about_another_account_names_it_in_its_resources():
    found = asff(remembered(account_id="999988887777"), hub=ACCOUNT)
    assert found["AwsAccountId"] == ACCOUNT
    assert found["Resources"][-1]["Id"] == "AWS::::Account:999988887777"


@pytest.mark.parametrize("one", ODD)
def test_ocsf_has_what_the_class_asks_for(one):
    found = to_ocsf(one, region="cn-northwest-1", partition="aws-cn")
    required = {"activity_id", "category_uid", "class_uid", "type_uid", "severity_id", "time"}
    assert required | {"metadata", "finding_info", "compliance", "cloud"} <= found.keys()
    assert (
        found["type_uid"]
        == found["class_uid"] * 100 + found["activity_id"]
        == 200300 + found["activity_id"]
    )
    assert found["metadata"]["version"] == "1.3.0"
    assert found["metadata"]["product"]["vendor_name"]
    assert found["cloud"]["provider"] == "AWS"
    assert found["compliance"]["standards"]
    assert found["finding_info"]["uid"] == fingerprint(one)
    assert isinstance(found["time"], int)
    shown = {**found, "unmapped": {**found["unmapped"], "filing_id": None, "ips": []}}
    assert all(text.replace("\u3000", " ").isprintable() for text in texts(shown))


def test_ocsf_follows_the_life_of_a_finding():
    new = RememberedFinding(
        key="k", first_seen=AT, last_seen=AT, resolved_at=None, data=remembered().data
    )
    told = [to_ocsf(one, region="r", partition="p") for one in (new, ODD[0], ODD[1])]
    assert [one["activity_name"] for one in told] == ["Create", "Update", "Close"]
    assert [one["status"] for one in told] == ["New", "New", "Resolved"]
    assert [one["compliance"]["status_id"] for one in told] == [3, 3, 1]
    assert told[0]["time"] == 1777881600000
    assert told[0]["severity_id"] == 5


def test_sarif_has_one_rule_a_code():
    log = to_sarif(ODD)
    (run,) = log["runs"]
    rules = run["tool"]["driver"]["rules"]
    assert [rule["id"] for rule in rules] == list(CATALOGUE)
    assert len({rule["name"] for rule in rules}) == len(rules)
    assert len(run["results"]) == len(ODD)
    for result in run["results"]:
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"]
        assert len(result["partialFingerprints"]["gatekeeperFinding/v1"]) == 64
        assert result["locations"][0]["logicalLocations"][0]["name"]
        assert (result["level"] == "none") == (result["kind"] == "pass")
    json.loads(to_json(log))


@pytest.mark.parametrize(
    ("severity", "level"),
    [
        ("critical", "error"),
        ("high", "error"),
        ("medium", "warning"),
        ("low", "note"),
        ("info", "note"),
    ],
)
def test_sarif_levels(severity, level):
    (result,) = to_sarif([remembered(severity=severity)])["runs"][0]["results"]
    assert result["level"] == level


def test_a_message_is_no_link_and_no_placeholder_in_sarif():
    (result,) = to_sarif([remembered(message="[a](http://evil) {0} \\")])["runs"][0]["results"]
    assert result["message"]["text"] == r"\[a\](http://evil) {{0}} \\"


def test_a_code_that_is_gone_from_the_catalogue_is_still_told(validate):
    old = remembered("was-removed")
    validate([asff(old)])
    assert "ruleIndex" not in to_sarif([old])["runs"][0]["results"][0]


def test_the_list_is_filtered_and_ranked():
    low = remembered("address-shared", subject="b", account_id="444455556666")
    gone = remembered("exposed-ended", subject="c", resolved=LATER)
    top = remembered()
    everything = [gone, low, top]
    assert ranked(everything, Wanted()) == (top, low)
    assert ranked(everything, Wanted(state="all")) == (top, low, gone)
    assert ranked(everything, Wanted(state="resolved")) == (gone,)
    assert ranked(everything, Wanted(severity=Severity.HIGH)) == (top,)
    assert ranked(everything, Wanted(codes=frozenset({"address-shared"}))) == (low,)
    assert ranked(everything, Wanted(accounts=frozenset({"444455556666"}))) == (low,)
    assert ranked(everything, Wanted(state="all", since=LATER)) == (gone,)
    report = remembered_report(ranked(everything, Wanted(state="all")), "zh")
    assert report.document["schema"] == "gatekeeper/findings/1"
    assert [one["state"] for one in report.document["findings"]] == ["open", "open", "resolved"]
    assert report.counts["critical"] == 1
