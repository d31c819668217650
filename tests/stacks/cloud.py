"""The resource types of the simulated engine, carried out on moto through boto3 (our own).

This stands where the aws plugin stands for a real engine.  What each type replaces, defaults and
refuses is our idea of the plugin, not its schema: it proves our programs against that idea.  A
type that is not in ``KINDS`` is held in memory only: it gets an id and keeps its inputs.
"""

from __future__ import annotations

import copy
import hashlib
import itertools
import json
from collections.abc import Callable, Mapping
from typing import Any

import boto3
from botocore.exceptions import ClientError

Props = dict[str, Any]
UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"


class Kind:
    """One resource type; this one lives in memory only."""

    replaced_by: frozenset[str] = frozenset()
    """Inputs that no resource can change in place."""
    computed: tuple[str, ...] = ("arn",)
    """Outputs that nobody knows before a resource is made."""

    def check(self, inputs: Props, old: Props | None, urn: str) -> Props:
        """The inputs with their defaults."""
        return inputs

    def replacing(self, old: Props, new: Props, changed: set[str]) -> set[str]:
        return changed & self.replaced_by

    def delete_first(self, inputs: Props) -> bool:
        return False

    def create(self, cloud: Cloud, inputs: Props, urn: str) -> tuple[str, Props]:
        made = f"{urn.rsplit('::', 1)[1]}-{cloud.number():07x}"
        kind = urn.split("::")[2].rpartition("$")[2].partition(":")[0]
        outputs = {**inputs, "arn": f"arn:aws-cn:{kind}:{cloud.region}:123456789012:{made}"}
        cloud.memory[made] = outputs
        return made, outputs

    def read(self, cloud: Cloud, made: str) -> Props | None:
        return cloud.memory.get(made)

    def update(self, cloud: Cloud, made: str, old: Props, new: Props) -> Props:
        cloud.memory[made] = {**cloud.memory.get(made, {}), **new}
        return cloud.memory[made]

    def delete(self, cloud: Cloud, made: str, state: Mapping[str, Any]) -> None:
        cloud.memory.pop(made, None)


class Cloud:
    """One account of moto as the engine's plugin sees it.

    ``endpoint_url`` is moto's server; without one moto must be mocking in this process.
    """

    def __init__(
        self,
        region: str = "cn-northwest-1",
        endpoint_url: str | None = None,
        clients: dict[str, Any] | None = None,
    ) -> None:
        """``clients`` are taken, and kept for the next one, where they are given."""
        self.region = region
        self.memory: dict[str, Props] = {}
        self.kinds: dict[str, Kind] = {token: make() for token, make in KINDS.items()}
        self.invokes: dict[str, Callable[[Props], Props]] = {
            token: (lambda args, f=function: f(self, args)) for token, function in INVOKES.items()
        }
        self._numbers = itertools.count(1)
        self._clients = {} if clients is None else clients
        self._endpoint_url = endpoint_url

    def client(self, service: str) -> Any:
        if service not in self._clients:
            self._clients[service] = boto3.client(
                service, region_name=self.region, endpoint_url=self._endpoint_url
            )
        return self._clients[service]

    @property
    def ec2(self) -> Any:
        return self.client("ec2")

    def number(self) -> int:
        return next(self._numbers)

    def kind(self, token: str) -> Kind:
        return self.kinds.get(token) or _MEMORY

    def close(self) -> None:
        for client in self._clients.values():
            client.close()


_MEMORY = Kind()


def _tags(value: Mapping[str, str] | None) -> list[dict[str, str]]:
    return [{"Key": key, "Value": text} for key, text in (value or {}).items()]


def _plain_tags(items: list[dict[str, str]] | None) -> dict[str, str]:
    return {item["Key"]: item["Value"] for item in items or []}


def _specification(kind: str, tags: Mapping[str, str] | None) -> Props:
    if not tags:
        return {}
    return {"TagSpecifications": [{"ResourceType": kind, "Tags": _tags(tags)}]}


def _retag(cloud: Cloud, made: str, old: Props, new: Props) -> None:
    gone = set(old.get("tags") or {}) - set(new.get("tags") or {})
    if gone:
        cloud.ec2.delete_tags(Resources=[made], Tags=[{"Key": key} for key in sorted(gone)])
    if new.get("tags"):
        cloud.ec2.create_tags(Resources=[made], Tags=_tags(new["tags"]))


def _gone(error: ClientError) -> bool:
    return ".NotFound" in error.response["Error"]["Code"]


def _described(call: Callable[..., Props], key: str, **which: Any) -> Props | None:
    try:
        found = call(**which)[key]
    except ClientError as error:
        if _gone(error):
            return None
        raise
    return found[0] if found else None


class _Made(Kind):
    """A type of EC2 whose outputs are read back after each change."""

    def update(self, cloud: Cloud, made: str, old: Props, new: Props) -> Props:
        _retag(cloud, made, old, new)
        return self._again(cloud, made)

    def _again(self, cloud: Cloud, made: str) -> Props:
        found = self.read(cloud, made)
        assert found is not None, made
        return found


# --- groups and rules ---


def _permission(rule: Props) -> Props:
    """An inline or legacy rule as EC2 takes it."""
    about = {"Description": rule["description"]} if rule.get("description") else {}
    protocol = str(rule["protocol"])
    permission: Props = {"IpProtocol": "-1" if protocol == "all" else protocol}
    if permission["IpProtocol"] != "-1":
        permission |= {"FromPort": int(rule["fromPort"]), "ToPort": int(rule["toPort"])}
    groups = [*(rule.get("securityGroups") or ())]
    if rule.get("sourceSecurityGroupId"):
        groups.append(rule["sourceSecurityGroupId"])
    if rule.get("self"):
        groups.append(rule["securityGroupId"])
    for key, name, values in (
        ("IpRanges", "CidrIp", rule.get("cidrBlocks")),
        ("Ipv6Ranges", "CidrIpv6", rule.get("ipv6CidrBlocks")),
        ("PrefixListIds", "PrefixListId", rule.get("prefixListIds")),
        ("UserIdGroupPairs", "GroupId", groups),
    ):
        if values:
            permission[key] = [{name: value, **about} for value in values]
    return permission


def _atoms(permissions: list[Props]) -> set[tuple[Any, ...]]:
    """Each (protocol, from, to, kind, source) of some permissions."""
    return {
        (item["IpProtocol"], item.get("FromPort"), item.get("ToPort"), name, source[name])
        for item in permissions
        for key, name in _SOURCES
        for source in item.get(key) or ()
    }


_SOURCES = (
    ("IpRanges", "CidrIp"),
    ("Ipv6Ranges", "CidrIpv6"),
    ("PrefixListIds", "PrefixListId"),
    ("UserIdGroupPairs", "GroupId"),
)


def _from_atom(atom: tuple[Any, ...]) -> Props:
    protocol, low, high, name, source = atom
    key = next(key for key, one in _SOURCES if one == name)
    ports = {} if low is None else {"FromPort": low, "ToPort": high}
    return {"IpProtocol": protocol, **ports, key: [{name: source}]}


def _inline(permissions: list[Props]) -> list[Props]:
    return [
        {
            "protocol": item["IpProtocol"],
            "fromPort": item.get("FromPort", 0),
            "toPort": item.get("ToPort", 0),
            "cidrBlocks": [one["CidrIp"] for one in item.get("IpRanges", ())],
            "ipv6CidrBlocks": [one["CidrIpv6"] for one in item.get("Ipv6Ranges", ())],
            "prefixListIds": [one["PrefixListId"] for one in item.get("PrefixListIds", ())],
            "securityGroups": [one["GroupId"] for one in item.get("UserIdGroupPairs", ())],
            "self": False,
            "description": "",
        }
        for item in permissions
    ]


class SecurityGroup(_Made):
    """A group; a given ``ingress`` or ``egress`` owns all rules of its direction."""

    replaced_by = frozenset({"name", "namePrefix", "description", "vpcId"})
    computed = ("arn", "ownerId", "vpcId", "namePrefix", "ingress", "egress", "tagsAll")

    def check(self, inputs: Props, old: Props | None, urn: str) -> Props:
        checked = {"description": "Managed by Pulumi", "revokeRulesOnDelete": False, **inputs}
        made_up = sorted(set(checked) - set(inputs))
        if "name" not in inputs and "namePrefix" not in inputs:
            kept = (old or {}).get("name")
            fresh = f"{urn.rsplit('::', 1)[1]}-{hashlib.sha256(urn.encode()).hexdigest()[:7]}"
            checked["name"] = kept or fresh
            made_up.append("name")
        return {"__defaults": made_up, **checked}

    def delete_first(self, inputs: Props) -> bool:
        """A fixed name cannot stand twice in a VPC."""
        return "name" not in inputs.get("__defaults", ())

    def create(self, cloud: Cloud, inputs: Props, urn: str) -> tuple[str, Props]:
        made = cloud.ec2.create_security_group(
            GroupName=inputs["name"],
            Description=inputs["description"],
            **({"VpcId": inputs["vpcId"]} if inputs.get("vpcId") else {}),
            **_specification("security-group", inputs.get("tags")),
        )["GroupId"]
        group = cloud.ec2.describe_security_groups(GroupIds=[made])["SecurityGroups"][0]
        if group["IpPermissionsEgress"]:
            cloud.ec2.revoke_security_group_egress(
                GroupId=made, IpPermissions=group["IpPermissionsEgress"]
            )
        self._own(cloud, made, {}, inputs)
        return made, self._again(cloud, made)

    def read(self, cloud: Cloud, made: str) -> Props | None:
        found = _described(cloud.ec2.describe_security_groups, "SecurityGroups", GroupIds=[made])
        if found is None:
            return None
        tags = _plain_tags(found.get("Tags"))
        return {
            "name": found["GroupName"],
            "description": found["Description"],
            "vpcId": found.get("VpcId", ""),
            "ownerId": found["OwnerId"],
            "arn": f"arn:aws-cn:ec2:{cloud.region}:{found['OwnerId']}:security-group/{made}",
            "ingress": _inline(found["IpPermissions"]),
            "egress": _inline(found["IpPermissionsEgress"]),
            "tags": tags,
            "tagsAll": tags,
        }

    def update(self, cloud: Cloud, made: str, old: Props, new: Props) -> Props:
        self._own(cloud, made, old, new)
        return super().update(cloud, made, old, new)

    def delete(self, cloud: Cloud, made: str, state: Mapping[str, Any]) -> None:
        _unless_gone(cloud.ec2.delete_security_group, GroupId=made)

    def _own(self, cloud: Cloud, made: str, old: Props, new: Props) -> None:
        """Make the rules of a given direction those that are given; leave the other alone."""
        group = cloud.ec2.describe_security_groups(GroupIds=[made])["SecurityGroups"][0]
        for direction, key in (("ingress", "IpPermissions"), ("egress", "IpPermissionsEgress")):
            if new.get(direction) is None:
                continue
            wanted = [_permission({**rule, "securityGroupId": made}) for rule in new[direction]]
            there, atoms = _atoms(group[key]), _atoms(wanted)
            for atom in sorted(there - atoms, key=str):
                revoke = getattr(cloud.ec2, f"revoke_security_group_{direction}")
                revoke(GroupId=made, IpPermissions=[_from_atom(atom)])
            for atom in sorted(atoms - there, key=str):
                authorize = getattr(cloud.ec2, f"authorize_security_group_{direction}")
                authorize(GroupId=made, IpPermissions=[_from_atom(atom)])


def _unless_gone(call: Callable[..., Any], **arguments: Any) -> None:
    try:
        call(**arguments)
    except ClientError as error:
        if not _gone(error):
            raise


_RULE_SOURCES = {
    "cidrIpv4": ("IpRanges", "CidrIp", "CidrIpv4"),
    "cidrIpv6": ("Ipv6Ranges", "CidrIpv6", "CidrIpv6"),
    "prefixListId": ("PrefixListIds", "PrefixListId", "PrefixListId"),
    "referencedSecurityGroupId": ("UserIdGroupPairs", "GroupId", "ReferencedGroupId"),
}


class IngressRule(_Made):
    """``aws.vpc.SecurityGroupIngressRule``: one rule, one source."""

    direction = "ingress"
    replaced_by = frozenset({"securityGroupId"})
    computed = ("arn", "securityGroupRuleId", "tagsAll")

    def replacing(self, old: Props, new: Props, changed: set[str]) -> set[str]:
        kinds = {key for key in _RULE_SOURCES if (key in old) != (key in new)}
        return (changed & self.replaced_by) | kinds

    def create(self, cloud: Cloud, inputs: Props, urn: str) -> tuple[str, Props]:
        permission: Props = {"IpProtocol": inputs["ipProtocol"]}
        if inputs["ipProtocol"] != "-1":
            permission |= {"FromPort": int(inputs["fromPort"]), "ToPort": int(inputs["toPort"])}
        for key, (place, name, _) in _RULE_SOURCES.items():
            if inputs.get(key):
                about = {"Description": inputs["description"]} if inputs.get("description") else {}
                permission[place] = [{name: inputs[key], **about}]
        authorize = getattr(cloud.ec2, f"authorize_security_group_{self.direction}")
        made = authorize(
            GroupId=inputs["securityGroupId"],
            IpPermissions=[permission],
            **_specification("security-group-rule", inputs.get("tags")),
        )["SecurityGroupRules"][0]["SecurityGroupRuleId"]
        return made, self._again(cloud, made)

    def read(self, cloud: Cloud, made: str) -> Props | None:
        call = cloud.ec2.describe_security_group_rules
        found = _described(call, "SecurityGroupRules", SecurityGroupRuleIds=[made])
        if found is None:
            return None
        outputs = {
            "securityGroupRuleId": made,
            "securityGroupId": found["GroupId"],
            "ipProtocol": found["IpProtocol"],
            "tags": _plain_tags(found.get("Tags")),
            "tagsAll": _plain_tags(found.get("Tags")),
        }
        for key, name in (
            ("fromPort", "FromPort"),
            ("toPort", "ToPort"),
            ("description", "Description"),
            ("cidrIpv4", "CidrIpv4"),
            ("cidrIpv6", "CidrIpv6"),
            ("prefixListId", "PrefixListId"),
        ):
            if found.get(name) is not None:
                outputs[key] = found[name]
        if found.get("ReferencedGroupInfo"):
            outputs["referencedSecurityGroupId"] = found["ReferencedGroupInfo"]["GroupId"]
        return outputs

    def update(self, cloud: Cloud, made: str, old: Props, new: Props) -> Props:
        names = {key: place[2] for key, place in _RULE_SOURCES.items()}
        names |= {"ipProtocol": "IpProtocol", "description": "Description"}
        rule = {name: new[key] for key, name in names.items() if new.get(key) is not None}
        for key, name in (("fromPort", "FromPort"), ("toPort", "ToPort")):
            if new.get(key) is not None:
                rule[name] = int(new[key])
        cloud.ec2.modify_security_group_rules(
            GroupId=new["securityGroupId"],
            SecurityGroupRules=[{"SecurityGroupRuleId": made, "SecurityGroupRule": rule}],
        )
        return super().update(cloud, made, old, new)

    def delete(self, cloud: Cloud, made: str, state: Mapping[str, Any]) -> None:
        revoke = getattr(cloud.ec2, f"revoke_security_group_{self.direction}")
        found = self.read(cloud, made)
        if found is None:
            return
        place, name = next(
            (place, name) for key, (place, name, _) in _RULE_SOURCES.items() if found.get(key)
        )
        source = next(found[key] for key in _RULE_SOURCES if found.get(key))
        about = {"Description": found["description"]} if found.get("description") else {}
        ports = {}
        if found["ipProtocol"] != "-1":
            ports = {"FromPort": found["fromPort"], "ToPort": found["toPort"]}
        revoke(
            GroupId=found["securityGroupId"],
            IpPermissions=[
                {"IpProtocol": found["ipProtocol"], **ports, place: [{name: source, **about}]}
            ],
        )


class EgressRule(IngressRule):
    direction = "egress"


class LegacyRule(Kind):
    """``aws.ec2.SecurityGroupRule``: several sources in one resource, without an id of its own."""

    replaced_by = frozenset(
        {"type", "securityGroupId", "protocol", "fromPort", "toPort", "cidrBlocks"}
        | {"ipv6CidrBlocks", "prefixListIds", "sourceSecurityGroupId", "self"}
    )
    computed = ("securityGroupRuleId", "sourceSecurityGroupId")

    def create(self, cloud: Cloud, inputs: Props, urn: str) -> tuple[str, Props]:
        authorize = getattr(cloud.ec2, f"authorize_security_group_{inputs['type']}")
        authorize(GroupId=inputs["securityGroupId"], IpPermissions=[_permission(inputs)])
        text = json.dumps({**inputs, "description": ""}, sort_keys=True)
        made = f"sgrule-{int(hashlib.sha256(text.encode()).hexdigest()[:8], 16)}"
        cloud.memory[made] = copy.deepcopy(inputs)
        return made, {**inputs, "securityGroupRuleId": ""}

    def read(self, cloud: Cloud, made: str) -> Props | None:
        inputs = cloud.memory.get(made)
        if inputs is None:
            return None
        which = {"GroupIds": [inputs["securityGroupId"]]}
        group = _described(cloud.ec2.describe_security_groups, "SecurityGroups", **which)
        key = "IpPermissions" if inputs["type"] == "ingress" else "IpPermissionsEgress"
        if group is None or not _atoms([_permission(inputs)]) <= _atoms(group[key]):
            return None
        return {**inputs, "securityGroupRuleId": ""}

    def delete(self, cloud: Cloud, made: str, state: Mapping[str, Any]) -> None:
        inputs = cloud.memory.pop(made)
        revoke = getattr(cloud.ec2, f"revoke_security_group_{inputs['type']}")
        permission = _permission(inputs)
        _unless_gone(revoke, GroupId=inputs["securityGroupId"], IpPermissions=[permission])


# --- interfaces and addresses ---


def _interface(cloud: Cloud, made: str) -> Props | None:
    call = cloud.ec2.describe_network_interfaces
    return _described(call, "NetworkInterfaces", NetworkInterfaceIds=[made])


class Attachment(Kind):
    """A group on an interface that exists already."""

    replaced_by = frozenset({"securityGroupId", "networkInterfaceId"})
    computed = ()

    def create(self, cloud: Cloud, inputs: Props, urn: str) -> tuple[str, Props]:
        group, interface = inputs["securityGroupId"], inputs["networkInterfaceId"]
        groups = self._groups(cloud, interface)
        if group in groups:
            raise RuntimeError(f"{group} is already attached to {interface}")
        cloud.ec2.modify_network_interface_attribute(
            NetworkInterfaceId=interface, Groups=[*groups, group]
        )
        return f"{group}_{interface}", dict(inputs)

    def read(self, cloud: Cloud, made: str) -> Props | None:
        group, _, interface = made.partition("_")
        found = _interface(cloud, interface)
        if found is None or group not in [one["GroupId"] for one in found["Groups"]]:
            return None
        return {"securityGroupId": group, "networkInterfaceId": interface}

    def delete(self, cloud: Cloud, made: str, state: Mapping[str, Any]) -> None:
        group, _, interface = made.partition("_")
        if _interface(cloud, interface) is None:
            return
        left = [one for one in self._groups(cloud, interface) if one != group]
        if not left:
            raise RuntimeError(f"{interface} would be left without a group")
        cloud.ec2.modify_network_interface_attribute(NetworkInterfaceId=interface, Groups=left)

    def _groups(self, cloud: Cloud, interface: str) -> list[str]:
        found = _interface(cloud, interface)
        assert found is not None, interface
        return [one["GroupId"] for one in found["Groups"]]


class NetworkInterface(_Made):
    replaced_by = frozenset({"subnetId"})
    computed = ("arn", "attachments", "ipv6Addresses", "privateIp", "securityGroups", "tagsAll")

    def create(self, cloud: Cloud, inputs: Props, urn: str) -> tuple[str, Props]:
        made = cloud.ec2.create_network_interface(
            SubnetId=inputs["subnetId"],
            Groups=inputs.get("securityGroups") or [],
            Description=inputs.get("description", ""),
            **_specification("network-interface", inputs.get("tags")),
        )["NetworkInterface"]["NetworkInterfaceId"]
        return made, self._again(cloud, made)

    def read(self, cloud: Cloud, made: str) -> Props | None:
        found = _interface(cloud, made)
        if found is None:
            return None
        return {
            "subnetId": found["SubnetId"],
            "securityGroups": [one["GroupId"] for one in found["Groups"]],
            "description": found["Description"],
            "privateIp": found["PrivateIpAddress"],
            "tags": _plain_tags(found.get("TagSet")),
        }

    def update(self, cloud: Cloud, made: str, old: Props, new: Props) -> Props:
        if new.get("securityGroups"):
            cloud.ec2.modify_network_interface_attribute(
                NetworkInterfaceId=made, Groups=new["securityGroups"]
            )
        return super().update(cloud, made, old, new)

    def delete(self, cloud: Cloud, made: str, state: Mapping[str, Any]) -> None:
        _unless_gone(cloud.ec2.delete_network_interface, NetworkInterfaceId=made)


class Eip(_Made):
    """An address; made up ones lie in 52.83.200.0/21, for moto's own are in 127/8."""

    replaced_by = frozenset({"domain", "address"})
    computed = ("allocationId", "associationId", "instance", "networkInterface", "publicIp")

    def create(self, cloud: Cloud, inputs: Props, urn: str) -> tuple[str, Props]:
        number = cloud.number()
        address = inputs.get("address") or f"52.83.{200 + number // 250}.{1 + number % 250}"
        made = cloud.ec2.allocate_address(
            Domain="vpc", Address=address, **_specification("elastic-ip", inputs.get("tags"))
        )["AllocationId"]
        self._associate(cloud, made, inputs)
        return made, self._again(cloud, made)

    def read(self, cloud: Cloud, made: str) -> Props | None:
        found = _described(cloud.ec2.describe_addresses, "Addresses", AllocationIds=[made])
        if found is None:
            return None
        return {
            "allocationId": made,
            "publicIp": found["PublicIp"],
            "domain": found["Domain"],
            "associationId": found.get("AssociationId") or "",
            "networkInterface": found.get("NetworkInterfaceId") or "",
            "tags": _plain_tags(found.get("Tags")),
        }

    def update(self, cloud: Cloud, made: str, old: Props, new: Props) -> Props:
        self._associate(cloud, made, new)
        return super().update(cloud, made, old, new)

    def delete(self, cloud: Cloud, made: str, state: Mapping[str, Any]) -> None:
        found = self.read(cloud, made)
        if found is not None:
            if found["associationId"]:
                cloud.ec2.disassociate_address(AssociationId=found["associationId"])
            cloud.ec2.release_address(AllocationId=made)

    def _associate(self, cloud: Cloud, made: str, inputs: Props) -> None:
        if inputs.get("networkInterface"):
            cloud.ec2.associate_address(
                AllocationId=made, NetworkInterfaceId=inputs["networkInterface"]
            )


class EipAssociation(Kind):
    replaced_by = frozenset({"allocationId", "networkInterfaceId", "instanceId"})
    computed = ("instanceId", "publicIp")

    def create(self, cloud: Cloud, inputs: Props, urn: str) -> tuple[str, Props]:
        made = cloud.ec2.associate_address(
            AllocationId=inputs["allocationId"], NetworkInterfaceId=inputs["networkInterfaceId"]
        )["AssociationId"]
        return made, {**inputs, **(self.read(cloud, made) or {})}

    def read(self, cloud: Cloud, made: str) -> Props | None:
        for found in cloud.ec2.describe_addresses()["Addresses"]:
            if found.get("AssociationId") == made:
                return {
                    "allocationId": found["AllocationId"],
                    "networkInterfaceId": found["NetworkInterfaceId"],
                    "publicIp": found["PublicIp"],
                }
        return None

    def delete(self, cloud: Cloud, made: str, state: Mapping[str, Any]) -> None:
        _unless_gone(cloud.ec2.disassociate_address, AssociationId=made)


class Vpc(_Made):
    replaced_by = frozenset({"cidrBlock"})

    def create(self, cloud: Cloud, inputs: Props, urn: str) -> tuple[str, Props]:
        made = cloud.ec2.create_vpc(
            CidrBlock=inputs["cidrBlock"], **_specification("vpc", inputs.get("tags"))
        )["Vpc"]["VpcId"]
        return made, self._again(cloud, made)

    def read(self, cloud: Cloud, made: str) -> Props | None:
        found = _described(cloud.ec2.describe_vpcs, "Vpcs", VpcIds=[made])
        if found is None:
            return None
        return {"cidrBlock": found["CidrBlock"], "tags": _plain_tags(found.get("Tags"))}

    def delete(self, cloud: Cloud, made: str, state: Mapping[str, Any]) -> None:
        _unless_gone(cloud.ec2.delete_vpc, VpcId=made)


class Subnet(_Made):
    replaced_by = frozenset({"cidrBlock", "vpcId", "availabilityZone"})

    def create(self, cloud: Cloud, inputs: Props, urn: str) -> tuple[str, Props]:
        made = cloud.ec2.create_subnet(VpcId=inputs["vpcId"], CidrBlock=inputs["cidrBlock"])
        name = made["Subnet"]["SubnetId"]
        return name, self._again(cloud, name)

    def read(self, cloud: Cloud, made: str) -> Props | None:
        found = _described(cloud.ec2.describe_subnets, "Subnets", SubnetIds=[made])
        if found is None:
            return None
        return {"cidrBlock": found["CidrBlock"], "vpcId": found["VpcId"]}

    def delete(self, cloud: Cloud, made: str, state: Mapping[str, Any]) -> None:
        _unless_gone(cloud.ec2.delete_subnet, SubnetId=made)


KINDS: dict[str, type[Kind]] = {
    "aws:ec2/securityGroup:SecurityGroup": SecurityGroup,
    "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule": IngressRule,
    "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule": EgressRule,
    "aws:ec2/securityGroupRule:SecurityGroupRule": LegacyRule,
    "aws:ec2/networkInterfaceSecurityGroupAttachment:"
    "NetworkInterfaceSecurityGroupAttachment": Attachment,
    "aws:ec2/networkInterface:NetworkInterface": NetworkInterface,
    "aws:ec2/eip:Eip": Eip,
    "aws:ec2/eipAssociation:EipAssociation": EipAssociation,
    "aws:ec2/vpc:Vpc": Vpc,
    "aws:ec2/subnet:Subnet": Subnet,
}


# --- functions ---


def _get_vpc(cloud: Cloud, args: Props) -> Props:
    which: Props = {"VpcIds": [args["id"]]} if args.get("id") else {}
    if args.get("default"):
        which["Filters"] = [{"Name": "is-default", "Values": ["true"]}]
    found = cloud.ec2.describe_vpcs(**which)["Vpcs"]
    if len(found) != 1:
        raise RuntimeError(f"getVpc: {len(found)} VPCs match")
    tags = _plain_tags(found[0].get("Tags"))
    return {"id": found[0]["VpcId"], "cidrBlock": found[0]["CidrBlock"], "tags": tags}


def _get_group(cloud: Cloud, args: Props) -> Props:
    names = {"name": "group-name", "vpcId": "vpc-id", "id": "group-id"}
    wanted = [{"Name": name, "Values": [args[key]]} for key, name in names.items() if args.get(key)]
    found = cloud.ec2.describe_security_groups(Filters=wanted)["SecurityGroups"]
    if len(found) != 1:
        raise RuntimeError(f"getSecurityGroup: {len(found)} groups match")
    read = SecurityGroup().read(cloud, found[0]["GroupId"]) or {}
    keys = ("name", "description", "vpcId", "arn", "tags")
    return {"id": found[0]["GroupId"], **{key: read[key] for key in keys}}


def _get_interface(cloud: Cloud, args: Props) -> Props:
    found = _interface(cloud, args["id"])
    if found is None:
        raise RuntimeError(f"getNetworkInterface: no {args['id']}")
    association = found.get("Association") or {}
    return {
        "id": args["id"],
        "vpcId": found["VpcId"],
        "subnetId": found["SubnetId"],
        "securityGroups": [one["GroupId"] for one in found["Groups"]],
        "privateIp": found["PrivateIpAddress"],
        "ipv6Addresses": [one["Ipv6Address"] for one in found.get("Ipv6Addresses", ())],
        "associations": [{"publicIp": association["PublicIp"]}] if association else [],
    }


def _get_identity(cloud: Cloud, args: Props) -> Props:
    found = cloud.client("sts").get_caller_identity()
    account = found["Account"]
    return {"id": account, "accountId": account, "arn": found["Arn"], "userId": found["UserId"]}


def _get_partition(cloud: Cloud, args: Props) -> Props:
    return {
        "id": "aws-cn",
        "partition": "aws-cn",
        "dnsSuffix": "amazonaws.com.cn",
        "reverseDnsPrefix": "cn.com.amazonaws",
    }


def _get_region(cloud: Cloud, args: Props) -> Props:
    return {"id": cloud.region, "name": cloud.region, "region": cloud.region}


INVOKES: dict[str, Callable[[Cloud, Props], Props]] = {
    "aws:ec2/getVpc:getVpc": _get_vpc,
    "aws:ec2/getSecurityGroup:getSecurityGroup": _get_group,
    "aws:ec2/getNetworkInterface:getNetworkInterface": _get_interface,
    "aws:index/getCallerIdentity:getCallerIdentity": _get_identity,
    "aws:index/getPartition:getPartition": _get_partition,
    "aws:index/getRegion:getRegion": _get_region,
}
