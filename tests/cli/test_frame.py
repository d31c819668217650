"""What every command shares: options, help, exit statuses, where output goes."""

import os
import subprocess
import sys
import time

import pytest

from gatekeeper import __version__
from gatekeeper.cli import app
from gatekeeper.cli.root import COMMANDS
from gatekeeper.cli.status import worst


def _walk(group, path=()):
    """Every command that is there, with its words."""
    context = _context(group, path)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        yield (*path, name), command
        if hasattr(command, "list_commands"):
            yield from _walk(command, (*path, name))


def _context(command, path):
    from typer import Context

    return Context(command, info_name=" ".join(path) or "gatekeeper")


TREE = list(_walk(app))


@pytest.mark.parametrize("words", [words for words, _ in TREE], ids=" ".join)
def test_every_command_explains_itself(words, gatekeeper):
    shown = gatekeeper(*words, "--help", status=0)
    assert shown.err == ""
    assert shown.out.startswith("Usage: gatekeeper " + " ".join(words))
    for option in ("--store", "--policy", "--region", "--lang"):
        assert option in shown.out


@pytest.mark.parametrize(("words", "command"), TREE, ids=[" ".join(words) for words, _ in TREE])
def test_every_command_option_and_argument_has_help(words, command):
    assert command.help, words
    for param in command.params:
        assert param.help, (words, param.name)


def test_the_summary_is_the_first_sentence_of_the_command():
    context = _context(app, ())
    for name, entry in COMMANDS.items():
        command = app.get_command(context, name)
        first = command.help.split("\n")[0]
        assert entry.summary in {first, command.short_help}, name


def test_help_lists_every_command(process):
    shown = process("--help", status=0)
    for name, entry in COMMANDS.items():
        assert name in shown.out
        assert entry.summary.split()[0] in shown.out


def test_help_loads_nothing_heavy():
    heavy = ["boto3", "botocore", "sqlalchemy", "alembic", "openpyxl", "tabulate", "rich", "yaml"]
    code = (
        "import sys; from gatekeeper.__main__ import main; main(['--help']);"
        f"print([m for m in {heavy!r} if m in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr.strip() == "[]"


def test_help_is_quick(process):
    best = min(_seconds(process) for _ in range(5))
    assert best < 2, "0.15 s on a machine with nothing else to do"


def _seconds(process):
    started = time.perf_counter()
    process("--help", status=0)
    return time.perf_counter() - started


def test_version(process):
    assert process("--version", status=0).out == f"gatekeeper {__version__}\n"


def test_no_command_is_wrong_usage(process):
    shown = process(status=2)
    assert shown.out == ""
    assert "Usage: gatekeeper" in shown.err


@pytest.mark.parametrize(
    "words",
    [
        ("--lang", "zh", "exposure", "--dump", "dump"),
        ("--lang=zh", "exposure", "--dump", "dump"),
        ("exposure", "--dump", "dump", "--lang", "zh"),
        ("exposure", "--lang=zh", "--dump=dump"),
        ("--lang", "en", "exposure", "--dump", "dump", "--lang=zh"),
    ],
)
def test_global_options_stand_before_or_after_the_command(words, gatekeeper, dump):
    dump()
    assert "端口" in gatekeeper(*words, status=0).out


def test_a_global_option_stands_inside_a_group_too(gatekeeper):
    assert "没有记录" in gatekeeper("accounts", "--lang", "zh", "list", status=0).out


def test_the_environment_gives_what_the_command_line_leaves_out(gatekeeper, dump, monkeypatch):
    dump()
    monkeypatch.setenv("GATEKEEPER_LANG", "zh")
    assert "端口" in gatekeeper("exposure", "--dump", "dump", status=0).out
    assert "Port" in gatekeeper("exposure", "--dump", "dump", "--lang", "en", status=0).out
    monkeypatch.setenv("GATEKEEPER_LANG", "")
    assert "Port" in gatekeeper("exposure", "--dump", "dump", status=0).out


@pytest.mark.parametrize(
    "words",
    [
        ("nonsense",),
        ("exposure", "--nonsense"),
        ("exposure", "surplus"),
        ("exposure", "--format", "xml"),
        ("exposure", "--dump"),
        ("exposure", "--account", "12"),
        ("exposure", "--account", "１１１１２２２２３３３３"),
        ("exposure", "--region", "mars"),
        ("exposure", "--lang", "fr"),
        ("exposure", "--fail-on", "high"),
        ("accounts", "add"),
        ("accounts",),
        ("accounts", "nonsense"),
    ],
    ids=" ".join,
)
@pytest.mark.parametrize("lang", ["en", "zh"])
def test_wrong_usage_is_one_line_and_exit_2(words, lang, gatekeeper, monkeypatch):
    monkeypatch.setenv("GATEKEEPER_LANG", lang)
    shown = gatekeeper(*words, status=2)
    assert shown.out == ""
    chinese = lang == "zh" and "fr" not in words  # --lang stands before GATEKEEPER_LANG
    if words != ("accounts",):  # then its help is shown
        assert shown.err.count("\n") == 1
        assert shown.err.startswith("gatekeeper：" if chinese else "gatekeeper: ")


@pytest.mark.parametrize(
    ("words", "english", "chinese"),
    [
        ("nonsense", "there is no command 'nonsense';", "没有命令 'nonsense'，"),
        ("reconcil", "no command 'reconcil'; did you mean reconcile?", "是否指 reconcile？"),
        ("exposure --nonsense", "no option --nonsense;", "没有选项 --nonsense，"),
        ("exposure --form x", "did you mean --format or --store?", "是否指 --format、--store？"),
        ("exposure --dump", "--dump needs a value", "--dump 缺少值"),
        ("plan --allow-large=yes", "--allow-large takes no value", "--allow-large 不带值"),
        ("exposure a b", "'a b' is one word too many", "多余的参数 'a b'"),
        ("exposure --format x", "--format: 'x' is not one of table, json", "--format：'x' 无效"),
        ("history --limit x", "--limit: 'x' is not a whole number", "--limit：'x' 不是整数"),
        ("history --limit 0", "--limit: '0' is too small, at least 1", "不能小于 1"),
        ("history --limit 99999999999", "too large, at most 2147483647", "不能大于"),
        ("apply --wait x", "--wait: 'x' is not a number", "--wait：'x' 不是数字"),
        ("apply --wait -1", "--wait: '-1' is too small, at least 0", "不能小于 0"),
        (
            "filings list --kind x",
            "--kind: 'x' is not one of new, transfer_in",
            "应为以下之一：new",
        ),
        ("filings list --at x", "--at: 'x' is not an ISO 8601 time", "不是 ISO 8601 时间"),
        ("filings advance A", "STATUS is missing", "缺少 STATUS"),
        ("filings suspend F --by x", "--reason is missing", "缺少 --reason"),
        ("accounts add 12", "ID: '12' is not an account id", "ID：'12' 不是账号 ID"),
    ],
)
def test_wrong_usage_is_said_in_our_words(words, english, chinese, gatekeeper, monkeypatch):
    assert english in gatekeeper(*words.split(), status=2).err
    monkeypatch.setenv("GATEKEEPER_LANG", "zh")
    said = gatekeeper(*words.split(), status=2).err
    assert chinese in said
    for foreign in ("Input", "Value error", "Invalid", "Missing", "Got"):
        assert foreign not in said


def test_an_error_is_one_line_in_the_language_asked_for(gatekeeper):
    english = gatekeeper("exposure", "--dump", "nowhere\n\x1b[31m", status=1)
    assert english.err.startswith("gatekeeper: nowhere\\n\\x1b[31m")
    assert english.err.count("\n") == 1
    chinese = gatekeeper("exposure", "--dump", "nowhere", "--lang", "zh", status=1)
    assert chinese.err.startswith("gatekeeper：")


def test_a_bad_policy_names_the_key(gatekeeper, tmp_path):
    (tmp_path / "gate.yaml").write_text("limits: {floor: -1}\n")
    shown = gatekeeper("exposure", "--policy", "gate.yaml", "--dump", ".", status=1)
    assert "limits.floor" in shown.err
    missing = gatekeeper("exposure", "--policy", "none.yaml", "--dump", ".", status=1)
    assert "none.yaml" in missing.err


def test_what_nobody_foresaw_is_one_line_too(gatekeeper, monkeypatch, dump):
    import gatekeeper.gate as room

    def fail(*_):
        raise ZeroDivisionError("by\nzero")

    dump()
    monkeypatch.setattr(room, "judge_account", fail)
    shown = gatekeeper("exposure", "--dump", "dump", status=1)
    assert shown.err.count("\n") == 1
    assert "ZeroDivisionError: by\\nzero" in shown.err
    assert "GATEKEEPER_DEBUG=1" in shown.err
    assert "意外错误" in gatekeeper("exposure", "--dump", "dump", "--lang=zh", status=1).err


def test_the_traceback_is_there_for_who_asks(process, dump):
    dump()
    code = (
        "import gatekeeper.gate as room, sys\n"
        "room.judge_account = None\n"
        "from gatekeeper.__main__ import main\n"
        "sys.exit(main(['exposure', '--dump', 'dump']))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "GATEKEEPER_DEBUG": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "Traceback" in done.stderr
    assert "TypeError" in done.stderr


def test_an_interrupt_is_one_line(gatekeeper, monkeypatch, dump):
    import gatekeeper.gate as room

    def interrupt(*_):
        raise KeyboardInterrupt

    dump()
    monkeypatch.setattr(room, "judge_account", interrupt)
    shown = gatekeeper("exposure", "--dump", "dump", status=130)
    assert shown.err == "gatekeeper: interrupted\n"


def test_a_reader_that_goes_away_stops_nothing(tmp_path, dump):
    dump()
    left, right = os.pipe()
    os.close(left)
    done = subprocess.run(
        [sys.executable, "-m", "gatekeeper", "exposure", "--dump", "dump", "--format", "json"],
        cwd=tmp_path,
        stdout=right,
        stderr=subprocess.PIPE,
        check=False,
    )
    os.close(right)
    assert done.returncode == 0
    assert done.stderr == b""


@pytest.mark.parametrize("words", [("accounts", "list"), ("--help",), ("--version",)], ids=" ".join)
@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs Linux's /dev/full")  # noqa: PTH110
def test_a_full_disk_is_one_line(words, tmp_path):
    with open("/dev/full", "w") as full:  # noqa: PTH123
        done = subprocess.run(
            [sys.executable, "-m", "gatekeeper", *words],
            cwd=tmp_path,
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert done.returncode == 1
    [line] = [line for line in done.stderr.splitlines() if not line.startswith("gatekeeper.db:")]
    assert line.startswith("gatekeeper: cannot write to standard output: No space left on device")


def test_a_narrow_encoding_loses_nothing(process, dump):
    dump()
    shown = process(
        "exposure", "--dump", "dump", "--lang", "zh", env={"PYTHONIOENCODING": "ascii"}, status=0
    )
    assert "\\u7aef\\u53e3" in shown.out


@pytest.mark.parametrize(
    ("statuses", "end"),
    [((), 0), ((0, 3), 3), ((3, 4), 4), ((4, 1), 1), ((3, 1, 4, 0), 1), ((0,), 0)],
)
def test_one_wins_over_four_and_four_over_three(statuses, end):
    assert worst(statuses) == end
