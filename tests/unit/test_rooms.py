"""Imports run downwards only, and the pure rooms stay pure (the map is in CONTRIBUTING.md)."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).resolve().parents[2]

#: What each room may import directly; what those may import, it may import too.
MAP: dict[str, frozenset[str]] = {
    "errors": frozenset(),
    "collector": frozenset(),
    "policy": frozenset({"errors"}),
    "filing": frozenset({"policy", "errors"}),
    "account": frozenset({"policy", "errors"}),
    "seal": frozenset({"errors"}),
    "textfile": frozenset({"errors"}),
    "gate": frozenset({"filing", "account", "seal"}),
    "reconcile": frozenset({"gate", "drift"}),
    "store": frozenset({"filing", "account", "collector"}),
    "survey": frozenset({"reconcile", "store"}),
    "deadlines": frozenset({"store"}),
    "sync": frozenset({"sources", "store"}),
    "drift": frozenset({"gate"}),
    "audit": frozenset({"drift", "store"}),
    "approval": frozenset({"gate", "store"}),
    "sources": frozenset({"filing", "account", "collector", "textfile"}),
    "public": frozenset({"filing", "account", "textfile"}),
    "desk": frozenset({"survey", "deadlines", "sources", "public"}),
    "apply": frozenset({"gate", "store"}),
    "aws": frozenset({"account"}),
    "execution": frozenset({"survey", "approval", "drift", "apply"}),
    "doctor": frozenset({"aws", "store"}),
    "fleet": frozenset({"aws", "apply", "audit", "survey"}),
    "feed": frozenset({"gate"}),
    "stacks": frozenset({"gate"}),
    "sandbox": frozenset({"account", "filing"}),
    "testing": frozenset({"execution", "audit", "sources", "public", "aws", "sandbox"}),
    "service": frozenset(
        {"execution", "audit", "deadlines", "desk", "doctor", "feed", "fleet", "sync"}
    ),
    "report": frozenset({"execution", "audit", "desk", "doctor", "feed", "sync", "aws", "stacks"}),
    "web": frozenset({"report", "service"}),
    "cli": frozenset({"report", "service", "fleet", "sandbox", "web"}),
    "__main__": frozenset({"cli"}),
    "__init__": frozenset(),
}

PURE = frozenset(
    {"errors", "policy", "filing", "account", "gate", "reconcile", "drift", "feed", "seal"}
)

#: Foreign packages that only the named rooms may import.
ONLY_IN: dict[str, frozenset[str]] = {
    "boto3": frozenset({"aws", "sandbox"}),
    "botocore": frozenset({"aws", "sandbox"}),
    "moto": frozenset({"sandbox"}),
    "sqlalchemy": frozenset({"store"}),
    "alembic": frozenset({"store"}),
    "psycopg": frozenset({"store"}),
    "openpyxl": frozenset({"sources"}),
    "chinese_calendar": frozenset({"sources"}),
    "typer": frozenset({"cli"}),
    "click": frozenset({"cli"}),
    "tqdm": frozenset({"cli"}),
    "apprise": frozenset({"service"}),
    "requests": frozenset({"service", "sources", "public"}),
    "dns": frozenset({"public"}),
    "PIL": frozenset({"sources"}),
    "stdnum": frozenset({"filing"}),
    "phonenumbers": frozenset({"filing"}),
    "publicsuffixlist": frozenset({"filing"}),
    "dask": frozenset({"fleet"}),
    "distributed": frozenset({"fleet"}),
    "tabulate": frozenset({"report", "cli"}),
}

#: The network, the clock, other processes, chance: nothing that a pure function can see.
IMPURE_MODULES = (
    "asyncio", "getpass", "glob", "http", "httpx", "logging", "multiprocessing", "os", "random",
    "requests", "secrets", "select", "shutil", "signal", "socket", "sqlite3", "ssl", "subprocess",
    "sys", "tempfile", "threading", "time", "urllib.request", "urllib3", "uuid",
)  # fmt: skip
IMPURE_CALLS = ("print", "open", "input", "now", "utcnow", "today", "read_bytes", "write_text")

#: Doors beside a folder's front, (importing room, module or folder), and why.
SIDE_DOORS: dict[tuple[str, str], str] = {
    **dict.fromkeys(
        [
            (room, "gatekeeper.filing.review")
            for room in ("sources", "public", "testing", "desk", "cli", "report")
        ],
        "the review has a front of its own: a register is read without its models",
    ),
    ("__main__", "gatekeeper.cli.entry"): "the process starts here, before the command tree loads",
    ("cli", "gatekeeper.aws"): "boto3 takes a second to import, and a dump does without it",
    ("cli", "gatekeeper.stacks.check"): "stacks read decisions without the gate, plans with it",
    ("report", "gatekeeper.stacks.check"): "stacks read decisions without the gate, plans with it",
    **dict.fromkeys(
        [(room, "gatekeeper.desk") for room in ("cli", "report", "service")],
        "each part of the desk is imported when its command runs",
    ),
    ("cli", "gatekeeper.report"): "each report is imported when its command runs",
    ("cli", "gatekeeper.service"): "each part of the service is imported when its command runs",
    ("sync", "gatekeeper.sources.portal"): "files are read without an HTTP library",
    ("service", "gatekeeper.aws"): "settings and jobs are listed without boto3",
    ("fleet", "gatekeeper.aws"): "a list of accounts is made without boto3",
    ("doctor", "gatekeeper.aws"): "a store and a policy are examined without boto3",
}


class Import(NamedTuple):
    """One imported module, with the file and line that ask for it."""

    file: str
    line: int
    room: str
    target: str


def _room(parts: tuple[str, ...]) -> str:
    """The room of gatekeeper/<…>: a folder, or a module at the top."""
    return parts[0].removesuffix(".py")


def _package(file: str) -> list[str]:
    """The package that relative imports in ``file`` start from."""
    return ["gatekeeper", *Path(file).parts[:-1]]


def imports(sources: Mapping[str, str]) -> Iterator[Import]:
    """Every import anywhere in ``sources`` (path below gatekeeper/ -> text), local ones too."""
    modules = {".".join(("gatekeeper", *Path(file).with_suffix("").parts)) for file in sources}
    modules -= _shown(sources)
    for file, text in sources.items():
        room = _room(Path(file).parts)
        for node in ast.walk(ast.parse(text, file)):
            if isinstance(node, ast.Import):
                for alias in node.names:
                    yield Import(file, node.lineno, room, alias.name)
            elif isinstance(node, ast.ImportFrom):
                base = node.module or ""
                if node.level:
                    above = _package(file)[: len(_package(file)) - node.level + 1]
                    base = ".".join([*above, base] if base else above)
                for alias in node.names:
                    deeper = f"{base}.{alias.name}"
                    whole = deeper in modules or base in ("gatekeeper", "urllib")
                    yield Import(file, node.lineno, room, deeper if whole else base)
            elif (
                isinstance(node, ast.Call)
                and _called(node) in ("import_module", "__import__")
                and node.args
                and isinstance(node.args[0], ast.Constant)
            ):
                yield Import(file, node.lineno, room, str(node.args[0].value))


def _shown(sources: Mapping[str, str]) -> set[str]:
    """Names in a folder's ``__all__``: its front, even where a module has the same name."""
    shown = set()
    for file, text in sources.items():
        if Path(file).name != "__init__.py":
            continue
        for node in ast.parse(text, file).body:
            if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
                shown |= {
                    ".".join([*_package(file), name]) for name in ast.literal_eval(node.value)
                }
    return shown


def _called(node: ast.Call) -> str:
    function = node.func
    if isinstance(function, ast.Name):
        return function.id
    return function.attr if isinstance(function, ast.Attribute) else ""


def reachable(room: str) -> frozenset[str]:
    """Every room that ``room`` may import, through others too."""
    found: set[str] = set()
    todo = [room]
    while todo:
        for below in MAP[todo.pop()] - found:
            found.add(below)
            todo.append(below)
    return frozenset(found)


def upward(sources: Mapping[str, str]) -> list[str]:
    """Imports of a room that the importing room may not know."""
    found = []
    for item in imports(sources):
        parts = item.target.split(".")
        if parts[0] != "gatekeeper" or len(parts) == 1:
            continue
        room = parts[1]
        if room.startswith("__"):  # the version
            continue
        if room not in (item.room, *reachable(item.room)):
            found.append(f"{item.file}:{item.line}: {item.room} imports {item.target}")
    return found


def past_the_door(sources: Mapping[str, str]) -> list[str]:
    """Imports of another room's submodule instead of the room's public names."""
    folders = {Path(file).parts[0] for file in sources if len(Path(file).parts) > 1}
    found = []
    for item in imports(sources):
        parts = item.target.split(".")
        if parts[0] != "gatekeeper" or len(parts) < 3 or parts[1] == item.room:
            continue
        doors = {(item.room, ".".join(parts[:2])), (item.room, ".".join(parts[:3]))}
        if parts[1] in folders and not doors & SIDE_DOORS.keys():
            found.append(f"{item.file}:{item.line}: {item.room} reaches into {item.target}")
    return found


def foreign(sources: Mapping[str, str]) -> list[str]:
    """Foreign packages outside the rooms that own them."""
    found = []
    for item in imports(sources):
        owners = ONLY_IN.get(item.target.split(".")[0])
        if owners is not None and item.room not in owners:
            found.append(f"{item.file}:{item.line}: {item.room} imports {item.target}")
    return found


def impure(sources: Mapping[str, str]) -> list[str]:
    """What a pure room does that depends on more than its arguments."""
    pure = {file: text for file, text in sources.items() if _room(Path(file).parts) in PURE}
    found = [
        f"{item.file}:{item.line}: imports {item.target}"
        for item in imports(pure)
        if any(item.target == name or item.target.startswith(f"{name}.") for name in IMPURE_MODULES)
    ]
    for file, text in pure.items():
        for node in ast.walk(ast.parse(text, file)):
            if isinstance(node, ast.Call) and _called(node) in IMPURE_CALLS:
                found.append(f"{file}:{node.lineno}: calls {_called(node)}()")
    return found


@pytest.fixture(scope="module")
def sources() -> dict[str, str]:
    package = ROOT / "gatekeeper"
    return {
        str(path.relative_to(package)): path.read_text(encoding="utf-8")
        for path in sorted(package.rglob("*.py"))
    }


def test_every_room_is_on_the_map(sources: dict[str, str]) -> None:
    rooms = {_room(Path(file).parts) for file in sources}
    assert rooms - MAP.keys() == set(), "say in MAP what the new room may import"


def test_the_map_has_no_circle() -> None:
    assert [room for room in MAP if room in reachable(room)] == []


def test_imports_run_downwards(sources: dict[str, str]) -> None:
    assert upward(sources) == []


def test_nothing_reaches_past_a_folder_front(sources: dict[str, str]) -> None:
    assert past_the_door(sources) == []


def test_every_side_door_is_used(sources: dict[str, str]) -> None:
    used = [(item.room, item.target) for item in imports(sources)]
    unused = [
        door
        for door in SIDE_DOORS
        if not any(room == door[0] and target.startswith(door[1]) for room, target in used)
    ]
    assert unused == [], "close the side door that nobody uses"


def test_foreign_packages_stay_in_their_rooms(sources: dict[str, str]) -> None:
    assert foreign(sources) == []


def test_pure_rooms_see_only_their_arguments(sources: dict[str, str]) -> None:
    assert impure(sources) == []


@pytest.mark.parametrize(
    ("check", "file", "text"),
    [
        (upward, "filing/fold.py", "from gatekeeper.gate import Plan"),
        (upward, "filing/fold.py", "def f():\n    from gatekeeper import store"),
        (upward, "account/model.py", "if TYPE_CHECKING:\n    import gatekeeper.gate.model"),
        (upward, "gate/plan.py", "from ..store import Store"),
        (upward, "store/tables.py", "from gatekeeper.aws import collect"),
        (upward, "policy.py", 'import_module("gatekeeper.cli")'),
        (past_the_door, "gate/plan.py", "from gatekeeper.account.model import Rule"),
        (past_the_door, "cli/plans.py", "from gatekeeper.account import model"),
        (foreign, "gate/plan.py", "import botocore.exceptions"),
        (foreign, "cli/history.py", "def f():\n    from sqlalchemy import select"),
        (foreign, "report/table.py", "from typer import echo"),
        (impure, "gate/plan.py", "from datetime import datetime\nat = datetime.now()"),
        (impure, "filing/fold.py", "import datetime\nday = datetime.date.today()"),
        (impure, "reconcile.py", "from time import monotonic"),
        (impure, "account/model.py", "from urllib import request"),
        (impure, "errors.py", "print('x')"),
    ],
)
def test_the_checks_see_a_breach(check, file: str, text: str) -> None:
    world = {"account/model.py": "", "gate/model.py": "", file: text}
    assert len(check(world)) == 1


def test_the_checks_let_good_imports_pass() -> None:
    world = {
        "account/__init__.py": "from gatekeeper.account.model import Rule",
        "account/model.py": "from datetime import datetime",
        "gate/plan.py": "from gatekeeper.account import Rule\nfrom gatekeeper.policy import Policy",
        "filing/__init__.py": "__all__ = ['fold']",
        "filing/fold.py": "",
        "gate/decide.py": "from gatekeeper.filing import fold",
        "cli/run.py": "import time\nfrom gatekeeper import __version__\nfrom urllib import parse",
    }
    assert [check(world) for check in (upward, past_the_door, foreign, impure)] == [[], [], [], []]
