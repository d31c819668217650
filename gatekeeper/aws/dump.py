"""Account states from a folder of AWS CLI answers, one folder an account; no AWS call, no boto3.

The files are named in ``_FILES`` and below.  A file that is not there was not asked for, so its
facts are unknown and the account is partial, unless the folder holds a file named ``complete``.
Prefix lists and listeners are read only where a rule or a load balancer needs them, as a live
collection does.
"""

from __future__ import annotations

import json
import os
import re
import stat
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple, TypeVar

from gatekeeper.account import (
    AccountState,
    Failure,
    Listener,
    LoadBalancer,
    PrefixList,
    unreadable,
)
from gatekeeper.aws import answers
from gatekeeper.aws.answers import Answer, AnswerError
from gatekeeper.aws.assemble import LISTS, account_state, listeners_needed, prefix_lists_named
from gatekeeper.errors import DumpError

MAX_BYTES: Final = 512 * 1024 * 1024
"""A file beyond this is refused: no answer of one account comes near it."""

Value = TypeVar("Value")


class _File(NamedTuple):
    operation: str
    name: str
    key: str


_ADDRESSES: Final = _File("DescribeAddresses", "describe-addresses.json", "Addresses")
_INTERFACES: Final = _File(
    "DescribeNetworkInterfaces", "describe-network-interfaces.json", "NetworkInterfaces"
)
_GROUPS: Final = _File("DescribeSecurityGroups", "describe-security-groups.json", "SecurityGroups")
_VPCS: Final = _File("DescribeVpcs", "describe-vpcs.json", "Vpcs")
_BALANCERS: Final = _File(
    "elbv2:DescribeLoadBalancers", "elbv2-describe-load-balancers.json", "LoadBalancers"
)
_CLASSIC: Final = _File(
    "elb:DescribeLoadBalancers", "elb-describe-load-balancers.json", "LoadBalancerDescriptions"
)
_LISTENERS: Final = _File("elbv2:DescribeListeners", "elbv2-describe-listeners.json", "Listeners")
_PREFIX_LISTS: Final = _File(
    "DescribeManagedPrefixLists", "describe-managed-prefix-lists.json", "PrefixLists"
)
_MARKERS: Final = ("NextToken", "NextMarker")


def read_dump(
    folder: Path, region: str, accounts: Iterable[str] | None = None
) -> Iterator[AccountState]:
    """The state of each account in the folder, in the order of their ids.

    With ``accounts`` only these; one that the folder lacks is unreadable.

    Raises:
        DumpError: there is no such folder, or no folder of an account in it.
    """
    try:
        found = {
            entry.name: Path(entry.path)
            for entry in os.scandir(folder)
            if re.fullmatch(r"[0-9]{12}", entry.name) and entry.is_dir()
        }
    except OSError as error:
        raise DumpError(
            f"{folder}: cannot read the dump: {error.strerror}; name a folder that holds one"
            " folder for each account id",
            zh=f"{folder}：无法读取转储目录：{error.strerror}；请指定按账号分子目录的文件夹",
        ) from error
    wanted = sorted(found if accounts is None else set(accounts))
    if not any(account_id in found for account_id in wanted):
        raise DumpError(
            f"{folder}: holds no folder of "
            + (f"account {', '.join(wanted)}" if accounts is not None else "any account")
            + "; each account's answers belong in a folder named by its 12 digits",
            zh=f"{folder}：没有"
            + (f"账号 {'、'.join(wanted)} 的" if accounts is not None else "任何账号的")
            + "子目录；每个账号的应答应放在以其 12 位账号命名的子目录中",
        )
    return (_read_account(found.get(one), one, region, folder) for one in wanted)


def _read_account(path: Path | None, account_id: str, region: str, folder: Path) -> AccountState:
    if path is None:
        message = f"{folder} holds no folder {account_id}"
        return unreadable(
            account_id, region, *(Failure(name, "NotRead", message) for name in LISTS)
        )
    return _Account(path, account_id, region).read()


class _NotReadError(Exception):
    """A file that gives no answer, and why."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class _Account:
    """One account's folder; every read that ends badly is kept as a failure."""

    def __init__(self, path: Path, account_id: str, region: str) -> None:
        self._path = path
        self._account_id = account_id
        self._region = region
        self._complete = (path / "complete").is_file()
        self._failures: list[Failure] = []

    def read(self) -> AccountState:
        groups = self._list(_GROUPS, answers.security_group)
        addresses = self._list(_ADDRESSES, answers.address)
        interfaces = self._list(_INTERFACES, answers.interface)
        vpcs = self._list(_VPCS, answers.vpc)
        balancers = self._with_listeners(self._list(_BALANCERS, answers.load_balancer))
        classic = self._list(_CLASSIC, self._classic)
        owners = {one.owner_id for one in groups} | {one.owner_id for one in interfaces}
        if self._account_id not in owners:
            # A recording whose ids were made anonymous: nothing in it is told from the rest.
            groups = [one._replace(owner_id="") for one in groups]
            interfaces = [one._replace(owner_id="") for one in interfaces]
        return account_state(
            self._account_id,
            self._region,
            addresses=[one for one in addresses if one is not None],
            interfaces=interfaces,
            groups=groups,
            vpcs=vpcs,
            prefix_lists=self._prefix_lists(prefix_lists_named(groups)),
            load_balancers=[*balancers, *classic],
            failures=self._failures,
        )

    def _classic(self, item: Answer) -> LoadBalancer:
        return answers.classic_load_balancer(
            item,
            account_id=self._account_id,
            region=self._region,
            partition=answers.partition_of(self._region),
        )

    def _list(
        self, file: _File, value: Callable[[Answer], Value], resource: str | None = None
    ) -> list[Value]:
        return self._each(file, value, self._answer(file, resource), resource)

    def _each(
        self,
        file: _File,
        value: Callable[[Answer], Value],
        items: Iterable[Answer] | None,
        resource: str | None = None,
    ) -> list[Value]:
        """The values of the items; the good ones are kept where others are malformed."""
        values: list[Value] = []
        problem: AnswerError | None = None
        for item in items or ():
            try:
                values.append(value(item))
            except AnswerError as error:
                problem = problem or error
        if problem is not None:
            self._fail(file, "Malformed", f"{file.name}: {problem}", resource)
        return values

    def _answer(self, file: _File, resource: str | None = None) -> list[Answer] | None:
        """The objects of the file's list; ``None`` where the file gives no answer."""
        try:
            content = _load(self._path / file.name)
            if content is None:
                if self._complete:
                    return []
                raise _NotReadError("NotRead", f"{file.name} is not in the dump")
            found = answers.members(content, file.key)
            left = next((key for key in _MARKERS if content.get(key)), None)
            if left is not None:
                raise _NotReadError("Truncated", f"{file.name} has a {left}: more pages follow")
        except AnswerError as error:
            self._fail(file, "Malformed", f"{file.name}: {error}", resource)
        except _NotReadError as error:
            self._fail(file, error.code, error.message, resource)
        else:
            return found
        return None

    def _fail(self, file: _File, code: str, message: str, resource: str | None) -> None:
        self._failures.append(Failure(file.operation, code, message, resource))

    def _prefix_lists(self, named: tuple[str, ...]) -> list[PrefixList]:
        if not named:
            return []
        described = dict(
            self._list(_PREFIX_LISTS, lambda item: (answers.text(item, "PrefixListId"), item))
        )
        known = (self._prefix_list(list_id, described.get(list_id)) for list_id in named)
        return [one for one in known if one is not None]

    def _prefix_list(self, list_id: str, item: Answer | None) -> PrefixList | None:
        """The list; ``None`` where neither file knows it.

        Entries of a list that is not described are facts all the same.
        """
        if not re.fullmatch(r"pl-[0-9a-zA-Z]+", list_id):
            return None
        file = _File(
            "GetManagedPrefixListEntries",
            f"get-managed-prefix-list-entries/{list_id}.json",
            "Entries",
        )
        entries: tuple[str, ...] | None = None
        found = self._answer(file, list_id)
        try:
            if found is not None:
                entries = answers.prefix_list_entries(found)
            if item is not None:
                return answers.prefix_list(item, entries)
            family = answers.entries_family(list_id, entries)
            return PrefixList(list_id, "", family, None, entries) if family else None
        except AnswerError as error:
            self._fail(file, "Malformed", f"{file.name}: {error}", list_id)
            return None

    def _with_listeners(self, balancers: list[LoadBalancer]) -> list[LoadBalancer]:
        needed = {one.arn for one in listeners_needed(balancers)}
        if not needed:
            return balancers
        items = self._answer(_LISTENERS)
        if items is None:
            return balancers
        before = len(self._failures)
        pairs = self._each(
            _LISTENERS,
            lambda item: (answers.text(item, "LoadBalancerArn"), answers.listener(item)),
            items,
        )
        if len(self._failures) > before:
            return balancers
        empty_is_meant = self._complete or (not items and len(needed) == 1)
        read: dict[str, list[Listener]] = {arn: [] for arn in needed if empty_is_meant}
        for arn, one in pairs:
            read.setdefault(arn, []).append(one)
        for arn in sorted(needed - read.keys()):
            message = f"{_LISTENERS.name} has no listener of {arn}"
            self._fail(_LISTENERS, "NotRead", message, arn)
        return [
            one._replace(listeners=tuple(read[one.arn]))
            if one.arn in needed and one.arn in read
            else one
            for one in balancers
        ]


def _load(path: Path) -> Any:
    """The JSON of a regular file; ``None`` where there is none."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise _NotReadError("Unreadable", f"{path.name}: {error.strerror}") from error
    try:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode):
            raise _NotReadError("Unreadable", f"{path.name} is no regular file")
        if found.st_size > MAX_BYTES:
            raise _NotReadError(
                "TooLarge", f"{path.name} has {found.st_size:,} bytes, more than {MAX_BYTES:,}"
            )
        with os.fdopen(descriptor, "rb", closefd=False) as stream:
            content = stream.read(MAX_BYTES + 1)
    finally:
        os.close(descriptor)
    try:
        return json.loads(content)
    except json.JSONDecodeError as error:
        code = "Truncated" if not error.doc[error.pos :].strip() else "Malformed"
        raise _NotReadError(code, f"{path.name} is no JSON: {error}") from error
    except (ValueError, RecursionError) as error:
        raise _NotReadError("Malformed", f"{path.name} is no JSON: {error}") from error
