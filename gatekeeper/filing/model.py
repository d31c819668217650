"""What is filed: applications as they were sent, and filings as they are in effect."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class Kind(StrEnum):
    """What an application asks the bureau for (DESIGN: words)."""

    NEW = "new"
    TRANSFER_IN = "transfer_in"
    CHANGE = "change"
    CHANGE_IP = "change_ip"
    DEREGISTER_SERVICE = "deregister_service"
    DEREGISTER_ENTITY = "deregister_entity"
    CANCEL_ACCESS = "cancel_access"

    @property
    def ends(self) -> bool:
        """Whether approval ends a filing at this provider."""
        return self in (Kind.DEREGISTER_SERVICE, Kind.DEREGISTER_ENTITY, Kind.CANCEL_ACCESS)


class Status(StrEnum):
    """Where an application stands."""

    DRAFT = "draft"
    SUBMITTED = "submitted"
    RETURNED = "returned"
    REPORTED = "reported"
    SMS_PENDING = "sms_pending"
    BUREAU_REVIEW = "bureau_review"
    APPROVED = "approved"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"


class ServiceType(StrEnum):
    WEBSITE = "website"
    APP = "app"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entity:
    """The organisation that files (主体).  Empty text where the record does not say."""

    name: str
    certificate_type: str = ""
    certificate_number: str = ""
    province: str = ""
    licence: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """One website or APP (服务)."""

    type: ServiceType | None = None
    name: str = ""
    licence: str = ""
    domains: tuple[str, ...] = ()
    """Sorted, lower case, each once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """The account and addresses that a filing names (接入)."""

    account_id: str = ""
    load_balancer: str = ""
    """Name, ARN or DNS name; empty for plain EIPs."""
    ips: tuple[str, ...] = ()
    """Canonical text, sorted by family and number, each once."""

    @property
    def given(self) -> bool:
        return bool(self.account_id or self.load_balancer or self.ips)


@dataclass(frozen=True, slots=True, kw_only=True)
class Application:
    """One order sent through the provider, at its present status."""

    application_id: str
    filing_id: str
    kind: Kind
    status: Status
    status_at: datetime
    """When it came to this status; always with an offset."""
    entity: Entity
    service: Service = field(default_factory=Service)
    access: Access = field(default_factory=Access)
    review: str = ""
    """Canonical JSON of what only a review reads (people, attachments, …); empty where none."""


class OrderKind(StrEnum):
    """Why a filing is held out of effect although the bureau approved it."""

    SUSPENSION = "suspension"
    """A bureau's order to cut off."""
    RESTRICTION = "restriction"
    """MIIT's public query shows 限制接入 (``limitAccess`` 是)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """A bureau's order that stands against a filing."""

    filing_id: str
    kind: OrderKind
    at: datetime
    by: str
    reason: str


class FilingState(StrEnum):
    """What a filing is worth at one moment."""

    IN_EFFECT = "in_effect"
    SUSPENDED = "suspended"
    RESTRICTED = "restricted"
    UNLICENSED = "unlicensed"
    """Approved, but without a service licence number that counts."""
    ENDED = "ended"


@dataclass(frozen=True, slots=True, kw_only=True)
class Filing:
    """One service at this provider, folded from its approved applications."""

    filing_id: str
    state: FilingState
    entity: Entity
    service: Service
    access: Access
    application_id: str
    """The application that gave it its present content."""
    since: datetime
    """When that application was approved."""
    former: tuple[Access, ...] = ()
    """Accesses that it had before, newest last: what an approval since then replaced."""
    ended_by: str = ""
    """The application that ended it, where ``state`` is ENDED."""
    ended_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FilingIssue:
    """Something the fold noticed; ``code`` is a finding's code (DESIGN §9)."""

    code: str
    filing_id: str
    application_id: str
    account_id: str
    detail: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Register:
    """The filing records as gatekeeper reads them at one moment."""

    filings: tuple[Filing, ...]
    """Every filing that was ever approved, in order of ``filing_id``."""
    pending: tuple[Application, ...]
    """Applications under way (submitted … bureau_review, and returned), ending ones too."""
    issues: tuple[FilingIssue, ...]
    version: str
    """SHA-256 over the content; equal registers have equal versions."""
