"""What must hold of every resource that a program registers."""

from __future__ import annotations

import inspect
import json
import re
import warnings
from collections.abc import Iterator
from typing import Any

import pulumi_aws as aws

from tests.infra.programs import INFRA, Ran, Resource


def ours(ran: Ran) -> Iterator[Resource]:
    """The resources that the aws plugin would make."""
    return (one for one in ran.resources if one.type.startswith("aws:"))


def check_everything(ran: Ran, account_id: str, tags: dict[str, str]) -> None:
    """One provider for one account, tags on all that takes tags, no ARN of another partition."""
    (provider,) = (one for one in ran.resources if one.type == "pulumi:providers:aws")
    assert json.loads(provider.inputs["allowedAccountIds"]) == [account_id]
    assert provider.inputs["region"] == "cn-northwest-1"
    seen = list(ours(ran))
    assert seen
    for one in seen:
        assert "::pulumi:providers:aws::aws::" in one.provider.replace("$", "::"), one.name
        assert "arn:aws:" not in json.dumps(one.inputs), one.name
        if takes_tags(one.type):
            missing = tags.items() - (one.inputs.get("tags") or {}).items()
            assert not missing, (one.type, one.name)
    assert "arn:aws:" not in json.dumps(ran.outputs)


def takes_tags(token: str) -> bool:
    """Whether the type has tags, by the SDK's own signature."""
    module, name = token.split(":")[1].split("/", maxsplit=1)[0], token.split(":")[2]
    made = getattr(getattr(aws, module), name)
    return "tags" in inspect.signature(made._internal_init).parameters


def check_statements(ran: Ran, *, anywhere: set[str]) -> None:
    """Whole actions only, that IAM knows; ``*`` as resource for no action but those named."""
    from policy_sentry.querying.actions import get_action_data

    for name, one in ran.statements():
        actions = one["Action"] if isinstance(one["Action"], list) else [one["Action"]]
        if one["Effect"] == "Deny":
            continue
        for action in actions:
            assert "*" not in action, (name, action)
            assert get_action_data(*action.split(":")), (name, action)
            if one.get("Resource") == "*" and "Condition" not in one:
                assert action in anywhere, (name, action)


def findings(policy: str) -> set[tuple[str, Any]]:
    """What parliament says of an identity policy."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it still asks for pkg_resources
        from parliament import analyze_policy_string
    return {(one.issue, str(one.detail)) for one in analyze_policy_string(policy).findings}


def check_sources(folder: str) -> None:
    """No file of the project names a partition's ARN or a registry's address."""
    for path in (INFRA / folder).iterdir():
        if path.is_file():
            text = path.read_text(encoding="utf-8")
            assert "arn:aws:" not in text, path.name
            assert not re.search(r"--(extra-)?index-url", text), path.name
