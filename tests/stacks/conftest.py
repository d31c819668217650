"""Fixtures of the stacks' tests: an empty moto in this process, and an engine on it."""

from __future__ import annotations

import pytest
from moto import mock_aws

from tests.stacks.engine import Cloud, Engine

REGION = "cn-northwest-1"


@pytest.fixture(scope="session")
def clients():
    """Kept from test to test: to make them takes longer than most tests."""
    kept = {}
    yield kept
    for client in kept.values():
        client.close()


@pytest.fixture
def cloud(monkeypatch, clients):
    """One empty account, as the engine's plugin sees it."""
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    with mock_aws():
        yield Cloud(REGION, clients=clients)


@pytest.fixture
def engine(cloud):
    """A stack without anything."""
    return Engine(cloud)
