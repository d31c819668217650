"""The policy pack over gRPC, as an engine talks to it; and fed by our simulated engine."""

from __future__ import annotations

import importlib.util
import json
import sys
from datetime import UTC, datetime, timedelta

import pytest
from pulumi.runtime.proto import analyzer_pb2

from gatekeeper.policy import default_policy
from gatekeeper.stacks import load_decisions
from gatekeeper.stacks.check import check, read_blueprint
from tests.stacks.engine import QUIET, UNKNOWN, Engine, EngineError
from tests.stacks.feeds import decided, keys, write
from tests.stacks.pack import BOTH, PACK, running

pytestmark = pytest.mark.filterwarnings(*QUIET)

RULE = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule"
LEGACY = "aws:ec2/securityGroupRule:SecurityGroupRule"
GROUP = "aws:ec2/securityGroup:SecurityGroup"
DEFAULT = "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup"
ATTACHMENT = (
    "aws:ec2/networkInterfaceSecurityGroupAttachment:NetworkInterfaceSecurityGroupAttachment"
)
V4 = "52.83.1.1"


@pytest.fixture(scope="module")
def live():
    """One process for all tests; each configures it anew."""
    with running() as pack:
        yield pack


@pytest.fixture
def path(tmp_path):
    return tmp_path / "decisions.json"


@pytest.fixture
def pack(live, path):
    """The pack with a feed in which one interface is open and one closed."""
    write(path, decided("eni-0open", V4), decided("eni-0shut", "52.83.1.2", verdict="closed"))
    live.analyze_stack([])  # forgets what the test before showed
    live.configure(decisions=str(path))
    return live


def rule(**more):
    inputs = {"ipProtocol": "tcp", "fromPort": 443, "toPort": 443, "securityGroupId": "sg-0a"}
    inputs |= {} if {"cidrIpv6", "prefixListId"} & more.keys() else {"cidrIpv4": "0.0.0.0/0"}
    return {**inputs, **more}


def state(token, name, /, *, deps=None, **outputs):
    return {
        "urn": f"urn:pulumi:cn::shop::{token}::{name}",
        "type": token,
        "outputs": outputs,
        "propertyDependencies": deps or {},
    }


def messages(diagnostics):
    return [one.message for one in diagnostics]


def mandatory(diagnostics):
    return [one.enforcementLevel for one in diagnostics] == [
        analyzer_pb2.MANDATORY for _ in diagnostics
    ]


# --- the pack itself ---


def test_it_says_what_it_is(live):
    info = live.info()
    assert info.name == "gatekeeper"
    assert info.supportsConfig
    found = {policy.name: policy for policy in info.policies}
    assert tuple(found) == BOTH
    for policy in found.values():
        assert policy.enforcementLevel == analyzer_pb2.MANDATORY
        assert set(policy.configSchema.properties.keys()) == {
            "decisions",
            "public_key",
            "allow_unattached",
        }
    types = (analyzer_pb2.POLICY_TYPE_RESOURCE, analyzer_pb2.POLICY_TYPE_STACK)
    assert tuple(policy.policy_type for policy in found.values()) == types


def test_the_version_of_the_pack_is_the_projects():
    from gatekeeper import __version__

    lines = (PACK / "PulumiPolicy.yaml").read_text(encoding="utf-8").splitlines()
    assert f"version: {__version__}" in lines
    assert "runtime: python" in lines


def test_the_level_is_configured(pack, path):
    path.unlink()
    assert mandatory(pack.analyze(RULE, rule()))
    pack.configure(level="advisory", decisions=str(path))
    (found,) = pack.analyze(RULE, rule())
    assert found.enforcementLevel == analyzer_pb2.ADVISORY
    assert found.policyName == "gated-ports"


# --- one resource, before it is made ---


@pytest.mark.parametrize(
    ("token", "inputs"),
    [
        (RULE, rule(cidrIpv6="::/0")),
        (RULE, rule(ipProtocol="-1", fromPort=None, toPort=None, cidrIpv6="::/0")),
        (LEGACY, {**rule(), "type": "ingress", "protocol": "tcp", "ipv6CidrBlocks": ["::/0"]}),
        (GROUP, {"ingress": [{"protocol": "tcp", "fromPort": 0, "toPort": 65535}]}),
        (DEFAULT, {"ingress": [{"protocol": "-1", "fromPort": 0, "toPort": 0}]}),
    ],
)
def test_what_nothing_can_make_lawful_is_refused_for_every_type(pack, token, inputs):
    """The feed opens nothing in IPv6 at all."""
    for block in inputs.get("ingress", ()):
        block["ipv6CidrBlocks"] = ["2000::/3"]
    found = pack.analyze(token, inputs)
    assert mandatory(found)
    assert len(found) >= 1
    assert "443" in messages(found)[0]
    assert found[0].policyName == "gated-ports"


def test_what_opens_nothing_gated_passes(pack):
    assert pack.analyze(RULE, rule(cidrIpv4="10.0.0.0/8")) == []
    assert pack.analyze(RULE, rule(fromPort=22, toPort=22)) == []
    assert pack.analyze(RULE, rule(fromPort=22, toPort=22, cidrIpv6="::/0")) == []
    assert pack.analyze(GROUP, {"ingress": [], "vpcId": "vpc-1"}) == []
    assert pack.analyze(LEGACY, {**rule(), "type": "egress", "protocol": "-1"}) == []
    assert pack.analyze("aws:s3/bucket:Bucket", {"bucket": UNKNOWN}) == []


def test_a_group_of_which_nothing_is_known_is_left_to_the_stack(pack, path):
    assert pack.analyze(RULE, rule()) == []
    assert pack.analyze(RULE, rule(securityGroupId=UNKNOWN)) == [], "a group of this update"
    write(path, decided("eni-0shut", V4, verdict="closed"))
    assert mandatory(pack.analyze(RULE, rule(securityGroupId=UNKNOWN)))
    write(path)
    (found,) = pack.analyze(RULE, rule())
    assert "pass allow_unattached in the policy's configuration" in found.message
    pack.configure(decisions=str(path), allow_unattached=True)
    assert pack.analyze(RULE, rule()) == []


def test_neither_names_nor_tags_help(pack, path):
    write(path)
    urn = f"urn:pulumi:cn::shop::gatekeeper:stacks:WebAccess${RULE}::web-tcp-443-ipv4-0.0.0.0-0"
    tags = {"gatekeeper:component": "WebAccess", "gatekeeper:managed": "true"}
    assert mandatory(found := pack.analyze(RULE, rule(tags=tags), urn))
    assert len(found) == 1


def test_an_existing_interface_that_is_not_open_is_refused_whichever_comes_last(pack):
    shut = {"securityGroupId": "sg-0a", "networkInterfaceId": "eni-0shut"}
    opened = {"securityGroupId": "sg-0b", "networkInterfaceId": "eni-0open"}
    assert pack.analyze(RULE, rule()) == []
    (found,) = pack.analyze(ATTACHMENT, shut)
    assert "eni-0shut" in found.message
    assert pack.analyze(ATTACHMENT, opened) == []
    assert pack.analyze(RULE, rule(securityGroupId="sg-0b"), f"urn:pulumi:a::b::{RULE}::o") == []
    pack.analyze_stack([])
    assert pack.analyze(ATTACHMENT, shut) == []
    assert "eni-0shut" in pack.analyze(RULE, rule())[0].message


@pytest.mark.parametrize(
    "inputs",
    [
        rule(cidrIpv4=UNKNOWN),
        rule(fromPort=UNKNOWN),
        rule(ipProtocol=UNKNOWN),
        rule(toPort="3eeb2bf0-c639-47a8-9e75-3b44932eb421"),
    ],
)
def test_an_unknown_value_is_a_violation_and_never_an_advice(pack, inputs):
    found = pack.analyze(RULE, inputs)
    assert found
    assert mandatory(found)
    assert "can't run policy" not in messages(found)[0]


def test_a_secret_is_judged_by_its_value(pack, path):
    def secret(value):
        return {
            "4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270",
            "value": value,
        }

    write(path)
    assert mandatory(found := pack.analyze(RULE, rule(cidrIpv4=secret("0.0.0.0/0"))))
    assert len(found) == 1
    assert pack.analyze(RULE, rule(cidrIpv4=secret("10.0.0.0/8"))) == []


@pytest.mark.parametrize(
    "ingress",
    [
        UNKNOWN,
        [UNKNOWN],
        [{"protocol": "tcp", "fromPort": 443, "toPort": 443, "cidrBlocks": UNKNOWN}],
        [{"protocol": "tcp", "fromPort": 443, "toPort": 443, "cidrBlocks": [UNKNOWN]}],
    ],
)
def test_an_unknown_inside_an_inline_rule_is_a_violation(pack, ingress):
    found = pack.analyze(GROUP, {"ingress": ingress})
    assert found
    assert mandatory(found)


def test_a_prefix_list_is_judged_as_the_internet(pack, path):
    assert pack.analyze(RULE, rule(prefixListId="pl-0a")) == []
    assert pack.analyze(RULE, rule(prefixListId=UNKNOWN)) == []
    write(path, decided("eni-0shut", V4, verdict="closed"))
    assert mandatory(found := pack.analyze(RULE, rule(prefixListId="pl-0a")))
    assert len(found) == 1


@pytest.mark.parametrize("token", ["aws-native:ec2:SecurityGroup", "awscc:ec2/x:SecurityGroup"])
def test_types_that_are_not_read_are_violations(pack, token):
    (found,) = pack.analyze(token, {"groupDescription": "x"})
    assert token in found.message
    (found,) = pack.analyze_stack([state(token, "n", id="x")])
    assert token in found.message
    assert pack.analyze("aws-native:s3:Bucket", {}) == []


def test_a_feed_that_cannot_be_believed_refuses(pack, path):
    def why(**config):
        pack.configure(**config)
        (found,) = pack.analyze(RULE, rule())
        stack = pack.analyze_stack([state(RULE, "r", id="sgr-1", **rule())])
        assert mandatory([found, *stack])
        assert len(stack) == 1
        return found.message

    private, public = keys()
    other, _ = keys()
    assert "cannot be read" in why(decisions=str(path) + ".none")
    assert "not signed" in why(decisions=str(path), public_key=public.decode())
    write(path, decided("eni-0open", V4), key=other)
    assert "does not verify" in why(decisions=str(path), public_key=public.decode())
    write(path, decided("eni-0open", V4), lives=timedelta(seconds=-1))
    assert "expired" in why(decisions=str(path), allow_unattached=True)
    assert "no decision feed is named" in why()
    write(path, decided("eni-0open", V4), key=private)
    pack.configure(decisions=str(path), public_key=public.decode())
    assert pack.analyze(RULE, rule()) == []


def test_the_feed_may_be_named_by_the_environment(path):
    write(path)
    with running(GATEKEEPER_DECISIONS=str(path), GATEKEEPER_LANG="zh_CN.UTF-8") as pack:
        (found,) = pack.analyze(RULE, rule())
        assert "决策文件" in found.message
        write(path, decided("eni-0open", V4))
        assert pack.analyze(RULE, rule()) == [], "a feed that was renewed is read anew"


# --- a whole stack ---


def test_ties_by_property_dependencies_in_a_preview(pack, path):
    """Nothing has an id yet; where values come from says what belongs together."""
    group = state(GROUP, "g", id=UNKNOWN, arn=UNKNOWN, ingress=UNKNOWN, name="g")
    held = state(
        ATTACHMENT,
        "at",
        deps={"securityGroupId": [group["urn"]]},
        id=UNKNOWN,
        securityGroupId=UNKNOWN,
        networkInterfaceId="eni-0open",
    )
    opened = state(
        RULE,
        "r",
        deps={"securityGroupId": [group["urn"]]},
        **rule(securityGroupId=UNKNOWN, id=UNKNOWN, arn=UNKNOWN),
    )
    assert pack.analyze_stack([group, held, opened]) == []
    held["outputs"]["networkInterfaceId"] = "eni-0shut"
    (found,) = pack.analyze_stack([group, held, opened])
    assert found.urn == opened["urn"]
    assert "eni-0shut" in found.message
    assert mandatory([found])
    (found,) = pack.analyze_stack([group, opened])
    assert "nothing that the feed decides on is tied to" in found.message
    pack.configure(decisions=str(path), allow_unattached=True)
    assert pack.analyze_stack([group, opened]) == []


def test_an_unknown_source_in_a_preview_is_a_violation(pack):
    group = state(GROUP, "g", id="sg-0a", ingress=[])
    held = state(ATTACHMENT, "at", id="x", securityGroupId="sg-0a", networkInterfaceId="eni-0open")
    block = state("aws:ec2/vpc:Vpc", "v", id=UNKNOWN, cidrBlock="10.0.0.0/8")
    opened = state(
        RULE,
        "r",
        deps={"cidrIpv4": [block["urn"]]},
        **rule(cidrIpv4=UNKNOWN, id=UNKNOWN),
    )
    found = pack.analyze_stack([group, held, block, opened])
    assert [one.urn for one in found] == [opened["urn"]]
    assert mandatory(found)


def test_inline_rules_of_a_group_that_stands(pack):
    """Its outputs show the rules of every origin; those with a resource are judged there."""
    block = {"protocol": "tcp", "fromPort": 443, "toPort": 443, "cidrBlocks": ["0.0.0.0/0"]}
    group = state(GROUP, "g", id="sg-0a", ingress=[block])
    held = state(ATTACHMENT, "at", id="x", securityGroupId="sg-0a", networkInterfaceId="eni-0shut")
    opened = state(RULE, "r", **rule(id="sgr-1"))
    assert [one.urn for one in pack.analyze_stack([group, held, opened])] == [opened["urn"]]
    assert [one.urn for one in pack.analyze_stack([group, held])] == [group["urn"]]
    group["outputs"]["ingress"] = []
    assert pack.analyze_stack([group, held]) == []


def test_a_hold_is_kept_where_it_stands_and_not_opened_anew(pack, path):
    write(path, decided("eni-0hold", V4, verdict="hold"))
    group = state(GROUP, "g", id="sg-0a", ingress=[])
    opened = state(RULE, "r", **rule(id="sgr-1"))
    held = state(
        ATTACHMENT, "at", id="sg-0a_eni", securityGroupId="sg-0a", networkInterfaceId="eni-0hold"
    )
    assert pack.analyze_stack([group, opened, held]) == []
    held["outputs"]["id"] = UNKNOWN
    assert len(pack.analyze_stack([group, opened, held])) == 1


NLB = "arn:aws-cn:elasticloadbalancing:cn-northwest-1:123456789012:loadbalancer/net/n/1"
WORLD = {"cidrBlocks": ["0.0.0.0/0"], "fromPort": 443, "toPort": 443, "protocol": "tcp"}


@pytest.mark.parametrize(
    ("guilty", "states"),
    [
        ("g", [state(GROUP, "g", id=UNKNOWN, ingress=[WORLD])]),
        ("d", [state(DEFAULT, "d", id="sg-0d", ingress=[WORLD])]),
        ("l", [state(LEGACY, "l", id="x", type="ingress", securityGroupId="sg-0a", **WORLD)]),
        (
            "r",
            [
                state(RULE, "r", **rule(id="sgr-1")),
                state(
                    "aws:ec2/instance:Instance",
                    "i",
                    id="i-1",
                    vpcSecurityGroupIds=["sg-0a"],
                    primaryNetworkInterfaceId="eni-0shut",
                    publicIp="52.83.1.2",
                ),
            ],
        ),
        (
            "r",
            [
                state(RULE, "r", **rule(id="sgr-1")),
                state(
                    "aws:ec2/networkInterface:NetworkInterface",
                    "i",
                    id="eni-0open",
                    securityGroups=["sg-0a"],
                ),
                state(
                    "aws:ec2/eip:Eip",
                    "e",
                    id="eipalloc-1",
                    publicIp="52.83.1.9",
                    networkInterface="eni-0open",
                ),
            ],
        ),
        (
            "b",
            [
                state(RULE, "r", **rule(id="sgr-1")),
                state(
                    "aws:lb/loadBalancer:LoadBalancer", "b", id=UNKNOWN, securityGroups=["sg-0a"]
                ),
            ],
        ),
        (
            "n",
            [
                state(
                    "aws:lb/loadBalancer:LoadBalancer",
                    "b",
                    id=NLB,
                    arn=NLB,
                    loadBalancerType="network",
                ),
                state(
                    "aws:lb/listener:Listener",
                    "n",
                    id="x",
                    loadBalancerArn=NLB,
                    port=443,
                    protocol="TCP",
                ),
            ],
        ),
    ],
    ids=["inline", "default", "legacy", "instance", "second-address", "balancer", "listener"],
)
def test_every_type_that_may_open_is_judged_in_a_stack(pack, guilty, states):
    found = pack.analyze_stack(states)
    assert {one.urn.rsplit("::", 1)[1] for one in found} == {guilty}
    assert mandatory(found)


# --- whole programs ---

PROGRAM = """\
import pulumi
import pulumi_aws as aws

config = pulumi.Config()
group = aws.ec2.SecurityGroup("web", vpc_id=config.require("vpc"))
for port in config.require_object("ports"):
    aws.vpc.SecurityGroupIngressRule(
        f"open-{port}",
        security_group_id=group.id,
        ip_protocol="tcp",
        from_port=port,
        to_port=port,
        cidr_ipv4="0.0.0.0/0",
    )
aws.ec2.NetworkInterfaceSecurityGroupAttachment(
    "web", security_group_id=group.id, network_interface_id=config.require("interface")
)
"""


@pytest.fixture
def program(cloud, tmp_path):
    """A program that opens ports of an interface, and the engine with its account."""
    vpc = cloud.ec2.create_vpc(CidrBlock="10.1.0.0/16")["Vpc"]["VpcId"]
    subnet = cloud.ec2.create_subnet(VpcId=vpc, CidrBlock="10.1.1.0/24")["Subnet"]["SubnetId"]
    made = cloud.ec2.create_network_interface(SubnetId=subnet)["NetworkInterface"]
    main = tmp_path / "__main__.py"
    main.write_text(PROGRAM, encoding="utf-8")
    interface = made["NetworkInterfaceId"]
    config = {"shop:vpc": vpc, "shop:interface": interface, "shop:ports": json.dumps([443, 22])}
    return main, Engine(cloud, config=config), interface


def guarded(engine, pack):
    """What an engine does with a mandatory violation of a resource."""

    def analyze(found):
        diagnostics = pack.analyze(found["type"], found["inputs"], found["urn"])
        if diagnostics:
            raise EngineError(f"policy: {diagnostics[0].message}")

    engine.analyze = analyze


def groups(cloud):
    found = cloud.ec2.describe_security_groups()["SecurityGroups"]
    return {one["GroupName"] for one in found} - {"default"}


def test_a_program_whose_interface_is_open_passes_from_preview_to_update(
    pack, path, program, cloud
):
    main, engine, interface = program
    write(path, decided(interface, V4))
    guarded(engine, pack)
    assert pack.analyze_stack(engine.plan(main).resources) == []
    assert pack.analyze_stack(engine.up(main).resources) == []
    assert pack.analyze_stack(engine.plan(main).resources) == [], "and once more"
    write(path, decided(interface, V4, verdict="closed"))
    engine.analyze = lambda state: None
    (found,) = pack.analyze_stack(engine.plan(main).resources)
    assert found.urn.endswith("::open-443"), "port 22 is not gated"


def test_a_program_whose_interface_is_closed_stops_in_the_preview(pack, path, program, cloud):
    main, engine, interface = program
    write(path, decided(interface, V4, verdict="closed"), decided("eni-0else", "52.83.1.9"))
    (found,) = pack.analyze_stack(engine.plan(main).resources)
    assert found.urn.endswith("::open-443")
    assert interface in found.message
    assert groups(cloud) == set()


@pytest.mark.parametrize("verdict", ["open", "closed", "unknown", "hold", None])
@pytest.mark.parametrize("made", [False, True], ids=["new", "standing"])
def test_pack_and_check_plan_agree_on_a_preview(pack, path, program, verdict, made):
    main, engine, interface = program
    if made:
        engine.up(main)
    write(path, *([decided(interface, V4, verdict=verdict)] if verdict else []))
    run = engine.plan(main)
    document = json.dumps(engine.preview_json(run, show_sames=True)).encode()
    blueprint = read_blueprint(document, name="plan.json")
    told = check(blueprint, load_decisions(path), default_policy(), at=datetime.now(UTC))
    found = pack.analyze_stack(run.resources)
    assert {one.urn for one in found} == {
        one.resource for one in (*told.violations, *told.not_judged)
    }
    assert bool(found) == (verdict != "open" and (verdict != "hold" or not made))


def test_without_a_preview_the_rule_or_the_attachment_is_stopped(pack, path, program, cloud):
    """As with ``--skip-preview``: an interface that existed before is known by its id."""
    main, engine, interface = program
    write(path, decided(interface, V4, verdict="closed"), decided("eni-0else", "52.83.1.9"))
    guarded(engine, pack)
    with pytest.raises(EngineError, match=f"on {interface} .* decided closed"):
        engine.up(main)
    attached = cloud.ec2.describe_network_interfaces()["NetworkInterfaces"][0]["Groups"]
    held = {one["GroupId"] for one in attached}
    for group in cloud.ec2.describe_security_groups()["SecurityGroups"]:
        ports = {rule["FromPort"] for rule in group["IpPermissions"] if "FromPort" in rule}
        assert 443 not in ports or group["GroupId"] not in held, "open and held: reachable"


def test_the_judge_needs_no_engine():
    """``plain`` keeps each unknown and reads the rest."""
    from pulumi_policy.proxy import unknown_checking_proxy

    spec = importlib.util.spec_from_file_location("gate_policies", PACK / "gate_policies.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    value = {"a": [UNKNOWN, {"b": UNKNOWN, "c": 1}], "d": "x", "e": UNKNOWN, "f": None}
    assert module.plain(unknown_checking_proxy(value)) == value
    assert "gate_policies" not in sys.modules
