"""Live accounts: each list by its pages, all lists at the same time, and never a call a resource.

A call that fails leaves what was read before it, and a failure that says so.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from functools import partial
from itertools import islice
from typing import Any, Final, TypeVar

from gatekeeper.account import (
    AccountState,
    Failure,
    LoadBalancer,
    PrefixList,
    SecurityGroup,
    unreadable,
)
from gatekeeper.aws import answers
from gatekeeper.aws.answers import Answer, AnswerError
from gatekeeper.aws.assemble import LISTS, account_state, listeners_needed, prefix_lists_named
from gatekeeper.aws.ec2xml import OPERATIONS, Page
from gatekeeper.aws.faults import EXPECTED, failure
from gatekeeper.aws.permissions import needs
from gatekeeper.aws.replies import page_of
from gatekeeper.aws.session import AccountTarget, Connection, Gateway, Patience
from gatekeeper.aws.turns import turns_of
from gatekeeper.errors import AwsError

Value = TypeVar("Value")
Progress = Callable[[str, str, int], None]
"""Called after each page with the account, the operation and how many objects the page had."""

MAX_PAGES: Final = 2000
"""More pages than that is a loop, not an account."""

ATTEMPTS_TO_READ: Final = 3
"""How often a page is asked for that arrives but cannot be read; botocore retries the rest."""

_EC2_PAGE: Final = 1000
_BALANCER_PAGE: Final = 400
_PREFIX_LIST_PAGE: Final = 100
_THREADS: Final = len(LISTS)

_log = logging.getLogger(__name__)


def collect(connection: Connection, *, progress: Progress | None = None) -> AccountState:
    """The account's state, by read-only calls.

    Everything that goes wrong is in the state; nothing is raised for it.
    """
    return Collection(connection, progress).run()


def collect_many(
    targets: Iterable[AccountTarget],
    region: str,
    *,
    workers: int = 8,
    progress: Progress | None = None,
    patience: Patience | None = None,
) -> Iterator[AccountState]:
    """The states of several accounts as they come; an account that fails is unreadable.

    Raises:
        AwsError: a target without an account id cannot be opened, so nothing can be said of it.
    """
    gateway = Gateway(region, patience=patience)
    waiting = iter(targets)
    with ThreadPoolExecutor(workers, thread_name_prefix="account") as pool:
        running: set[Future[AccountState]] = set()

        def start(count: int) -> None:
            for target in islice(waiting, count):
                running.add(pool.submit(read_account, gateway, target, progress))

        start(workers)
        try:
            while running:
                done, running = wait(running, return_when=FIRST_COMPLETED)
                start(len(done))
                for future in done:
                    yield future.result()
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def read_account(
    gateway: Gateway, target: AccountTarget, progress: Progress | None = None
) -> AccountState:
    """The state of one account; one that cannot be entered is unreadable.

    Raises:
        AwsError: it cannot be entered, and without an account id nothing can be said of it.
    """
    try:
        with gateway.open(target) as connection:
            return collect(connection, progress=progress)
    except AwsError as error:
        if target.account_id is None:
            raise
        return unreadable(
            target.account_id, gateway.region, failure(error, error.operation, target.role_arn)
        )
    except Exception as error:
        if target.account_id is None:
            raise
        # A defect of ours met in one account must not hide the state of all others.
        _log.exception("account %s could not be read", target.account_id)
        return unreadable(
            target.account_id,
            gateway.region,
            Failure("GetCallerIdentity", "Internal", f"{type(error).__name__}: see the log"),
        )


@needs("ec2:DescribeSecurityGroups")
def collect_groups(connection: Connection, group_ids: Iterable[str]) -> tuple[SecurityGroup, ...]:
    """The groups of these ids that exist, as they are now.

    Raises:
        AwsError: the call failed for another reason than that a group is gone.
    """
    groups: list[SecurityGroup] = []
    wanted = iter(dict.fromkeys(group_ids))
    while batch := list(islice(wanted, 200)):
        # By filter, because a group that is gone then just does not come back.
        reader = Collection(connection, None)
        filters = [{"Name": "group-id", "Values": batch}]
        groups += reader.ec2("DescribeSecurityGroups", Filters=filters, MaxResults=_EC2_PAGE)
        for fault in reader.failures:
            message = f"{fault.operation}: {fault.code}: {fault.message}"
            raise AwsError(message, operation=fault.operation, code=fault.code)
    return tuple(groups)


class Collection:
    """One account's reads, whole or in part; threads append to ``failures``, which lists allow."""

    def __init__(self, connection: Connection, progress: Progress | None) -> None:
        self.failures: list[Failure] = []
        self._connection = connection
        self._account_id = connection.account_id
        self._progress = progress
        self._turns = turns_of(connection.account_id, connection.region)

    def run(self) -> AccountState:
        for service in ("ec2", "elbv2", "elb"):
            self._connection.reader(service)
        with ThreadPoolExecutor(_THREADS, thread_name_prefix=self._account_id) as pool:
            groups = pool.submit(self._groups)
            interfaces = pool.submit(self._interfaces)
            addresses = pool.submit(self._addresses)
            balancers = pool.submit(self.balancers)
            classic = pool.submit(self.classic_balancers)
            vpcs = pool.submit(self._vpcs)
            prefix_lists = self.prefix_lists(pool, prefix_lists_named(groups.result()))
            listened = self.with_listeners(pool, balancers.result())
        return account_state(
            self._account_id,
            self._connection.region,
            addresses=addresses.result(),
            interfaces=interfaces.result(),
            groups=groups.result(),
            vpcs=vpcs.result(),
            prefix_lists=prefix_lists,
            load_balancers=[*listened, *classic.result()],
            failures=self.faults(),
        )

    def faults(self) -> list[Failure]:
        """The failures in their order: whole lists first."""
        order = {name: number for number, name in enumerate(LISTS)}
        return sorted(
            self.failures,
            key=lambda one: (order.get(one.operation, 9), one.operation, one.resource or ""),
        )

    # --- EC2

    @needs("ec2:DescribeSecurityGroups")
    def _groups(self) -> list[Any]:
        return self.ec2("DescribeSecurityGroups", MaxResults=_EC2_PAGE)

    @needs("ec2:DescribeNetworkInterfaces")
    def _interfaces(self) -> list[Any]:
        return self.ec2("DescribeNetworkInterfaces", MaxResults=_EC2_PAGE)

    @needs("ec2:DescribeAddresses")
    def _addresses(self) -> list[Any]:
        return self.ec2("DescribeAddresses")

    @needs("ec2:DescribeVpcs")
    def _vpcs(self) -> list[Any]:
        return self.ec2("DescribeVpcs", MaxResults=_EC2_PAGE)

    def ec2(self, operation: str, **request: Any) -> list[Any]:
        """Every value of a list that ``ec2xml`` reads."""
        method = _METHODS[operation]
        client = self._connection.reader("ec2")

        def page(token: str | None) -> Page[Any]:
            more = {"NextToken": token} if token else {}
            return page_of(getattr(client, method)(**request, **more))

        return self._pages(operation, page)

    @needs("ec2:DescribeManagedPrefixLists")
    def prefix_lists(self, pool: ThreadPoolExecutor, named: tuple[str, ...]) -> list[PrefixList]:
        """The named lists; one that AWS does not know is left out, and its rules stay unknown."""
        described: list[Answer] = []
        client = self._connection.reader("ec2")
        for start in range(0, len(named), _PREFIX_LIST_PAGE):
            batch = list(named[start : start + _PREFIX_LIST_PAGE])

            def page(token: str | None, batch: list[str] = batch) -> Page[Answer]:
                reply = client.describe_managed_prefix_lists(
                    Filters=[{"Name": "prefix-list-id", "Values": batch}],
                    MaxResults=_PREFIX_LIST_PAGE,
                    **({"NextToken": token} if token else {}),
                )
                return Page(answers.members(reply, "PrefixLists"), reply.get("NextToken"))

            described += self._pages("DescribeManagedPrefixLists", page)
        wanted = [item for item in described if item.get("PrefixListId") in named]
        return [one for one in pool.map(self._prefix_list, wanted) if one is not None]

    @needs("ec2:GetManagedPrefixListEntries")
    def _prefix_list(self, item: Answer) -> PrefixList | None:
        operation = "GetManagedPrefixListEntries"
        list_id = answers.text(item, "PrefixListId")
        client = self._connection.reader("ec2")

        def page(token: str | None) -> Page[Answer]:
            reply = client.get_managed_prefix_list_entries(
                PrefixListId=list_id,
                MaxResults=_PREFIX_LIST_PAGE,
                **({"NextToken": token} if token else {}),
            )
            return Page(answers.members(reply, "Entries"), reply.get("NextToken"))

        failed = len(self.failures)
        entries = self._pages(operation, page, list_id)
        known = not any(one.resource == list_id for one in self.failures[failed:])
        try:
            # Half of a list's entries is no list.
            return answers.prefix_list(
                item, answers.prefix_list_entries(entries) if known else None
            )
        except AnswerError as error:
            self.failures.append(failure(error, operation, list_id))
            return None

    # --- load balancers

    @needs("elasticloadbalancing:DescribeLoadBalancers")
    def balancers(self) -> list[LoadBalancer]:
        """The application, network and gateway load balancers, without listeners."""
        return self._marked("elbv2", "LoadBalancers", "NextMarker", answers.load_balancer)

    @needs("elasticloadbalancing:DescribeLoadBalancers")
    def classic_balancers(self) -> list[LoadBalancer]:
        """The classic ones."""
        value = partial(
            answers.classic_load_balancer,
            account_id=self._account_id,
            region=self._connection.region,
            partition=self._connection.partition,
        )
        return self._marked("elb", "LoadBalancerDescriptions", "NextMarker", value)

    def _marked(
        self, service: str, key: str, marker: str, value: Callable[[Answer], LoadBalancer]
    ) -> list[LoadBalancer]:
        client = self._connection.reader(service)

        def page(token: str | None) -> Page[LoadBalancer]:
            more = {"Marker": token} if token else {}
            reply = client.describe_load_balancers(PageSize=_BALANCER_PAGE, **more)
            return Page([value(item) for item in answers.members(reply, key)], reply.get(marker))

        return self._pages(f"{service}:DescribeLoadBalancers", page)

    def with_listeners(
        self, pool: ThreadPoolExecutor, balancers: list[LoadBalancer]
    ) -> list[LoadBalancer]:
        """The same load balancers, with the listeners of those that no group guards."""
        needed = listeners_needed(balancers)
        filled = dict(
            zip((one.arn for one in needed), pool.map(self._listened, needed), strict=True)
        )
        return [filled.get(one.arn, one) for one in balancers]

    @needs("elasticloadbalancing:DescribeListeners")
    def _listened(self, balancer: LoadBalancer) -> LoadBalancer:
        operation = "elbv2:DescribeListeners"
        client = self._connection.reader("elbv2")

        def page(token: str | None) -> Page[Any]:
            more = {"Marker": token} if token else {}
            reply = client.describe_listeners(
                LoadBalancerArn=balancer.arn, PageSize=_BALANCER_PAGE, **more
            )
            items = answers.members(reply, "Listeners")
            return Page([answers.listener(item) for item in items], reply.get("NextMarker"))

        failed = len(self.failures)
        listeners = self._pages(operation, page, balancer.arn)
        known = not any(one.resource == balancer.arn for one in self.failures[failed:])
        return balancer._replace(listeners=tuple(listeners) if known else None)

    # --- pages

    def _pages(
        self,
        operation: str,
        page: Callable[[str | None], Page[Value]],
        resource: str | None = None,
    ) -> list[Value]:
        """Every page's values, up to the first that fails."""
        values: list[Value] = []
        seen: set[str] = set()
        token: str | None = None
        try:
            while True:
                with self._turns:
                    found = _readable(page, token)
                values += found.values
                if self._progress is not None:
                    self._progress(self._account_id, operation, len(found.values))
                token = found.token or None
                if token is None:
                    return values
                if token in seen or len(seen) >= MAX_PAGES:
                    raise AnswerError(f"page {len(seen) + 1} leads back to an earlier one")
                seen.add(token)
        except EXPECTED as error:
            self.failures.append(failure(error, operation, resource))
        return values


def _readable(page: Callable[[str | None], Page[Value]], token: str | None) -> Page[Value]:
    """The page, asked for again where it arrived but is not what AWS documents."""
    for attempt in range(1, ATTEMPTS_TO_READ):
        try:
            return page(token)
        except AnswerError:
            time.sleep(0.1 * attempt)
    return page(token)


_METHODS: Final = {
    "DescribeAddresses": "describe_addresses",
    "DescribeNetworkInterfaces": "describe_network_interfaces",
    "DescribeSecurityGroups": "describe_security_groups",
    "DescribeVpcs": "describe_vpcs",
}
assert _METHODS.keys() == OPERATIONS.keys()
