"""Carrying out plans: journaled, leased, verified, resumable, and taken back where lawful."""

from gatekeeper.apply.context import Judge
from gatekeeper.apply.edge import Edge
from gatekeeper.apply.outcome import Outcome, Result, RunReport
from gatekeeper.apply.rollback import roll_back
from gatekeeper.apply.run import Tools, carry_out_plan
from gatekeeper.apply.stacked import GateStack

__all__ = [
    "Edge",
    "GateStack",
    "Judge",
    "Outcome",
    "Result",
    "RunReport",
    "Tools",
    "carry_out_plan",
    "roll_back",
]
