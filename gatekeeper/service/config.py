"""``policies/service.yaml``: which jobs run and how often, where events come from, who is told.

A file needs only the keys that differ from the packaged one.  A secret never stands in it: the text
``${NAME}`` in a notice's URL or secret is taken from the environment.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from datetime import time, timedelta
from importlib import resources
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import BeforeValidator, Field, SecretStr, StrictBool, StrictInt

from gatekeeper.errors import PolicyError, UsageError
from gatekeeper.policy import (
    AccountId,
    ConfigModel,
    Duration,
    Text,
    checked,
    read_mapping,
    wrong,
)

DOCS: Final = "docs/service.md"
Mode = Literal["apply", "plan"]
SeverityName = Literal["critical", "high", "medium", "low", "info"]

_VARIABLE: Final = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")


def _listen(value: object) -> object:
    """``HOST:PORT``; an IPv6 host in brackets."""
    if value is None:
        return None
    match = re.fullmatch(r"(\[[0-9A-Fa-f:]+\]|[A-Za-z0-9.-]+):([0-9]{1,5})", str(value))
    if match is None or not 0 <= int(match[2]) <= 65535:
        raise wrong("write it as 127.0.0.1:9110", "应写作 127.0.0.1:9110")
    host = match[1].strip("[]")
    try:
        ip_address(host)
    except ValueError:
        if ":" in host:
            raise wrong(f"{host} is no address", f"{host} 不是有效的地址") from None
    return host, int(match[2])


def _secret(value: object) -> object:
    """Text in which ``${NAME}`` stands for a variable of the environment."""
    if not isinstance(value, str) or not value.strip():
        raise wrong("must be text, and not empty", "应为文本，且不能为空")

    def pick(match: re.Match[str]) -> str:
        found = os.environ.get(match[1])
        if not found:
            raise wrong(
                f"the environment has no {match[1]}; set it where the service runs",
                f"环境变量 {match[1]} 未设置，请在服务运行环境中设置",
            )
        return found

    return _VARIABLE.sub(pick, value)


def _clock(value: object) -> object:
    """A time of day, as ``22:00``.  YAML 1.1 reads 22:00 without quotes as 1320."""
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 24 * 60:
        return time(*divmod(value, 60))
    match = re.fullmatch(r"([01]?[0-9]|2[0-3]):([0-5][0-9])", str(value))
    if match is None:
        raise wrong("write a time of day as 22:00", "时刻应写作 22:00")
    return time(int(match[1]), int(match[2]))


Secret = Annotated[SecretStr, BeforeValidator(_secret)]
TimeOfDay = Annotated[time, BeforeValidator(_clock)]


class JobConfig(ConfigModel):
    """How often a job runs."""

    every: Duration
    mode: Mode | None = None
    """Of jobs that change something: carry out, or only plan."""
    enabled: StrictBool = True


class Jobs(ConfigModel):
    """The jobs of DESIGN §13."""

    collect: JobConfig
    audit: JobConfig
    reconcile: JobConfig
    close: JobConfig
    open: JobConfig
    verify_trail: JobConfig = Field(alias="verify-trail")
    due: JobConfig
    sync: JobConfig


class Events(ConfigModel):
    """Where changes are told as they happen."""

    queue_url: Text | None = None
    dead_letter_url: Text | None = None
    """Where messages go that make no sense; without, they wait for the queue's own redrive."""


class QuietHours(ConfigModel):
    """When only critical findings are told, in Asia/Shanghai; what waits is sent at the end."""

    begin: TimeOfDay = Field(alias="from")
    end: TimeOfDay = Field(alias="to")


class Rate(ConfigModel):
    """How many messages a route takes in a time; what is beyond goes into one digest."""

    count: StrictInt = Field(30, ge=1)
    per: Duration = timedelta(hours=1)


class Route(ConfigModel):
    """One receiver of notices, and what it is told."""

    name: Text
    url: Secret
    """An apprise URL (dingtalk://, feishu://, wecombot://, slack://, mailto://, …), or
    https:// or http:// for a webhook of our own, signed with ``secret``."""
    secret: Secret | None = None
    """The key of the webhook's HMAC."""
    severity: SeverityName = "high"
    """From which severity on."""
    codes: tuple[Text, ...] = ()
    """Only these finding codes; empty: all."""
    accounts: tuple[AccountId, ...] = ()
    provinces: tuple[Text, ...] = ()
    """Only findings of filings whose entity is there; empty: all."""
    lang: Literal["en", "zh"] = "zh"
    resolved: StrictBool = True
    """Tell as well what is resolved."""
    digest: Duration | None = None
    """One message in so long, in place of one each; critical findings come at once."""
    quiet: QuietHours | None = None
    rate: Rate = Field(default_factory=Rate)


class Http(ConfigModel):
    """Where figures and health are served."""

    listen: Annotated[tuple[str, int] | None, BeforeValidator(_listen)]


class Retention(ConfigModel):
    """How long the store keeps what is done with."""

    job_runs: Duration
    drift: Duration
    notices: Duration
    events: Duration


class Log(ConfigModel):
    """How the service logs, on stderr."""

    format: Literal["json", "text"]


class ServiceConfig(ConfigModel):
    """Every key of ``policies/service.yaml``."""

    format: Literal[1] = Field(1, alias="version")
    jobs: Jobs
    workers: Text
    """Who reads and judges the accounts: ``threads:8``, ``processes:4``, ``tcp://…:8786``."""
    calendar: tuple[Text, ...]
    """Files with the holidays of years that the packaged calendar does not know."""
    portals: Text | None
    """The file of portals that the job ``sync`` reads."""
    events: Events
    notices: tuple[Route, ...]
    http: Http
    retention: Retention
    log: Log

    def job(self, name: str) -> JobConfig | None:
        """The settings of a job by its public name; without portals none is synced."""
        found = getattr(self.jobs, name.replace("-", "_"), None)
        if not isinstance(found, JobConfig):
            return None
        if name == "sync" and self.portals is None:
            return found.model_copy(update={"enabled": False})
        return found


def default_config() -> ServiceConfig:
    """The packaged settings."""
    return parse_config("")


def load_config(path: str | None) -> ServiceConfig:
    """The settings of a file, or the packaged ones.

    Raises:
        PolicyError: the file cannot be read, or a key of it is wrong.
    """
    if path is None:
        return default_config()
    try:
        text = Path(path).read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "not UTF-8"
        raise PolicyError(
            f"{path}: cannot read the service's settings ({why}); check --config",
            zh=f"{path}：无法读取服务配置（{why}），请检查 --config",
        ) from None
    return parse_config(text, source=path)


def parse_config(text: str, *, source: str = "service") -> ServiceConfig:
    """Settings from YAML text; keys that it lacks come from the packaged ones.

    Raises:
        PolicyError: the text is not YAML, or a key is unknown or wrong; the key is named.
    """
    packaged = resources.files("gatekeeper").joinpath("data/service.yaml")
    base = read_mapping(packaged.read_text(encoding="utf-8"), "data/service.yaml")
    config = checked(ServiceConfig, _overlay(base, read_mapping(text, source)), source, docs=DOCS)
    _check(config, source)
    return config


def _check(config: ServiceConfig, source: str) -> None:
    from gatekeeper.fleet import parse_workers

    try:
        parse_workers(config.workers)
    except UsageError:
        raise _refused(
            source,
            "workers",
            "write threads:8, processes:4 or tcp://host:8786",
            "应写作 threads:8、processes:4 或 tcp://host:8786",
        ) from None
    if config.calendar:
        from gatekeeper.sources import read_holidays

        read_holidays(config.calendar)
    if config.portals is not None:
        from gatekeeper.sync import load_portals

        load_portals(config.portals)
    for name in type(config.jobs).model_fields:
        job: JobConfig = getattr(config.jobs, name)
        shown = name.replace("_", "-")
        if job.every < timedelta(seconds=1):
            raise _refused(source, f"jobs.{shown}.every", "must be at least 1s", "不能短于 1s")
        if job.mode is not None and name not in ("close", "open", "due"):
            raise _refused(
                source,
                f"jobs.{shown}.mode",
                "only close, open and due have a mode: the others change nothing",
                "只有 close、open 和 due 有 mode，其他作业不作变更",
            )
    names = [route.name for route in config.notices]
    for name in names:
        if names.count(name) > 1:
            raise _refused(
                source,
                "notices",
                f"two routes are named {name!r}; a name tells one",
                f"有两个名为 {name!r} 的通知渠道，名称必须唯一",
            )


def _refused(source: str, key: str, why: str, zh: str) -> PolicyError:
    return PolicyError(
        f"{source}: key {key}: {why}; see {DOCS}",
        zh=f"{source}：键 {key} 无效：{zh}，参见 {DOCS}",
    )


def _overlay(base: Mapping[Any, Any], given: Mapping[Any, Any]) -> dict[str, Any]:
    """``given`` over ``base``, sections key by key; lists replace each other."""
    merged = {str(key): value for key, value in base.items()}
    for key, value in given.items():
        old = merged.get(str(key))
        if isinstance(old, dict) and isinstance(value, dict):
            merged[str(key)] = _overlay(old, value)
        else:
            merged[str(key)] = value
    return merged
