"""What a message of the queue says was touched: CloudTrail's record of one API call.

EventBridge sends the record as ``detail`` of its envelope; a topic in between wraps that once more
("Amazon EventBridge User Guide", events from AWS services; "AWS CloudTrail User Guide", record
contents).  EC2 and Elastic Load Balancing spell their parameters in three ways: ``groupId``,
``{"items": [{"groupId": …}]}``, and for younger EC2 calls ``{"XRequest": {"GroupId": …}}``.  So ids
are looked for by the name of their key, whatever its case, wherever it stands.

A message is anybody's text.  Nothing of it is believed but which objects to look at: what is so is
read from AWS, and an id that is not written as AWS writes it counts as absent.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, Literal, NamedTuple

from gatekeeper.errors import AccountError

MOST_BYTES: Final = 1024 * 1024
"""No message of SQS is larger (AWS, "Amazon SQS message quotas")."""

_MOST_VALUES: Final = 50_000
_DEEPEST: Final = 24
_LONGEST_NAME: Final = 256
"""A session's ARN has at most some 180 characters."""

Kind = Literal["groups", "interfaces", "instances", "balancers", "addresses", "prefix_lists"]


class PoisonMessage(AccountError):
    """A message that will never make sense, however often it is delivered."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Touched:
    """One API call, and the objects whose reachability it may have changed.

    ``addresses`` are allocation ids, association ids or public IPs, ``balancers`` ARNs or names.
    A call that failed, or that changes no reachability, touches nothing.
    """

    event_id: str
    account_id: str
    region: str
    at: datetime
    name: str
    """The call, as ``AuthorizeSecurityGroupIngress``."""
    actor: str
    """The caller's ARN; of an assumed role it ends in the session's name."""
    groups: frozenset[str] = frozenset()
    interfaces: frozenset[str] = frozenset()
    instances: frozenset[str] = frozenset()
    balancers: frozenset[str] = frozenset()
    addresses: frozenset[str] = frozenset()
    prefix_lists: frozenset[str] = frozenset()

    @property
    def names(self) -> frozenset[str]:
        """Every object that it touched."""
        return frozenset().union(
            self.groups,
            self.interfaces,
            self.instances,
            self.balancers,
            self.addresses,
            self.prefix_lists,
        )


def parse_event(body: str) -> Touched:
    """What a message's body says.

    Raises:
        PoisonMessage: it is no record of an API call; the reason is named.
    """
    record = _record(body)
    source = _text(record, "eventSource").partition(".")[0]
    name = _matched(record, "eventName", _NAME)
    error = record.get("errorCode")
    wanted = _CALLS.get((source, name), ()) if error in (None, "") else ()
    found: dict[Kind, set[str]] = {kind: set() for kind in wanted}
    for part in ("requestParameters", "responseElements") if wanted else ():
        for kind, one in _ids(_mapping(record, part)):
            if kind in found:
                found[kind].add(one)
    return Touched(
        event_id=_matched(record, "eventID", _EVENT_ID),
        account_id=_account(record),
        region=_matched(record, "awsRegion", _REGION),
        at=_time(_text(record, "eventTime")),
        name=name,
        actor=_actor(_mapping(record, "userIdentity")),
        **{kind: frozenset(ids) for kind, ids in found.items()},
    )


# --- the envelope


def _record(body: str) -> dict[str, Any]:
    """CloudTrail's record, out of whatever it came in; the envelope's account where it lacks one.

    Raises:
        PoisonMessage: there is none in it.
    """
    outer = _object(body, "the message")
    if isinstance(outer.get("Message"), str) and "detail" not in outer:
        outer = _object(outer["Message"], "the notification")
    if "detail" in outer:
        if not isinstance(outer["detail"], dict):
            raise _poison("its detail is no object", "detail 不是对象")
        record: dict[str, Any] = outer["detail"]
        for key, name in (("account", "recipientAccountId"), ("region", "awsRegion")):
            if name not in record and isinstance(outer.get(key), str):
                record = {**record, name: outer[key]}
    elif "eventName" in outer:
        record = outer
    else:
        raise _poison(
            "it has no detail, and is no CloudTrail record", "既无 detail 也不是 CloudTrail 记录"
        )
    return record


def _object(text: str, what: str) -> dict[str, Any]:
    if len(text) > MOST_BYTES or len(text.encode("utf-8", "replace")) > MOST_BYTES:
        raise _poison(f"{what} has more than {MOST_BYTES} bytes", f"消息超过 {MOST_BYTES} 字节")
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        raise _poison(f"{what} is not JSON", "消息不是有效的 JSON") from None
    if not isinstance(found, dict):
        raise _poison(f"{what} is no JSON object", "消息不是 JSON 对象")
    return found


def _poison(why: str, why_zh: str) -> PoisonMessage:
    return PoisonMessage(
        f"the event cannot be read: {why}; check what the queue is fed with",
        zh=f"事件无法读取：{why_zh}；请检查队列的消息来源",
    )


def _text(record: Mapping[str, Any], key: str) -> str:
    value = record.get(key)
    if not isinstance(value, str) or not 0 < len(value) <= _LONGEST_NAME:
        raise _poison(f"its {key} is no text", f"{key} 不是文本")
    return value


def _matched(record: Mapping[str, Any], key: str, pattern: re.Pattern[str]) -> str:
    value = _text(record, key)
    if pattern.fullmatch(value) is None:
        raise _poison(f"its {key} is not written as AWS writes it", f"{key} 格式不正确")
    return value


def _mapping(record: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    """An object of the record; CloudTrail writes null where there is nothing to say."""
    value = record.get(key)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise _poison(f"its {key} is no object", f"{key} 不是对象")
    return value


def _account(record: Mapping[str, Any]) -> str:
    """The account whose objects they are: of the one that received the event, not of the caller."""
    if "recipientAccountId" in record:
        return _matched(record, "recipientAccountId", _ACCOUNT)
    return _matched(_mapping(record, "userIdentity"), "accountId", _ACCOUNT)


def _time(text: str) -> datetime:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise _poison("its eventTime is no time", "eventTime 不是时间") from None
    try:
        return (at if at.tzinfo else at.replace(tzinfo=UTC)).astimezone(UTC)
    except OverflowError:
        raise _poison("its eventTime is no time", "eventTime 不是时间") from None


def _actor(identity: Mapping[str, Any]) -> str:
    """Who called: the ARN, else whatever names the caller best."""
    for key in ("arn", "invokedBy", "userName", "principalId", "type"):
        value = identity.get(key)
        if isinstance(value, str) and value:
            return "".join(one for one in value[:_LONGEST_NAME] if one.isprintable())
    return ""


# --- the ids


class _Id(NamedTuple):
    kind: Kind
    pattern: re.Pattern[str]


_EVENT_ID: Final = re.compile(r"[0-9A-Za-z][0-9A-Za-z-]{7,63}")
_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9_]{1,127}")
_REGION: Final = re.compile(r"[a-z]{2}(?:-[a-z]+)+-[0-9]")
_ACCOUNT: Final = re.compile(r"[0-9]{12}")
_ADDRESS: Final = re.compile(
    r"eipalloc-[0-9a-f]{8,17}|eipassoc-[0-9a-f]{8,17}|(?:[0-9]{1,3}\.){3}[0-9]{1,3}"
)
_BALANCER: Final = re.compile(
    r"arn:aws[a-z-]*:elasticloadbalancing:[a-z0-9-]+:[0-9]{12}:loadbalancer/"
    r"(?:(?:app|net|gwy)/[A-Za-z0-9-]{1,32}/[0-9a-f]{16}|[A-Za-z0-9-]{1,32})"
    r"|[A-Za-z0-9-]{1,32}"
)


def _resource(prefix: str) -> re.Pattern[str]:
    return re.compile(prefix + "-[0-9a-f]{8,17}")


_GROUP: Final = _Id("groups", _resource("sg"))
_INTERFACE: Final = _Id("interfaces", _resource("eni"))
_INSTANCE: Final = _Id("instances", _resource("i"))
_EIP: Final = _Id("addresses", _ADDRESS)
_LOAD_BALANCER: Final = _Id("balancers", _BALANCER)

_KEYS: Final[Mapping[str, _Id]] = {
    "groupid": _GROUP,
    "networkinterfaceid": _INTERFACE,
    "instanceid": _INSTANCE,
    "allocationid": _EIP,
    "associationid": _EIP,
    "publicip": _EIP,
    "loadbalancerarn": _LOAD_BALANCER,
    "loadbalancername": _LOAD_BALANCER,
    "prefixlistid": _Id("prefix_lists", _resource("pl")),
}
"""By the key's name in small letters."""

_OTHERS: Final = frozenset({"ippermissions", "referencedgroupinfo", "useridgrouppairs"})
"""Whatever stands in these belongs to a rule's source."""

_OF_GROUPS: Final[tuple[Kind, ...]] = ("groups",)
_OF_INTERFACES: Final[tuple[Kind, ...]] = ("interfaces",)
_OF_INSTANCES: Final[tuple[Kind, ...]] = ("instances",)
_OF_ADDRESSES: Final[tuple[Kind, ...]] = ("addresses",)
_OF_LISTS: Final[tuple[Kind, ...]] = ("prefix_lists",)
_OF_BALANCERS: Final[tuple[Kind, ...]] = ("balancers",)

_EC2: Final[Mapping[str, tuple[Kind, ...]]] = {
    "AuthorizeSecurityGroupIngress": _OF_GROUPS,
    "RevokeSecurityGroupIngress": _OF_GROUPS,
    "ModifySecurityGroupRules": _OF_GROUPS,
    "UpdateSecurityGroupRuleDescriptionsIngress": (),
    "CreateSecurityGroup": (),
    "DeleteSecurityGroup": _OF_GROUPS,
    "ModifyNetworkInterfaceAttribute": _OF_INTERFACES,
    "CreateNetworkInterface": _OF_INTERFACES,
    "DeleteNetworkInterface": _OF_INTERFACES,
    "AttachNetworkInterface": _OF_INTERFACES,
    "DetachNetworkInterface": _OF_INTERFACES,
    "AssignIpv6Addresses": _OF_INTERFACES,
    "AllocateAddress": _OF_ADDRESSES,
    "AssociateAddress": ("addresses", "interfaces", "instances"),
    "DisassociateAddress": _OF_ADDRESSES,
    "ReleaseAddress": _OF_ADDRESSES,
    "RunInstances": ("instances", "interfaces"),
    "StartInstances": _OF_INSTANCES,
    "TerminateInstances": _OF_INSTANCES,
    "ModifyInstanceAttribute": _OF_INSTANCES,
    "ModifyManagedPrefixList": _OF_LISTS,
    "RestoreManagedPrefixListVersion": _OF_LISTS,
}
_BALANCING: Final[Mapping[str, tuple[Kind, ...]]] = {
    "CreateLoadBalancer": _OF_BALANCERS,
    "DeleteLoadBalancer": _OF_BALANCERS,
    "SetSecurityGroups": _OF_BALANCERS,
    "SetSubnets": _OF_BALANCERS,
    "SetIpAddressType": _OF_BALANCERS,
    "ApplySecurityGroupsToLoadBalancer": _OF_BALANCERS,
    "AttachLoadBalancerToSubnets": _OF_BALANCERS,
}
_CALLS: Final[Mapping[tuple[str, str], tuple[Kind, ...]]] = {
    **{("ec2", name): kinds for name, kinds in _EC2.items()},
    **{("elasticloadbalancing", name): kinds for name, kinds in _BALANCING.items()},
}

HEEDED: Final = tuple(sorted(name for (_, name), kinds in _CALLS.items() if kinds))
"""The calls that make gatekeeper look, for the pattern of the EventBridge rule."""


def event_pattern(accounts: Sequence[str] = ()) -> dict[str, Any]:
    """The pattern of an EventBridge rule: CloudTrail's records of the calls that are heeded.

    Of these accounts, or of any.
    """
    services = sorted({service for service, _ in _CALLS})
    return {
        **({"account": list(accounts)} if accounts else {}),
        "source": [f"aws.{service}" for service in services],
        "detail-type": ["AWS API Call via CloudTrail"],
        "detail": {
            "eventSource": [f"{service}.amazonaws.com" for service in services],
            "eventName": list(HEEDED),
        },
    }


def _ids(value: Mapping[str, Any]) -> Iterator[tuple[Kind, str]]:
    """Every id in a part of a record, with what it is the id of.

    Raises:
        PoisonMessage: it is deeper or larger than any record of AWS.
    """
    left = _MOST_VALUES
    waiting: list[tuple[str, Any, int]] = [("", value, 0)]
    while waiting:
        key, item, depth = waiting.pop()
        left -= 1
        if left < 0 or depth > _DEEPEST:
            raise _poison("it is larger than any record of AWS", "内容规模超出 AWS 记录的范围")
        if isinstance(item, dict):
            waiting.extend(
                (name.lower(), inner, depth + 1)
                for name, inner in item.items()
                if name.lower() not in _OTHERS
            )
        elif isinstance(item, list):
            waiting.extend((key, inner, depth + 1) for inner in item)
        elif isinstance(item, str):
            known = _KEYS.get(key)
            if known is not None and known.pattern.fullmatch(item):
                yield known.kind, item
