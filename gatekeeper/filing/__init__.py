"""What the bureau says: applications and the filings that are in effect."""

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

__all__ = [
    "Access",
    "Application",
    "Entity",
    "Filing",
    "FilingIssue",
    "FilingState",
    "Kind",
    "Order",
    "OrderKind",
    "Register",
    "Service",
    "ServiceType",
    "Status",
]
