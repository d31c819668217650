"""Two AWS accounts that live in this process, to try commands on.  Needs the ``demo`` extra.

It is moto, not AWS: what works here has been shown to nobody but moto.
"""

from gatekeeper.sandbox.register import deregistration, sample_register
from gatekeeper.sandbox.server import Sandbox, serve
from gatekeeper.sandbox.world import (
    EXTERNAL_ID,
    MEDIA,
    NAMES,
    SHOP,
    World,
    client_of,
    furnish,
    release,
    role_arn,
    widen,
)

__all__ = [
    "EXTERNAL_ID",
    "MEDIA",
    "NAMES",
    "SHOP",
    "Sandbox",
    "World",
    "client_of",
    "deregistration",
    "furnish",
    "release",
    "role_arn",
    "sample_register",
    "serve",
    "widen",
]
