"""The container: how it starts, what it is told, and when it counts as ill."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import pulumi
from database import Database
from settings import Settings

from gatekeeper.stacks.place import Place

FOLDER: Final = "/var/lib/gatekeeper"
"""The image's volume, which its user owns: the only place that can be written to."""
VOLUME: Final = "state"
STOP_SECONDS: Final = 60
"""``run`` ends within 30 s of SIGTERM."""

START: Final = """\
set -eu
umask 077
cd "$STATE"
printf '%s' "$SETTINGS" > service.yaml
[ -z "${POLICY:-}" ] || printf '%s' "$POLICY" > gate.yaml
[ -z "${SIGN_KEY:-}" ] || printf '%s\\n' "$SIGN_KEY" > sign.pem
unset SETTINGS POLICY SIGN_KEY
exec gatekeeper "$@"
"""
"""Fargate hands texts over as variables; gatekeeper reads files."""

ASK: Final = """\
import json, sys
from urllib.error import HTTPError
from urllib.request import urlopen
def ask(page):
    try:
        return json.load(urlopen("http://127.0.0.1:9110/" + page, timeout=4))
    except HTTPError as error:
        return json.load(error)
alive, ready = ask("healthz"), ask("readyz")
ill = [one for one in ready["reasons"] if not one.startswith("job ")]
sys.exit(0 if alive["ok"] and not ill else 1)
"""
"""Ill is a process whose scheduler stands still, or that cannot use the store.

A job that is late is no reason to end the process that is at it.  A store that does not answer is,
after ten minutes: RDS rotates the password, and only a new task is given the new one.
"""
HEALTH: Final[Mapping[str, Any]] = {
    "command": ["CMD", "python", "-c", ASK],
    "interval": 60,
    "timeout": 15,
    "retries": 10,
    "startPeriod": 120,
}


def definition(
    settings: Settings,
    place: Place,
    database: Database | None,
    *,
    name: str,
    command: Sequence[Any],
    log_group: pulumi.Input[str],
    service: Mapping[str, Any],
    sign: bool = False,
    health: Mapping[str, Any] | None = None,
) -> pulumi.Output[str]:
    """The container definitions of a task, as ECS takes them.

    Args:
        settings: the project's settings.
        place: where it runs.
        database: the store that this project makes, if it does.
        name: the container's name, and the prefix of its log streams.
        command: gatekeeper's arguments.
        log_group: where it logs.
        service: the service's own settings; may hold outputs.
        sign: whether it gets the key that signs feeds.
        health: its health check.
    """
    environment: dict[str, Any] = {
        "STATE": FOLDER,
        "TMPDIR": FOLDER,
        "SETTINGS": pulumi.Output.json_dumps(service),
        "GATEKEEPER_REGION": settings.region,
        "GATEKEEPER_SERVICE": f"{FOLDER}/service.yaml",
        "AWS_DEFAULT_REGION": settings.region,
    }
    secrets: dict[str, Any] = dict(settings.secrets)
    if settings.policy is not None:
        environment |= {"POLICY": settings.policy, "GATEKEEPER_POLICY": f"{FOLDER}/gate.yaml"}
    if sign and settings.sign_key_secret_arn is not None:
        environment["GATEKEEPER_SIGN_KEY"] = f"{FOLDER}/sign.pem"
        secrets["SIGN_KEY"] = settings.sign_key_secret_arn
    if database is not None:
        environment["GATEKEEPER_STORE"] = database.url
        secrets["PGPASSWORD"] = pulumi.Output.concat(database.secret_arn, ":password::")
    elif settings.store_secret_arn is not None:
        secrets["GATEKEEPER_STORE"] = settings.store_secret_arn
    return pulumi.Output.json_dumps(
        [
            {
                "name": name,
                "image": settings.image,
                "essential": True,
                "user": "10001:10001",
                "readonlyRootFilesystem": True,
                "entryPoint": ["sh", "-c", START, "sh"],
                "command": list(command),
                "environment": [
                    {"name": key, "value": value} for key, value in sorted(environment.items())
                ],
                "secrets": [
                    {"name": key, "valueFrom": value} for key, value in sorted(secrets.items())
                ],
                "mountPoints": [{"sourceVolume": VOLUME, "containerPath": FOLDER}],
                "linuxParameters": {
                    "initProcessEnabled": True,
                    "capabilities": {"drop": ["ALL"]},
                },
                "stopTimeout": STOP_SECONDS,
                "logConfiguration": {
                    "logDriver": "awslogs",
                    "options": {
                        "awslogs-group": log_group,
                        "awslogs-region": place.region,
                        "awslogs-stream-prefix": name,
                    },
                },
                **({"healthCheck": dict(health)} if health else {}),
            }
        ]
    )
