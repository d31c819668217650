"""How the house is kept: sizes, names, packaged copies, scripts, and nothing of one machine."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LONGEST_MODULE = 450
BUCKETS = {"utils", "util", "helpers", "helper", "common", "misc", "shared"}


def kept_files() -> list[Path]:
    """Every file of the project: what git knows, or all of an unpacked archive."""
    if (ROOT / ".git").exists() and shutil.which("git"):
        answer = subprocess.run(
            ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
            cwd=ROOT,
            capture_output=True,
            check=True,
        )
        paths = [ROOT / name for name in answer.stdout.decode().split("\0") if name]
    else:
        paths = [
            path
            for path in ROOT.rglob("*")
            if not any(part.startswith((".venv", ".git")) for part in path.parts)
        ]
    return sorted(path for path in paths if path.is_file())


def text_of(path: Path) -> str:
    """The file's text; empty for pictures, spreadsheets and other bytes."""
    raw = path.read_bytes()
    return "" if b"\0" in raw else raw.decode("utf-8", errors="replace")


def machine_words() -> re.Pattern[str]:
    """Paths of one machine and hosts of package registries, put together so that none is here."""
    roots = "|".join(("wo" + "rk", "ro" + "ot", "tmp/bash" + "_jobs", "home/" + "[a-z]+/"))
    hosts = "|".join(
        re.escape(a + b + c)
        for a, b, c in (
            ("py", "pi", ".org"),
            ("python", "hosted", ".org"),
            ("npm", "js", ".org"),
            ("registry.", "yarn", "pkg"),
            ("test.py", "pi", ".org"),
            ("proxy.", "golang", ".org"),
        )
    )
    return re.compile(rf"(?:^|[^a-zA-Z0-9_.~-])/(?:{roots})(?:/|\b)|{hosts}", re.MULTILINE)


def test_no_file_names_a_registry_or_a_machine() -> None:
    pattern = machine_words()
    found = []
    for path in kept_files():
        for number, line in enumerate(text_of(path).splitlines(), 1):
            if pattern.search(line):
                found.append(f"{path.relative_to(ROOT)}:{number}: {line.strip()[:80]}")
    assert found == []


@pytest.mark.parametrize("line", ["see /{}/main", "cd /{}/.venv", "'/{}'"])
def test_the_search_sees_a_machine_path(line: str) -> None:
    assert machine_words().search(line.format("wo" + "rk"))
    assert not machine_words().search(line.format("var/lib"))


def test_the_search_sees_a_registry() -> None:
    assert machine_words().search("https://" + "py" + "pi" + ".org/simple")


def test_locks_hold_hashes_and_no_address() -> None:
    for name in ("constraints.txt", "constraints-demo.txt"):
        text = (ROOT / name).read_text(encoding="utf-8")
        assert "://" not in text, name
        assert not re.search(r"^\s*-(?!-hash=)", text, re.MULTILINE), f"{name} carries an option"
        pinned = r"^[a-z0-9][^\n]*?==[^\n]*(?:\n {4}--hash=sha256:[0-9a-f]{64}[^\n]*)+"
        pins = re.findall(pinned, text, re.MULTILINE)
        assert len(pins) == len(re.findall(r"^[a-z0-9]", text, re.MULTILINE)), name


def test_the_demo_lock_is_a_part_of_the_whole_lock() -> None:
    def pins(name: str) -> set[str]:
        text = (ROOT / name).read_text(encoding="utf-8")
        return set(re.findall(r"^[a-z0-9][^\s;]*==[^\s;\\]+", text, re.MULTILINE))

    demo, whole = pins("constraints-demo.txt"), pins("constraints.txt")
    assert demo
    assert demo < whole


def test_modules_stay_short() -> None:
    long = {
        str(path.relative_to(ROOT)): lines
        for path in kept_files()
        if path.suffix == ".py" and "tests" not in path.relative_to(ROOT).parts
        if (lines := text_of(path).count("\n")) > LONGEST_MODULE
    }
    assert long == {}, "would two nouns read better?"


def test_no_module_is_a_bucket() -> None:
    names = {path: {path.stem, *path.relative_to(ROOT).parts[:-1]} for path in kept_files()}
    assert [str(path) for path, parts in names.items() if parts & BUCKETS] == []


def test_the_packaged_policy_is_the_policy() -> None:
    for name in ("gate.yaml", "service.yaml"):
        packaged = (ROOT / "gatekeeper" / "data" / name).read_bytes()
        assert packaged == (ROOT / "policies" / name).read_bytes()


def test_scripts_can_be_run() -> None:
    scripts = [path for path in (ROOT / "scripts").iterdir() if path.is_file()]
    assert {"setup", "test", "lint", "format", "demo", "lock"} <= {path.name for path in scripts}
    for path in [*scripts, ROOT / ".ci" / "run"]:
        if path.suffix == ".py":
            continue
        assert path.stat().st_mode & 0o111, f"{path.name} has no run bit"
        first, rest = path.read_text(encoding="utf-8").split("\n", 1)
        assert first.startswith("#!/usr/bin/env "), path.name
        if first.endswith("bash"):
            assert "set -euo pipefail" in rest, path.name
            subprocess.run(["bash", "-n", str(path)], check=True)


def test_setup_refuses_what_it_does_not_know() -> None:
    script = str(ROOT / "scripts" / "setup")
    wrong = subprocess.run([script, "--demos"], capture_output=True, text=True, check=False)
    assert (wrong.returncode, wrong.stderr) == (2, "usage: scripts/setup [--demo]\n")


def test_setup_refuses_an_old_python(tmp_path: Path) -> None:
    old = tmp_path / "python3"
    old.write_text('#!/bin/sh\ncase "$1" in --version) echo Python 3.9.1;; *) exit 1;; esac\n')
    old.chmod(0o755)
    answer = subprocess.run(
        [str(ROOT / "scripts" / "setup")],
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": "/usr/bin:/bin", "PYTHON": str(old)},
    )
    assert answer.returncode == 1
    assert "needs Python 3.11 or newer, found Python 3.9.1" in answer.stderr
