"""WebAccess in whole programs on our simulated engine (not Pulumi's) and moto."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pulumi
import pytest

from gatekeeper.errors import FeedError, StackError
from gatekeeper.policy import default_policy
from gatekeeper.stacks import load_decisions
from gatekeeper.stacks.check import check, read_blueprint
from tests.stacks.engine import QUIET, Engine
from tests.stacks.feeds import decided, filing, keys, looked, write

pytestmark = pytest.mark.filterwarnings(*QUIET)

RULE = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule"
V4, V4B, V6 = "52.83.1.1", "52.83.1.2", "2406:da18::1"
ARN = "arn:aws-cn:elasticloadbalancing:cn-northwest-1:123456789012:loadbalancer/app/a/1"
ALL = {("tcp", 80, "0.0.0.0/0"), ("tcp", 443, "0.0.0.0/0"), ("tcp", 8080, "0.0.0.0/0")} | {
    ("udp", 443, "0.0.0.0/0")
}


@pytest.fixture(scope="module")
def aws():
    import pulumi_aws

    return pulumi_aws


@pytest.fixture(scope="module")
def web_access():
    from gatekeeper.stacks import WebAccess

    return WebAccess


@pytest.fixture
def vpc(cloud):
    return cloud.ec2.create_vpc(CidrBlock="10.1.0.0/16")["Vpc"]["VpcId"]


@pytest.fixture
def group(cloud, vpc):
    made = cloud.ec2.create_security_group(GroupName="web", Description="web", VpcId=vpc)
    return made["GroupId"]


@pytest.fixture
def path(tmp_path):
    return tmp_path / "decisions.json"


@pytest.fixture
def access(web_access, group, path):
    """A program with one WebAccess; what is given here overrides the usual arguments."""

    def make(name="web", **given):
        usual = {"security_group_id": group, "addresses": [V4], "decisions": path}
        arguments = {**usual, **given}

        def program():
            made = web_access(name, **arguments)
            pulumi.export("opened", made.opened)
            pulumi.export("verdict", made.verdict)
            pulumi.export("reason", made.reason)

        return program

    return make


def rules(cloud, group_id):
    """What the group lets in on moto."""
    found = cloud.ec2.describe_security_groups(GroupIds=[group_id])["SecurityGroups"][0]
    return {
        (item["IpProtocol"], item["FromPort"], source)
        for item in found["IpPermissions"]
        for source in [
            *(one["CidrIp"] for one in item["IpRanges"]),
            *(one["CidrIpv6"] for one in item["Ipv6Ranges"]),
            *(one["PrefixListId"] for one in item["PrefixListIds"]),
        ]
    }


def warnings(run):
    return [message for severity, message in run.logs if severity == "warning"]


# --- the life of a filing ---

MAIN = """\
import pulumi
import pulumi_aws as aws

from gatekeeper.stacks import WebAccess

config = pulumi.Config()
group = aws.ec2.SecurityGroup("web", vpc_id=config.require("vpc"))
interface = aws.ec2.NetworkInterface(
    "web", subnet_id=config.require("subnet"), security_groups=[group.id]
)
address = aws.ec2.Eip("web", domain="vpc", network_interface=interface.id)
access = WebAccess("web", security_group_id=group.id, addresses=[address.public_ip])
pulumi.export("address", address.public_ip)
pulumi.export("verdict", access.verdict)
pulumi.export("opened", access.opened)
pulumi.export("reason", access.reason)
"""


def checked(engine, main, path):
    """What ``check-plan`` says of the preview."""
    plan = json.dumps(engine.preview(main, show_sames=True)).encode()
    now = datetime.now(UTC)
    found = read_blueprint(plan, name="plan.json")
    return check(found, load_decisions(path), default_policy(), at=now)


def test_the_tag_of_a_stack_is_the_one_that_gatekeeper_knows():
    from gatekeeper.gate import STACK_TAG
    from gatekeeper.stacks import web_access as module

    assert module.STACK_TAG == STACK_TAG


def test_from_pending_to_approved_to_deregistered(cloud, vpc, tmp_path, path):
    """The feed comes from gatekeeper's own look at the same moto that the stack changes."""
    subnet = cloud.ec2.create_subnet(VpcId=vpc, CidrBlock="10.1.1.0/24")["Subnet"]["SubnetId"]
    main = tmp_path / "__main__.py"
    main.write_text(MAIN, encoding="utf-8")
    settings = {"shop:vpc": vpc, "shop:subnet": subnet, "gatekeeper:decisions": str(path)}
    engine = Engine(cloud, config=settings)

    looked(path)
    run = engine.up(main)
    ip = run.outputs["address"]
    assert engine.names(RULE) == set()
    (group,) = [one for one in engine.state if one["type"].endswith(":SecurityGroup")]
    assert run.outputs["opened"] == []
    assert "no decision about" in run.outputs["reason"]

    looked(path, filing(ip, status="bureau_review"))
    run = engine.up(main)
    assert (run.outputs["verdict"], rules(cloud, group["id"])) == ("closed", set())

    looked(path, filing(ip))
    plan = engine.preview(main)
    assert [step["op"] for step in plan["steps"]] == ["create"] * 4
    assert checked(engine, main, path).violations == ()
    assert rules(cloud, group["id"]) == set(), "a preview changes nothing"
    run = engine.up(main)
    assert run.outputs["verdict"] == "open"
    assert rules(cloud, group["id"]) == ALL
    assert engine.up(main).changed() == set()
    (rule,) = [one for one in engine.state if one["urn"].endswith("web-tcp-443-ipv4-0.0.0.0-0")]
    assert rule["outputs"]["tags"] == {
        "gatekeeper:component": "WebAccess",
        "gatekeeper:stack": "shop/cn",
        "gatekeeper:filings": "F1",
    }

    looked(path, filing(ip), filing(kind="deregister_service", number=2))
    plan = engine.preview(main)
    assert [step["op"] for step in plan["steps"]] == ["delete"] * 4
    assert checked(engine, main, path).exit_status == 0
    assert rules(cloud, group["id"]) == ALL, "a preview closes nothing"
    run = engine.up(main)
    assert run.outputs["verdict"] == "closed"
    assert rules(cloud, group["id"]) == set()
    assert engine.names(RULE) == set()


# --- what closes ---


def test_what_cannot_be_believed_closes_and_says_why(engine, cloud, access, group, path):
    write(path, decided("eni-1", V4))
    good = path.read_text(encoding="utf-8")
    spoiled = {
        "cannot be read": None,
        "expired at": lambda: write(path, decided("eni-1", V4), lives=timedelta(seconds=-1)),
        "was changed or damaged": lambda: path.write_text(
            good.replace('"open"', '"closed"'), encoding="utf-8"
        ),
        "cut short": lambda: path.write_text(good[:-20], encoding="utf-8"),
        "made from a dump": lambda: write(path, decided("eni-1", V4), offline=True),
        "the schema": lambda: path.write_text(json.dumps({"schema": "x/1"}), encoding="utf-8"),
    }
    for why, spoil in spoiled.items():
        path.write_text(good, encoding="utf-8")
        engine.up(access())
        assert rules(cloud, group) == ALL, why
        path.unlink() if spoil is None else spoil()
        run = engine.up(access())
        assert rules(cloud, group) == set(), why
        (warning,) = warnings(run)
        assert "web: every gated port is closed" in warning
        assert why in warning
        assert run.outputs["verdict"] == "closed"


def test_only_the_right_signature_opens(engine, cloud, access, group, path, tmp_path):
    (private, public), (other, _) = keys(), keys()
    pem = tmp_path / "key.pem"
    pem.write_bytes(public)
    for key, why in ((None, "not signed"), (other, "does not verify")):
        write(path, decided("eni-1", V4), key=private)
        engine.up(access(public_key=public))
        assert rules(cloud, group) == ALL
        write(path, decided("eni-1", V4), key=key)
        run = engine.up(access(public_key=public))
        assert rules(cloud, group) == set()
        assert why in warnings(run)[0]
    write(path, decided("eni-1", V4), key=private)
    for given in (pem, str(pem), public.decode()):
        engine.up(access(public_key=given))
        assert rules(cloud, group) == ALL
    run = engine.up(access(public_key=tmp_path / "gone.pem"))
    assert rules(cloud, group) == set(), "a key that is asked for and missing is no key at all"
    assert "gone.pem" in warnings(run)[0]


def test_strict_raises_instead(engine, cloud, access, group, path):
    write(path, decided("eni-1", V4))
    engine.up(access(strict=True))
    path.unlink()
    with pytest.raises(FeedError, match="cannot be read"):
        engine.up(access(strict=True))
    assert rules(cloud, group) == ALL, "an update that fails closes nothing: that is its price"


def test_where_the_feed_is_named(engine, cloud, access, group, path, tmp_path, monkeypatch):
    run = engine.up(access(decisions=None))
    assert "no decision feed is named" in warnings(run)[0]
    write(path, decided("eni-1", V4))
    monkeypatch.setenv("GATEKEEPER_DECISIONS", str(path))
    engine.up(access(decisions=None))
    assert rules(cloud, group) == ALL
    engine.config["gatekeeper:decisions"] = str(tmp_path / "none.json")
    engine.up(access(decisions=None))
    assert rules(cloud, group) == set(), "the configuration goes before the variable"
    private, public = keys()
    write(path, decided("eni-1", V4), key=private)
    engine.config |= {"gatekeeper:decisions": str(path), "gatekeeper:public_key": public.decode()}
    engine.up(access(decisions=None))
    assert rules(cloud, group) == ALL
    write(path, decided("eni-1", V4))
    engine.up(access(decisions=None))
    assert rules(cloud, group) == set(), "the configuration asks for a signature"


def test_a_feed_read_before_is_believed_until_it_expires(engine, cloud, access, group, path):
    write(path, decided("eni-1", V4))
    read = load_decisions(path)
    engine.up(access(decisions=read))
    assert rules(cloud, group) == ALL
    object.__setattr__(read, "expires_at", read.generated_at)
    run = engine.up(access(decisions=read))
    assert rules(cloud, group) == set()
    assert "expired" in warnings(run)[0]


def test_hold(engine, cloud, access, group, path):
    write(path, decided("eni-1", V4, verdict="hold", reason="the address set changed"))
    engine.up(access(on_hold="keep"))
    assert rules(cloud, group) == ALL
    run = engine.up(access())
    assert rules(cloud, group) == set()
    assert ("info", "web: ipv4 hold: the address set changed") in run.logs


# --- what opens ---


def test_families_sources_and_ports(engine, cloud, access, group, path):
    write(
        path,
        decided("eni-1", V4),
        decided("eni-1", V6, family="ipv6", verdict="closed"),
        decided("eni-2", "2406:da18::2", family="ipv6"),
    )
    engine.up(access(addresses=[V4, V6], ports=[443]))
    assert rules(cloud, group) == {("tcp", 443, "0.0.0.0/0")}
    engine.up(access(addresses=[V4, "2406:DA18:0::2"], ports=[443]))
    assert rules(cloud, group) == {("tcp", 443, "0.0.0.0/0"), ("tcp", 443, "::/0")}
    several = {"ipv4": ["52.0.0.0/8", "1.0.0.0/8"], "ipv6": ["2406::/16"]}
    engine.up(access(addresses=[V4, "2406:da18::2"], ports=[443], sources=several))
    assert rules(cloud, group) == {
        ("tcp", 443, "52.0.0.0/8"),
        ("tcp", 443, "1.0.0.0/8"),
        ("tcp", 443, "2406::/16"),
    }
    # One source less touches no other rule: names are not places in a list.
    run = engine.up(
        access(addresses=[V4], ports=[443], sources={"ipv4": ["1.0.0.0/8"], "ipv6": []})
    )
    assert {op for op, _ in run.changed()} == {"delete"}
    assert rules(cloud, group) == {("tcp", 443, "1.0.0.0/8")}


def test_a_prefix_list_is_a_source(engine, cloud, access, group, path):
    made = cloud.ec2.create_managed_prefix_list(
        PrefixListName="partners", MaxEntries=1, AddressFamily="IPv4"
    )["PrefixList"]["PrefixListId"]
    write(path, decided("eni-1", V4))
    engine.up(access(ports=[443], sources={"ipv4": [made]}))
    assert rules(cloud, group) == {("tcp", 443, made)}
    path.unlink()
    engine.up(access(ports=[443], sources={"ipv4": [made]}))
    assert rules(cloud, group) == set()


def test_a_port_that_is_not_gated_is_refused(engine, cloud, aws, access, group, path):
    write(path, decided("eni-1", V4))
    with pytest.raises(StackError, match="tcp 22 is not gated"):
        engine.up(access(ports=[22]))

    def program():
        made = aws.ec2.Eip("new", domain="vpc")
        access(ports=[22], addresses=[made.public_ip])()

    with pytest.raises(StackError, match="tcp 22 is not gated"):
        engine.preview(program)
    assert rules(cloud, group) == set()


def test_a_load_balancer(engine, cloud, access, web_access, aws, group, path):
    write(path, decided(ARN, V4, V4B))
    engine.up(access(load_balancer=ARN, addresses=[]))
    assert rules(cloud, group) == ALL
    write(path, decided(ARN, V4, V4B, verdict="closed"))
    engine.up(access(load_balancer=ARN, addresses=[]))
    assert rules(cloud, group) == set()

    def program(*groups):
        def run():
            balancer = aws.lb.LoadBalancer("a", security_groups=list(groups))
            web_access("web", load_balancer=balancer, decisions=path)

        return run

    engine.up(program(group))
    arn = engine.resource("a")["outputs"]["arn"]
    write(path, decided(arn, V4))
    engine.up(program(group))
    assert rules(cloud, group) == ALL
    with pytest.raises(StackError, match="has 2 groups"):
        engine.up(program(group, "sg-2"))
    with pytest.raises(StackError, match="security_group_id"):
        engine.up(access(security_group_id=None, load_balancer=ARN))


# --- addresses that are not known yet ---


def test_unknown_addresses_open_nothing_in_a_preview(engine, cloud, aws, web_access, group, path):
    """Were a new address filed already, its rules would still show up in the update alone."""

    def program():
        address = aws.ec2.Eip("new", domain="vpc", address=V4)
        made = web_access(
            "web", security_group_id=group, addresses=[address.public_ip], decisions=path
        )
        pulumi.export("opened", made.opened)

    write(path, decided("eni-1", V4))
    plan = engine.plan(program)
    assert not [step for step in plan.steps if RULE in step["urn"]]
    run = engine.up(program)
    assert len(run.outputs["opened"]) == 4
    assert rules(cloud, group) == ALL
    assert engine.preview(program)["steps"] == [], "known by now"
    path.unlink()
    assert [step["op"] for step in engine.preview(program)["steps"]] == ["delete"] * 4
    engine.up(program)
    assert rules(cloud, group) == set()


def test_a_new_group_shows_its_rules_in_a_preview(engine, cloud, aws, web_access, vpc, path):
    def program():
        group = aws.ec2.SecurityGroup("g", vpc_id=vpc)
        web_access("web", security_group_id=group.id, addresses=[V4], decisions=path)

    write(path, decided("eni-1", V4))
    steps = [step for step in engine.preview(program)["steps"] if RULE in step["urn"]]
    assert len(steps) == 4
    (urn,) = steps[0]["newState"]["propertyDependencies"]["securityGroupId"]
    assert urn.endswith("::g")


def test_an_empty_address_of_a_resource_closes(engine, cloud, access, group, path):
    write(path, decided("eni-1", V4))
    engine.up(access())

    def program():
        access(addresses=[V4, pulumi.Output.from_input("")])()

    run = engine.up(program)
    assert rules(cloud, group) == set()
    assert "'' is no public address" in warnings(run)[0]


# --- names, options, others' rules ---


def test_a_renamed_component_keeps_its_rules(engine, cloud, access, group, path):
    write(path, decided("eni-1", V4))
    engine.up(access("old"))
    ids = {one["id"] for one in engine.state if one["type"] == RULE}
    renamed = pulumi.ResourceOptions(aliases=[pulumi.Alias(name="old")])
    run = engine.up(access("new", opts=renamed))
    assert run.changed() == set()
    assert {one["id"] for one in engine.state if one["type"] == RULE} == ids
    assert all("::new-" in one["urn"] for one in engine.state if one["type"] == RULE)
    assert rules(cloud, group) == ALL


def test_a_rule_that_the_stack_had_is_taken_over(engine, cloud, aws, access, group, path):
    def before():
        aws.vpc.SecurityGroupIngressRule(
            "https",
            security_group_id=group,
            ip_protocol="tcp",
            from_port=443,
            to_port=443,
            cidr_ipv4="0.0.0.0/0",
        )

    write(path, decided("eni-1", V4))
    engine.up(before)
    made = engine.resource("https")["id"]
    was = pulumi.Alias(name="https", parent=pulumi.ROOT_STACK_RESOURCE)
    run = engine.up(access(ports=[443], aliases={("tcp", 443, "0.0.0.0/0"): [was]}))
    assert ("update", "web-tcp-443-ipv4-0.0.0.0-0") in run.changed()
    assert engine.resource("web-tcp-443-ipv4-0.0.0.0-0")["id"] == made
    assert rules(cloud, group) == {("tcp", 443, "0.0.0.0/0")}


def test_a_protected_component_still_closes(engine, cloud, access, group, path):
    write(path, decided("eni-1", V4))
    protected = pulumi.ResourceOptions(protect=True, retain_on_delete=True)
    engine.up(access(opts=protected))
    assert {one.get("protect", False) for one in engine.state if one["type"] == RULE} == {False}
    path.unlink()
    engine.up(access(opts=protected))
    assert rules(cloud, group) == set()


def test_rules_move_to_another_group_without_standing_twice(
    engine, cloud, access, vpc, group, path
):
    write(path, decided("eni-1", V4))
    engine.up(access(ports=[443]))
    other = cloud.ec2.create_security_group(GroupName="o", Description="o", VpcId=vpc)["GroupId"]
    run = engine.up(access(ports=[443], security_group_id=other))
    ops = [step["op"] for step in run.steps if RULE in step["urn"]]
    assert ops == ["delete-replaced", "replace", "create-replacement"]
    assert (rules(cloud, group), rules(cloud, other)) == (set(), {("tcp", 443, "0.0.0.0/0")})


def test_a_rule_added_by_hand_is_nobodys(engine, cloud, access, group, path):
    """Neither refresh nor the next update sees it: only gatekeeper's audit does."""
    write(path, decided("eni-1", V4, verdict="closed"))
    engine.up(access())
    by_hand = {"IpProtocol": "tcp", "FromPort": 80, "ToPort": 80}
    cloud.ec2.authorize_security_group_ingress(
        GroupId=group, IpPermissions=[{**by_hand, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}]
    )
    assert engine.refresh().changed() == set()
    assert engine.up(access()).changed() == set()
    assert rules(cloud, group) == {("tcp", 80, "0.0.0.0/0")}


def test_a_failed_closing_is_finished_by_the_next_update(engine, cloud, access, group, path):
    write(path, decided("eni-1", V4))
    engine.up(access())
    left = iter([None, None, RuntimeError("throttled")])

    def fault(op, urn):
        error = next(left)
        if error:
            raise error

    path.unlink()
    engine.before = fault
    with pytest.raises(RuntimeError, match="throttled"):
        engine.up(access())
    assert len(rules(cloud, group)) == 2
    engine.before = lambda op, urn: None
    engine.up(access())
    assert rules(cloud, group) == set()


@pytest.mark.parametrize("wrong", [{"addresses": V4}, {"on_hold": "open"}])
def test_what_makes_no_sense_is_refused(engine, access, path, wrong):
    with pytest.raises(StackError, match="addresses is a list, and on_hold"):
        engine.up(access(**wrong))
