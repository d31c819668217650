"""Which resource types matter, in Pulumi's and in Terraform's names, and what of them is read.

A Pulumi token ``aws:ec2/securityGroup:SecurityGroup`` is looked up as ``ec2:SecurityGroup``: the
module and the name, so that the short form and every letter case of the middle are the same type.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

GROUP: Final = "security_group"
DEFAULT_GROUP: Final = "default_security_group"
GROUP_RULE: Final = "security_group_rule"
INGRESS_RULE: Final = "security_group_ingress_rule"
PREFIX_LIST: Final = "prefix_list"
PREFIX_LIST_ENTRY: Final = "prefix_list_entry"
SERVICE_LIST: Final = "service_prefix_list"
INTERFACE: Final = "network_interface"
GROUP_ATTACHMENT: Final = "network_interface_group_attachment"
INTERFACE_ATTACHMENT: Final = "network_interface_attachment"
INSTANCE: Final = "instance"
LAUNCH_TEMPLATE: Final = "launch_template"
ADDRESS: Final = "address"
ADDRESS_ASSOCIATION: Final = "address_association"
LOAD_BALANCER: Final = "load_balancer"
CLASSIC_BALANCER: Final = "classic_load_balancer"
LISTENER: Final = "listener"
SERVICE: Final = "container_service"
DATABASE: Final = "database"
VPC: Final = "vpc"
VPC_BLOCK: Final = "vpc_block"
TEMPLATE_STACK: Final = "template_stack"

GROUPS: Final = frozenset({GROUP, DEFAULT_GROUP})
RULES: Final = frozenset({GROUP_RULE, INGRESS_RULE})
LISTS: Final = frozenset({PREFIX_LIST, SERVICE_LIST})
GUARDED: Final = frozenset({INTERFACE, INSTANCE, LOAD_BALANCER, CLASSIC_BALANCER})
"""What a security group guards and a feed may decide on."""
MAKERS: Final = frozenset({LAUNCH_TEMPLATE, SERVICE, DATABASE})
"""What makes interfaces of its own, which AWS may give public addresses."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of resource: its names, and the properties that are read of it (snake_case)."""

    name: str
    pulumi: tuple[str, ...]
    terraform: tuple[str, ...]
    reads: tuple[str, ...]
    renamed: tuple[tuple[str, str], ...] = field(default=())
    """Terraform's name of a property where Pulumi has another."""

    def terraform_name(self, name: str) -> str:
        """A property as Terraform writes it."""
        return next((old for old, new in self.renamed if new == name), name)


_MACHINE: Final = (
    "vpc_security_group_ids",
    "security_groups",
    "network_interfaces",
    "primary_network_interface",
    "primary_network_interface_id",
    "associate_public_ip_address",
    "public_ip",
    "ipv6_addresses",
    "ipv6_address_count",
    "launch_template",
)
_BALANCERS: Final = ("lb", "alb", "applicationloadbalancing", "elasticloadbalancingv2")

KINDS: Final[tuple[Kind, ...]] = (
    Kind(
        GROUP,
        ("ec2:SecurityGroup",),
        ("aws_security_group",),
        ("ingress", "vpc_id", "name"),
    ),
    Kind(
        DEFAULT_GROUP,
        ("ec2:DefaultSecurityGroup",),
        ("aws_default_security_group",),
        ("ingress", "vpc_id", "name"),
    ),
    Kind(
        GROUP_RULE,
        ("ec2:SecurityGroupRule",),
        ("aws_security_group_rule",),
        (
            "type",
            "security_group_id",
            "protocol",
            "from_port",
            "to_port",
            "cidr_blocks",
            "ipv6_cidr_blocks",
            "prefix_list_ids",
        ),
    ),
    Kind(
        INGRESS_RULE,
        ("vpc:SecurityGroupIngressRule", "ec2:SecurityGroupIngressRule"),
        ("aws_vpc_security_group_ingress_rule",),
        (
            "security_group_id",
            "ip_protocol",
            "from_port",
            "to_port",
            "cidr_ipv4",
            "cidr_ipv6",
            "prefix_list_id",
        ),
    ),
    Kind(
        PREFIX_LIST,
        ("ec2:ManagedPrefixList",),
        ("aws_ec2_managed_prefix_list",),
        ("entries", "name"),
        (("entry", "entries"),),
    ),
    Kind(SERVICE_LIST, (), ("aws_prefix_list",), ("cidr_blocks",)),
    Kind(
        PREFIX_LIST_ENTRY,
        ("ec2:ManagedPrefixListEntry",),
        ("aws_ec2_managed_prefix_list_entry",),
        ("cidr", "prefix_list_id"),
    ),
    Kind(
        INTERFACE,
        ("ec2:NetworkInterface",),
        ("aws_network_interface",),
        (
            "security_groups",
            "attachments",
            "ipv6_addresses",
            "ipv6_address_count",
            "ipv6_address_lists",
            "ipv6_prefixes",
            "ipv6_prefix_count",
        ),
        (("attachment", "attachments"), ("ipv6_address_list", "ipv6_address_lists")),
    ),
    Kind(
        GROUP_ATTACHMENT,
        ("ec2:NetworkInterfaceSecurityGroupAttachment",),
        ("aws_network_interface_sg_attachment",),
        ("network_interface_id", "security_group_id"),
    ),
    Kind(
        INTERFACE_ATTACHMENT,
        ("ec2:NetworkInterfaceAttachment",),
        ("aws_network_interface_attachment",),
        ("instance_id", "network_interface_id", "device_index"),
    ),
    Kind(
        INSTANCE,
        ("ec2:Instance", "ec2:SpotInstanceRequest"),
        ("aws_instance", "aws_spot_instance_request"),
        _MACHINE,
        (("network_interface", "network_interfaces"),),
    ),
    Kind(
        LAUNCH_TEMPLATE,
        ("ec2:LaunchTemplate", "ec2:LaunchConfiguration"),
        ("aws_launch_template", "aws_launch_configuration"),
        (
            "name",
            "vpc_security_group_ids",
            "security_groups",
            "security_group_names",
            "network_interfaces",
            "associate_public_ip_address",
        ),
    ),
    Kind(
        SERVICE,
        ("ecs:Service", "ecs:TaskSet"),
        ("aws_ecs_service", "aws_ecs_task_set"),
        ("network_configuration",),
    ),
    Kind(
        DATABASE,
        ("rds:Instance",),
        ("aws_db_instance",),
        ("publicly_accessible", "vpc_security_group_ids"),
    ),
    Kind(
        ADDRESS,
        ("ec2:Eip",),
        ("aws_eip",),
        ("public_ip", "address", "instance", "network_interface", "allocation_id"),
    ),
    Kind(
        ADDRESS_ASSOCIATION,
        ("ec2:EipAssociation",),
        ("aws_eip_association",),
        ("allocation_id", "public_ip", "instance_id", "network_interface_id"),
    ),
    Kind(
        LOAD_BALANCER,
        tuple(f"{module}:LoadBalancer" for module in _BALANCERS),
        ("aws_lb", "aws_alb"),
        (
            "internal",
            "load_balancer_type",
            "security_groups",
            "subnet_mappings",
            "ip_address_type",
            "arn",
        ),
        (("subnet_mapping", "subnet_mappings"),),
    ),
    Kind(
        CLASSIC_BALANCER,
        ("elb:LoadBalancer", "elasticloadbalancing:LoadBalancer"),
        ("aws_elb",),
        ("internal", "security_groups", "name", "arn"),
    ),
    Kind(
        LISTENER,
        tuple(f"{module}:Listener" for module in _BALANCERS),
        ("aws_lb_listener", "aws_alb_listener"),
        ("load_balancer_arn", "port", "protocol"),
    ),
    Kind(
        VPC,
        ("ec2:Vpc", "ec2:DefaultVpc"),
        ("aws_vpc", "aws_default_vpc"),
        ("cidr_block", "ipv6_cidr_block"),
    ),
    Kind(
        VPC_BLOCK,
        ("ec2:VpcIpv4CidrBlockAssociation", "ec2:VpcIpv6CidrBlockAssociation"),
        ("aws_vpc_ipv4_cidr_block_association", "aws_vpc_ipv6_cidr_block_association"),
        ("vpc_id", "cidr_block", "ipv6_cidr_block"),
    ),
    Kind(
        TEMPLATE_STACK,
        ("cloudformation:Stack", "cloudformation:StackSet"),
        ("aws_cloudformation_stack", "aws_cloudformation_stack_set"),
        (),
    ),
)
BY_NAME: Final = {kind.name: kind for kind in KINDS}
_PULUMI: Final = {token: kind for kind in KINDS for token in kind.pulumi}
_TERRAFORM: Final = {name: kind for kind in KINDS for name in kind.terraform}

_HARMLESS: Final = frozenset(
    {
        *("acm", "backup", "budgets", "cloudtrail", "cloudwatch", "config", "dynamodb", "ecr"),
        *("events", "glue", "guardduty", "iam", "kinesis", "kms", "logs", "organizations"),
        *("s3", "scheduler", "secretsmanager", "signer", "sns", "sqs", "ssm", "stepfunctions"),
    }
)
"""Services of the native packages that make nothing with a security group."""


def pulumi_kind(token: str) -> Kind | None:
    """The kind of a Pulumi type token; ``None`` where it does not matter."""
    package, _, rest = token.partition(":")
    if package != "aws":
        return None
    module, _, name = rest.partition(":")
    return _PULUMI.get(f"{module.partition('/')[0]}:{name}")


def terraform_kind(name: str) -> Kind | None:
    """The kind of a Terraform type; ``None`` where it does not matter."""
    return _TERRAFORM.get(name)


def foreign(token: str) -> bool:
    """Whether a type is of a package that is not read here and may open a port.

    ``aws-native:ec2:SecurityGroup`` and ``awscc_ec2_security_group`` are the same thing in other
    words; nothing of them is looked at but the service, and only known harmless ones pass.
    """
    if token.startswith("aws-native:"):
        return token.split(":")[1].partition("/")[0] not in _HARMLESS
    if token.startswith("awscc:"):
        return token.split(":")[1].partition("/")[0] not in _HARMLESS
    if token.startswith("awscc_"):
        return token.split("_")[1] not in _HARMLESS
    return False
