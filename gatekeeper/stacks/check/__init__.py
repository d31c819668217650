"""What a Pulumi or Terraform plan would open, held against the decision feed (DESIGN §14).

Nothing of Pulumi or Terraform is needed: a plan is JSON.  ``read_blueprint`` reads it, ``check``
judges it; a policy pack builds a ``Blueprint`` from ``pulumi_resource``.
"""

from gatekeeper.stacks.check.judge import check
from gatekeeper.stacks.check.model import (
    SECRET,
    UNKNOWN,
    Blueprint,
    Hidden,
    Note,
    PlanCheck,
    Resource,
    Violation,
)
from gatekeeper.stacks.check.pulumi import blueprint, pulumi_resource
from gatekeeper.stacks.check.source import LARGEST, read_blueprint, too_large

__all__ = [
    "LARGEST",
    "SECRET",
    "UNKNOWN",
    "Blueprint",
    "Hidden",
    "Note",
    "PlanCheck",
    "Resource",
    "Violation",
    "blueprint",
    "check",
    "pulumi_resource",
    "read_blueprint",
    "too_large",
]
