"""The few EC2 calls that a collection makes, described for botocore.

botocore's own description of EC2 has some seven hundred calls; loading it takes longer than
reading a small account, and tens of megabytes.  A test holds this one to the installed botocore's.
"""

from __future__ import annotations

from pathlib import PurePath
from typing import Any, Final

from botocore.loaders import Loader

_SERVICES: Final = frozenset({"ec2", "elb", "elbv2", "sts"})


def _text_list(name: str) -> dict[str, Any]:
    return {"type": "list", "member": {"shape": "String", "locationName": name}}


def _structure(**members: tuple[str, str | None]) -> dict[str, Any]:
    """Members as ``Name=(shape, location name)``."""
    return {
        "type": "structure",
        "members": {
            member: {"shape": shape} | ({"locationName": name} if name else {})
            for member, (shape, name) in members.items()
        },
    }


_PAGED: Final = {"MaxResults": ("Integer", None), "NextToken": ("String", None)}
_FILTERED: Final = {"Filters": ("FilterList", "Filter")}

_REQUESTS: Final = {
    "DescribeAddresses": _structure(
        PublicIps=("PublicIpStringList", "PublicIp"),
        AllocationIds=("AllocationIdList", "AllocationId"),
        **_FILTERED,
    ),
    "DescribeManagedPrefixLists": _structure(**_FILTERED, **_PAGED),
    "DescribeNetworkInterfaces": _structure(
        **_PAGED,
        NetworkInterfaceIds=("NetworkInterfaceIdList", "NetworkInterfaceId"),
        Filters=("FilterList", "filter"),
    ),
    "DescribeSecurityGroups": _structure(
        GroupIds=("GroupIdStringList", "GroupId"), **_PAGED, **_FILTERED
    ),
    "DescribeVpcs": _structure(**_FILTERED, VpcIds=("VpcIdStringList", "VpcId"), **_PAGED),
    "GetManagedPrefixListEntries": _structure(PrefixListId=("String", None), **_PAGED),
}

_RESULTS: Final = {
    "DescribeManagedPrefixLists": _structure(
        NextToken=("String", "nextToken"), PrefixLists=("ManagedPrefixListSet", "prefixListSet")
    ),
    "GetManagedPrefixListEntries": _structure(
        Entries=("PrefixListEntrySet", "entrySet"), NextToken=("String", "nextToken")
    ),
}

EC2_READS: Final[dict[str, Any]] = {
    "version": "2.0",
    "metadata": {
        "apiVersion": "2016-11-15",
        "endpointPrefix": "ec2",
        "protocol": "ec2",
        "protocols": ["ec2"],
        "serviceFullName": "Amazon Elastic Compute Cloud",
        "serviceId": "EC2",
        "signatureVersion": "v4",
        "uid": "ec2-2016-11-15",
        "xmlNamespace": "http://ec2.amazonaws.com/doc/2016-11-15",
        "auth": ["aws.auth#sigv4"],
    },
    "operations": {
        operation: {
            "name": operation,
            "http": {"method": "POST", "requestUri": "/"},
            "input": {"shape": f"{operation}Request"},
            "output": {"shape": f"{operation}Result"},
        }
        for operation in _REQUESTS
    },
    "shapes": {
        "String": {"type": "string"},
        "Integer": {"type": "integer"},
        "PublicIpStringList": _text_list("PublicIp"),
        "AllocationIdList": _text_list("AllocationId"),
        "NetworkInterfaceIdList": _text_list("item"),
        "GroupIdStringList": _text_list("groupId"),
        "VpcIdStringList": _text_list("VpcId"),
        "ValueStringList": _text_list("item"),
        "FilterList": {"type": "list", "member": {"shape": "Filter", "locationName": "Filter"}},
        "Filter": _structure(Name=("String", None), Values=("ValueStringList", "Value")),
        "ManagedPrefixListSet": {
            "type": "list",
            "member": {"shape": "ManagedPrefixList", "locationName": "item"},
        },
        "ManagedPrefixList": _structure(
            PrefixListId=("String", "prefixListId"),
            AddressFamily=("String", "addressFamily"),
            PrefixListName=("String", "prefixListName"),
            MaxEntries=("Integer", "maxEntries"),
        ),
        "PrefixListEntrySet": {
            "type": "list",
            "member": {"shape": "PrefixListEntry", "locationName": "item"},
        },
        "PrefixListEntry": _structure(Cidr=("String", "cidr")),
    }
    | {f"{operation}Request": shape for operation, shape in _REQUESTS.items()}
    | {f"{operation}Result": _RESULTS.get(operation, _structure()) for operation in _REQUESTS},
}


class SlimLoader(Loader):  # type: ignore[misc]
    """botocore's loader, with our EC2, and without a walk over every service's folder."""

    def load_service_model(
        self, service_name: str, type_name: str, api_version: str | None = None
    ) -> Any:
        if service_name == "ec2" and type_name == "service-2":
            return EC2_READS
        if service_name not in _SERVICES:
            return super().load_service_model(service_name, type_name, api_version)
        version = api_version or self.determine_latest_version(service_name, type_name)
        return self.load_data(str(PurePath(service_name, version, type_name)))
