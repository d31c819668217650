"""Fixtures of the stacks' tests: an empty moto in this process, and an engine on it."""

from __future__ import annotations

import pytest
from moto import mock_aws

from tests.stacks.engine import Cloud, Engine

REGION = "cn-northwest-1"


@pytest.fixture
def cloud(monkeypatch):
    """One empty account, as the engine's plugin sees it."""
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    with mock_aws():
        made = Cloud(REGION)
        yield made
        made.close()


@pytest.fixture
def engine(cloud):
    """A stack without anything."""
    return Engine(cloud)
