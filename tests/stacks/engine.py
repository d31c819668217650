"""A small engine with a memory, for tests: runs whole programs and carries them out on moto.

It is our own simulator.  It proves our programs against our idea of Pulumi's engine and of the
aws plugin (``cloud.py``); it proves nothing about Pulumi, and no test with it is "end to end".

    with mock_aws():                       # or Cloud(endpoint_url=<moto's server>)
        engine = Engine(Cloud("cn-northwest-1"), config={"gatekeeper:decisions": path})
        plan = engine.preview(ROOT / "infra/x/__main__.py")   # as `pulumi preview --json`
        run = engine.up(ROOT / "infra/x/__main__.py")         # .outputs, .ops, .steps, .logs
        engine.up(program)                 # a function without arguments is a program too
        engine.refresh(); engine.destroy()
        engine.export()                    # as `pulumi stack export`
        engine.resource("web")             # the state of the one resource of that logical name

What it knows: create, update, replace (create first, or ``delete_before_replace`` with the
dependants that must go too), import, read, delete in reverse order, aliases (also those that
children inherit), ``protect``, ``retain_on_delete``, ``ignore_changes``, ``replace_on_changes``,
secrets, unknown values in a preview, exported outputs, stack references (``references``).  When
an update fails, ``up`` raises what went wrong and the state keeps what was done until then;
nothing is deleted.  ``engine.before`` is called with (op, urn) before each act on the cloud; what
it raises is a fault of the cloud.  ``engine.analyze`` is called with the state of each resource
with its inputs before anything is planned for it, as policy packs are; what it raises ends the run.

What it does not know: transforms, hooks, the provider's schema, explicit providers' own regions,
update plans, targets, parallel deletes, policy packs.

``pulumi_aws`` prints DeprecationWarnings, which are errors in our tests: a module that uses it
says ``pytestmark = pytest.mark.filterwarnings(*QUIET)``.
"""

from __future__ import annotations

import asyncio
import base64
import copy
import inspect
import json
import os
import runpy
import sys
import threading
import warnings
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pulumi
import pulumi.runtime
from google.protobuf import empty_pb2, json_format, struct_pb2
from pulumi.runtime import mocks as pulumi_mocks
from pulumi.runtime.proto import provider_pb2, resource_pb2
from pulumi.runtime.settings import SETTINGS, set_root_resource
from pulumi.runtime.stack import run_in_stack

from tests.stacks.cloud import UNKNOWN, Cloud, Props

__all__ = ["QUIET", "UNKNOWN", "Cloud", "Engine", "EngineError", "Run"]

QUIET = ("ignore:.*EncryptionControl.*:DeprecationWarning",)
STACK_TYPE = "pulumi:pulumi:Stack"
_SIGNATURE = "4dabf18193072939515e22adb298388d"
_SECRET = "1b47061264138c4ac30d75fd1eb44270"
_RESOURCE = "5cf8f73096256a8f31e491e813e4eb8e"
_PLUGIN = "7_51_1"
State = dict[str, Any]
Program = Path | str | Callable[[], Any]


class EngineError(Exception):
    """What the engine refuses: a protected resource, a name used twice, an import that differs."""


@dataclass
class Run:
    """What a preview or an update did."""

    dry_run: bool
    steps: list[dict[str, Any]] = field(default_factory=list)
    outputs: Props = field(default_factory=dict)
    logs: list[tuple[str, str]] = field(default_factory=list)
    """(severity, message)."""
    resources: list[State] = field(default_factory=list)
    """The state after it; for a preview, what it would be."""

    @property
    def ops(self) -> Counter[str]:
        return Counter(step["op"] for step in self.steps)

    def changed(self) -> set[tuple[str, str]]:
        """(op, logical name) of what is not the same."""
        return {
            (step["op"], step["urn"].rsplit("::", 1)[1])
            for step in self.steps
            if step["op"] != "same" and not step["urn"].split("::")[2].startswith("pulumi:")
        }


class Engine:
    """One stack: its state, and the cloud that it changes."""

    def __init__(
        self,
        cloud: Cloud,
        *,
        project: str = "shop",
        stack: str = "cn",
        config: Mapping[str, str] | None = None,
        references: Mapping[str, Props] | None = None,
    ) -> None:
        self.cloud = cloud
        self.project = project
        self.stack = stack
        self.config = dict(config or {})
        self.references = dict(references or {})
        self.state: list[State] = []
        self.outputs: Props = {}
        self.before: Callable[[str, str], None] = lambda op, urn: None
        self.analyze: Callable[[State], None] = lambda state: None

    def preview(self, program: Program, *, show_sames: bool = False) -> dict[str, Any]:
        """What an update would do, shaped as ``pulumi preview --json``; changes nothing."""
        return self.preview_json(self.plan(program), show_sames=show_sames)

    def preview_json(self, run: Run, *, show_sames: bool = False) -> dict[str, Any]:
        steps = [step for step in run.steps if show_sames or step["op"] != "same"]
        return {
            "config": dict(self.config),
            "steps": [_shown_step(step) for step in steps],
            "diagnostics": [
                {"message": message, "severity": severity, "color": "auto"}
                for severity, message in run.logs
            ],
            "duration": 1_000_000_000,
            "changeSummary": dict(run.ops),
        }

    def plan(self, program: Program) -> Run:
        """A preview with all that it saw."""
        before = copy.deepcopy(self.state)
        try:
            return self._run(program, dry_run=True)
        finally:
            self.state = before

    def up(self, program: Program) -> Run:
        """Carry the program out.

        Raises:
            Exception: whatever went wrong first; the state keeps what was done.
        """
        run = self._run(program, dry_run=False)
        self.outputs = run.outputs
        return run

    def refresh(self) -> Run:
        """Read everything in the state again; what nobody has in a state stays unseen."""
        run = Run(dry_run=False)
        for state in list(self.state):
            if not state["custom"] or state["type"].startswith("pulumi:"):
                continue
            found = self.cloud.kind(state["type"]).read(self.cloud, state["id"])
            old = copy.deepcopy(state)
            if found is None:
                self.state.remove(state)
                run.steps.append(_step("delete", old, None))
                continue
            state["outputs"] = {**state["outputs"], **found}
            for key in set(state["inputs"]) & set(found):
                if not _equal(state["inputs"][key], found[key]):
                    state["inputs"][key] = found[key]
            op = "same" if old == state else "update"
            run.steps.append(_step(op, old, state))
        run.resources = copy.deepcopy(self.state)
        return run

    def destroy(self) -> Run:
        """Delete everything, last first.

        Raises:
            EngineError: something is protected; nothing is deleted then.
        """
        run = Run(dry_run=False)
        monitor = _Monitor(self, run)
        monitor.finish()
        return run

    def export(self) -> dict[str, Any]:
        """The state, shaped as ``pulumi stack export``."""
        deployment = {
            "manifest": {"time": "2026-01-01T00:00:00Z", "magic": "", "version": "v3.272.0"},
            "secrets_providers": {"type": "passphrase", "state": {"salt": "simulated"}},
            "resources": [_sealed(state) for state in self.state],
            "metadata": {},
        }
        return {"version": 3, "deployment": deployment}

    def resource(self, name: str) -> State:
        """The state of the one resource of that logical name."""
        (found,) = (one for one in self.state if one["urn"].endswith(f"::{name}"))
        return found

    def names(self, token: str) -> set[str]:
        """The logical names of the resources of a type."""
        return {one["urn"].rsplit("::", 1)[1] for one in self.state if one["type"] == token}

    def _run(self, program: Program, *, dry_run: bool) -> Run:
        run = Run(dry_run=dry_run)
        monitor = _Monitor(self, run)
        try:
            _execute(self, program, monitor)
            monitor.finish()
        except BaseException:
            monitor.keep()
            raise
        run.outputs = monitor.exported
        run.resources = copy.deepcopy(self.state)
        return run


class _Log:
    """What the program logs, as the mock engine hands it over."""

    def __init__(self, run: Run) -> None:
        self._run = run

    def __getattr__(self, severity: str) -> Callable[[str], None]:
        def say(message: str) -> None:
            if severity != "debug":
                self._run.logs.append((severity, message))

        return say


class _NoMocks(pulumi_mocks.Mocks):
    def call(self, args: Any) -> Any:
        raise AssertionError(args.token)

    def new_resource(self, args: Any) -> Any:
        raise AssertionError(args.typ)


def _execute(engine: Engine, program: Program, monitor: _Monitor) -> None:
    """Run the program as the language host does, with our monitor at the other end."""
    loop = asyncio.new_event_loop()
    # What fails is raised once; what hangs on it would be told again when it is collected.
    loop.set_exception_handler(lambda _loop, _context: None)
    asyncio.set_event_loop(loop)
    set_root_resource(None)  # type: ignore[arg-type]
    SETTINGS.outputs.clear()  # what a failed run left hangs on its own loop
    try:
        pulumi.runtime.set_all_config(dict(engine.config), [])
        pulumi.runtime.set_mocks(
            _NoMocks(),
            project=engine.project,
            stack=engine.stack,
            organization="organization",
            preview=monitor.dry_run,
            logger=_Log(monitor.run),  # type: ignore[arg-type]
            monitor=monitor,
        )
        loop.run_until_complete(pulumi_mocks.run_pulumi_func(lambda: None))
        set_root_resource(None)  # type: ignore[arg-type]
        loop.run_until_complete(run_in_stack(lambda: _call(program)))
    finally:
        loop.run_until_complete(_drop_tasks())
        set_root_resource(None)  # type: ignore[arg-type]
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.run_until_complete(loop.shutdown_default_executor())
        asyncio.set_event_loop(None)
        loop.close()


async def _drop_tasks() -> None:
    """End what hangs on a registration that failed."""
    tasks = asyncio.all_tasks() - {asyncio.current_task()}
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def _call(program: Program) -> Any:
    if callable(program):
        result = program()
        return result if inspect.isawaitable(result) else None
    path = Path(program).resolve()
    path = path / "__main__.py" if path.is_dir() else path
    here, known, search = Path.cwd(), set(sys.modules), list(sys.path)
    os.chdir(path.parent)
    sys.path.insert(0, str(path.parent))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            runpy.run_path(str(path), run_name="__main__")
    finally:
        os.chdir(here)
        sys.path[:] = search
        for name in set(sys.modules) - known:
            file = getattr(sys.modules[name], "__file__", None)
            if file and Path(file).is_relative_to(path.parent):
                del sys.modules[name]
    return None


class _Monitor(pulumi_mocks.MockMonitor):
    """The other end of the SDK's calls during one run."""

    def __init__(self, engine: Engine, run: Run) -> None:
        super().__init__(_NoMocks())
        self.engine = engine
        self.run = run
        self.dry_run = run.dry_run
        self.exported: Props = {}
        self._lock = threading.RLock()
        self._old: dict[str, State] = {
            one["urn"]: one for one in engine.state if not one.get("delete")
        }
        self._doomed: list[State] = [one for one in engine.state if one.get("delete")]
        self._left = dict(self._old)
        """Old resources that nothing took the place of yet."""
        self._order = {one["urn"]: place for place, one in enumerate(engine.state)}
        self._new: dict[str, State] = {}
        self._matched: set[str] = set()
        """Old URNs that the program still has."""
        self._was: dict[str, list[str]] = {}
        """New URN -> its old ones."""
        self._gone_first: set[str] = set()
        """Old URNs of what was deleted because of another's replacement."""

    # --- what the SDK calls ---

    def RegisterResource(self, request: Any) -> Any:  # noqa: N802
        with self._lock:
            state = self._register(request)
            if request.type == STACK_TYPE:
                return resource_pb2.RegisterResourceResponse(urn=state["urn"])
            outputs = {key: one for key, one in state["outputs"].items() if key != "id"}
            return resource_pb2.RegisterResourceResponse(
                urn=state["urn"], id=state.get("id") or "", object=_struct(outputs)
            )

    def RegisterResourceOutputs(self, request: Any) -> Any:  # noqa: N802
        with self._lock:
            outputs = _plain(request.outputs)
            self._new[request.urn]["outputs"] = outputs
            if request.urn.split("::")[2] == STACK_TYPE:
                self.exported = {key: _shown(value) for key, value in outputs.items()}
        return empty_pb2.Empty()

    def ReadResource(self, request: Any) -> Any:  # noqa: N802
        with self._lock:
            urn = self._urn(request.parent, request.type, request.name)
            if request.type == "pulumi:pulumi:StackReference":
                found: Props | None = {
                    "name": request.id,
                    "outputs": self.engine.references[request.id],
                    "secretOutputNames": [],
                }
            else:
                found = self.engine.cloud.kind(request.type).read(self.engine.cloud, request.id)
            if found is None:
                raise EngineError(f"{urn}: {request.id} does not exist")
            state = self._state(urn, request, {}, found)
            state |= {"id": request.id, "external": True}
            self._matched.add(urn)
            self._placed(state, "read", self._old.get(urn))
            return resource_pb2.ReadResourceResponse(urn=urn, properties=_struct(found))

    def Invoke(self, request: Any) -> Any:  # noqa: N802
        with self._lock:
            function = self.engine.cloud.invokes.get(request.tok)
            if function is None:
                raise EngineError(f"the simulated engine knows no function {request.tok}")
            try:
                found = function(_revealed(_plain(request.args)))
            except RuntimeError as error:
                failure = provider_pb2.CheckFailure(property="", reason=str(error))
                return resource_pb2.ResourceInvokeResponse(failures=[failure])
            answer: Any = {"return": _struct(found)}
            return resource_pb2.ResourceInvokeResponse(**answer)

    # --- one resource ---

    def _register(self, request: Any) -> State:
        urn = self._urn(request.parent, request.type, request.name)
        if request.type == STACK_TYPE:
            if urn not in self._new:
                old = self._find(urn, request)
                state = self._state(urn, request, {}, {})
                self._placed(state, "same" if old else "create", old)
            return self._new[urn]
        if urn in self._new:
            raise EngineError(f"Duplicate resource URN '{urn}'; try giving it a unique name")
        old = self._find(urn, request)
        given = _plain(request.object)
        for place in request.ignoreChanges:
            _ignore(given, old["inputs"] if old else None, place.split("."))
        if not request.custom:
            return self._component(urn, request, given, old)
        self._provide(request)
        kind = self.engine.cloud.kind(request.type)
        inputs = kind.check(given, old["inputs"] if old else None, urn)
        state = self._state(urn, request, inputs, {})
        self.engine.analyze(state)
        if old is not None and old.get("external"):
            self._left.pop(old["urn"], None)
            old = None  # it was only read: registering it makes it ours
        if request.importId and (old is None or old["id"] != request.importId):
            return self._import(state, request, old)
        if old is not None and old["urn"] in self._gone_first:
            return self._made(state, "create-replacement", old)
        if old is None:
            return self._made(state, "create", None)
        return self._changed(state, old, request)

    def _component(self, urn: str, request: Any, given: Props, old: State | None) -> State:
        state = self._state(urn, request, given, dict(given))
        op = "create" if old is None else "same" if _equal(old["inputs"], given) else "update"
        return self._placed(state, op, old)

    def _provide(self, request: Any) -> None:
        """The default provider, as the engine makes one for each package."""
        package = request.type.split(":")[0]
        if request.provider or package == "pulumi":
            return
        name = f"default_{_PLUGIN}"
        urn = f"{self._prefix()}::pulumi:providers:{package}::{name}"
        if urn not in self._new:
            old = self._old.get(urn)
            made = "00000000-0000-4000-8000-000000000001"
            state = _blank(urn, f"pulumi:providers:{package}") | {"custom": True, "id": made}
            state["inputs"] = state["outputs"] = {"version": _PLUGIN.replace("_", ".")}
            self._matched.add(urn)
            self._placed(state, "same" if old else "create", old)
        request.provider = f"{urn}::{self._new[urn]['id']}"

    def _import(self, state: State, request: Any, old: State | None) -> State:
        found = self.engine.cloud.kind(request.type).read(self.engine.cloud, request.importId)
        if found is None:
            raise EngineError(f"{state['urn']}: nothing to import: {request.importId}")
        wrong = sorted(
            key
            for key, value in state["inputs"].items()
            if key in found and not _equal(_shown(value), found[key])
        )
        if wrong:
            raise EngineError(
                f"{state['urn']}: inputs to import do not match the existing resource: {wrong}"
            )
        outputs = {"id": request.importId, **_shown(state["inputs"]), **found}
        state |= {"id": request.importId, "outputs": outputs}
        if old is not None:
            self._unless_protected(old)
            self._doomed.append(old | {"delete": True})
        return self._placed(state, "import" if old is None else "import-replacement", old)

    def _changed(self, state: State, old: State, request: Any) -> State:
        changed = {
            key
            for key in old["inputs"].keys() | state["inputs"].keys()
            if key != "__defaults" and not _equal(old["inputs"].get(key), state["inputs"].get(key))
        }
        if not changed:
            state |= {"id": old["id"], "outputs": old["outputs"]}
            return self._placed(state, "same", old)
        kind = self.engine.cloud.kind(request.type)
        replacing = kind.replacing(old["inputs"], state["inputs"], changed)
        replacing |= changed & set(request.replaceOnChanges)
        details = {
            "diffReasons": sorted(changed),
            "replaceReasons": sorted(replacing),
            "detailedDiff": _detailed(old["inputs"], state["inputs"], changed, replacing),
        }
        if not replacing:
            return self._updated(state, old, details)
        self._unless_protected(old)
        first = kind.delete_first(state["inputs"])
        if request.deleteBeforeReplaceDefined:
            first = request.deleteBeforeReplace
        if first:
            self._delete_dependants(old)
            self._deleted("delete-replaced", old)
            self.run.steps.append(_step("replace", old, state) | details)
            return self._made(state, "create-replacement", old, details)
        made = self._made(state, "create-replacement", old, details)
        self.run.steps.append(_step("replace", old, state) | details)
        self._doomed.append(old | {"delete": True})
        return made

    def _made(
        self, state: State, op: str, old: State | None, details: Props | None = None
    ) -> State:
        state["outputs"] = dict(state["inputs"])
        state["outputs"].pop("__defaults", None)
        kind, cloud = self.engine.cloud.kind(state["type"]), self.engine.cloud
        if self.dry_run:
            unknown = dict.fromkeys(("id", *kind.computed), UNKNOWN)
            state["outputs"] = unknown | state["outputs"]
        else:
            self.engine.before(op, state["urn"])
            made, outputs = kind.create(cloud, _revealed(state["inputs"]), state["urn"])
            state |= {"id": made, "outputs": {"id": made, **_merged(state, outputs)}}
        return self._placed(state, op, old, details)

    def _updated(self, state: State, old: State, details: Props) -> State:
        state |= {"id": old["id"], "outputs": {**old["outputs"], **state["inputs"]}}
        state["outputs"].pop("__defaults", None)
        if not self.dry_run:
            self.engine.before("update", state["urn"])
            kind, cloud = self.engine.cloud.kind(state["type"]), self.engine.cloud
            outputs = kind.update(
                cloud, old["id"], _revealed(old["inputs"]), _revealed(state["inputs"])
            )
            state["outputs"] = {"id": old["id"], **_merged(state, outputs)}
        return self._placed(state, "update", old, details)

    def _placed(
        self, state: State, op: str, old: State | None, details: Props | None = None
    ) -> State:
        if old is not None:
            self._left.pop(old["urn"], None)
        self._new[state["urn"]] = state
        self.run.steps.append(_step(op, old, state) | (details or {}))
        return state

    # --- deletes ---

    def finish(self) -> None:
        """Delete what the program stopped registering, and what was replaced: last first.

        Raises:
            EngineError: one of them is protected; nothing is deleted then.
        """
        with self._lock:
            unwanted = [one for urn, one in self._left.items() if urn not in self._matched]
            for one in unwanted:
                self._unless_protected(one)
            todo = [*self._doomed, *unwanted]
            todo.sort(key=lambda one: self._order.get(one["urn"], -1), reverse=True)
            try:
                for one in todo:
                    self._deleted("delete-replaced" if one.get("delete") else "delete", one)
            finally:
                self.keep()
        self.run.resources = copy.deepcopy(self.engine.state)

    def keep(self) -> None:
        """Make what is there now the state, whatever happened."""
        self.engine.state = [*self._new.values(), *self._left.values(), *self._doomed]

    def _deleted(self, op: str, old: State) -> None:
        ours = old["custom"] and not old.get("external") and not old.get("retainOnDelete")
        if ours and not self.dry_run and not old["type"].startswith("pulumi:"):
            self.engine.before(op, old["urn"])
            self.engine.cloud.kind(old["type"]).delete(self.engine.cloud, old["id"], old)
        if old.get("delete"):
            self._doomed = [one for one in self._doomed if one is not old]
        else:
            self._left.pop(old["urn"], None)
        self.run.steps.append(_step(op, old, None))

    def _delete_dependants(self, old: State) -> None:
        """Those that cannot live through the replacement go first, the farthest first."""
        for one in reversed(list(self._left.values())):
            urns = [urn for some in one["propertyDependencies"].values() for urn in some]
            if old["urn"] not in urns or one["urn"] not in self._left or not one["custom"]:
                continue
            kind = self.engine.cloud.kind(one["type"])
            moved = {key for key, some in one["propertyDependencies"].items() if old["urn"] in some}
            unknown = {**one["inputs"], **dict.fromkeys(moved, UNKNOWN)}
            if kind.replacing(one["inputs"], unknown, moved):
                self._unless_protected(one)
                self._delete_dependants(one)
                self._deleted("delete-replaced", one)
                self._gone_first.add(one["urn"])

    def _unless_protected(self, state: State) -> None:
        if state.get("protect"):
            name = state["urn"].rsplit("::", 1)[1]
            raise EngineError(
                f"resource {name} cannot be deleted because it is protected ({state['urn']})"
            )

    # --- names ---

    def _prefix(self) -> str:
        return f"urn:pulumi:{self.engine.stack}::{self.engine.project}"

    def _urn(self, parent: str, token: str, name: str) -> str:
        above = parent.split("::")[2] if parent else STACK_TYPE
        qualified = token if STACK_TYPE in (above, token) else f"{above}${token}"
        return f"{self._prefix()}::{qualified}::{name}"

    def _find(self, urn: str, request: Any) -> State | None:
        """The old state of a resource, under its name or one that it had."""
        was = self._aliases(urn, request)
        self._was[urn] = was
        for one in (urn, *was):
            if one in self._old and one not in self._matched:
                self._matched.add(one)
                return self._old[one]
        return None

    def _aliases(self, urn: str, request: Any) -> list[str]:
        was = []
        for alias in request.aliases:
            if alias.WhichOneof("alias") == "urn":
                was.append(alias.urn)
                continue
            spec = alias.spec
            above = "" if spec.noParent else spec.parentUrn or request.parent
            name, token = spec.name or request.name, spec.type or request.type
            was.append(self._urn(above, token, name))
            was += [self._urn(one, token, name) for one in self._was.get(above, ())]
        parent = request.parent
        for above in self._was.get(parent, ()):
            name = request.name
            new_name, old_name = parent.rsplit("::", 1)[1], above.rsplit("::", 1)[1]
            if name.startswith(new_name):
                name = old_name + name.removeprefix(new_name)
            was.append(self._urn(above, request.type, name))
        return [one for one in dict.fromkeys(was) if one != urn]

    def _state(self, urn: str, request: Any, inputs: Props, outputs: Props) -> State:
        state = _blank(urn, request.type) | {
            "custom": getattr(request, "custom", True),
            "inputs": inputs,
            "outputs": outputs,
            "parent": request.parent,
            "dependencies": sorted(request.dependencies),
            "propertyDependencies": {
                key: sorted(value.urns)
                for key, value in getattr(request, "propertyDependencies", {}).items()
            },
            "provider": request.provider,
        }
        for key in ("protect", "retainOnDelete"):
            if getattr(request, key, False):
                state[key] = True
        return state


# --- values ---


def _blank(urn: str, token: str) -> State:
    return {
        "urn": urn,
        "custom": False,
        "type": token,
        "inputs": {},
        "outputs": {},
        "parent": "",
        "dependencies": [],
        "propertyDependencies": {},
        "provider": "",
    }


def _plain(struct: struct_pb2.Struct) -> Props:
    """A request's values as JSON's; whole numbers are integers, resources their id or URN."""
    plain: Props = _walked(json_format.MessageToDict(struct), _whole)
    return plain


def _whole(value: Any) -> Any:
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, dict) and value.get(_SIGNATURE) == _RESOURCE:
        return value.get("id") or value["urn"]
    return value


def _walked(value: Any, change: Callable[[Any], Any]) -> Any:
    value = change(value)
    if isinstance(value, dict):
        return {key: _walked(one, change) for key, one in value.items()}
    if isinstance(value, list):
        return [_walked(one, change) for one in value]
    return value


def _is_secret(value: Any) -> bool:
    return isinstance(value, dict) and value.get(_SIGNATURE) == _SECRET


def _revealed(value: Any) -> Any:
    """Without secrets' wrappings and the engine's own notes, for the cloud."""
    plain = _walked(value, lambda one: one["value"] if _is_secret(one) else one)
    if isinstance(plain, dict):
        plain = {key: one for key, one in plain.items() if key != "__defaults"}
    return plain


_shown = _revealed


def _merged(state: State, outputs: Props) -> Props:
    """A cloud's answer, in which what came as a secret stays one."""
    merged = {**_revealed(state["inputs"]), **outputs}
    return {
        key: state["inputs"][key] if _is_secret(state["inputs"].get(key)) else value
        for key, value in merged.items()
    }


def _shown_step(step: dict[str, Any]) -> dict[str, Any]:
    """A step as a preview prints it: of what is still to be made it knows no outputs."""
    shown: dict[str, Any] = _masked(step)
    if step["op"] in ("create", "create-replacement", "replace") and "newState" in shown:
        shown["newState"].pop("outputs", None)
    return shown


def _masked(value: Any) -> Any:
    return _walked(value, lambda one: "[secret]" if _is_secret(one) else one)


def _sealed(value: Any) -> Any:
    def seal(one: Any) -> Any:
        if _is_secret(one) and "value" in one:
            text = base64.b64encode(json.dumps(one["value"]).encode()).decode()
            return {_SIGNATURE: _SECRET, "ciphertext": f"v1:simulated:{text}"}
        return one

    return _walked(value, seal)


def _struct(value: Props) -> struct_pb2.Struct:
    struct = struct_pb2.Struct()
    struct.update(value)
    return struct


def _equal(one: Any, other: Any) -> bool:
    def text(value: Any) -> str:
        return json.dumps(value, sort_keys=True)

    return text(one) == text(other)


def _ignore(given: Any, old: Any, place: list[str]) -> None:
    """Put the old value at a path of ``ignore_changes``: ``a`` or ``a.b``; new ones keep theirs."""
    if old is None or not isinstance(given, dict):
        return
    key, *rest = place
    if rest:
        _ignore(given.get(key), old.get(key), rest)
    elif key in old:
        given[key] = copy.deepcopy(old[key])
    else:
        given.pop(key, None)


def _detailed(old: Props, new: Props, changed: set[str], replacing: set[str]) -> Props:
    def kind(key: str) -> str:
        plain = "add" if key not in old else "delete" if key not in new else "update"
        return f"{plain}-replace" if key in replacing else plain

    return {key: {"kind": kind(key), "inputDiff": True} for key in sorted(changed)}


def _step(op: str, old: State | None, new: State | None) -> dict[str, Any]:
    state = new or old
    assert state is not None
    step: dict[str, Any] = {"op": op, "urn": state["urn"]}
    if state.get("provider"):
        step["provider"] = state["provider"]
    if old is not None:
        step["oldState"] = copy.deepcopy(old)
    if new is not None:
        step["newState"] = copy.deepcopy(new)
    step["detailedDiff"] = None
    return step
