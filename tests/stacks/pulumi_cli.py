"""Stands in for the ``pulumi`` command under the real Automation API: our simulator behind it.

The SDK runs it as it would run the command, serves it the inline program over gRPC, and reads the
same event log.  It proves what we do with the Automation API, and our programs against our idea of
the engine; it is no Pulumi.
"""

from __future__ import annotations

import asyncio
import copy
import json
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc
from pulumi.automation._cmd import CommandResult
from pulumi.automation.errors import create_command_error
from pulumi.runtime.proto import language_pb2, language_pb2_grpc, resource_pb2_grpc
from semver import VersionInfo

from tests.stacks.engine import Cloud, Engine, EngineError, Run, _Monitor

Event = dict[str, Any]


@dataclass
class FakeCli:
    """One backend with its stacks."""

    cloud: Cloud
    engines: dict[str, Engine] = field(default_factory=dict)
    tamper: Callable[[list[Event]], list[Event]] = lambda events: events
    """What becomes of a preview's event log."""
    before_up: Callable[[], None] = lambda: None
    fail: dict[str, str] = field(default_factory=dict)
    """Command to what it says on stderr when it fails."""
    calls: list[str] = field(default_factory=list)
    environments: list[Mapping[str, str]] = field(default_factory=list)
    cleared: bool = False
    """Whether the last refresh dropped what a killed update had begun."""
    command: str = "pulumi"
    # Later ones get their events over gRPC instead of from a file.
    version: VersionInfo = field(default_factory=lambda: VersionInfo(3, 200, 0))

    def run(
        self,
        args: list[str],
        cwd: str,
        additional_env: Mapping[str, str],
        on_output: Any = None,
        on_error: Any = None,
    ) -> CommandResult:
        assert Path(cwd).is_dir()
        self.environments.append(dict(additional_env))
        verb = " ".join(args[:2]) if args[0] in ("stack", "config", "whoami") else args[0]
        self.calls.append(verb)
        if verb in self.fail:
            self._refuse(self.fail[verb])
        return CommandResult(stdout=self._answer(verb, args), stderr="", code=0)

    def _refuse(self, stderr: str) -> None:
        raise create_command_error(CommandResult(stdout="", stderr=stderr, code=255))

    def _answer(self, verb: str, args: list[str]) -> str:
        if verb == "stack select":
            name = next(one for one in args[2:] if not one.startswith("-"))
            if name not in self.engines:
                self._refuse(f"error: no stack named '{name}' found")
            return ""
        if verb == "stack init":
            name = next(one for one in args[2:] if not one.startswith("-"))
            self.engines[name] = Engine(self.cloud, project="gatekeeper-gates", stack=name)
            return ""
        engine = self.engines[args[args.index("--stack") + 1]]
        if verb == "stack export":
            return json.dumps(engine.export())
        if verb == "refresh":
            engine.refresh()
            self.cleared = "--clear-pending-creates" in args
        elif verb == "preview":
            self._preview(engine, args)
        elif verb == "up":
            assert args[:3] == ["up", "--yes", "--skip-preview"]
            self.before_up()
            self._program(engine, args, dry_run=False)
        elif verb == "stack output":
            return "{}"
        elif verb in ("stack history", "history"):
            entry = {
                "kind": "update", "startTime": "2026-01-01T00:00:00.000Z", "message": "",
                "environment": {}, "config": {}, "result": "succeeded", "version": 1,
                "endTime": "2026-01-01T00:00:01.000Z", "resourceChanges": {},
            }  # fmt: skip
            return json.dumps([entry])
        return ""

    def _program(self, engine: Engine, args: list[str], *, dry_run: bool) -> Run:
        """Have the program run where the SDK serves it, with our monitor at the other end."""
        [client] = [one.partition("=")[2] for one in args if one.startswith("--client=")]
        run = Run(dry_run=dry_run)
        monitor = _Monitor(engine, run)
        hands = ThreadPoolExecutor(max_workers=8)
        server = grpc.server(hands)
        resource_pb2_grpc.add_ResourceMonitorServicer_to_server(_Served(monitor), server)
        port = server.add_insecure_port("127.0.0.1:0")
        server.start()
        before = copy.deepcopy(engine.state)
        try:
            error = _run_of(
                client,
                language_pb2.RunRequest(
                    project=engine.project,
                    stack=engine.stack,
                    monitor_address=f"127.0.0.1:{port}",
                    dryRun=dry_run,
                    parallel=4,
                    organization="organization",
                ),
            )
            # Steps under way when the program died are finished and recorded, as the engine does.
            server.stop(0).wait()
            hands.shutdown(wait=True)
            if error:
                monitor.keep()
                self._refuse(f"error: {error}")
            try:
                monitor.finish()
            except (RuntimeError, EngineError) as error:
                monitor.keep()
                self._refuse(f"error: {error}")
        finally:
            server.stop(0)
            if dry_run:
                engine.state = before
        return run

    def _preview(self, engine: Engine, args: list[str]) -> None:
        log = Path(args[args.index("--event-log") + 1])
        run = self._program(engine, args, dry_run=True)
        seen = engine.preview_json(run, show_sames=True)
        events: list[Event] = [{"preludeEvent": {"config": {}}}]
        for step in seen["steps"]:
            state = step.get("newState") or step["oldState"]
            metadata = {
                "op": step["op"],
                "urn": step["urn"],
                "type": state["type"],
                "provider": step.get("provider", ""),
                "old": _shown(step.get("oldState")),
                "new": _shown(step.get("newState")),
            }
            events.append({"resourcePreEvent": {"metadata": metadata, "planning": True}})
        summary = {
            "maybeCorrupt": False, "durationSeconds": 1, "PolicyPacks": {},
            "resourceChanges": seen["changeSummary"],
        }  # fmt: skip
        events += [{"summaryEvent": summary}, {"cancelEvent": {}}]
        lines = [json.dumps({"sequence": n, "timestamp": 0, **one}) + "\n"
                 for n, one in enumerate(self.tamper(events))]  # fmt: skip
        log.write_text("".join(lines), encoding="utf-8")


def _run_of(client: str, request: Any) -> str:
    """The program's error, or nothing.

    A program that dies may take the SDK's server along: its clean-up raises (InvalidStateError)
    where a resource's outputs had been resolved in part, and leaves its event loop open.  The
    engine takes that for a failed run.
    """
    loops: list[asyncio.AbstractEventLoop] = []

    def noted() -> asyncio.AbstractEventLoop:
        loops.append(made())
        return loops[-1]

    made, asyncio.new_event_loop = asyncio.new_event_loop, noted
    try:
        with grpc.insecure_channel(client) as channel:
            return str(language_pb2_grpc.LanguageRuntimeStub(channel).Run(request).error)
    except grpc.RpcError as error:
        return str(error.details())
    finally:
        asyncio.new_event_loop = made
        for loop in loops:
            if not loop.is_running():
                loop.close()


class _Served:
    """A monitor of the simulator as a gRPC service."""

    def __init__(self, monitor: Any) -> None:
        self._monitor = monitor

    def __getattr__(self, name: str) -> Callable[[Any, Any], Any]:
        return lambda request, _context: getattr(self._monitor, name)(request)


def _shown(state: Mapping[str, Any] | None) -> dict[str, Any] | None:
    if state is None:
        return None
    return {"id": "", "parent": "", "provider": "", "outputs": {}, **state}
