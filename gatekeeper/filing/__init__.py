"""What the bureau says: applications and the filings that are in effect."""

from gatekeeper.filing.advance import advance
from gatekeeper.filing.digest import (
    content_digest,
    content_text,
    register_version,
    text_digest,
    utc_text,
)
from gatekeeper.filing.fold import entity_keys, fold, judge_service_licence, same_entity
from gatekeeper.filing.licence import (
    Licence,
    LicenceError,
    PoliceNumber,
    parse_licence,
    parse_public_security,
)
from gatekeeper.filing.lifecycle import MOVES, STATUS_ZH, check_move, path
from gatekeeper.filing.merge import Merge, Step, StepKind, Stored, merge, merge_files
from gatekeeper.filing.model import (
    Access,
    Application,
    Entity,
    Filing,
    FilingIssue,
    FilingState,
    Kind,
    Order,
    OrderKind,
    Register,
    Service,
    ServiceType,
    Status,
)
from gatekeeper.filing.row import MAX_PROBLEMS, Problem, Problems, Row, Where, printable
from gatekeeper.filing.search import Search, search_words

__all__ = [
    "MAX_PROBLEMS",
    "MOVES",
    "STATUS_ZH",
    "Access",
    "Application",
    "Entity",
    "Filing",
    "FilingIssue",
    "FilingState",
    "Kind",
    "Licence",
    "LicenceError",
    "Merge",
    "Order",
    "OrderKind",
    "PoliceNumber",
    "Problem",
    "Problems",
    "Register",
    "Row",
    "Search",
    "Service",
    "ServiceType",
    "Status",
    "Step",
    "StepKind",
    "Stored",
    "Where",
    "advance",
    "check_move",
    "content_digest",
    "content_text",
    "entity_keys",
    "fold",
    "judge_service_licence",
    "merge",
    "merge_files",
    "parse_licence",
    "parse_public_security",
    "path",
    "printable",
    "register_version",
    "same_entity",
    "search_words",
    "text_digest",
    "utc_text",
]
