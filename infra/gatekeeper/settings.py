"""The config of this project, typed and checked before anything is made."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, Final, Self

from gatekeeper.errors import GatekeeperError
from gatekeeper.policy import parse_policy
from gatekeeper.service.config import parse_config
from gatekeeper.stacks.settings import ACCOUNT_ID, NAME, REGION, Given, project_config

PROJECT: Final = "gatekeeper"
LOG_DAYS: Final = (
    30,
    60,
    90,
    120,
    150,
    180,
    365,
    400,
    545,
    731,
    1096,
    1827,
    2192,
    2557,
    2922,
    3653,
)
"""How long CloudWatch Logs can keep ("PutRetentionPolicy"), from a month on."""
SIZES: Final[Mapping[int, range]] = {
    256: range(512, 2049, 512),
    512: range(1024, 4097, 1024),
    1024: range(2048, 8193, 1024),
    2048: range(4096, 16385, 1024),
    4096: range(8192, 30721, 1024),
}
"""Memory in MiB for each size of CPU that Fargate has ("Amazon ECS Developer Guide")."""
MOST_MEMBERS: Final = 50
"""The policy of a role holds 10,240 characters; a large fleet is named by its organisation."""
MOST_POLICY: Final = 32_000
"""Characters: a task definition has 64 KB, and each task has the policy in it."""
LONGEST_TTL: Final = timedelta(hours=12)
"""An alarm looks back over one day at most, and over two lifetimes of a feed."""

_IN_SECRETS_MANAGER: Final = (
    r"arn:[a-z-]+:secretsmanager:[a-z0-9-]+:[0-9]{12}:secret:[A-Za-z0-9/_+=.@-]+"
)
_KEYS: Final = (
    "accountId",
    "region",
    "name",
    "vpcId",
    "subnetIds",
    "image",
    "cpu",
    "memory",
    "replicas",
    "externalId",
    "memberAccounts",
    "organizationId",
    "memberRoles",
    "database",
    "databaseClass",
    "databaseStorage",
    "databaseMultiAz",
    "storeSecretArn",
    "storeNetwork",
    "settings",
    "secrets",
    "policyFile",
    "feed",
    "feedEvery",
    "signKeySecretArn",
    "feedReaders",
    "retentionDays",
    "retentionMode",
    "kmsKeyArn",
    "logDays",
    "eventAge",
    "alarmTopicArn",
    "tags",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Every key of the config; ``Pulumi.example.yaml`` says what each is for."""

    account_id: str
    region: str
    name: str
    vpc_id: str
    subnet_ids: tuple[str, ...]
    image: str
    cpu: int
    memory: int
    """MiB."""
    replicas: int
    external_id: str
    member_accounts: tuple[str, ...]
    organization_id: str | None
    member_roles: tuple[str, ...]
    database: str
    """``rds`` or ``external``."""
    database_class: str
    database_storage: int
    """GiB."""
    database_multi_az: bool
    store_secret_arn: str | None
    """The secret with the whole URL of an external store."""
    store_network: str | None
    """The network in which an external store is, as a CIDR."""
    service: dict[str, Any]
    """The service's own settings, over the packaged ones."""
    secrets: dict[str, str]
    """Variables of the environment: their name and their secret's ARN."""
    policy: str | None
    """The gate policy's text; ``None`` for the packaged one."""
    ttl: timedelta
    """How long a feed may be used, by the policy."""
    feed: bool
    feed_every: int
    """Minutes."""
    sign_key_secret_arn: str | None
    feed_readers: tuple[str, ...]
    """ARNs of roles of other accounts that may read the feed."""
    retention_days: int
    retention_mode: str
    kms_key_arn: str | None
    log_days: int
    event_age: int
    """Seconds after which a waiting event is an alarm."""
    alarm_topic_arn: str | None
    tags: dict[str, str]

    @classmethod
    def read(cls) -> Self:
        """The settings of the stack that runs.

        Raises:
            StackError: a key is missing, wrong or unknown.
        """
        given = Given(PROJECT, project_config(PROJECT), _KEYS)
        account_id = given.text("accountId", ACCOUNT_ID, "the 12 digits of the account to run in")
        policy, ttl = _policy(given)
        feed_every = given.number("feedEvery", default=15, low=1, high=720)
        if timedelta(minutes=feed_every) >= ttl:
            raise given.refused(
                "feedEvery",
                f"a feed is good for {ttl} by decision_ttl of the policy; make one more often",
                f"策略中的 decision_ttl 为 {ttl}，生成间隔必须更短",
            )
        cpu = given.number("cpu", default=512, low=256, high=4096)
        memory = given.number("memory", default=1024, low=512, high=30720)
        if memory not in SIZES.get(cpu, ()):
            sizes = f"{SIZES[cpu][0]} to {SIZES[cpu][-1]}" if cpu in SIZES else "none"
            raise given.refused(
                "memory" if cpu in SIZES else "cpu",
                f"Fargate has cpu {', '.join(map(str, SIZES))}; with {cpu} memory of {sizes} MiB",
                f"Fargate 不支持该组合：cpu 可取 {', '.join(map(str, SIZES))}",
            )
        database = given.one_of("database", ("rds", "external"), default="rds")
        arn = "the ARN of a secret in Secrets Manager"
        external = database == "external"
        return cls(
            account_id=account_id,
            region=given.text("region", REGION, "a region", default="cn-northwest-1"),
            name=given.text("name", NAME, "small letters, digits, hyphens", default="gatekeeper"),
            vpc_id=given.text("vpcId", r"vpc-[0-9a-f]{8,17}", "the VPC to run in, as vpc-…"),
            subnet_ids=_subnets(given),
            image=_image(given),
            cpu=cpu,
            memory=memory,
            replicas=given.number("replicas", default=1, low=0, high=10),
            external_id=given.text(
                "externalId",
                r"[A-Za-z0-9+=,.@:/-]{8,128}",
                "the external id that the members' roles ask for, 8 to 128 letters and digits",
            ),
            member_accounts=_members(given),
            organization_id=given.maybe("organizationId", r"o-[a-z0-9]{10,32}", "as o-…"),
            member_roles=given.texts(
                "memberRoles",
                r"[A-Za-z0-9+=,.@_-]{1,64}",
                "names of roles",
                default=("gatekeeper", "gatekeeper-read"),
            ),
            database=database,
            database_class=given.text(
                "databaseClass", r"db\.[a-z0-9.]+", "a class, as db.t3.small", default="db.t3.small"
            ),
            database_storage=given.number("databaseStorage", default=20, low=20, high=16384),
            database_multi_az=given.flag("databaseMultiAz", default=True),
            store_secret_arn=given.text("storeSecretArn", _IN_SECRETS_MANAGER, arn)
            if external
            else None,
            store_network=given.text(
                "storeNetwork", r"[0-9.]{7,15}/[0-9]{1,2}", "where the store is, as 10.0.8.0/24"
            )
            if external
            else None,
            service=_service(given),
            secrets=_secrets(given),
            policy=policy,
            ttl=ttl,
            feed=given.flag("feed", default=True),
            feed_every=feed_every,
            sign_key_secret_arn=given.maybe("signKeySecretArn", _IN_SECRETS_MANAGER, arn),
            feed_readers=given.texts(
                "feedReaders", r"arn:[a-z-]+:iam::[0-9]{12}:role/.+", "ARNs of roles", default=()
            ),
            retention_days=given.number("retentionDays", default=400, low=1, high=36500),
            retention_mode=given.one_of(
                "retentionMode", ("GOVERNANCE", "COMPLIANCE"), default="GOVERNANCE"
            ),
            kms_key_arn=given.maybe("kmsKeyArn", r"arn:[a-z-]+:kms:.+:key/.+", "the ARN of a key"),
            log_days=int(given.one_of("logDays", [str(one) for one in LOG_DAYS], default="365")),
            event_age=given.number("eventAge", default=900, low=60, high=86400),
            alarm_topic_arn=given.maybe(
                "alarmTopicArn", r"arn:[a-z-]+:sns:[a-z0-9-]+:[0-9]{12}:.+", "the ARN of a topic"
            ),
            tags={str(key): str(value) for key, value in given.mapping("tags").items()},
        )


def _members(given: Given) -> tuple[str, ...]:
    if not given.has("organizationId") and not given.has("memberAccounts"):
        raise given.missing(
            "memberAccounts",
            "the accounts to guard, this one too if it is among them, or organizationId",
        )
    hint = "accounts of 12 digits; in YAML put them in quotes, or leading zeros are lost"
    found = given.texts("memberAccounts", ACCOUNT_ID, hint, default=())
    if len(found) > MOST_MEMBERS:
        raise given.refused(
            "memberAccounts",
            f"{len(found)} accounts do not fit into a role's policy, {MOST_MEMBERS} do; name their"
            " organizationId instead",
            f"账号过多（{len(found)} 个，上限 {MOST_MEMBERS} 个），请改用 organizationId",
        )
    return found


def _subnets(given: Given) -> tuple[str, ...]:
    hint = "two private subnets or more, of different zones, as subnet-…"
    found = given.texts("subnetIds", r"subnet-[0-9a-f]{8,17}", hint)
    if len(found) < 2:
        raise given.refused("subnetIds", hint, "至少需要两个不同可用区的私有子网")
    return found


def _image(given: Given) -> str:
    hint = "the image with a tag of one version or a digest, as HOST/gatekeeper:1.2.0"
    image = given.text("image", r"[^\s:]+(:[0-9]+)?[^\s:]*(:[\w.-]+|@sha256:[0-9a-f]{64})", hint)
    if image.endswith(":latest"):
        raise given.refused("image", f"latest is no version; {hint}", "latest 不是固定版本")
    return image


def _policy(given: Given) -> tuple[str | None, timedelta]:
    """The text of the gate policy, and how long its decisions are good for."""
    name = given.maybe("policyFile", r".+", "a file, as gate.yaml")
    text = None
    try:
        if name is not None:
            text = Path(name).read_text(encoding="utf-8")
        policy = parse_policy(text or "", source=name or "policy")
    except OSError as error:
        raise given.refused(
            "policyFile", f"cannot read it ({error.strerror})", f"无法读取（{error.strerror}）"
        ) from None
    except GatekeeperError as error:
        raise given.refused("policyFile", error.text("en"), error.text("zh")) from None
    if policy.decision_ttl > LONGEST_TTL:
        raise given.refused(
            "policyFile",
            f"decision_ttl is {policy.decision_ttl}; the alarm for a missing feed takes 12h",
            "decision_ttl 不能超过 12h",
        )
    if text is not None and len(text) > MOST_POLICY:
        raise given.refused(
            "policyFile",
            f"it has {len(text)} characters, {MOST_POLICY} fit; build it into the image",
            f"共 {len(text)} 个字符，上限 {MOST_POLICY}",
        )
    return text, policy.decision_ttl


def _service(given: Given) -> dict[str, Any]:
    """The service's settings; what this project itself sets is refused."""
    found = given.mapping("settings")
    for key in ("events", "http"):
        if key in found:
            raise given.refused(
                "settings", f"{key} is set by this project; leave it out", f"{key} 由本项目设置"
            )
    # Notices name variables that are there only where the service runs.
    checked = {key: value for key, value in found.items() if key != "notices"}
    try:
        parse_config(json.dumps(checked), source="settings")
    except GatekeeperError as error:
        raise given.refused("settings", error.text("en"), error.text("zh")) from None
    return found


def _secrets(given: Given) -> dict[str, str]:
    found = {str(name): str(arn) for name, arn in given.mapping("secrets").items()}
    for name, arn in found.items():
        if not re.fullmatch(r"[A-Z][A-Z0-9_]*", name) or not re.fullmatch(_IN_SECRETS_MANAGER, arn):
            raise given.refused(
                "secrets",
                f"{name}: write NAME: the ARN of a secret in Secrets Manager",
                f"{name}：应为 变量名: 密钥 ARN",
            )
    return found
