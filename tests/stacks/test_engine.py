"""Our simulated engine does what we believe of the real one: the ground other tests stand on."""

from __future__ import annotations

import pulumi
import pytest
from botocore.exceptions import ClientError

from tests.stacks.engine import QUIET, UNKNOWN, Engine, EngineError

pytestmark = pytest.mark.filterwarnings(*QUIET)

RULE = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule"


@pytest.fixture(scope="module")
def aws():
    import pulumi_aws

    return pulumi_aws


@pytest.fixture
def vpc(cloud):
    return cloud.ec2.create_vpc(CidrBlock="10.1.0.0/16")["Vpc"]["VpcId"]


@pytest.fixture
def group(cloud, vpc):
    made = cloud.ec2.create_security_group(GroupName="web", Description="web", VpcId=vpc)
    return made["GroupId"]


def rules(cloud, group_id):
    """(from, source) of each inbound rule on moto."""
    found = cloud.ec2.describe_security_group_rules(
        Filters=[{"Name": "group-id", "Values": [group_id]}]
    )["SecurityGroupRules"]
    return {
        (one["FromPort"], one.get("CidrIpv4") or one.get("CidrIpv6"))
        for one in found
        if not one["IsEgress"]
    }


def port(aws, group_id, number, name=None, **more):
    opts = more.pop("opts", None)
    return aws.vpc.SecurityGroupIngressRule(
        name or f"p{number}",
        security_group_id=group_id,
        ip_protocol="tcp",
        from_port=number,
        to_port=number,
        **{"cidr_ipv4": "0.0.0.0/0", **more},
        opts=opts,
    )


def test_a_program_is_planned_then_carried_out_then_the_same(engine, cloud, aws, vpc):
    def program():
        group = aws.ec2.SecurityGroup("web", vpc_id=vpc)
        rule = port(aws, group.id, 443)
        pulumi.export("rule", rule.security_group_rule_id)

    plan = engine.preview(program)
    assert {step["op"] for step in plan["steps"]} == {"create"}
    (step,) = [step for step in plan["steps"] if step["urn"].endswith("::p443")]
    assert step["newState"]["inputs"]["securityGroupId"] == UNKNOWN
    (parent,) = step["newState"]["propertyDependencies"]["securityGroupId"]
    assert parent.endswith("aws:ec2/securityGroup:SecurityGroup::web")
    assert engine.state == []
    assert cloud.ec2.describe_security_group_rules()["SecurityGroupRules"][0]["IsEgress"]

    run = engine.up(program)
    group_id = engine.resource("web")["id"]
    assert rules(cloud, group_id) == {(443, "0.0.0.0/0")}
    assert run.outputs["rule"] == engine.resource("p443")["id"]
    assert engine.resource("web")["outputs"]["egress"] == []

    assert engine.up(program).ops.keys() == {"same"}
    assert engine.preview(program)["steps"] == []
    assert engine.preview(program)["changeSummary"] == {"same": 4}


def test_what_the_program_drops_is_deleted_and_a_preview_deletes_nothing(engine, cloud, aws, group):
    engine.up(lambda: [port(aws, group, 80), port(aws, group, 443)])
    plan = engine.preview(lambda: port(aws, group, 443))
    assert [(step["op"], "newState" in step) for step in plan["steps"]] == [("delete", False)]
    assert rules(cloud, group) == {(80, "0.0.0.0/0"), (443, "0.0.0.0/0")}
    engine.up(lambda: port(aws, group, 443))
    assert rules(cloud, group) == {(443, "0.0.0.0/0")}
    engine.destroy()
    assert rules(cloud, group) == set()
    assert engine.state == []


def test_an_update_keeps_the_rule_and_a_replacement_makes_another(engine, cloud, aws, vpc, group):
    engine.up(lambda: port(aws, group, 443))
    first = engine.resource("p443")["id"]
    run = engine.up(lambda: port(aws, group, 443, cidr_ipv4="52.80.0.0/16"))
    assert run.changed() == {("update", "p443")}
    assert engine.resource("p443")["id"] == first
    assert rules(cloud, group) == {(443, "52.80.0.0/16")}

    other = cloud.ec2.create_security_group(GroupName="o", Description="o", VpcId=vpc)["GroupId"]
    run = engine.up(lambda: port(aws, other, 443, cidr_ipv4="52.80.0.0/16"))
    ops = [step["op"] for step in run.steps if step["urn"].endswith("::p443")]
    assert ops == ["create-replacement", "replace", "delete-replaced"]
    assert engine.resource("p443")["id"] != first
    assert (rules(cloud, group), rules(cloud, other)) == (set(), {(443, "52.80.0.0/16")})

    first_gone = pulumi.ResourceOptions(delete_before_replace=True)
    run = engine.up(lambda: port(aws, group, 443, opts=first_gone))
    ops = [step["op"] for step in run.steps if step["urn"].endswith("::p443")]
    assert ops == ["delete-replaced", "replace", "create-replacement"]
    assert (rules(cloud, group), rules(cloud, other)) == ({(443, "0.0.0.0/0")}, set())


def test_a_named_group_takes_its_rules_with_it_when_it_is_replaced(engine, cloud, aws, vpc):
    def program(description):
        def run():
            group = aws.ec2.SecurityGroup("web", name="web", description=description, vpc_id=vpc)
            port(aws, group.id, 443)

        return run

    engine.up(program("first"))
    old = engine.resource("web")["id"]
    run = engine.up(program("second"))
    assert [step["op"] for step in run.steps if step["op"] != "same"] == [
        "delete-replaced",
        "delete-replaced",
        "replace",
        "create-replacement",
        "create-replacement",
    ]
    new = engine.resource("web")["id"]
    assert new != old
    assert rules(cloud, new) == {(443, "0.0.0.0/0")}
    with pytest.raises(ClientError, match="NotFound"):
        cloud.ec2.describe_security_groups(GroupIds=[old])


def test_a_new_name_needs_an_alias(engine, cloud, aws, group):
    engine.up(lambda: port(aws, group, 443, "old"))
    with pytest.raises(ClientError, match="Duplicate"):
        engine.up(lambda: port(aws, group, 443, "new"))
    assert engine.names(RULE) == {"old"}
    alias = pulumi.ResourceOptions(aliases=[pulumi.Alias(name="old")])
    run = engine.up(lambda: port(aws, group, 443, "new", opts=alias))
    assert run.ops.keys() == {"same"}
    assert engine.names(RULE) == {"new"}
    assert rules(cloud, group) == {(443, "0.0.0.0/0")}


def test_children_go_by_their_parents_alias(engine, cloud, aws, group):
    class Door(pulumi.ComponentResource):
        def __init__(self, name, opts=None):
            super().__init__("test:door:Door", name, None, opts)
            port(aws, group, 443, f"{name}-443", opts=pulumi.ResourceOptions(parent=self))

    engine.up(lambda: Door("old"))
    alias = pulumi.ResourceOptions(aliases=[pulumi.Alias(name="old")])
    run = engine.up(lambda: Door("new", alias))
    assert run.ops.keys() == {"same"}
    assert engine.resource("new-443")["parent"].endswith("::test:door:Door::new")
    assert engine.resource("new-443")["urn"].split("::")[2] == f"test:door:Door${RULE}"


def test_protect_refuses_and_retain_forgets(engine, cloud, aws, group):
    kept = pulumi.ResourceOptions(protect=True)
    engine.up(lambda: port(aws, group, 443, opts=kept))
    with pytest.raises(EngineError, match="protected"):
        engine.preview(lambda: None)
    with pytest.raises(EngineError, match="protected"):
        engine.up(lambda: None)
    assert rules(cloud, group) == {(443, "0.0.0.0/0")}

    forgotten = pulumi.ResourceOptions(retain_on_delete=True)
    engine.up(lambda: port(aws, group, 443, opts=forgotten))
    engine.up(lambda: None)
    assert engine.names(RULE) == set()
    assert rules(cloud, group) == {(443, "0.0.0.0/0")}, "open, and nobody knows"


def test_ignored_changes_are_ignored(engine, cloud, aws, group):
    engine.up(lambda: port(aws, group, 443, description="first"))
    ignoring = pulumi.ResourceOptions(ignore_changes=["description"])
    run = engine.up(lambda: port(aws, group, 443, description="second", opts=ignoring))
    assert run.ops.keys() == {"same"}
    assert engine.resource("p443")["outputs"]["description"] == "first"


def test_an_import_adopts_and_compares(engine, cloud, aws, group):
    made = cloud.ec2.authorize_security_group_ingress(
        GroupId=group,
        IpPermissions=[
            {
                "IpProtocol": "tcp",
                "FromPort": 80,
                "ToPort": 80,
                "IpRanges": [{"CidrIp": "1.0.0.0/8"}],
            }
        ],
    )["SecurityGroupRules"][0]["SecurityGroupRuleId"]
    adopt = pulumi.ResourceOptions(import_=made)
    with pytest.raises(EngineError, match="cidrIpv4"):
        engine.up(lambda: port(aws, group, 80, opts=adopt))
    run = engine.up(lambda: port(aws, group, 80, cidr_ipv4="1.0.0.0/8", opts=adopt))
    assert run.changed() == {("import", "p80")}
    assert rules(cloud, group) == {(80, "1.0.0.0/8")}
    engine.up(lambda: None)
    assert rules(cloud, group) == set()


def test_a_failure_keeps_what_was_done_and_deletes_nothing(engine, cloud, aws, group):
    engine.up(lambda: port(aws, group, 22))

    def fault(op, urn):
        if urn.endswith("::p443"):
            raise RuntimeError("the cloud said no")

    def program():
        first = port(aws, group, 80)
        port(aws, group, 443, opts=pulumi.ResourceOptions(depends_on=[first]))

    engine.before = fault
    with pytest.raises(RuntimeError, match="the cloud said no"):
        engine.up(program)
    assert engine.names(RULE) == {"p22", "p80"}
    assert rules(cloud, group) == {(22, "0.0.0.0/0"), (80, "0.0.0.0/0")}
    engine.before = lambda op, urn: None
    engine.up(program)
    assert rules(cloud, group) == {(80, "0.0.0.0/0"), (443, "0.0.0.0/0")}


def test_a_replaced_one_that_could_not_be_deleted_is_deleted_next_time(
    engine, cloud, aws, vpc, group
):
    other = cloud.ec2.create_security_group(GroupName="o", Description="o", VpcId=vpc)["GroupId"]
    engine.up(lambda: port(aws, group, 443))

    def fault(op, urn):
        if op == "delete-replaced":
            raise RuntimeError("killed")

    engine.before = fault
    with pytest.raises(RuntimeError, match="killed"):
        engine.up(lambda: port(aws, other, 443))
    assert [one.get("delete", False) for one in engine.state if one["type"] == RULE] == [
        False,
        True,
    ]
    engine.before = lambda op, urn: None
    run = engine.up(lambda: port(aws, other, 443))
    assert run.changed() == {("delete-replaced", "p443")}
    assert rules(cloud, group) == set()


def test_refresh_sees_what_went_and_not_what_came(engine, cloud, aws, group):
    engine.up(lambda: port(aws, group, 443))
    cloud.ec2.revoke_security_group_ingress(
        GroupId=group, SecurityGroupRuleIds=[engine.resource("p443")["id"]]
    )
    cloud.ec2.authorize_security_group_ingress(
        GroupId=group,
        IpPermissions=[
            {
                "IpProtocol": "tcp",
                "FromPort": 80,
                "ToPort": 80,
                "IpRanges": [{"CidrIp": "0.0.0.0/0"}],
            }
        ],
    )
    assert engine.refresh().changed() == {("delete", "p443")}
    run = engine.up(lambda: port(aws, group, 443))
    assert run.changed() == {("create", "p443")}
    assert rules(cloud, group) == {(80, "0.0.0.0/0"), (443, "0.0.0.0/0")}


def test_inline_rules_own_the_group_until_they_are_dropped(engine, cloud, aws, vpc):
    def program(**more):
        def run():
            aws.ec2.SecurityGroup("web", vpc_id=vpc, **more)

        return run

    opened = [{"protocol": "tcp", "from_port": 443, "to_port": 443, "cidr_blocks": ["0.0.0.0/0"]}]
    engine.up(program(ingress=opened))
    group_id = engine.resource("web")["id"]
    assert rules(cloud, group_id) == {(443, "0.0.0.0/0")}
    engine.up(program())
    assert rules(cloud, group_id) == {(443, "0.0.0.0/0")}, "to stop managing closes nothing"
    engine.up(program(ingress=opened))
    engine.up(program(ingress=[]))
    assert rules(cloud, group_id) == set()


def test_the_other_types(engine, cloud, aws, vpc, group):
    def program(*, attached=True):
        def run():
            subnet = aws.ec2.Subnet("a", vpc_id=vpc, cidr_block="10.1.1.0/24")
            interface = aws.ec2.NetworkInterface(
                "i",
                subnet_id=subnet.id,
                security_groups=[group],
                opts=pulumi.ResourceOptions(ignore_changes=["securityGroups"]),
            )
            address = aws.ec2.Eip("e", domain="vpc", address="52.83.9.9")
            aws.ec2.EipAssociation(
                "ea", allocation_id=address.id, network_interface_id=interface.id
            )
            extra = aws.ec2.SecurityGroup("extra", vpc_id=vpc)
            aws.vpc.SecurityGroupEgressRule(
                "out", security_group_id=extra.id, ip_protocol="-1", cidr_ipv4="0.0.0.0/0"
            )
            aws.ec2.SecurityGroupRule(
                "legacy",
                type="ingress",
                security_group_id=extra.id,
                protocol="tcp",
                from_port=80,
                to_port=81,
                cidr_blocks=["0.0.0.0/0", "10.0.0.0/8"],
            )
            if attached:
                aws.ec2.NetworkInterfaceSecurityGroupAttachment(
                    "at", security_group_id=extra.id, network_interface_id=interface.id
                )
            aws.iam.Role("kept-in-memory", assume_role_policy="{}")
            found = aws.ec2.get_vpc_output(id=vpc)
            pulumi.export("block", found.cidr_block)
            pulumi.export("ip", address.public_ip)

        return run

    def groups():
        (found,) = cloud.ec2.describe_network_interfaces()["NetworkInterfaces"]
        return {one["GroupId"] for one in found["Groups"]}, found

    run = engine.up(program())
    assert run.outputs == {"block": "10.1.0.0/16", "ip": "52.83.9.9"}
    extra = engine.resource("extra")["id"]
    held, found = groups()
    assert held == {group, extra}
    assert found["Association"]["PublicIp"] == "52.83.9.9"
    assert rules(cloud, extra) == {(80, "0.0.0.0/0"), (80, "10.0.0.0/8")}
    assert engine.up(program()).ops.keys() == {"same"}
    engine.up(program(attached=False))
    assert groups()[0] == {group}
    engine.destroy()
    assert cloud.ec2.describe_addresses()["Addresses"] == []
    assert cloud.ec2.describe_network_interfaces()["NetworkInterfaces"] == []


def test_secrets_are_masked_in_a_preview_and_sealed_in_an_export(engine, cloud, aws, group):
    def program():
        port(aws, group, 443, cidr_ipv4=pulumi.Output.secret("52.80.0.0/16"))

    plan = engine.preview(program)
    (step,) = [step for step in plan["steps"] if step["urn"].endswith("::p443")]
    assert step["newState"]["inputs"]["cidrIpv4"] == "[secret]"
    engine.up(program)
    assert rules(cloud, group) == {(443, "52.80.0.0/16")}
    assert "52.80.0.0" not in str(engine.export())
    (kept,) = [one for one in engine.export()["deployment"]["resources"] if one["type"] == RULE]
    assert kept["inputs"]["cidrIpv4"]["ciphertext"]


def test_reads_references_and_config(cloud, aws, group, tmp_path):
    main = tmp_path / "__main__.py"
    main.write_text(
        "import pulumi, helper\n"
        "import pulumi_aws as aws\n"
        "there = pulumi.StackReference('organization/net/cn')\n"
        "held = aws.ec2.SecurityGroup.get('held', there.get_output('group'))\n"
        "pulumi.export('name', held.name)\n"
        "pulumi.export('size', pulumi.Config().require('size') + helper.SUFFIX)\n"
        "pulumi.log.warn('mind')\n"
    )
    (tmp_path / "helper.py").write_text("SUFFIX = '!'\n")
    engine = Engine(
        cloud,
        config={"shop:size": "9"},
        references={"organization/net/cn": {"group": group}},
    )
    run = engine.up(main)
    assert run.outputs == {"name": "web", "size": "9!"}
    assert run.logs == [("warning", "mind")]
    assert engine.resource("held")["external"] is True
    engine.destroy()
    assert cloud.ec2.describe_security_groups(GroupIds=[group])["SecurityGroups"]


def test_a_name_twice_is_refused(engine, aws, group):
    with pytest.raises(EngineError, match="Duplicate resource URN"):
        engine.up(lambda: [port(aws, group, 80, "x"), port(aws, group, 443, "x")])
