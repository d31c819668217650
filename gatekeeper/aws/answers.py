"""AWS's answers, as boto3 and the AWS CLI shape them, into account values.

One function a noun.  Lists may be missing or null, keys may be missing (old recordings have no
``InterfaceType``, a rule for every protocol has no ports) and texts may be empty; all of that is
read.  What cannot be read inside a rule makes that rule "malformed"; what cannot be read anywhere
else raises ``AnswerError``, because a silently shorter list would read as "closed".
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from gatekeeper.account import (
    Address,
    Association,
    Family,
    Interface,
    Listener,
    LoadBalancer,
    LoadBalancerType,
    PrefixList,
    Rule,
    SecurityGroup,
    Vpc,
)
from gatekeeper.aws.cidr import canonical_ipv6, cidr_family, is_ipv4_cidr, is_ipv6_cidr

Answer = Mapping[str, Any]

_ARN_KINDS: Final = {
    "app": LoadBalancerType.APPLICATION,
    "net": LoadBalancerType.NETWORK,
    "gwy": LoadBalancerType.GATEWAY,
}
_UNREADABLE_RULE: Final = Rule("", None, None, "malformed", "")


class AnswerError(ValueError):
    """An answer, or a part of it, is not what AWS documents."""


# --- EC2 ----------------------------------------------------------------------------------------


def address(item: Answer) -> Address | None:
    """An Elastic IP; ``None`` for a carrier or customer-owned one, which no Internet route has."""
    public_ip = text(item, "PublicIp")
    if not public_ip:
        if text(item, "CarrierIp") or text(item, "CustomerOwnedIp"):
            return None
        raise AnswerError("an address has no PublicIp")
    return Address(
        public_ip,
        text(item, "AllocationId") or None,
        text(item, "AssociationId") or None,
        text(item, "NetworkInterfaceId") or None,
        text(item, "PrivateIpAddress") or None,
    )


def interface(item: Answer) -> Interface:
    """A network interface with every public address that it carries, each once."""
    attachment = _part(item, "Attachment")
    operator = _part(item, "Operator")
    managed_by_operator = _flag(operator, "Managed")
    private_ips = _items(item, "PrivateIpAddresses")
    carried = [_association(item, text(item, "PrivateIpAddress"))]
    carried += [_association(entry, text(entry, "PrivateIpAddress")) for entry in private_ips]
    ipv6 = [text(item, "Ipv6Address")]
    ipv6 += [text(entry, "Ipv6Address") for entry in _items(item, "Ipv6Addresses")]
    return Interface(
        interface_id=_required(item, "NetworkInterfaceId"),
        vpc_id=text(item, "VpcId"),
        description=text(item, "Description"),
        interface_type=text(item, "InterfaceType") or "interface",
        requester_managed=_flag(item, "RequesterManaged") or managed_by_operator,
        requester_id=text(item, "RequesterId")
        or (text(operator, "Principal") if managed_by_operator else ""),
        group_ids=tuple(_required(group, "GroupId") for group in _items(item, "Groups")),
        associations=merge_associations(carried),
        ipv6=_unique(canonical_ipv6(one) for one in ipv6 if one),
        instance_id=text(attachment, "InstanceId") or None,
        instance_owner_id=text(attachment, "InstanceOwnerId"),
        owner_id=text(item, "OwnerId"),
    )


def _association(item: Answer, private_ip: str) -> Association | None:
    found = _part(item, "Association")
    public_ip = text(found, "PublicIp")
    if not public_ip:
        return None
    return Association(
        public_ip,
        text(found, "IpOwnerId"),
        text(found, "AllocationId") or None,
        private_ip or None,
    )


def merge_associations(found: Iterable[Association | None]) -> tuple[Association, ...]:
    """Each public address once; AWS repeats the primary one, and either copy may say more."""
    merged: dict[str, Association] = {}
    for one in found:
        if one is None:
            continue
        first = merged.get(one.public_ip)
        if first is None:
            merged[one.public_ip] = one
        else:
            merged[one.public_ip] = Association(
                one.public_ip,
                first.owner_id or one.owner_id,
                first.allocation_id or one.allocation_id,
                first.private_ip or one.private_ip,
            )
    return tuple(merged.values())


def security_group(item: Answer) -> SecurityGroup:
    """A security group; an answer without ``IpPermissions`` gives one malformed rule."""
    owner_id = text(item, "OwnerId")
    if isinstance(item.get("IpPermissions"), list):
        rules = permissions(_items(item, "IpPermissions"), owner_id)
    else:
        rules = (_UNREADABLE_RULE,)
    return SecurityGroup(
        group_id=_required(item, "GroupId"),
        name=text(item, "GroupName"),
        vpc_id=text(item, "VpcId"),
        owner_id=owner_id,
        rules=rules,
        egress=permissions(_items(item, "IpPermissionsEgress"), owner_id),
        tags=_tags(item),
        description=text(item, "Description"),
    )


def permissions(items: Iterable[Answer], owner_id: str) -> tuple[Rule, ...]:
    """The rules of AWS's grouped permissions: one rule a source."""
    rules: list[Rule] = []
    for item in items:
        rules += _permission(item, owner_id)
    return tuple(rules)


def _permission(item: Answer, owner_id: str) -> Iterator[Rule]:
    protocol, sound = _protocol(item.get("IpProtocol"))
    from_port, from_sound = _port(item.get("FromPort"))
    to_port, to_sound = _port(item.get("ToPort"))
    sound = sound and from_sound and to_sound
    count = 0
    for kind, source, entry in _sources(item, owner_id):
        count += 1
        yield Rule(
            protocol,
            from_port,
            to_port,
            kind if sound else "malformed",  # type: ignore[arg-type]
            source,
            text(entry, "Description") or None,
        )
    if not count:
        yield Rule(protocol, from_port, to_port, "malformed", "")


def _sources(item: Answer, owner_id: str) -> Iterator[tuple[str, str, Answer]]:
    for entry in _items(item, "IpRanges"):
        source = text(entry, "CidrIp")
        yield ("ipv4" if is_ipv4_cidr(source) else "malformed"), source, entry
    for entry in _items(item, "Ipv6Ranges"):
        source = text(entry, "CidrIpv6")
        yield ("ipv6" if is_ipv6_cidr(source) else "malformed"), source, entry
    for entry in _items(item, "PrefixListIds"):
        source = text(entry, "PrefixListId")
        yield ("prefix_list" if source else "malformed"), source, entry
    for entry in _items(item, "UserIdGroupPairs"):
        source = group_source(
            text(entry, "GroupId") or text(entry, "GroupName"), text(entry, "UserId"), owner_id
        )
        yield ("group" if source else "malformed"), source, entry


def group_source(group: str, user_id: str, owner_id: str) -> str:
    """``sg-…``, or ``account/sg-…`` where the group is another account's."""
    return f"{user_id}/{group}" if group and user_id and user_id != owner_id else group


def _protocol(value: object) -> tuple[str, bool]:
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value), True
    if isinstance(value, str) and value:
        return value, True
    return "", False


def _port(value: object) -> tuple[int | None, bool]:
    if value is None:
        return None, True
    if isinstance(value, int) and not isinstance(value, bool):
        return value, True
    return None, False


def vpc(item: Answer) -> Vpc:
    """A VPC with its primary block and every associated IPv4 and IPv6 block."""
    blocks = [text(item, "CidrBlock")]
    for key, block, state in (
        ("CidrBlockAssociationSet", "CidrBlock", "CidrBlockState"),
        ("Ipv6CidrBlockAssociationSet", "Ipv6CidrBlock", "Ipv6CidrBlockState"),
    ):
        blocks += [
            text(entry, block)
            for entry in _items(item, key)
            if text(_part(entry, state), "State") in {"", "associated"}
        ]
    return Vpc(
        vpc_id=_required(item, "VpcId"),
        blocks=vpc_blocks(blocks),
        is_default=_flag(item, "IsDefault"),
    )


def vpc_blocks(blocks: Iterable[str]) -> tuple[str, ...]:
    """The blocks, each once.

    Raises:
        AnswerError: one is no CIDR; what is internal to the VPC would then be a guess.
    """
    known = _unique(block for block in blocks if block)
    for block in known:
        if cidr_family(block) is None:
            raise AnswerError(f"a VPC block is {block!r}, which is no CIDR")
    return known


def prefix_list(item: Answer, entries: Sequence[str] | None) -> PrefixList:
    """A managed prefix list with its entries, as ``prefix_list_entries`` gives them."""
    list_id = _required(item, "PrefixListId")
    name = text(item, "AddressFamily").lower()
    if name not in {"", "ipv4", "ipv6"}:
        raise AnswerError(f"{list_id} has the address family {name!r}")
    family = entries_family(list_id, entries)
    if name and family and name != family:
        raise AnswerError(f"{list_id} is {name} but has {family} entries")
    if not name and family is None:
        raise AnswerError(f"{list_id} has no AddressFamily")
    maximum, sound = _port(item.get("MaxEntries"))
    return PrefixList(
        prefix_list_id=list_id,
        name=text(item, "PrefixListName"),
        family="ipv6" if "ipv6" in {name, family} else "ipv4",
        max_entries=maximum if sound else None,
        entries=None if entries is None else tuple(entries),
    )


def prefix_list_entries(items: Iterable[Answer]) -> tuple[str, ...]:
    """The CIDRs of a prefix list.

    Raises:
        AnswerError: one of them is no CIDR, so the list as a whole is not known.
    """
    entries = _unique(_required(item, "Cidr") for item in items)
    for entry in entries:
        if cidr_family(entry) is None:
            raise AnswerError(f"a prefix list entry is {entry!r}, which is no CIDR")
    return entries


def entries_family(list_id: str, entries: Sequence[str] | None) -> Family | None:
    """The one family of the entries; ``None`` where there are none."""
    families = {cidr_family(entry) for entry in entries or ()}
    if len(families) > 1:
        raise AnswerError(f"{list_id} mixes IPv4 and IPv6 entries")
    return families.pop() if families else None


# --- load balancers -----------------------------------------------------------------------------


def load_balancer(item: Answer) -> LoadBalancer:
    """An application, network or gateway load balancer."""
    arn = _required(item, "LoadBalancerArn")
    return LoadBalancer(
        arn=arn,
        name=_required(item, "LoadBalancerName"),
        dns_name=text(item, "DNSName"),
        type=_type(text(item, "Type"), arn),
        scheme=text(item, "Scheme") or "internet-facing",
        vpc_id=text(item, "VpcId"),
        group_ids=_names(item, "SecurityGroups"),
    )


def _type(name: str, arn: str) -> LoadBalancerType:
    """By ``Type``; old recordings lack it and only the ARN tells."""
    if not name:
        kind = arn.partition(":loadbalancer/")[2].partition("/")[0]
        if kind in _ARN_KINDS:
            return _ARN_KINDS[kind]
    try:
        return LoadBalancerType(name)
    except ValueError:
        raise AnswerError(f"{arn} has the unknown type {name!r}") from None


def classic_load_balancer(
    item: Answer, *, account_id: str, region: str, partition: str
) -> LoadBalancer:
    """A classic load balancer, under the ARN that IAM's documentation gives it."""
    name = _required(item, "LoadBalancerName")
    return LoadBalancer(
        arn=f"arn:{partition}:elasticloadbalancing:{region}:{account_id}:loadbalancer/{name}",
        name=name,
        dns_name=text(item, "DNSName"),
        type=LoadBalancerType.CLASSIC,
        scheme=text(item, "Scheme") or "internet-facing",
        vpc_id=text(item, "VPCId"),
        group_ids=_names(item, "SecurityGroups"),
    )


def listener(item: Answer) -> Listener:
    """A listener of a load balancer."""
    port, sound = _port(item.get("Port"))
    if port is None or not sound:
        raise AnswerError("a listener has no port")
    return Listener(_required(item, "Protocol"), port)


# --- reading a dict -----------------------------------------------------------------------------


def partition_of(region: str) -> str:
    """The AWS partition of a region's name."""
    if region.startswith("cn-"):
        return "aws-cn"
    return "aws-us-gov" if region.startswith("us-gov-") else "aws"


def members(answer: object, key: str) -> list[Answer]:
    """The objects of an answer's top-level list ``key``.

    Raises:
        AnswerError: the answer is something else.
    """
    if not isinstance(answer, dict) or not isinstance(answer.get(key), list):
        raise AnswerError(f"the answer has no list {key}")
    return _items(answer, key)


def _items(item: Answer, key: str) -> list[Answer]:
    found = item.get(key)
    if found is None:
        return []
    if not isinstance(found, list) or not all(isinstance(entry, dict) for entry in found):
        raise AnswerError(f"{key} is no list of objects")
    return found


def _names(item: Answer, key: str) -> tuple[str, ...]:
    found = item.get(key)
    if found is None:
        return ()
    if not isinstance(found, list) or not all(isinstance(name, str) and name for name in found):
        raise AnswerError(f"{key} is no list of names")
    return tuple(found)


def _part(item: Answer, key: str) -> Answer:
    found = item.get(key)
    if found is None:
        return {}
    if not isinstance(found, dict):
        raise AnswerError(f"{key} is no object")
    return found


def text(item: Answer, key: str) -> str:
    """A text of an object; "" where it is missing or null."""
    found = item.get(key)
    if found is None:
        return ""
    if not isinstance(found, str):
        raise AnswerError(f"{key} is no text")
    return found


def _required(item: Answer, key: str) -> str:
    found = text(item, key)
    if not found:
        raise AnswerError(f"{key} is missing")
    return found


def _flag(item: Answer, key: str) -> bool:
    return item.get(key) is True


def _tags(item: Answer) -> tuple[tuple[str, str], ...]:
    return tuple(sorted((text(tag, "Key"), text(tag, "Value")) for tag in _items(item, "Tags")))


def _unique(texts: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(texts))
