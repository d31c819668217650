"""EC2's XML answers straight into account values.

An account can have tens of thousands of rules, and building botocore's dictionaries of every field
costs several times what the answer itself does.  The values equal those that ``answers`` makes of
botocore's dictionaries; a test holds the two together.

A body is read whole or not at all: anything but one well-formed document with the expected root
and list raises ``AnswerError``.
"""

from __future__ import annotations

import gc
import re
import threading
from collections.abc import Callable, Iterable
from typing import Final, Generic, NamedTuple, TypeVar
from xml.etree.ElementTree import Element, ParseError, XMLParser

from gatekeeper.account import Address, Association, Interface, Rule, SecurityGroup, Vpc
from gatekeeper.aws.answers import AnswerError, group_source, merge_associations, vpc_blocks
from gatekeeper.aws.cidr import canonical_ipv6, is_ipv4_cidr, is_ipv6_cidr

Value = TypeVar("Value")

_NAMESPACE: Final = re.compile(rb'(<\w+) xmlns="[^"]*"')
_UNREADABLE_RULES: Final = (Rule("", None, None, "malformed", ""),)


class Page(NamedTuple, Generic[Value]):
    """One page of a list: its values, and the token of the next page where there is one."""

    values: list[Value]
    token: str | None


class _Pause:
    """Keeps the garbage collector from walking every element of a page again and again.

    A page makes some hundred thousand objects and no cycle; reference counts free them.  Several
    threads may read at a time: the last one to end puts the collector back as it was.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._readers = 0
        self._was_enabled = False

    def __enter__(self) -> None:
        with self._lock:
            if not self._readers:
                self._was_enabled = gc.isenabled()
                gc.disable()
            self._readers += 1

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._readers -= 1
            if not self._readers and self._was_enabled:
                gc.enable()


_COLLECTOR_PAUSED: Final = _Pause()


def read_page(operation: str, body: bytes) -> Page[object]:
    """The values of one answer to ``operation``, which is one of ``OPERATIONS``.

    Raises:
        AnswerError: the body is not a whole answer to this operation.
    """
    with _COLLECTOR_PAUSED:
        return _read_page(operation, body)


def _read_page(operation: str, body: bytes) -> Page[object]:
    name, value = OPERATIONS[operation]
    root = _root(body)
    if root.tag != f"{operation}Response":
        raise AnswerError(f"the answer to {operation} is a document {root.tag!r}")
    items = root.find(name)
    if items is None:
        raise AnswerError(f"the answer to {operation} has no {name}")
    values = []
    for item in items:
        if item.tag != "item":
            raise AnswerError(f"the answer to {operation} holds {item.tag!r} in its list")
        one = value(item)
        if one is not None:
            values.append(one)
    return Page(values, root.findtext("nextToken") or None)


def _root(body: bytes) -> Element:
    """The document's root, without its namespace.

    EC2 sends UTF-8 without a document type.  Only a document type could declare entities, and
    only in another encoding could it hide from a search; Expat follows a byte order mark whatever
    encoding it is told.
    """
    start = body[:64].lstrip()
    if not start.startswith(b"<") or b"\0" in start:
        raise AnswerError("the answer is no XML in UTF-8")
    if b"<!DOCTYPE" in body:
        raise AnswerError("the answer declares a document type")
    head, rest = body[:1024], body[1024:]
    parser = XMLParser(encoding="utf-8")  # noqa: S314 - no document type gets here
    try:
        parser.feed(_NAMESPACE.sub(rb"\1", head, count=1))
        parser.feed(rest)
        root: Element = parser.close()
    except ParseError as error:
        raise AnswerError(f"the answer is no whole XML: {error}") from None
    return root


def _parts(item: Element) -> dict[str, Element]:
    return {part.tag: part for part in item}


def _text(parts: dict[str, Element], name: str) -> str:
    part = parts.get(name)
    return "" if part is None else part.text or ""


def _required(parts: dict[str, Element], name: str) -> str:
    found = _text(parts, name)
    if not found:
        raise AnswerError(f"{name} is missing")
    return found


_NOTHING: Final[tuple[Element, ...]] = ()


def _items(parts: dict[str, Element], name: str) -> Iterable[Element]:
    return parts.get(name, _NOTHING)


def _security_group(item: Element) -> SecurityGroup:
    parts = _parts(item)
    owner_id = _text(parts, "ownerId")
    inbound = parts.get("ipPermissions")
    return SecurityGroup(
        _required(parts, "groupId"),
        _text(parts, "groupName"),
        _text(parts, "vpcId"),
        owner_id,
        _UNREADABLE_RULES if inbound is None else _rules(inbound, owner_id),
        _rules(_items(parts, "ipPermissionsEgress"), owner_id),
        tuple(
            sorted(
                (tag.findtext("key") or "", tag.findtext("value") or "")
                for tag in _items(parts, "tagSet")
            )
        ),
        _text(parts, "groupDescription"),
    )


def _rules(permissions: Iterable[Element], owner_id: str) -> tuple[Rule, ...]:
    rules: list[Rule] = []
    add = rules.append
    for permission in permissions:
        parts = _parts(permission)
        protocol = _text(parts, "ipProtocol")
        sound = protocol != ""
        from_port = to_port = None
        try:
            if "fromPort" in parts:
                from_port = int(_text(parts, "fromPort"))
            if "toPort" in parts:
                to_port = int(_text(parts, "toPort"))
        except ValueError:
            sound = False
        before = len(rules)
        for entry in _items(parts, "ipRanges"):
            source = entry.findtext("cidrIp") or ""
            good = sound and is_ipv4_cidr(source)
            add(
                Rule(
                    protocol,
                    from_port,
                    to_port,
                    "ipv4" if good else "malformed",
                    source,
                    entry.findtext("description") or None,
                )
            )
        for entry in _items(parts, "ipv6Ranges"):
            source = entry.findtext("cidrIpv6") or ""
            good = sound and is_ipv6_cidr(source)
            add(
                Rule(
                    protocol,
                    from_port,
                    to_port,
                    "ipv6" if good else "malformed",
                    source,
                    entry.findtext("description") or None,
                )
            )
        for entry in _items(parts, "prefixListIds"):
            source = entry.findtext("prefixListId") or ""
            good = sound and source != ""
            add(
                Rule(
                    protocol,
                    from_port,
                    to_port,
                    "prefix_list" if good else "malformed",
                    source,
                    entry.findtext("description") or None,
                )
            )
        for entry in _items(parts, "groups"):
            group = entry.findtext("groupId") or entry.findtext("groupName") or ""
            source = group_source(group, entry.findtext("userId") or "", owner_id)
            good = sound and source != ""
            add(
                Rule(
                    protocol,
                    from_port,
                    to_port,
                    "group" if good else "malformed",
                    source,
                    entry.findtext("description") or None,
                )
            )
        if len(rules) == before:
            add(Rule(protocol, from_port, to_port, "malformed", ""))
    return tuple(rules)


def _interface(item: Element) -> Interface:
    parts = _parts(item)
    attachment = _parts(parts["attachment"]) if "attachment" in parts else {}
    private_ip = _text(parts, "privateIpAddress")
    requester_managed = _text(parts, "requesterManaged") == "true"
    requester_id = _text(parts, "requesterId")
    operator = parts.get("operator")
    if operator is not None and operator.findtext("managed") == "true":
        requester_managed = True
        requester_id = requester_id or operator.findtext("principal") or ""
    associations: list[Association | None] = [_association(parts.get("association"), private_ip)]
    associations += [
        _association(entry.find("association"), entry.findtext("privateIpAddress") or "")
        for entry in _items(parts, "privateIpAddressesSet")
    ]
    ipv6 = [_text(parts, "ipv6Address")]
    ipv6 += [entry.findtext("ipv6Address") or "" for entry in _items(parts, "ipv6AddressesSet")]
    groups = [group.findtext("groupId") or "" for group in _items(parts, "groupSet")]
    if "" in groups:
        raise AnswerError("groupId is missing")
    return Interface(
        _required(parts, "networkInterfaceId"),
        _text(parts, "vpcId"),
        _text(parts, "description"),
        _text(parts, "interfaceType") or "interface",
        requester_managed,
        requester_id,
        tuple(groups),
        merge_associations(associations),
        tuple(dict.fromkeys(canonical_ipv6(one) for one in ipv6 if one)),
        _text(attachment, "instanceId") or None,
        _text(attachment, "instanceOwnerId"),
        _text(parts, "ownerId"),
    )


def _association(found: Element | None, private_ip: str) -> Association | None:
    public_ip = None if found is None else found.findtext("publicIp")
    if found is None or not public_ip:
        return None
    return Association(
        public_ip,
        found.findtext("ipOwnerId") or "",
        found.findtext("allocationId") or None,
        private_ip or None,
    )


def _address(item: Element) -> Address | None:
    parts = _parts(item)
    public_ip = _text(parts, "publicIp")
    if not public_ip:
        if _text(parts, "carrierIp") or _text(parts, "customerOwnedIp"):
            return None
        raise AnswerError("an address has no publicIp")
    return Address(
        public_ip,
        _text(parts, "allocationId") or None,
        _text(parts, "associationId") or None,
        _text(parts, "networkInterfaceId") or None,
        _text(parts, "privateIpAddress") or None,
    )


def _vpc(item: Element) -> Vpc:
    parts = _parts(item)
    blocks = [_text(parts, "cidrBlock")]
    for name, block, state in (
        ("cidrBlockAssociationSet", "cidrBlock", "cidrBlockState/state"),
        ("ipv6CidrBlockAssociationSet", "ipv6CidrBlock", "ipv6CidrBlockState/state"),
    ):
        blocks += [
            entry.findtext(block) or ""
            for entry in _items(parts, name)
            if (entry.findtext(state) or "associated") == "associated"
        ]
    return Vpc(_required(parts, "vpcId"), vpc_blocks(blocks), _text(parts, "isDefault") == "true")


OPERATIONS: Final[dict[str, tuple[str, Callable[[Element], object]]]] = {
    "DescribeAddresses": ("addressesSet", _address),
    "DescribeNetworkInterfaces": ("networkInterfaceSet", _interface),
    "DescribeSecurityGroups": ("securityGroupInfo", _security_group),
    "DescribeVpcs": ("vpcSet", _vpc),
}
"""What this module reads: the operation, the name of its list, and one value of it."""
