"""Tell what a file is, and read it: Pulumi or Terraform, a plan or a state."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from gatekeeper.errors import PlanRefused
from gatekeeper.stacks.check import pulumi, terraform
from gatekeeper.stacks.check.model import Blueprint

LARGEST: Final = 128 * 2**20
"""How many bytes a plan may have."""
_PREVIEW: Final = ("steps", "changeSummary", "diagnostics", "duration")
_VERSIONS: Final = (3, 4)
"""Versions of a Pulumi deployment; 4 adds a list of features."""


def read_blueprint(data: bytes, *, name: str) -> Blueprint:
    """Read a plan or a state, whichever it is.

    Args:
        data: ``pulumi preview --json``, ``pulumi stack export``, a file backend's checkpoint,
            ``terraform show -json`` of a plan or a state.
        name: what messages call it.

    Raises:
        PlanRefused: it is none of these, is cut short, or cannot be judged at all.
    """
    if len(data) > LARGEST:
        raise too_large(name)
    if data[:2] == b"PK":
        raise _refused(
            name,
            "is a binary plan; turn it into JSON with terraform show -json",
            "是二进制计划文件，请用 terraform show -json 转换",
        )
    try:
        document = json.loads(data)
    except RecursionError:
        raise _refused(
            name, "is nested too deep for a plan", "嵌套过深，不是有效的计划文件"
        ) from None
    except ValueError as error:
        why = _why(error)
        raise _refused(
            name,
            f"is not JSON, or was cut short ({why}); write stdout alone into the file, and to its"
            " end",
            f"不是完整的 JSON（{why}）；请只将标准输出完整写入文件",
        ) from None
    if not isinstance(document, dict):
        raise _unknown(name)
    try:
        return _read(document, name)
    except RecursionError:
        raise _refused(
            name, "is nested too deep for a plan", "嵌套过深，不是有效的计划文件"
        ) from None


def _read(document: Mapping[str, Any], name: str) -> Blueprint:
    if "resourcePlans" in document:
        raise _refused(
            name,
            "is an update plan (--save-plan), which does not hold every value; check the output of"
            " pulumi preview --json instead",
            "是更新计划（--save-plan），不含全部取值；请改用 pulumi preview --json 的输出",
        )
    if "deployment" in document or "checkpoint" in document:
        return pulumi.read_state(_deployment(document, name), name=name)
    if "resource_changes" in document or "planned_values" in document:
        _check_format(document, name)
        return terraform.read_plan(document, name=name)
    if isinstance(document.get("values"), dict) and "format_version" in document:
        _check_format(document, name)
        return terraform.read_state(document, name=name)
    if isinstance(document.get("steps"), list) or (
        "steps" not in document and isinstance(document.get("changeSummary"), dict)
    ):
        return pulumi.read_preview(document, name=name)
    if "lineage" in document or "terraform_version" in document:
        raise _refused(
            name,
            "is a raw state file, or an empty one; check the output of terraform show -json",
            "是原始或空的状态文件，请改用 terraform show -json 的输出",
        )
    raise _unknown(name)


def _deployment(document: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    version = document.get("version")
    if version not in _VERSIONS:
        raise _refused(
            name,
            f"is a Pulumi state of version {str(version)[:20]!r}; {_VERSIONS} are read here",
            f"是版本 {str(version)[:20]!r} 的 Pulumi 状态，仅支持 {_VERSIONS}",
        )
    found = document.get("deployment")
    if "checkpoint" in document:
        checkpoint = document["checkpoint"]
        found = checkpoint.get("latest") if isinstance(checkpoint, dict) else None
    if not isinstance(found, dict) or not ({"resources", "manifest"} & found.keys()):
        raise _refused(
            name,
            "holds no deployment: a part is missing; make it anew with pulumi stack export",
            "不含部署内容，文件不完整；请用 pulumi stack export 重新生成",
        )
    return found


def _check_format(document: Mapping[str, Any], name: str) -> None:
    version = document.get("format_version")
    if not isinstance(version, str) or version.partition(".")[0] not in ("0", "1"):
        raise _refused(
            name,
            f"has format_version {str(version)[:20]!r}; 0.x and 1.x are read here",
            f"的 format_version 为 {str(version)[:20]!r}，仅支持 0.x 和 1.x",
        )


def too_large(name: str) -> PlanRefused:
    """The refusal of a file beyond ``LARGEST``."""
    size = LARGEST // 2**20
    return _refused(
        name,
        f"is larger than {size} MB, more than a plan has; check one stack at a time",
        f"超过 {size} MB，大于正常计划文件；请逐个栈检查",
    )


def _why(error: ValueError) -> str:
    if isinstance(error, json.JSONDecodeError):
        return f"{error.msg}, line {error.lineno} column {error.colno}"
    return type(error).__name__


def _unknown(name: str) -> PlanRefused:
    return _refused(
        name,
        "is nothing that can be checked: give the output of pulumi preview --json, pulumi stack"
        " export or terraform show -json",
        "不是可检查的文件：请提供 pulumi preview --json、pulumi stack export 或 terraform"
        " show -json 的输出",
    )


def _refused(name: str, why: str, why_zh: str) -> PlanRefused:
    return PlanRefused(f"{name} {why}", zh=f"{name} {why_zh}")
