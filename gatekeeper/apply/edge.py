"""What apply needs of AWS: targeted reads, and the few changing calls.

``gatekeeper.aws`` is the real edge, ``gatekeeper.testing`` has one in memory.  Every method raises
``AwsError`` with AWS's code where the call fails; a call that timed out may have taken effect.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

from gatekeeper.account import AccountState, Endpoint, Interface, Rule, SecurityGroup


class Edge(Protocol):
    """One account and region."""

    @property
    def account_id(self) -> str: ...

    def read_account(self) -> AccountState:
        """The whole account, by pages; failures are facts in the state."""
        ...

    def read_groups(self, group_ids: Iterable[str]) -> dict[str, SecurityGroup]:
        """These groups as they are now; one that is gone is missing from the answer."""
        ...

    def find_group(self, vpc_id: str, name: str) -> SecurityGroup | None:
        """The account's own group of this name in a VPC, which other accounts may share."""
        ...

    def read_rule_tags(
        self, group_ids: Iterable[str]
    ) -> dict[str, list[tuple[Rule, dict[str, str]]]]:
        """For each group, its inbound rules that carry tags."""
        ...

    def group_users(self, group_id: str) -> dict[str, Interface]:
        """The interfaces that hold a group now, by id."""
        ...

    def read_endpoint(self, endpoint: Endpoint) -> Endpoint | None:
        """An endpoint read anew: its groups and addresses; ``None`` where it is gone."""
        ...

    def create_group(
        self, vpc_id: str, name: str, description: str, tags: Mapping[str, str]
    ) -> str:
        """Make a group with its tags in one call; its id."""
        ...

    def delete_group(self, group_id: str) -> None: ...

    def authorize(self, group_id: str, rules: Sequence[Rule], tags: Mapping[str, str]) -> None:
        """Add inbound rules in one call, all with these tags."""
        ...

    def revoke(self, group_id: str, rules: Sequence[Rule]) -> None:
        """Take inbound rules out in one call."""
        ...

    def revoke_egress(self, group_id: str, rules: Sequence[Rule]) -> None:
        """Take outbound rules out in one call."""
        ...

    def set_groups(self, endpoint: Endpoint, group_ids: Sequence[str]) -> None:
        """Give an interface or a load balancer exactly these groups."""
        ...
