"""Which calls an account lets us make: each read tried small, each change as EC2's DryRun.

A change is tried as apply makes it: a group with our tag, the outbound rule of a group of ours.
The policies in ``policies/iam`` allow no other.

A DryRun is refused by AWS after it judged the permission and before it changes anything:
``DryRunOperation`` means allowed.  The load balancers' APIs have none, so their changes are not
tried.  Should an emulator ignore the flag, what is asked for changes nothing that matters.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final, Literal, NamedTuple

from gatekeeper.aws.faults import EXPECTED, translate
from gatekeeper.aws.permissions import MANAGED
from gatekeeper.aws.session import Connection

Answer = Literal["ok", "missing", "unknown", "not tried"]

_DENIED: Final = frozenset(
    {"AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "OperationNotPermitted"}
)
_ALLOWED: Final = "DryRunOperation"
_NOWHERE: Final = {
    "IpProtocol": "tcp",
    "FromPort": 1,
    "ToPort": 1,
    "IpRanges": [{"CidrIp": "127.0.0.1/32", "Description": "gatekeeper doctor"}],
}
"""A rule that lets nobody in."""
_OURS: Final = {"Key": MANAGED, "Value": "true"}


class Probe(NamedTuple):
    """One IAM action, whether it is allowed, and AWS's words where it is not."""

    action: str
    answer: Answer
    detail: str = ""


def probe_reads(connection: Connection) -> Iterator[Probe]:
    """Every read that a collection makes, with the smallest page."""
    ec2, elbv2 = connection.client("ec2"), connection.client("elbv2")
    elb = connection.client("elb")
    lists: list[Any] = []
    balancers: list[Any] = []

    def read_lists() -> None:
        lists.extend(ec2.describe_managed_prefix_lists(MaxResults=5)["PrefixLists"])

    def read_balancers() -> None:
        balancers.extend(elbv2.describe_load_balancers(PageSize=5)["LoadBalancers"])

    yield _tried("ec2:DescribeAddresses", ec2.describe_addresses)
    yield _tried(
        "ec2:DescribeNetworkInterfaces", lambda: ec2.describe_network_interfaces(MaxResults=5)
    )
    yield _tried("ec2:DescribeSecurityGroups", lambda: ec2.describe_security_groups(MaxResults=5))
    yield _tried("ec2:DescribeVpcs", lambda: ec2.describe_vpcs(MaxResults=5))
    yield _tried("ec2:DescribeManagedPrefixLists", read_lists)
    action = "ec2:GetManagedPrefixListEntries"
    if lists:
        name = lists[0]["PrefixListId"]
        yield _tried(
            action, lambda: ec2.get_managed_prefix_list_entries(PrefixListId=name, MaxResults=5)
        )
    else:
        yield Probe(action, "not tried", "no prefix list to try it on")
    yield _tried("elasticloadbalancing:DescribeLoadBalancers", read_balancers)
    action = "elasticloadbalancing:DescribeListeners"
    if balancers:
        arn = balancers[0]["LoadBalancerArn"]
        yield _tried(action, lambda: elbv2.describe_listeners(LoadBalancerArn=arn, PageSize=5))
    else:
        yield Probe(action, "not tried", "no load balancer to try it on")
    yield _tried(
        "elasticloadbalancing:DescribeLoadBalancers (classic)",
        lambda: elb.describe_load_balancers(PageSize=5),
    )


def probe_authors(connection: Connection) -> Iterator[Probe]:
    """What only names the authors of changes; gatekeeper does without."""
    action = "cloudtrail:LookupEvents"
    probe = _tried(action, lambda: connection.reader("cloudtrail").lookup_events(MaxResults=1))
    if probe.answer != "ok":
        probe = Probe(action, "not tried", f"optional, names who changed what; {probe.detail}")
    yield probe


def probe_changes(connection: Connection) -> Iterator[Probe]:
    """Every change that apply makes, as a DryRun on the first object that there is."""
    ec2 = connection.client("ec2")
    group, gate, interface = _first_objects(ec2)
    vpc_id = group["VpcId"] if group is not None else None
    on_group: dict[str, Callable[[str], Any]] = {
        "ec2:AuthorizeSecurityGroupIngress": lambda name: ec2.authorize_security_group_ingress(
            GroupId=name, IpPermissions=[_NOWHERE], DryRun=True
        ),
        "ec2:RevokeSecurityGroupIngress": lambda name: ec2.revoke_security_group_ingress(
            GroupId=name, IpPermissions=[_NOWHERE], DryRun=True
        ),
    }
    # Tags are allowed on what is made in the same call alone, so one call tells of both actions.
    for action in ("ec2:CreateSecurityGroup", "ec2:CreateTags"):
        if vpc_id is None:
            yield Probe(action, "not tried", "no VPC with a security group to try it on")
        else:
            yield _dry(
                action,
                lambda: ec2.create_security_group(
                    GroupName="gatekeeper-doctor",
                    Description="dry run",
                    VpcId=vpc_id,
                    TagSpecifications=[{"ResourceType": "security-group", "Tags": [_OURS]}],
                    DryRun=True,
                ),
            )
    for action, call in on_group.items():
        if group is None:
            yield Probe(action, "not tried", "no security group to try it on")
        else:
            yield _dry(action, lambda call=call: call(group["GroupId"]))  # type: ignore[misc]
    action = "ec2:RevokeSecurityGroupEgress"
    if gate is None:
        yield Probe(action, "not tried", "no group of ours to try it on")
    else:
        name = gate["GroupId"]
        yield _dry(
            action,
            lambda: ec2.revoke_security_group_egress(
                GroupId=name, IpPermissions=[_NOWHERE], DryRun=True
            ),
        )
    action = "ec2:ModifyNetworkInterfaceAttribute"
    if interface is None:
        yield Probe(action, "not tried", "no interface of our own to try it on")
    else:
        groups = [held["GroupId"] for held in interface["Groups"]]
        yield _dry(
            action,
            lambda: ec2.modify_network_interface_attribute(
                NetworkInterfaceId=interface["NetworkInterfaceId"], Groups=groups, DryRun=True
            ),
        )
    for action in (
        "elasticloadbalancing:SetSecurityGroups",
        "elasticloadbalancing:ApplySecurityGroupsToLoadBalancer",
    ):
        yield Probe(action, "not tried", "the load balancers' API has no DryRun")


def _first_objects(ec2: Any) -> tuple[Any, Any, Any]:
    """A security group, one that we made, an interface that is ours to change; else ``None``."""
    made = [{"Name": f"tag:{_OURS['Key']}", "Values": [_OURS["Value"]]}]
    try:
        groups = ec2.describe_security_groups(MaxResults=5)["SecurityGroups"]
        gates = ec2.describe_security_groups(MaxResults=5, Filters=made)["SecurityGroups"]
        interfaces = ec2.describe_network_interfaces(MaxResults=50)["NetworkInterfaces"]
    except EXPECTED:
        return None, None, None
    ours = (one for one in interfaces if not one.get("RequesterManaged") and one.get("Groups"))
    return next(iter(groups), None), next(iter(gates), None), next(ours, None)


def _tried(action: str, call: Callable[[], Any]) -> Probe:
    try:
        call()
    except EXPECTED as error:
        return _refused(action, error)
    return Probe(action, "ok")


def _dry(action: str, call: Callable[[], Any]) -> Probe:
    try:
        call()
    except EXPECTED as error:
        return _refused(action, error)
    return Probe(action, "unknown", "the endpoint ignores DryRun; is it AWS?")


def _refused(action: str, error: Exception) -> Probe:
    fault = translate(error, action)
    if fault.code == _ALLOWED:
        return Probe(action, "ok")
    return Probe(action, "missing" if fault.code in _DENIED else "unknown", fault.message)
