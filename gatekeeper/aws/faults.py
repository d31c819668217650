"""What botocore raises, as one kind of error: operation, code, and words fit to be shown.

AWS's messages may repeat request headers, signed addresses and encoded policies; what could be a
secret is left out of them.
"""

from __future__ import annotations

import re
from typing import Any, Final

from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError

from gatekeeper.account import Failure
from gatekeeper.aws.answers import AnswerError
from gatekeeper.errors import AwsError

EXPECTED: Final = (
    BotoCoreError,
    ClientError,
    ResponseParserError,
    AnswerError,
    OSError,
    ValueError,
    RuntimeError,
)
"""What a call may raise through no fault of ours: AWS, the network, credentials, configuration."""

_LENGTH: Final = 400
_REDACTIONS: Final = (
    (re.compile(r"(https?://[^\s\"'?]+)\?[^\s\"']*"), r"\1"),
    (re.compile(r"(https?://)[^\s\"'/@]+@"), r"\1"),
    (re.compile(r"\b(?:AKIA|ASIA|AROA|AIDA)[A-Z0-9]{12,}\b"), "…"),
    (re.compile(r"(?i)(x-amz-[a-z-]+)[=:]\s*\S+"), r"\1=…"),
    (re.compile(r"[A-Za-z0-9+/_%-]{100,}={0,2}"), "…"),
)

_EXPIRED: Final = (
    "renew the credentials, for example with aws sso login or new temporary keys",
    "请更新凭证，例如运行 aws sso login 或换用新的临时密钥",
)
_REJECTED: Final = (
    "check the access keys, and that they are of this partition: keys of aws do not work in aws-cn",
    "请检查访问密钥及其所属分区：海外区域的密钥不能用于中国区域",
)
_DENIED: Final = (
    "allow the action; gatekeeper doctor prints the policy that it needs",
    "请授予该操作权限；gatekeeper doctor 会列出所需的策略",
)
_MISSING: Final = (
    "set AWS_PROFILE or the access keys, or run where a role gives them",
    "请设置 AWS_PROFILE 或访问密钥，或在带有角色的环境中运行",
)
_UNREACHED: Final = (
    "check the network, the proxy and AWS_ENDPOINT_URL",
    "请检查网络、代理和 AWS_ENDPOINT_URL",
)
_CONFIGURED: Final = (
    "check AWS_ENDPOINT_URL, written as https://HOST[:PORT], and the AWS settings",
    "请检查 AWS_ENDPOINT_URL（应写作 https://主机[:端口]）及 AWS 配置",
)
_HINTS: Final[dict[str, tuple[str, str]]] = {
    **dict.fromkeys(
        ("ExpiredToken", "ExpiredTokenException", "RequestExpired", "TokenRefreshRequired"),
        _EXPIRED,
    ),
    **dict.fromkeys(("UnauthorizedSSOToken", "SSOTokenLoad", "TokenRetrieval"), _EXPIRED),
    **dict.fromkeys(
        ("InvalidClientTokenId", "AuthFailure", "SignatureDoesNotMatch", "UnrecognizedClient"),
        _REJECTED,
    ),
    "UnrecognizedClientException": _REJECTED,
    **dict.fromkeys(("AccessDenied", "AccessDeniedException", "UnauthorizedOperation"), _DENIED),
    **dict.fromkeys(("NoCredentials", "PartialCredentials", "ProfileNotFound"), _MISSING),
    **dict.fromkeys(
        (
            *("EndpointConnection", "ConnectTimeout", "ReadTimeout", "ConnectionClosed"),
            *("HTTPClient", "ProxyConnection", "SSL"),
        ),
        _UNREACHED,
    ),
    **dict.fromkeys(
        ("BadConfiguration", "ConfigParse", "InvalidProxiesConfig", "InvalidRegion"), _CONFIGURED
    ),
}


def translate(error: Exception, operation: str) -> AwsError:
    """The error as one line, with what to do about it where that is known."""
    if isinstance(error, AwsError):
        return error
    if isinstance(error, ClientError):
        said: dict[str, Any] = error.response.get("Error") or {}
        code = str(said.get("Code") or "Unknown")
        # SignatureDoesNotMatch goes on to quote every signed header, the session token too.
        text = str(said.get("Message") or "").strip().split("\n")[0]
        if error.operation_name not in {operation, operation.rpartition(":")[2]}:
            text = f"{error.operation_name}: {text}"
    elif isinstance(error, AnswerError | ResponseParserError):
        code = "MalformedResponse"
        text = str(error) if isinstance(error, AnswerError) else "the answer cannot be read"
    elif isinstance(error, RuntimeError):
        # botocore's only one here: renewed credentials that have expired already.
        code, text = "ExpiredToken", str(error)
    elif type(error) is ValueError:
        # botocore's word for an endpoint or a setting that is none.
        code, text = "BadConfiguration", str(error).split("\n")[0]
    else:
        code = type(error).__name__.removesuffix("Error")
        text = str(error).split("\n")[0]
    text = scrub(text) or "no message"
    hint, hint_zh = _HINTS.get(code, ("", ""))
    return AwsError(
        f"{operation}: {code}: {text.rstrip('.')}" + (f"; {hint}" if hint else ""),
        operation=operation,
        code=code,
        zh=f"{operation}：{code}：{text.rstrip('.')}" + (f"；{hint_zh}" if hint_zh else ""),
    )


def failure(error: Exception, operation: str, resource: str | None = None) -> Failure:
    """The same as a read that failed."""
    fault = translate(error, operation)
    message = fault.message.removeprefix(f"{fault.operation}: {fault.code}: ")
    return Failure(operation, fault.code, message, resource)


def scrub(text: str) -> str:
    """The text without query strings, user names in addresses, key ids, tokens and blobs."""
    for pattern, replacement in _REDACTIONS:
        text = pattern.sub(replacement, text)
    return text if len(text) <= _LENGTH else text[: _LENGTH - 1] + "…"
