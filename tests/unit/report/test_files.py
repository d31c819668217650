import stat
from pathlib import Path

import pytest

from gatekeeper.errors import GatekeeperError
from gatekeeper.report.files import write_whole


def test_a_file_appears_whole(tmp_path):
    target = tmp_path / "报告.json"
    write_whole(target, "中文\n")
    assert target.read_bytes() == "中文\n".encode()
    assert [path.name for path in tmp_path.iterdir()] == ["报告.json"]


def test_what_stood_there_keeps_its_mode_and_goes_only_at_the_end(tmp_path, monkeypatch):
    target = tmp_path / "plan.json"
    target.write_text("old")
    target.chmod(0o600)

    def fail(*_):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("os.replace", fail)
        with pytest.raises(GatekeeperError, match="No space left"):
            write_whole(target, "new")
    assert target.read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["plan.json"]
    write_whole(target, b"new")
    assert target.read_text() == "new"
    assert stat.S_IMODE(target.stat().st_mode) == 0o600


def test_a_new_file_is_as_readable_as_any_other(tmp_path):
    other = tmp_path / "other"
    other.touch()
    write_whole(tmp_path / "new", "x")
    assert (tmp_path / "new").stat().st_mode == other.stat().st_mode


def test_a_link_stays_a_link(tmp_path):
    (tmp_path / "real").write_text("old")
    (tmp_path / "link").symlink_to("real")
    write_whole(tmp_path / "link", "new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_text() == "new"


def test_a_folder_that_is_not_there_is_named(tmp_path):
    with pytest.raises(GatekeeperError, match="--out") as refused:
        write_whole(tmp_path / "no" / "file", "x")
    assert "无法写入" in refused.value.text("zh")


def test_a_device_is_written_to():
    write_whole(Path("/dev/null"), "x")
