"""What must be: the traffic algebra, exposure, decisions, findings and plans."""

from gatekeeper.gate.absent import Absence, find_absent
from gatekeeper.gate.belts import check_belts
from gatekeeper.gate.catalogue import CATALOGUE, Entry
from gatekeeper.gate.coverage import Coverage, find_balancers
from gatekeeper.gate.decide import EndpointKey, Hold, Ruling, decide, remembered_unknown
from gatekeeper.gate.exposure import (
    AccountReach,
    EndpointReach,
    exposures,
    judge_account,
    unknown_exposures,
)
from gatekeeper.gate.filed import (
    AddressCheck,
    AddressMemory,
    find_register_issues,
    find_unknown_accounts,
)
from gatekeeper.gate.finder import Finder
from gatekeeper.gate.gates import (
    SHUT,
    GateKind,
    Gates,
    alteration,
    gate_name,
    gate_rules,
    gate_tags,
    is_ours,
    read_gates,
    rule_key,
)
from gatekeeper.gate.internet import Internet
from gatekeeper.gate.judged import JudgedAccount, Overview, Reconciliation
from gatekeeper.gate.model import (
    Decision,
    Exposure,
    Finding,
    Severity,
    TracedRule,
    UnknownExposure,
    Verdict,
    shortlist,
)
from gatekeeper.gate.narrow import Narrowing, Quota, narrow, quotas
from gatekeeper.gate.plan import (
    AccountPlan,
    Action,
    Attach,
    Belts,
    Blocked,
    CreateGate,
    Detach,
    Narrow,
    Op,
    Plan,
    RepairGate,
    SetGroups,
    rules_json,
)
from gatekeeper.gate.plan_file import plan_from_json
from gatekeeper.gate.planner import (
    Direction,
    join_plans,
    make_plan,
    plan_account,
    unlawful_holders,
)
from gatekeeper.gate.reach import ReachReader
from gatekeeper.gate.reached import (
    FiledAddresses,
    find_exposures,
    find_group_trouble,
    find_holds,
    find_unenforceable,
    find_unreached,
)
from gatekeeper.gate.reading import MalformedRule, protocol_name, protocol_number
from gatekeeper.gate.records import decision_record, finding_record, moment
from gatekeeper.gate.share import AccountFilings, filings_by_account, filings_of
from gatekeeper.gate.sighting import Facts, Mark, Sighting, facts_of
from gatekeeper.gate.traffic import Traffic, rule_order, rule_traffic, rules_traffic

__all__ = [
    "CATALOGUE",
    "SHUT",
    "Absence",
    "AccountFilings",
    "AccountPlan",
    "AccountReach",
    "Action",
    "AddressCheck",
    "AddressMemory",
    "Attach",
    "Belts",
    "Blocked",
    "Coverage",
    "CreateGate",
    "Decision",
    "Detach",
    "Direction",
    "EndpointKey",
    "EndpointReach",
    "Entry",
    "Exposure",
    "Facts",
    "FiledAddresses",
    "Finder",
    "Finding",
    "GateKind",
    "Gates",
    "Hold",
    "Internet",
    "JudgedAccount",
    "MalformedRule",
    "Mark",
    "Narrow",
    "Narrowing",
    "Op",
    "Overview",
    "Plan",
    "Quota",
    "ReachReader",
    "Reconciliation",
    "RepairGate",
    "Ruling",
    "SetGroups",
    "Severity",
    "Sighting",
    "TracedRule",
    "Traffic",
    "UnknownExposure",
    "Verdict",
    "alteration",
    "check_belts",
    "decide",
    "decision_record",
    "exposures",
    "facts_of",
    "filings_by_account",
    "filings_of",
    "find_absent",
    "find_balancers",
    "find_exposures",
    "find_group_trouble",
    "find_holds",
    "find_register_issues",
    "find_unenforceable",
    "find_unknown_accounts",
    "find_unreached",
    "finding_record",
    "gate_name",
    "gate_rules",
    "gate_tags",
    "is_ours",
    "join_plans",
    "judge_account",
    "make_plan",
    "moment",
    "narrow",
    "plan_account",
    "plan_from_json",
    "protocol_name",
    "protocol_number",
    "quotas",
    "read_gates",
    "remembered_unknown",
    "rule_key",
    "rule_order",
    "rule_traffic",
    "rules_json",
    "rules_traffic",
    "shortlist",
    "unknown_exposures",
    "unlawful_holders",
]
