"""The policy pack; to make it is to serve it, so nothing else stands here."""

from gate_policies import POLICIES
from pulumi_policy import EnforcementLevel, PolicyPack

PolicyPack(
    "gatekeeper",
    policies=POLICIES,
    enforcement_level=EnforcementLevel.MANDATORY,
)
