"""The gate policy: what is gated, what may stay open, and how much may change at once.

Read from YAML, checked key by key, then a value.  ``Policy.version`` is the SHA-256 of every
effective key, so that a plan made under one policy is never applied under another.
"""

from gatekeeper.policy.load import checked, default_policy, parse_policy, read_mapping
from gatekeeper.policy.model import ConfigModel, FindingException, Policy, Port
from gatekeeper.policy.values import (
    PROTOCOL_NAMES,
    PROTOCOL_NUMBERS,
    WIDEST,
    AccountId,
    Duration,
    Text,
    wrong,
)

__all__ = [
    "PROTOCOL_NAMES",
    "PROTOCOL_NUMBERS",
    "WIDEST",
    "AccountId",
    "ConfigModel",
    "Duration",
    "FindingException",
    "Policy",
    "Port",
    "Text",
    "checked",
    "default_policy",
    "parse_policy",
    "read_mapping",
    "wrong",
]
