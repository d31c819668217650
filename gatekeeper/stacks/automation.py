"""One account's stack of gates, read, previewed and brought up through Pulumi's Automation API.

The program is inline: nothing but ``Gates`` and its provider.  The provider enters the account by
the role that is registered, and refuses any other account.  Nothing is brought up before its
preview is found to be exactly what was asked for (``compare``).

Needs ``gatekeeper[pulumi]`` and the ``pulumi`` command.
"""

from __future__ import annotations

import subprocess
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

from pulumi import automation

from gatekeeper.account import Doubt, Family
from gatekeeper.errors import StackError
from gatekeeper.gate import GateChange, GatePorts, shortlist
from gatekeeper.stacks.compare import Entry, Step, differences, expected
from gatekeeper.stacks.layout import Attachment, Layout, OpenedPort, Place
from gatekeeper.stacks.state import StackState, read_state

PROJECT: Final = "gatekeeper-gates"
COMPONENT: Final = "gates"
BACKENDS: Final = ("file://", "s3://")
PASSPHRASES: Final = ("PULUMI_CONFIG_PASSPHRASE", "PULUMI_CONFIG_PASSPHRASE_FILE")
_LINES: Final = 3


@dataclass(frozen=True, slots=True)
class Backend:
    """Where the state of the stacks is kept, and the command that keeps it."""

    url: str
    command: Any = None
    """What runs ``pulumi``; ``None`` finds it on the PATH."""

    @classmethod
    def find(cls, url: str | None, environment: Mapping[str, str]) -> Backend:
        """A backend that can be used, with the command found.

        Raises:
            StackError: no backend, or one of a kind that is not supported, no passphrase, or no
                ``pulumi`` command.
        """
        if not url:
            raise StackError(
                "--via pulumi needs to know where the stacks' state is kept: pass --backend"
                " file:///absolute/folder or s3://bucket, or set PULUMI_BACKEND_URL",
                zh="--via pulumi 需要知道堆栈状态的存放位置：请使用 --backend file:///绝对路径 或"
                " s3://存储桶，或设置 PULUMI_BACKEND_URL",
            )
        if not url.startswith(BACKENDS):
            raise StackError(
                f"backend {url!r} is neither file:// nor s3://; name one of these",
                zh=f"后端 {url!r} 既不是 file:// 也不是 s3://，请改用其中之一",
            )
        if not any(name in environment for name in PASSPHRASES):
            raise StackError(
                "the stacks' state is sealed with a passphrase: set PULUMI_CONFIG_PASSPHRASE or"
                " PULUMI_CONFIG_PASSPHRASE_FILE (it may be empty)",
                zh="堆栈状态以口令加密：请设置 PULUMI_CONFIG_PASSPHRASE 或"
                " PULUMI_CONFIG_PASSPHRASE_FILE（可为空）",
            )
        return cls(url, find_command())


def find_command() -> Any:
    """The ``pulumi`` command.

    Raises:
        StackError: there is none, or it is too old for the SDK.
    """
    try:
        return automation.PulumiCommand()
    except FileNotFoundError:
        raise StackError(
            "--via pulumi needs the pulumi command and its aws plugin, and there is no pulumi on"
            " the PATH; install the Pulumi CLI and run pulumi plugin install resource aws, or apply"
            " without --via; nothing was changed",
            zh="--via pulumi 需要 pulumi 命令及其 aws 插件，但 PATH 中没有 pulumi；请安装"
            " Pulumi CLI 并运行 pulumi plugin install resource aws，或不带 --via 执行 apply；"
            "未作任何更改",
        ) from None
    except (automation.InvalidVersionError, OSError, subprocess.SubprocessError) as error:
        raise StackError(
            f"the pulumi command cannot be used: {_one_line(str(error))}; nothing was changed",
            zh=f"pulumi 命令无法使用：{_one_line(str(error))}；未作任何更改",
        ) from None


@dataclass(slots=True)
class PulumiGates:
    """The stack that owns the gates of one account and region."""

    entry: Entry
    owner: str
    backend: Backend
    _state: StackState | None = None
    _proposed: Layout | None = None

    @classmethod
    def of(
        cls,
        account_id: str,
        region: str,
        *,
        owner: str,
        backend: Backend,
        role_arn: str | None = None,
        external_id: str | None = None,
    ) -> PulumiGates:
        """The stack of an account, entered by its role or with the caller's own credentials."""
        entry = Entry(
            account_id=account_id,
            region=region,
            role_arn=role_arn or None,
            external_id=external_id or None,
        )
        return cls(entry, owner, backend)

    @property
    def stack_name(self) -> str:
        return f"{self.entry.account_id}-{self.entry.region}"

    @property
    def stack(self) -> str:
        """``project/stack``, as the tag of the gates has it."""
        return f"{PROJECT}/{self.stack_name}"

    # what it holds -----------------------------------------------------------------------------

    def read(self) -> None:
        """Refresh the stack's state from AWS, which changes nothing there, and read it.

        Raises:
            StackError: it cannot be read, or holds something that is no gate's.
        """
        self._proposed = None
        empty = Layout(COMPONENT, self.stack, self.owner)
        with self._opened(empty) as stack:
            exported = _called(self.stack, "export", stack.export_stack)
            if (exported.deployment or {}).get("resources"):
                _called(
                    self.stack,
                    "refresh",
                    lambda: stack.refresh(color="never", clear_pending_creates=True),
                )
                exported = _called(self.stack, "export", stack.export_stack)
        self._state = read_state(exported.deployment, empty)

    def gate(self, vpc_id: str, family: Family) -> str | None:
        """The id of the gate that the stack owns there."""
        return self._known.group_id(Place(vpc_id, family))

    def ports(self, vpc_id: str, family: Family) -> frozenset[tuple[str, int]]:
        """What the stack's gate lets in there, by its state."""
        return frozenset(self._known.layout.gates.get(Place(vpc_id, family), ()))

    def attached(self, interface_id: str, family: Family) -> bool:
        """Whether the stack owns the attachment of an interface for a family."""
        return self._known.attachment(interface_id, family) is not None

    @property
    def _known(self) -> StackState:
        if self._state is None:
            self.read()
        assert self._state is not None
        return self._state

    # what it is to hold ------------------------------------------------------------------------

    def propose(self, changes: Sequence[GateChange]) -> Doubt | None:
        """Preview changes; why they may not be brought up, where the preview is not just they.

        Raises:
            StackError: the preview failed.
        """
        self._proposed = None
        wanted = _applied(self._known, changes)
        if not expected(self._known.layout, wanted):
            return Doubt("the stack's state has all of it already", "堆栈状态已包含全部变更")
        with self._opened(wanted) as stack:
            events: list[automation.EngineEvent] = []
            result = _called(
                self.stack,
                "preview",
                lambda: stack.preview(color="never", on_event=events.append),
            )
        summary = {_text(op): count for op, count in result.change_summary.items()}
        steps = tuple(_steps(events))
        found = [
            *_truncated(events, steps, summary),
            *differences(steps, self._known, wanted, self.entry),
        ]
        if found:
            return Doubt(
                f"the preview of stack {self.stack} differs from the plan:"
                f" {shortlist([one.reason for one in found])}",
                f"堆栈 {self.stack} 的预览与计划不符："
                f"{shortlist([one.reason_zh for one in found], '、')}",
            )
        self._proposed = wanted
        return None

    def carry_out(self) -> None:
        """Bring up what was proposed and found to be as planned.

        Raises:
            StackError: it failed, maybe half done.
        """
        wanted = self._proposed
        assert wanted is not None, "nothing was proposed, or it was refused"
        self._proposed = self._state = None
        with self._opened(wanted) as stack:
            _called(self.stack, "up", lambda: stack.up(color="never"))

    # the workspace -----------------------------------------------------------------------------

    @contextmanager
    def _opened(self, layout: Layout) -> Iterator[automation.Stack]:
        """The stack with the program that makes a layout, in a folder of its own."""
        program = gates_program(layout, self.entry)
        with tempfile.TemporaryDirectory(prefix="gatekeeper-stack-") as folder:
            options = automation.LocalWorkspaceOptions(
                work_dir=folder,
                env_vars={
                    "PULUMI_BACKEND_URL": self.backend.url,
                    "PULUMI_SKIP_UPDATE_CHECK": "true",
                },
                pulumi_command=self.backend.command,
                project_settings=automation.ProjectSettings(
                    name=PROJECT, runtime="python", main=folder
                ),
            )
            yield _called(
                self.stack,
                "stack select",
                lambda: automation.create_or_select_stack(
                    stack_name=self.stack_name,
                    project_name=PROJECT,
                    program=program,
                    opts=options,
                ),
            )


def gates_program(layout: Layout, entry: Entry) -> Callable[[], None]:
    """The inline program that makes a layout in one account."""

    def program() -> None:
        import pulumi
        import pulumi_aws

        from gatekeeper.stacks.gates import Gates

        roles = None
        if entry.role_arn:
            external = pulumi.Output.secret(entry.external_id) if entry.external_id else None
            roles = [
                pulumi_aws.ProviderAssumeRoleArgs(role_arn=entry.role_arn, external_id=external)
            ]
        provider = pulumi_aws.Provider(
            "aws",
            region=entry.region,
            allowed_account_ids=[entry.account_id],
            assume_roles=roles,
        )
        vpcs: dict[str, list[str]] = {}
        opened: dict[tuple[str, str], Sequence[OpenedPort]] = {}
        for place, ports in layout.gates.items():
            vpcs.setdefault(place.vpc_id, []).append(place.family)
            opened[place.vpc_id, place.family] = ports
        Gates(
            layout.name,
            vpcs=vpcs,
            owner=layout.owner,
            opened=opened,
            attachments=[(one.interface_id, one.family) for one in sorted(layout.attachments)],
            interface_vpcs={one.interface_id: one.vpc_id for one in layout.attachments},
            opts=pulumi.ResourceOptions(provider=provider),
        )

    return program


def _applied(state: StackState, changes: Iterable[GateChange]) -> Layout:
    gates: dict[Place, Sequence[OpenedPort]] = {}
    attached: list[Attachment] = []
    detached: list[Attachment] = []
    for change in changes:
        if isinstance(change, GatePorts):
            gates[Place(change.vpc_id, change.family)] = change.ports
        else:
            one = Attachment(change.interface_id, change.family, change.vpc_id)
            (attached if change.held else detached).append(one)
    return state.layout.changed(gates=gates, attached=attached, detached=detached)


def _steps(events: Iterable[automation.EngineEvent]) -> Iterator[Step]:
    for event in events:
        if event.resource_pre_event is None:
            continue
        metadata = event.resource_pre_event.metadata
        yield Step(
            _text(metadata.op),
            metadata.urn,
            metadata.type,
            metadata.old.inputs if metadata.old else None,
            metadata.new.inputs if metadata.new else None,
            metadata.provider,
        )


def _truncated(
    events: Sequence[automation.EngineEvent], steps: Iterable[Step], summary: Mapping[str, int]
) -> Iterator[Doubt]:
    """Signs that not all that the engine said was heard."""
    if not any(event.cancel_event is not None for event in events):
        yield Doubt("its event log has no end", "事件日志不完整")
    for event in events:
        found = event.diagnostic_event
        if found is not None and found.severity == "error":
            message = _one_line(found.message)
            yield Doubt(f"it reports an error: {message}", f"预览报告错误：{message}")
    counted = Counter(step.op for step in steps)
    for op in sorted(counted.keys() | summary.keys()):
        if op not in ("same", "refresh") and counted[op] != summary.get(op, 0):
            yield Doubt(
                f"it counts {summary.get(op, 0)} {op} and shows {counted[op]}",
                f"统计为 {summary.get(op, 0)} 个 {op}，实际显示 {counted[op]} 个",
            )


def _called(stack: str, what: str, call: Callable[[], Any]) -> Any:
    """The answer of the Automation API.

    Raises:
        StackError: it failed.
    """
    try:
        return call()
    except automation.ConcurrentUpdateError as error:
        raise StackError(
            f"stack {stack} is locked by another update, or by one that was killed: wait for it, or"
            f" run pulumi cancel on it ({_one_line(str(error))})",
            zh=f"堆栈 {stack} 被另一更新锁定，或上次更新被强行终止：请等待其结束，或对其执行 pulumi"
            f" cancel（{_one_line(str(error))}）",
            code="Locked",
        ) from None
    except StackError:
        raise
    # The SDK raises RuntimeError for a log without an end, and ValueError for one it cannot read.
    except (
        automation.CommandError,
        automation.InvalidVersionError,
        OSError,
        RuntimeError,
        ValueError,
        KeyError,
    ) as error:
        raise StackError(
            f"pulumi {what} of stack {stack} failed: {_one_line(str(error))}",
            zh=f"堆栈 {stack} 的 pulumi {what} 失败：{_one_line(str(error))}",
            code=type(error).__name__,
        ) from None


def _one_line(text: str) -> str:
    """What a command said last, in one line."""
    lines = [line.strip() for line in text.splitlines() if not line.startswith(" code: ")]
    told = [line.removeprefix("stdout:").removeprefix("stderr:").strip() for line in lines]
    short = "; ".join([line for line in told if line][-_LINES:]) or "it says nothing"
    return short if len(short) <= 400 else f"{short[:397]}…"


def _text(op: Any) -> str:
    return str(getattr(op, "value", op))
