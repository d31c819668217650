"""Runs a shipped Pulumi program whole, under the SDK's mocks, and keeps what it registered.

No engine and no plugin: inputs are not validated, defaults not filled in.  It proves what the
program asks for, not what AWS makes of it.
"""

from __future__ import annotations

import asyncio
import json
import os
import runpy
import sys
import threading
import warnings
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pulumi
import pulumi.runtime
import yaml
from pulumi.runtime import mocks as pulumi_mocks
from pulumi.runtime.settings import set_root_resource
from pulumi.runtime.stack import run_in_stack

INFRA = Path(__file__).parents[2] / "infra"
ACCOUNT = "999988887777"
REGION = "cn-northwest-1"
PARTITION = "aws-cn"


@dataclass
class Resource:
    """One registration, as the engine would get it."""

    type: str
    name: str
    inputs: dict[str, Any]
    protect: bool
    provider: str
    parent: str

    def json(self, key: str) -> Any:
        """An input that is a document."""
        return json.loads(self.inputs[key])


@dataclass
class Ran:
    """What a program did."""

    resources: list[Resource] = field(default_factory=list)
    outputs: dict[str, Any] = field(default_factory=dict)
    logs: list[str] = field(default_factory=list)

    def of(self, kind: str) -> dict[str, Resource]:
        """The resources of a type, by logical name; the type as ``sqs.Queue``."""
        module, name = kind.split(".")
        token = f"aws:{module}/{name[0].lower()}{name[1:]}:{name}"
        return {one.name: one for one in self.resources if one.type == token}

    def one(self, kind: str, name: str | None = None) -> Resource:
        found = self.of(kind)
        if name is not None:
            return found[name]
        (only,) = found.values()
        return only

    def counts(self) -> Counter[str]:
        """How many resources of each type of AWS there are, as ``sqs.Queue``."""
        tokens = [one.type for one in self.resources if one.type.startswith("aws:")]
        return Counter(f"{t.split(':')[1].split('/')[0]}.{t.split(':')[2]}" for t in tokens)

    def statements(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """Every statement of every IAM document, with the name of what holds it."""
        for one in self.resources:
            for key in ("policy", "assumeRolePolicy"):
                if isinstance(one.inputs.get(key), str):
                    for statement in one.json(key)["Statement"]:
                        yield one.name, statement


class _Monitor(pulumi_mocks.MockMonitor):
    """Keeps each request, which mocks alone are not shown."""

    def __init__(self, ran: Ran) -> None:
        super().__init__(_Mocks())
        self._ran = ran
        self._turn = threading.Lock()

    def RegisterResource(self, request: Any) -> Any:  # noqa: N802
        answer = super().RegisterResource(request)
        inputs = pulumi.runtime.rpc.deserialize_properties(request.object, keep_unknowns=False)
        providers = dict(request.providers)
        with self._turn:
            self._ran.resources.append(
                Resource(
                    request.type,
                    request.name,
                    inputs,
                    bool(request.protect),
                    request.provider or providers.get("aws", ""),
                    request.parent,
                )
            )
        return answer


class _Mocks(pulumi_mocks.Mocks):
    """Gives each resource an id, and the outputs that a program reads."""

    def call(self, args: pulumi_mocks.MockCallArgs) -> dict[str, Any]:
        if args.token == "aws:index/getPartition:getPartition":
            return {"partition": PARTITION, "dnsSuffix": "amazonaws.com.cn", "id": PARTITION}
        raise AssertionError(args.token)

    def new_resource(self, args: pulumi_mocks.MockResourceArgs) -> tuple[str, dict[str, Any]]:
        made = dict(args.inputs)
        name = made.get("name") or args.name
        service = args.typ.split(":")[1].split("/")[0] if ":" in args.typ else ""
        region = "" if service in ("iam", "s3") else REGION
        account = "" if service == "s3" else ACCOUNT
        label = made.get("bucket") or f"{args.typ.rsplit(':', 1)[-1].lower()}/{name}"
        made.setdefault("arn", f"arn:{PARTITION}:{service}:{region}:{account}:{label}")
        if args.typ.endswith(":Queue"):
            made["arn"] = f"arn:{PARTITION}:sqs:{REGION}:{ACCOUNT}:{name}"
            made["url"] = f"https://sqs.{REGION}.amazonaws.com.cn/{ACCOUNT}/{name}"
        if args.typ.endswith("rds/instance:Instance"):
            made["address"] = f"{args.name}.example.rds.{REGION}.amazonaws.com.cn"
            secret = f"arn:{PARTITION}:secretsmanager:{REGION}:{ACCOUNT}:secret:rds!db-EXAMPLE"
            made["masterUserSecrets"] = [{"secretArn": secret}]
        return f"{args.name}-id", made


class _Log:
    def __init__(self, ran: Ran) -> None:
        self._ran = ran

    def __getattr__(self, severity: str) -> Any:
        return lambda message, *_: severity != "debug" and self._ran.logs.append(message)


def run(folder: str, config: Mapping[str, Any], *, beside: Path | None = None) -> Ran:
    """Run ``infra/<folder>/__main__.py`` with this config, and return what it registered.

    ``beside`` is where files that the config names are looked for, in place of the folder.

    Values that are not text become JSON, as the engine hands them over.
    """
    ran = Ran()
    program = INFRA / folder / "__main__.py"
    project = yaml.safe_load((INFRA / folder / "Pulumi.yaml").read_text(encoding="utf-8"))["name"]
    texts = {
        f"{project}:{key}": value if isinstance(value, str) else json.dumps(value)
        for key, value in config.items()
    }
    made: list[asyncio.AbstractEventLoop] = []
    make = asyncio.new_event_loop

    def remember() -> asyncio.AbstractEventLoop:
        made.append(make())
        return made[-1]

    asyncio.new_event_loop = remember  # the SDK's threads make loops and never close them
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    set_root_resource(None)  # type: ignore[arg-type]
    try:
        pulumi.runtime.set_all_config(texts, [])
        pulumi.runtime.set_mocks(
            _Mocks(),
            project=project,
            stack="test",
            preview=False,
            logger=_Log(ran),  # type: ignore[arg-type]
            monitor=_Monitor(ran),
        )
        loop.run_until_complete(pulumi_mocks.run_pulumi_func(lambda: None))
        set_root_resource(None)  # type: ignore[arg-type]
        ran.resources.clear()
        loop.run_until_complete(run_in_stack(lambda: _call(program, ran, beside)))
    finally:
        tasks = asyncio.all_tasks(loop)
        for task in tasks:
            task.cancel()
        loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
        set_root_resource(None)  # type: ignore[arg-type]
        pulumi.runtime.set_all_config({}, [])
        loop.run_until_complete(loop.shutdown_default_executor())
        asyncio.set_event_loop(None)
        asyncio.new_event_loop = make
        for one in made:
            one.close()
    return ran


def _call(program: Path, ran: Ran, beside: Path | None) -> None:
    def export(name: str, value: Any) -> None:
        def keep(found: Any) -> None:
            ran.outputs[name] = found

        pulumi.Output.from_input(value).apply(keep)

    here, known, search = Path.cwd(), set(sys.modules), list(sys.path)
    real, pulumi.export = pulumi.export, export
    os.chdir(beside or program.parent)
    sys.path.insert(0, str(program.parent))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            runpy.run_path(str(program), run_name="__main__")
    finally:
        pulumi.export = real
        os.chdir(here)
        sys.path[:] = search
        for name in set(sys.modules) - known:
            file = getattr(sys.modules[name], "__file__", None)
            if file and Path(file).is_relative_to(program.parent):
                del sys.modules[name]
