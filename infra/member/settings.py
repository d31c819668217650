"""The config of this project, typed and checked before anything is made."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

from gatekeeper.aws.guard import ADMINISTRATOR
from gatekeeper.errors import GatekeeperError
from gatekeeper.policy import Policy, parse_policy
from gatekeeper.stacks.settings import ACCOUNT_ID, REGION, Given, project_config

PROJECT: Final = "gatekeeper-member"
PARTS: Final = ("roles", "forwarding", "gates", "guard")
_ROLE: Final = r"[A-Za-z0-9+=,.@_-]{1,64}"
_KEYS: Final = (
    "accountId",
    "region",
    "parts",
    "gatekeeperRoleArn",
    "externalId",
    "change",
    "attribute",
    "securityHub",
    "sessionHours",
    "eventBusArn",
    "vpcIds",
    "policyFile",
    "guardTargets",
    "guardAdministrators",
    "tags",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Every key of the config; ``Pulumi.example.yaml`` says what each is for."""

    account_id: str
    region: str
    parts: tuple[str, ...]
    gatekeeper_role_arn: str
    """Who may take the roles; empty where no role is made."""
    external_id: str
    change: bool
    """Whether there is a role that changes, beside the one that reads."""
    attribute: bool
    security_hub: bool
    session_hours: int
    event_bus_arn: str
    vpc_ids: tuple[str, ...]
    owner: str
    """The policy's ``owner``."""
    opened: tuple[tuple[str, int], ...]
    """What gates let in, by the policy."""
    guard_targets: tuple[str, ...]
    guard_administrators: tuple[str, ...]
    tags: dict[str, str]

    @classmethod
    def read(cls) -> Self:
        """The settings of the stack that runs.

        Raises:
            StackError: a key is missing, wrong or unknown.
        """
        given = Given(PROJECT, project_config(PROJECT), _KEYS)
        parts = given.texts(
            "parts", "|".join(PARTS), f"any of {', '.join(PARTS)}", default=("roles", "forwarding")
        )
        policy = _policy(given)

        def needed(part: str, key: str, pattern: str, hint: str) -> str:
            return given.text(key, pattern, hint, default=None if part in parts else "")

        return cls(
            account_id=given.text("accountId", ACCOUNT_ID, "the 12 digits of the guarded account"),
            region=given.text("region", REGION, "a region", default="cn-northwest-1"),
            parts=parts,
            gatekeeper_role_arn=needed(
                "roles",
                "gatekeeperRoleArn",
                rf"arn:[a-z-]+:iam::{ACCOUNT_ID}:role/{_ROLE}",
                "roleArn of the gatekeeper project's stack",
            ),
            external_id=needed(
                "roles",
                "externalId",
                r"[A-Za-z0-9+=,.@:/-]{8,128}",
                "the same as in the gatekeeper project, 8 to 128 letters and digits",
            ),
            change=given.flag("change", default=True),
            attribute=given.flag("attribute", default=True),
            security_hub=given.flag("securityHub", default=False),
            session_hours=given.number("sessionHours", default=1, low=1, high=12),
            event_bus_arn=needed(
                "forwarding",
                "eventBusArn",
                rf"arn:[a-z-]+:events:[a-z0-9-]+:{ACCOUNT_ID}:event-bus/[\w./-]+",
                "eventBusArn of the gatekeeper project's stack",
            ),
            vpc_ids=given.texts(
                "vpcIds",
                r"vpc-[0-9a-f]{8,17}",
                "the VPCs that get gates, as vpc-…",
                default=None if "gates" in parts else (),
            ),
            owner=policy.owner,
            opened=tuple((port.protocol, port.port) for port in policy.opened_ports),
            guard_targets=given.texts(
                "guardTargets",
                rf"r-[a-z0-9]{{4,32}}|ou-[a-z0-9-]{{10,65}}|{ACCOUNT_ID}",
                "the root, units or accounts that the guard is attached to, as ou-…",
                default=None if "guard" in parts else (),
            ),
            guard_administrators=given.texts(
                "guardAdministrators", _ROLE, "names of roles", default=(ADMINISTRATOR,)
            ),
            tags={str(key): str(value) for key, value in given.mapping("tags").items()},
        )


def _policy(given: Given) -> Policy:
    """The gate policy: whose the gates are, and what they let in."""
    name = given.maybe("policyFile", r".+", "a file, as gate.yaml")
    try:
        text = "" if name is None else Path(name).read_text(encoding="utf-8")
        return parse_policy(text, source=name or "policy")
    except OSError as error:
        raise given.refused(
            "policyFile", f"cannot read it ({error.strerror})", f"无法读取（{error.strerror}）"
        ) from None
    except GatekeeperError as error:
        raise given.refused("policyFile", error.text("en"), error.text("zh")) from None
