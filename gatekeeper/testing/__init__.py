"""In-memory stand-ins of the edges, for tests here and elsewhere."""

from gatekeeper.testing.account import FakeAccount
from gatekeeper.testing.aws import Call, FakeAws, Fault, Killed
from gatekeeper.testing.edge import FakeEdge
from gatekeeper.testing.public import FakeDomains, FakeNames, FakePages
from gatekeeper.testing.rules import RuleKey, kept, key_of, refusal
from gatekeeper.testing.world import World

__all__ = [
    "Call",
    "FakeAccount",
    "FakeAws",
    "FakeDomains",
    "FakeEdge",
    "FakeNames",
    "FakePages",
    "Fault",
    "Killed",
    "RuleKey",
    "World",
    "kept",
    "key_of",
    "refusal",
]
