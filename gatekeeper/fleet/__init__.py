"""The accounts that gatekeeper looks after: how each is entered, read and judged.

Command line and service share it.
"""

from gatekeeper.fleet.authors import name_authors
from gatekeeper.fleet.entry import edges, targets
from gatekeeper.fleet.look import look_over
from gatekeeper.fleet.stream import read_fleet
from gatekeeper.fleet.task import Setup, Task
from gatekeeper.fleet.workers import DEFAULT_WORKERS, Workers, parse_workers

__all__ = [
    "DEFAULT_WORKERS",
    "Setup",
    "Task",
    "Workers",
    "edges",
    "look_over",
    "name_authors",
    "parse_workers",
    "read_fleet",
    "targets",
]
