"""The always-on service: jobs on a schedule, events, notices, figures."""

from gatekeeper.service.config import (
    Route,
    ServiceConfig,
    default_config,
    load_config,
    parse_config,
)
from gatekeeper.service.context import Context

__all__ = [
    "Context",
    "Route",
    "ServiceConfig",
    "default_config",
    "load_config",
    "parse_config",
]
