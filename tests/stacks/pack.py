"""The policy pack as the engine runs it: a process of its own, spoken to over gRPC.

The process is started as the engine's language host starts one (``python -u -m pulumi.policy
ENGINE PACK``) and its first line of output is the port.  The calls are those of the public protocol
(``analyzer.proto``); which of them an engine makes when is our own reading.
"""

from __future__ import annotations

import os
import select
import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import grpc
from google.protobuf import empty_pb2, struct_pb2
from pulumi.runtime.proto import analyzer_pb2, analyzer_pb2_grpc

from tests.servers import unmeasured

PACK = Path(__file__).resolve().parents[2] / "policies" / "crossguard"
LEVELS = {"advisory": analyzer_pb2.ADVISORY, "mandatory": analyzer_pb2.MANDATORY}
BOTH = ("gated-ports", "gated-ports-stack")
_PATIENCE = 60.0


class Pack:
    """A running pack."""

    def __init__(self, channel: grpc.Channel) -> None:
        self._stub = analyzer_pb2_grpc.AnalyzerStub(channel)

    def info(self) -> Any:
        return self._stub.GetAnalyzerInfo(empty_pb2.Empty(), timeout=_PATIENCE)

    def configure(
        self, *, level: str = "mandatory", policies: Iterable[str] = BOTH, **values: Any
    ) -> None:
        """The engine sends each policy's level with its configuration."""
        config = {}
        for name in policies:
            properties = struct_pb2.Struct()
            properties.update(values)
            config[name] = analyzer_pb2.PolicyConfig(
                enforcementLevel=LEVELS[level], properties=properties
            )
        request = analyzer_pb2.ConfigureAnalyzerRequest(policyConfig=config)
        self._stub.Configure(request, timeout=_PATIENCE)

    def analyze(self, token: str, inputs: dict[str, Any], urn: str = "") -> list[Any]:
        """What the pack says of one resource before it is made."""
        urn = urn or f"urn:pulumi:cn::shop::{token}::r"
        properties = struct_pb2.Struct()
        properties.update(inputs)
        request = analyzer_pb2.AnalyzeRequest(
            type=token, properties=properties, urn=urn, name=urn.rsplit("::", 1)[1]
        )
        return list(self._stub.Analyze(request, timeout=_PATIENCE).diagnostics)

    def analyze_stack(self, states: Iterable[dict[str, Any]]) -> list[Any]:
        """What it says of a stack, given as states with outputs."""
        resources = []
        for state in states:
            properties = struct_pb2.Struct()
            properties.update(state["outputs"])
            resources.append(
                analyzer_pb2.AnalyzerResource(
                    type=state["type"],
                    properties=properties,
                    urn=state["urn"],
                    name=state["urn"].rsplit("::", 1)[1],
                    parent=state.get("parent", ""),
                    dependencies=state.get("dependencies", ()),
                    propertyDependencies={
                        key: analyzer_pb2.AnalyzerPropertyDependencies(urns=urns)
                        for key, urns in state.get("propertyDependencies", {}).items()
                    },
                )
            )
        request = analyzer_pb2.AnalyzeStackRequest(resources=resources)
        return list(self._stub.AnalyzeStack(request, timeout=_PATIENCE).diagnostics)


@contextmanager
def running(**variables: str) -> Iterator[Pack]:
    """Start the pack, and end it."""
    command = [sys.executable, "-u", "-m", "pulumi.policy", "127.0.0.1:9", str(PACK)]
    environment = {**unmeasured(), "PYTHONWARNINGS": "default", **variables}
    environment |= {"PULUMI_PROJECT": "shop", "PULUMI_STACK": "cn", "PULUMI_DRY_RUN": "true"}
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=PACK, env=environment
    ) as process:
        try:
            assert process.stdout is not None
            assert process.stderr is not None
            ready, _, _ = select.select([process.stdout], [], [], _PATIENCE)
            port = os.read(process.stdout.fileno(), 64).decode().strip() if ready else ""
            if not port:
                process.kill()
                raise AssertionError(process.stderr.read().decode())
            with grpc.insecure_channel(f"127.0.0.1:{int(port)}") as channel:
                yield Pack(channel)
        finally:
            process.kill()
