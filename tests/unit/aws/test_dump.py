"""Account states from a folder of AWS CLI answers."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gatekeeper.account import Failure, Listener, ReadStatus
from gatekeeper.aws import dump
from gatekeeper.aws.assemble import LISTS
from gatekeeper.aws.dump import read_dump
from gatekeeper.errors import DumpError

ACCOUNT = "111122223333"
REGION = "cn-northwest-1"
PLAIN = {
    "describe-addresses.json": {"Addresses": [{"PublicIp": "52.83.0.1", "AllocationId": "e-1"}]},
    "describe-network-interfaces.json": {"NetworkInterfaces": [{"NetworkInterfaceId": "eni-1"}]},
    "describe-security-groups.json": {"SecurityGroups": []},
    "describe-vpcs.json": {"Vpcs": [{"VpcId": "vpc-1", "CidrBlock": "10.0.0.0/16"}]},
    "elbv2-describe-load-balancers.json": {"LoadBalancers": []},
    "elb-describe-load-balancers.json": {"LoadBalancerDescriptions": []},
}
NETWORK = f"arn:aws-cn:elasticloadbalancing:{REGION}:{ACCOUNT}:loadbalancer/net/n/1"
OTHER = f"arn:aws-cn:elasticloadbalancing:{REGION}:{ACCOUNT}:loadbalancer/net/o/2"


def balancer(arn=NETWORK, **fields):
    return {
        "LoadBalancerArn": arn,
        "LoadBalancerName": arn.split("/")[-2],
        "Type": "network",
        "Scheme": "internet-facing",
        **fields,
    }


def group_naming(*list_ids):
    return {
        "GroupId": "sg-1",
        "OwnerId": ACCOUNT,
        "IpPermissions": [
            {"IpProtocol": "-1", "PrefixListIds": [{"PrefixListId": one} for one in list_ids]}
        ],
    }


@pytest.fixture
def folder(tmp_path):
    """Writes the answers of one account; ``None`` leaves a file out, text is written as it is."""

    def write(account=ACCOUNT, *, complete=False, **files):
        home = tmp_path / account
        home.mkdir(exist_ok=True)
        content = PLAIN | {name.replace("__", "/"): value for name, value in files.items()}
        for name, value in content.items():
            if value is None:
                continue
            path = home / name
            path.parent.mkdir(exist_ok=True)
            if isinstance(value, bytes):
                path.write_bytes(value)
            else:
                path.write_text(value if isinstance(value, str) else json.dumps(value))
        if complete:
            (home / "complete").touch()
        return tmp_path

    return write


def only(path, **more):
    (state,) = read_dump(path, REGION, **more)
    return state


def test_a_whole_dump_is_complete(folder):
    state = only(folder())
    assert state.status is ReadStatus.COMPLETE
    assert state.failures == ()
    assert (state.account_id, state.region, state.partition) == (ACCOUNT, REGION, "aws-cn")
    assert [one.public_ip for one in state.addresses] == ["52.83.0.1"]
    assert list(state.vpcs) == ["vpc-1"]


@pytest.mark.parametrize("name", sorted(PLAIN))
def test_a_missing_file_is_unknown_unless_the_dump_says_complete(folder, name):
    path = folder(**{name: None})
    state = only(path)
    assert state.status is ReadStatus.PARTIAL
    (failure,) = state.failures
    assert failure.code == "NotRead"
    assert name in failure.message
    (path / ACCOUNT / "complete").touch()
    assert only(path).status is ReadStatus.COMPLETE


def test_an_empty_folder_is_unreadable_and_a_complete_one_is_empty(folder):
    path = folder(**dict.fromkeys(PLAIN))
    assert only(path).status is ReadStatus.UNREADABLE
    assert {failure.operation for failure in only(path).failures} == set(LISTS)
    (path / ACCOUNT / "complete").touch()
    assert only(path).status is ReadStatus.COMPLETE


@pytest.mark.parametrize(
    ("content", "code"),
    [
        ('{"Vpcs": [{"VpcId": "vpc-1"', "Truncated"),
        ("", "Truncated"),
        ("<html>", "Malformed"),
        ("[" * 200_000, "Malformed"),
        (b'{"Vpcs": "\xff\xfe"}', "Malformed"),
        ({"Vpcs": None}, "Malformed"),
        ({"Error": {"Code": "UnauthorizedOperation"}}, "Malformed"),
        ([], "Malformed"),
        ({"Vpcs": [{"CidrBlock": "10.0.0.0/16"}]}, "Malformed"),
        ({"Vpcs": [], "NextToken": "abc"}, "Truncated"),
        ({"Vpcs": [], "NextMarker": "abc"}, "Truncated"),
    ],
)
def test_a_bad_file_is_a_failure_of_its_call(folder, content, code):
    state = only(folder(**{"describe-vpcs.json": content}))
    assert state.status is ReadStatus.PARTIAL
    assert [(one.operation, one.code) for one in state.failures] == [("DescribeVpcs", code)]
    assert [one.public_ip for one in state.addresses] == ["52.83.0.1"]


def test_the_good_objects_of_a_bad_answer_are_kept(folder):
    items = {"Vpcs": [{"VpcId": "vpc-1", "CidrBlock": "?"}, {"VpcId": "vpc-2"}]}
    state = only(folder(**{"describe-vpcs.json": items}))
    assert list(state.vpcs) == ["vpc-2"]
    assert state.failed("DescribeVpcs") is not None


def test_a_null_token_and_a_byte_order_mark_are_fine(folder):
    text = json.dumps({"Vpcs": [], "NextToken": None})
    for content in (b"\xef\xbb\xbf" + text.encode(), text.encode("utf-16")):
        assert only(folder(**{"describe-vpcs.json": content})).complete


def test_only_regular_files_of_a_sane_size_are_read(folder, monkeypatch):
    path = folder(**{"describe-vpcs.json": None})
    target = path / ACCOUNT / "describe-vpcs.json"
    os.mkfifo(target)
    assert only(path).failures[0].code == "Unreadable"
    target.unlink()
    target.mkdir()
    assert only(path).failures[0].code == "Unreadable"
    target.rmdir()
    target.write_text('{"Vpcs": []}')
    monkeypatch.setattr(dump, "MAX_BYTES", 3)
    assert {failure.code for failure in only(path).failures} == {"TooLarge"}


def test_prefix_lists_are_needed_only_where_a_rule_names_one(folder):
    groups = {"SecurityGroups": [group_naming("pl-1", "pl-2")]}
    state = only(folder(**{"describe-security-groups.json": groups}))
    assert [(one.operation, one.code, one.resource) for one in state.failures] == [
        ("DescribeManagedPrefixLists", "NotRead", None),
        ("GetManagedPrefixListEntries", "NotRead", "pl-1"),
        ("GetManagedPrefixListEntries", "NotRead", "pl-2"),
    ]
    assert state.prefix_lists == {}


def test_prefix_lists_with_their_entries(folder):
    path = folder(
        **{
            "describe-security-groups.json": {"SecurityGroups": [group_naming("pl-1", "pl-2")]},
            "describe-managed-prefix-lists.json": {
                "PrefixLists": [
                    {"PrefixListId": "pl-1", "AddressFamily": "IPv4", "MaxEntries": 9},
                    {"PrefixListId": "pl-9", "AddressFamily": "IPv4"},
                ]
            },
            "get-managed-prefix-list-entries/pl-1.json": {"Entries": [{"Cidr": "52.82.0.0/17"}]},
            "get-managed-prefix-list-entries/pl-2.json": {"Entries": [{"Cidr": "::/0"}]},
        }
    )
    state = only(path)
    assert state.complete
    assert sorted(state.prefix_lists) == ["pl-1", "pl-2"]
    assert state.prefix_lists["pl-1"].entries == ("52.82.0.0/17",)
    assert state.prefix_lists["pl-2"].family == "ipv6"
    assert state.prefix_lists["pl-2"].max_entries is None


def test_bad_entries_leave_the_list_unknown(folder):
    path = folder(
        complete=True,
        **{
            "describe-security-groups.json": {"SecurityGroups": [group_naming("pl-1", "../x")]},
            "get-managed-prefix-list-entries/pl-1.json": {"Entries": [{"Cidr": "half"}]},
        },
    )
    state = only(path)
    assert state.prefix_lists == {}
    assert [(one.operation, one.code, one.resource) for one in state.failures] == [
        ("GetManagedPrefixListEntries", "Malformed", "pl-1")
    ]


def test_listeners_are_needed_only_by_network_load_balancers_without_groups(folder):
    def read(*balancers, **more):
        return only(
            folder(
                **{"elbv2-describe-load-balancers.json": {"LoadBalancers": list(balancers)}}, **more
            )
        )

    assert read(balancer(SecurityGroups=["sg-1"])).complete
    assert read(balancer(Scheme="internal")).complete
    state = read(balancer())
    assert [(one.operation, one.code) for one in state.failures] == [
        ("elbv2:DescribeListeners", "NotRead")
    ]
    assert state.load_balancers[0].listeners is None


@pytest.mark.parametrize(
    ("listeners", "complete", "expected", "failed"),
    [
        ([(NETWORK, 443), (OTHER, 80)], False, {NETWORK: [443]}, []),
        ([], False, {NETWORK: []}, []),
        ([], False, {NETWORK: None, OTHER: None}, [NETWORK, OTHER]),
        ([(OTHER, 80)], False, {NETWORK: None, OTHER: [80]}, [NETWORK]),
        ([(OTHER, 80)], True, {NETWORK: [], OTHER: [80]}, []),
        (None, True, {NETWORK: []}, []),
    ],
)
def test_listeners_go_to_their_load_balancer(folder, listeners, complete, expected, failed):
    answer = {"LoadBalancers": [balancer(arn) for arn in expected]}
    given_listeners = listeners and [
        {"LoadBalancerArn": arn, "Protocol": "TCP", "Port": port} for arn, port in listeners
    ]
    state = only(
        folder(
            complete=complete,
            **{
                "elbv2-describe-load-balancers.json": answer,
                "elbv2-describe-listeners.json": None
                if listeners is None
                else {"Listeners": given_listeners or []},
            },
        )
    )
    assert {one.arn: one.listeners for one in state.load_balancers} == {
        arn: None if ports is None else tuple(Listener("TCP", port) for port in ports)
        for arn, ports in expected.items()
    }
    assert [one.resource for one in state.failures] == failed


def test_a_malformed_listener_leaves_all_of_them_unknown(folder):
    state = only(
        folder(
            **{
                "elbv2-describe-load-balancers.json": {"LoadBalancers": [balancer()]},
                "elbv2-describe-listeners.json": {
                    "Listeners": [
                        {"LoadBalancerArn": NETWORK, "Protocol": "TCP", "Port": 80},
                        {"LoadBalancerArn": NETWORK, "Protocol": "TCP"},
                    ]
                },
            }
        )
    )
    assert state.load_balancers[0].listeners is None
    assert state.failures[0].code == "Malformed"


def test_classic_load_balancers_carry_the_folders_account(folder):
    answer = {"LoadBalancerDescriptions": [{"LoadBalancerName": "old"}]}
    state = only(folder(**{"elb-describe-load-balancers.json": answer}))
    assert state.load_balancers[0].arn.endswith(f":{ACCOUNT}:loadbalancer/old")


def test_accounts_come_in_order_and_other_entries_are_ignored(folder):
    path = folder("222233334444")
    folder("000011112222")
    (path / "notes").mkdir()
    (path / "333344445555").write_text("a file")
    assert [one.account_id for one in read_dump(path, REGION)] == ["000011112222", "222233334444"]


def test_an_account_that_was_asked_for_but_is_not_there_is_unreadable(folder):
    path = folder()
    present, absent = read_dump(path, REGION, [ACCOUNT, "999999999999"])
    assert present.complete
    assert absent.status is ReadStatus.UNREADABLE
    assert absent.failures[0] == Failure(
        LISTS[0], "NotRead", f"{path} holds no folder 999999999999"
    )


def test_a_folder_without_any_account_is_an_error(folder, tmp_path):
    with pytest.raises(DumpError, match="No such file"):
        read_dump(tmp_path / "nowhere", REGION)
    with pytest.raises(DumpError, match="12 digits") as caught:
        read_dump(tmp_path, REGION)
    assert "12 位" in caught.value.zh
    folder()
    with pytest.raises(DumpError, match="999999999999"):
        read_dump(tmp_path, REGION, ["999999999999"])


def test_reading_a_dump_imports_no_boto3():
    code = "import sys, gatekeeper.aws.dump; sys.exit('botocore' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


WORDS = (
    "NetworkInterfaceId",
    "GroupId",
    "Groups",
    "IpPermissions",
    "IpProtocol",
    "IpRanges",
    "CidrIp",
    "PrefixListIds",
    "PrefixListId",
    "Association",
    "PublicIp",
    "Attachment",
    "LoadBalancerArn",
    "LoadBalancerName",
    "Type",
    "Scheme",
    "SecurityGroups",
    "Tags",
    "UserIdGroupPairs",
    "VpcId",
    "CidrBlockAssociationSet",
    "CidrBlock",
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-1, 70000) | st.text(max_size=4),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(WORDS),
            inner,
            max_size=6,
        )
    ),
    max_leaves=12,
)


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.dictionaries(st.sampled_from(sorted(PLAIN)), st.lists(JSON, max_size=3), min_size=1))
def test_no_json_makes_it_crash_or_say_complete_wrongly(folder, broken):
    path = folder(
        complete=True,
        **{name: {next(iter(PLAIN[name])): items} for name, items in broken.items()},
    )
    state = only(path)
    bad = any(not isinstance(item, dict) for items in broken.values() for item in items)
    assert not (bad and state.complete)


THEIRS = "444455556666"


def owned(owner, *, group=True, interface=True):
    """Answers in which one account owns what is said to have an owner."""
    groups = [{"GroupId": "sg-1", "OwnerId": owner, "IpPermissions": []}] if group else []
    interfaces = [{"NetworkInterfaceId": "eni-1", "OwnerId": owner}] if interface else []
    return {
        "describe-security-groups.json": {"SecurityGroups": groups},
        "describe-network-interfaces.json": {"NetworkInterfaces": interfaces},
    }


@pytest.mark.parametrize("parts", [{}, {"interface": False}, {"group": False}])
def test_a_recording_with_other_ids_is_read_as_the_accounts(folder, parts):
    state = only(folder(**owned(THEIRS, **parts)))
    assert state.complete
    assert {one.owner_id for one in (*state.groups.values(), *state.interfaces)} == {""}


def test_what_others_share_beside_the_accounts_own_is_no_mismatch(folder):
    files = owned(ACCOUNT)
    for part in owned(THEIRS).values():
        ((key, (item,)),) = part.items()
        for content in files.values():
            content.get(key, []).append(item | {"GroupId": "sg-2", "NetworkInterfaceId": "eni-2"})
    state = only(folder(**files))
    assert state.complete
    assert {one.owner_id for one in state.groups.values()} == {ACCOUNT, THEIRS}
    assert {one.owner_id for one in state.interfaces} == {ACCOUNT, THEIRS}
    shared = owned(THEIRS, interface=False) | {
        "describe-network-interfaces.json": owned(ACCOUNT)["describe-network-interfaces.json"]
    }
    assert {one.owner_id for one in only(folder(**shared)).groups.values()} == {THEIRS}
