"""Providers' review rules from files: what they extend, what they replace, what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from gatekeeper.errors import PolicyError
from gatekeeper.filing.review import Level
from gatekeeper.sources import packaged_providers, read_providers


@pytest.fixture
def file(tmp_path: Path):
    def write(text: str, name: str = "own.yaml") -> Path:
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return path

    return write


def test_without_files_the_packaged_ones_count() -> None:
    assert read_providers(()) is packaged_providers()
    assert set(packaged_providers()) == {"nwcd", "21vianet"}


@pytest.mark.parametrize("own", ["ours", "Ours", " OURS "])
def test_a_new_provider_extends_one_and_is_found_however_it_is_written(file, own: str) -> None:
    found = read_providers([file(f"extends: NWCD\nprovider: '{own}'\nnames: {{characters: 5}}\n")])
    assert found["ours"].names.characters == 5
    assert found["ours"].names.banned == packaged_providers()["nwcd"].names.banned
    assert found["nwcd"].names.characters == 3


def test_a_file_of_a_known_name_replaces_it_and_may_build_on_it(file) -> None:
    first = file("extends: nwcd\nprovider: NWCD\nrules: {who-province: warn}\n")
    second = file("extends: nwcd\nprovider: nwcd\nrules: {who-region: off}\n", "more.yaml")
    rules = read_providers([first, second])["nwcd"].rules
    assert (rules["who-province"], rules["who-region"]) == (Level.WARN, Level.OFF)
    assert rules["access-mode"] is Level.OFF


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("extends: nwcd\n", "provider is missing"),
        ("extends: nobody\nprovider: ours\n", "extends: nobody cannot be extended"),
        ("extends: ''\nprovider: ours\n", "cannot be extended"),
        ("extends: ours\nprovider: ours\n", "cannot be extended"),
        ("extends: nwcd\nprovider: ours\nrules: {no-rule: warn}\n", "rules.no-rule"),
        ("extends: nwcd\nprovider: ours\nrules: {who-region: loud}\n", "who-region"),
        ("extends: nwcd\nprovider: ours\nrefused: {provinces: [亚特兰蒂斯]}\n", "亚特兰蒂斯"),
        ("extends: nwcd\nprovider: ours\nstrange: 1\n", "strange"),
        ("- a list\n", "own.yaml"),
    ],
)
def test_what_is_wrong_is_named(file, text: str, said: str) -> None:
    with pytest.raises(PolicyError) as caught:
        read_providers([file(text)])
    assert said in caught.value.message
    assert "own.yaml" in caught.value.message
    assert caught.value.text("zh") != caught.value.message


def test_a_file_that_cannot_be_read_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(PolicyError, match="cannot read the review rules"):
        read_providers([tmp_path / "gone.yaml"])
