"""The ground that tests stand on is what conftest.py promises."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import warnings
from pathlib import Path

import pytest
from pytest_socket import SocketConnectBlockedError


def test_no_variable_of_this_machine_reaches_a_test() -> None:
    kept = {name for name in os.environ if name.startswith(("AWS_", "GATEKEEPER_"))}
    assert kept == {
        "AWS_ACCESS_KEY_ID",
        "AWS_CONFIG_FILE",
        "AWS_EC2_METADATA_DISABLED",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SESSION_TOKEN",
        "AWS_SHARED_CREDENTIALS_FILE",
    }
    assert os.environ["AWS_SECRET_ACCESS_KEY"] == "testing"
    assert not Path(os.environ["AWS_CONFIG_FILE"]).exists()
    assert not any(Path(os.environ["HOME"]).iterdir())


def test_processes_inherit_the_isolation() -> None:
    ask = "import os; print(os.environ['AWS_ACCESS_KEY_ID'], os.path.expanduser('~'))"
    answer = subprocess.run([sys.executable, "-c", ask], capture_output=True, text=True, check=True)
    assert answer.stdout.split() == ["testing", os.environ["HOME"]]


def test_only_loopback_can_be_reached() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        socket.create_connection(server.getsockname(), timeout=5).close()
    with pytest.raises((SocketConnectBlockedError, UserWarning)):
        socket.create_connection(("192.0.2.1", 443), timeout=5)


def test_a_warning_is_an_error() -> None:
    with pytest.raises(DeprecationWarning):
        warnings.warn("old", DeprecationWarning, stacklevel=1)
