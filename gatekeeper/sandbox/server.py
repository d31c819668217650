"""The embedded AWS: moto's server on a loopback port, in this process."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from gatekeeper.errors import UsageError


@dataclass(frozen=True, slots=True)
class Sandbox:
    """A running server."""

    url: str
    region: str

    @property
    def environment(self) -> dict[str, str]:
        """The variables that point boto3, the standard way, at the server."""
        return {
            "AWS_ACCESS_KEY_ID": "sandbox",
            "AWS_SECRET_ACCESS_KEY": "sandbox",
            "AWS_ENDPOINT_URL": self.url,
            "AWS_DEFAULT_REGION": self.region,
            "AWS_EC2_METADATA_DISABLED": "true",
        }


@contextmanager
def serve(region: str, *, port: int = 0) -> Iterator[Sandbox]:
    """Run the server on 127.0.0.1 while the block runs; port 0 takes any that is free.

    Raises:
        UsageError: moto is not installed, or the port is taken.
    """
    try:
        from moto.server import ThreadedMotoServer
    except ImportError:
        raise UsageError(
            "the embedded AWS needs moto; install gatekeeper with its demo extra:"
            " pip install 'gatekeeper[demo]'",
            zh="内置 AWS 需要 moto，请安装 demo 附加依赖：pip install 'gatekeeper[demo]'",
        ) from None
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    # moto draws some seven hundred machine images for every account unless told otherwise.
    os.environ.setdefault("MOTO_EC2_LOAD_DEFAULT_AMIS", "false")
    _keep_no_trail()
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=port, verbose=False)
    try:
        server.start()
    except (OSError, SystemExit) as error:
        raise UsageError(
            f"127.0.0.1:{port} cannot be listened on ({error}); choose another --port",
            zh=f"无法监听 127.0.0.1:{port}（{error}），请用 --port 更换端口",
        ) from None
    try:
        host, bound = server.get_host_and_port()
        yield Sandbox(f"http://{host}:{bound}", region)
    finally:
        server.stop()


def _keep_no_trail() -> None:
    """Let LookupEvents, which moto lacks, answer as in an account whose trail is empty."""
    from moto.cloudtrail.responses import CloudTrailResponse

    def lookup_events(_self: object) -> str:
        return '{"Events": []}'

    if not hasattr(CloudTrailResponse, "lookup_events"):
        CloudTrailResponse.lookup_events = lookup_events  # type: ignore[attr-defined]
