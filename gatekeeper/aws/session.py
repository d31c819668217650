"""Connections to accounts: credentials the standard boto3 way, a role where one is given.

A connection exists only after AWS has confirmed that the credentials are the account's: filings
name accounts, and the addresses of the wrong one would be judged by them.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, NamedTuple, Protocol, Self, TypeVar

from botocore.config import Config
from botocore.credentials import (
    CredentialProvider,
    CredentialResolver,
    Credentials,
    RefreshableCredentials,
)
from botocore.session import Session

from gatekeeper import __version__
from gatekeeper.aws.answers import partition_of
from gatekeeper.aws.faults import EXPECTED, translate
from gatekeeper.aws.permissions import needs
from gatekeeper.aws.replies import PageParserFactory
from gatekeeper.aws.slim import SlimLoader
from gatekeeper.errors import AwsError

AnySession = TypeVar("AnySession", bound=Session)

_THROTTLED: Final = frozenset(
    {
        *("Throttling", "ThrottlingException", "ThrottledException", "RequestThrottled"),
        *("RequestThrottledException", "TooManyRequestsException", "RequestLimitExceeded"),
        *("BandwidthLimitExceeded", "PriorRequestNotComplete", "SlowDown", "EC2ThrottledException"),
    }
)
"""What AWS says to too many calls."""
_DENIED: Final = frozenset({"AccessDenied", "AccessDeniedException", "UnauthorizedOperation"})
_IDENTITY: Final = "GetCallerIdentity"
_ASSUME: Final = "AssumeRole"


class Observer(Protocol):
    """Whoever counts the calls that are made."""

    def aws_call(self, operation: str, outcome: str) -> None:
        """One attempt ended: ``ok``, ``throttled``, ``denied``, ``refused`` or ``unanswered``.

        ``operation`` is as ``ec2:DescribeVpcs``.  Called in the thread that made the call.
        """
        ...


_observer: Observer | None = None


def observe(observer: Observer | None) -> None:
    """Tell ``observer`` of every attempt of every call of this process; ``None`` ends it.

    Connections that are open already stay as they are.
    """
    global _observer  # noqa: PLW0603 - one process has one set of figures
    _observer = observer


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountTarget:
    """An account to read, and the role to enter it by.

    Without an id it is the account of the caller's own credentials.
    """

    account_id: str | None = None
    role_arn: str | None = None
    external_id: str | None = None


class Patience(NamedTuple):
    """How long to wait for AWS: seconds to connect and to read, and attempts in all."""

    connect: float = 5
    read: float = 30
    attempts: int = 5

    def config(self) -> Config:
        return Config(
            connect_timeout=self.connect,
            read_timeout=self.read,
            # botocore's ``max_attempts`` counts retries; ``total_max_attempts`` the first try too.
            retries={"mode": "standard", "total_max_attempts": self.attempts},
            user_agent_extra=f"gatekeeper/{__version__}",
        )


class Gateway:
    """Where connections come from: the caller's credentials and what all connections share."""

    def __init__(self, region: str, *, patience: Patience | None = None) -> None:
        self.region = region
        self.config = (patience or Patience()).config()
        self._lock = threading.Lock()
        self._session: Session | None = None
        self._lent: _LentSession | None = None
        self._making = threading.Lock()
        self._sts: Any = None

    def open(self, target: AccountTarget) -> Connection:
        """A connection to the account, confirmed by AWS.

        Raises:
            AwsError: no credentials, no such role, or they are another account's.
        """
        operation = _ASSUME if target.role_arn else _IDENTITY
        try:
            if target.role_arn:
                credentials = self._assumed(target)
            else:
                credentials = self._own_credentials()
            operation = _IDENTITY
            connection = Connection(self, credentials, target)
            try:
                connection.confirm(target.account_id)
            except BaseException:
                connection.close()
                raise
        except EXPECTED as error:
            raise translate(error, operation) from error
        return connection

    def session(self) -> Session:
        """A botocore session with our loader and parsers, and the caller's credentials."""
        return self._furnished(Session())

    def reader(self, service: str, credentials: Credentials) -> Any:
        """A client of an account; it has its own retries, and shares all that may be shared.

        Making a session takes longer than reading a small account, so all clients come from one.
        """
        with self._making:
            if self._lent is None:
                self._lent = self._furnished(_LentSession())
            with self._lent.lent(credentials):
                return self._lent.create_client(
                    service, region_name=self.region, config=self.config
                )

    def _furnished(self, session: AnySession) -> AnySession:
        session.register_component("data_loader", self._loader(session))
        session.register_component("response_parser_factory", PageParserFactory())
        _with(session, None, self.region)
        return session

    def full_session(self, credentials: Credentials) -> Session:
        """A session as boto3 makes it, for calls that ``slim`` does not describe."""
        return _with(Session(), credentials, self.region)

    def _loader(self, session: Session) -> SlimLoader:
        if self._session is not None:
            shared: SlimLoader = self._session.get_component("data_loader")
            return shared
        path = session.get_config_variable("data_path")
        return SlimLoader(extra_search_paths=path.split(":") if path else None)

    def _own(self) -> Session:
        with self._lock:
            if self._session is None:
                self._session = self.session()
            return self._session

    def _own_credentials(self) -> Credentials:
        credentials = self._own().get_credentials()
        if credentials is None:
            raise _no_credentials()
        return credentials

    @needs("sts:AssumeRole", purpose="assume")
    def _assumed(self, target: AccountTarget) -> RefreshableCredentials:
        if self._own().get_credentials() is None:
            raise _no_credentials()
        with self._lock:
            if self._sts is None:
                assert self._session is not None
                self._sts = self._session.create_client(
                    "sts", region_name=self.region, config=self.config
                )
        request = {
            "RoleArn": target.role_arn,
            "RoleSessionName": f"gatekeeper-{target.account_id or 'account'}",
        }
        if target.external_id:
            request["ExternalId"] = target.external_id

        def assume() -> dict[str, str]:
            given = self._sts.assume_role(**request)["Credentials"]
            expiry: datetime = given["Expiration"]
            return {
                "access_key": given["AccessKeyId"],
                "secret_key": given["SecretAccessKey"],
                "token": given["SessionToken"],
                "expiry_time": expiry.isoformat(),
            }

        return RefreshableCredentials.create_from_metadata(
            assume(), refresh_using=assume, method="assume-role"
        )


class Connection:
    """One account and region, with the clients that were asked for so far."""

    def __init__(self, gateway: Gateway, credentials: Credentials, target: AccountTarget) -> None:
        self.target = target
        self.region = gateway.region
        self.partition = partition_of(gateway.region)
        self.account_id = target.account_id or ""
        self._gateway = gateway
        self._credentials = credentials
        self._full: Session | None = None
        self._clients: dict[tuple[str, bool], Any] = {}
        self._lock = threading.Lock()

    @needs("sts:GetCallerIdentity")
    def confirm(self, expected: str | None) -> None:
        """Asks AWS whose credentials these are.

        Raises:
            AwsError: they are not the expected account's.
        """
        found = str(self.reader("sts").get_caller_identity()["Account"])
        if expected is not None and found != expected:
            role = self.target.role_arn
            raise AwsError(
                f"{_IDENTITY}: AccountMismatch: "
                + (f"the role {role} is of account" if role else "the credentials are of account")
                + f" {found}, not {expected}; register the account with a role of its own",
                operation=_IDENTITY,
                code="AccountMismatch",
                zh=f"{_IDENTITY}：AccountMismatch："
                + (f"角色 {role} 属于账号" if role else "当前凭证属于账号")
                + f" {found}，而不是 {expected}；请为该账号登记其自身的角色",
            )
        self.account_id = found

    def reader(self, service: str) -> Any:
        """The client that a collection reads with; of EC2 it has only what ``slim`` describes."""
        return self._client(service, full=False)

    def client(self, service: str) -> Any:
        """A client with every call of the service."""
        return self._client(service, full=True)

    def _client(self, service: str, *, full: bool) -> Any:
        with self._lock:
            client = self._clients.get((service, full))
            if client is None:
                client = self._full_client(service) if full else self._reader(service)
                self._clients[service, full] = client
            return client

    def _reader(self, service: str) -> Any:
        return self._gateway.reader(service, self._credentials)

    def _full_client(self, service: str) -> Any:
        if self._full is None:
            self._full = self._gateway.full_session(self._credentials)
        return self._full.create_client(
            service, region_name=self.region, config=self._gateway.config
        )

    def close(self) -> None:
        """Lets go of the sockets."""
        with self._lock:
            clients, self._clients = list(self._clients.values()), {}
        for client in clients:
            client.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def open_account(
    target: AccountTarget, region: str, *, patience: Patience | None = None
) -> Connection:
    """A connection to one account; for several, one ``Gateway`` saves time.

    Raises:
        AwsError: no credentials, no such role, or they are another account's.
    """
    return Gateway(region, patience=patience).open(target)


class _Given(CredentialProvider):  # type: ignore[misc]
    """Hands credentials that we hold to a session."""

    METHOD = "gatekeeper"

    def __init__(self, credentials: Credentials) -> None:
        super().__init__()
        self._credentials = credentials

    def load(self) -> Credentials:
        return self._credentials


class _LentSession(Session):  # type: ignore[misc]
    """A session for one account after the other: a client keeps the credentials it is made with."""

    _lent: Credentials | None = None

    @contextmanager
    def lent(self, credentials: Credentials) -> Iterator[None]:
        """Hand out these credentials within; one thread at a time."""
        self._lent = credentials
        try:
            yield
        finally:
            self._lent = None

    def get_credentials(self) -> Credentials | None:
        return self._lent


def _with(session: Session, credentials: Credentials | None, region: str) -> Session:
    if credentials is not None:
        session.register_component("credential_provider", CredentialResolver([_Given(credentials)]))
    if _observer is not None:
        session.register("response-received", _told)
    if session.get_config_variable("region") is None:
        # What a profile's own AssumeRole asks for; without it botocore goes to another partition.
        session.set_config_variable("region", region)
    return session


def _told(
    *,
    event_name: str,
    response_dict: dict[str, Any] | None,
    parsed_response: Any,
    **_rest: object,
) -> None:
    """Pass one attempt on; botocore calls this once an answer is there, or none will come."""
    if _observer is None:
        return
    _, service, operation = event_name.split(".", 2)
    if response_dict is None:
        outcome = "unanswered"
    elif response_dict["status_code"] < 300:
        outcome = "ok"
    else:
        said: Any = parsed_response.get("Error") if isinstance(parsed_response, dict) else None
        code = str((said or {}).get("Code"))
        if code in _THROTTLED or response_dict["status_code"] == 429:
            outcome = "throttled"
        else:
            outcome = "denied" if code in _DENIED else "refused"
    _observer.aws_call(f"{service}:{operation}", outcome)


def _no_credentials() -> AwsError:
    return AwsError(
        "no AWS credentials found; set AWS_PROFILE or the access keys, or run where a role gives"
        " them",
        operation=_IDENTITY,
        code="NoCredentials",
        zh="未找到 AWS 凭证；请设置 AWS_PROFILE 或访问密钥，或在带有角色的环境中运行",
    )
