"""What the check says, in English and in Chinese."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from gatekeeper.errors import PlanRefused
from gatekeeper.stacks.check.model import Hidden, Marked, Note
from gatekeeper.stacks.check.values import shown

if TYPE_CHECKING:
    from gatekeeper.stacks.check.openings import Opening
    from gatekeeper.stacks.check.ties import Endpoint, Tie
    from gatekeeper.stacks.feed import Decided, Decisions

_HIDDEN_ZH: Final = {Hidden.UNKNOWN: "执行前未知", Hidden.SECRET: "已加密"}
_VERDICTS_ZH: Final = {"closed": "关闭", "hold": "保持不变", "unknown": "未知"}
_NAMED: Final = 5
"""How many endpoints one sentence names."""


def unreadable(resource: str, name: str, why: Hidden) -> Note:
    """A property that may open a gated port and cannot be read."""
    return Note(
        resource,
        f"{name} is {why.value}: it may open a gated port; give it as a plain value, or apply what"
        " it comes from first",
        f"{name} {_HIDDEN_ZH[why]}，可能开放受管控端口；请使用明文值，或先执行其所依赖的资源",
    )


def malformed(resource: str, value: object, why: object) -> Note:
    """A rule that no one can read."""
    text = shown(value)
    if text != str(value):
        return Note(
            resource,
            f"{text} cannot be read as part of a rule; correct it",
            f"{text} 不是有效的规则内容，请更正",
        )
    return Note(
        resource,
        f"{text} cannot be read as part of a rule ({why}); correct it",
        f"{text} 不是有效的规则内容（{why}），请更正",
    )


def unresolved_list(resource: str, name: object) -> Note:
    """A prefix list whose networks the plan does not hold."""
    text = shown(name)
    return Note(
        resource,
        f"the networks of prefix list {text} are not in the plan: they may be the Internet; write"
        " the networks out, or manage the list in this stack",
        f"计划中没有前缀列表 {text} 的网段，其中可能包含公网；请直接写明网段，或在本栈中管理该列表",
    )


def foreign_type(resource: str, token: str) -> Note:
    """A type of a package that is not read."""
    return Note(
        resource,
        f"the type {token} is not read here and may open a port; use the aws provider's type, or"
        " let the live scan judge it",
        f"不读取类型 {token}，它可能开放端口；请改用 aws 提供方的类型，或以在线扫描结果为准",
    )


def dynamic_block(resource: str) -> Note:
    """Blocks that Terraform makes while it plans."""
    return Note(
        resource,
        "its configuration has dynamic blocks, whose rules the plan does not show for sure; write"
        " the rules out",
        "其配置使用了 dynamic 块，计划无法可靠显示其中的规则；请直接写明规则",
    )


def missing_steps(op: str, said: float, found: int) -> Note:
    """A preview of which a part is gone."""
    return Note(
        "",
        f"the preview counts {said:g} steps to {op} and has {found}: a part is missing; make it"
        " anew with pulumi preview --json --show-sames",
        f"预览统计有 {said:g} 个 {op} 步骤，实际只有 {found} 个：内容不完整，"
        "请用 pulumi preview --json --show-sames 重新生成",
    )


def offline_feed() -> Note:
    """Decisions that rest on saved answers."""
    return Note(
        "",
        "the decision feed was made from a dump, which may be older than it says; WebAccess and the"
        " policy pack do not believe it",
        "决策文件由 --dump 生成，其数据可能已过时；WebAccess 与策略包均不予采信",
    )


def perhaps_dynamic(resource: str) -> Note:
    """A new group of which Terraform does not show whether it has rules of its own."""
    return Note(
        resource,
        "whether it has inbound rules of its own is not in the plan: a dynamic block over unknown"
        " values looks like none; write ingress = [] if it has none",
        "计划未显示其自身是否有入站规则：取值未知的 dynamic 块与没有规则看起来相同；"
        "若没有规则，请写明 ingress = []",
    )


def unknown_address(resource: str, name: str) -> Note:
    """A public address that an endpoint is given and that the plan does not show."""
    what = f" of {shown(name)}" if name else ""
    return Note(
        resource,
        f"the plan does not show the public address{what}; manage the address in this stack, or"
        " name it",
        f"计划未显示{shown(name) or '该资源'}的公网地址；请在本栈中管理该地址，或直接写明",
    )


@dataclass(frozen=True, slots=True)
class Why:
    """Why an endpoint's ports may not be opened."""

    endpoint: Endpoint
    tie: Tie
    verdict: str
    decided: Decided | None
    address: str


def not_decided(opening: Opening, several: Sequence[Why], decisions: Decisions) -> Note:
    """A rule lets the Internet reach endpoints that are not decided open."""
    first = several[:_NAMED]
    who = "; ".join(_who(why) for why in first)
    who_zh = "；".join(_who_zh(why) for why in first)
    if len(several) > _NAMED:
        who += f"; and {len(several) - _NAMED} more endpoints"
        who_zh += f"；另有 {len(several) - _NAMED} 个端点"
    how, how_zh = _how(opening)
    feed, feed_zh = _unbelieved(decisions)
    return Note(
        opening.resource.address,
        f"{how} to the Internet on {who}{feed}",
        f"{how_zh}：{who_zh}{feed_zh}",
    )


def joins_open(by: str, openings: Sequence[Opening], why: Why, decisions: Decisions) -> Note:
    """An endpoint joins a group whose rules are open already."""
    rules = list(dict.fromkeys(one.resource.address for one in openings))
    named = ", ".join(rules[:_NAMED])
    more = len(rules) - _NAMED
    more_en, more_zh = (f" and {more} more", f" 等 {len(rules)} 条") if more > 0 else ("", "")
    feed, feed_zh = _unbelieved(decisions)
    return Note(
        by,
        f"joins a group that {named}{more_en} opens to the Internet: {_who(why)}{feed}",
        f"加入由 {named}{more_zh} 对互联网开放的安全组：{_who_zh(why)}{feed_zh}",
    )


def _unbelieved(decisions: Decisions) -> tuple[str, str]:
    """What to add where no feed could be believed."""
    if decisions.problem is None:
        return "", ""
    return (
        f" (no decision is believed: {decisions.problem.message})",
        f"（决策文件不可用：{decisions.problem.zh}）",
    )


def unattached(opening: Opening, group: str) -> Note:
    """A rule of a group that nothing in the feed is tied to."""
    how, how_zh = _how(opening)
    name = shown(group)
    return Note(
        opening.resource.address,
        f"{how} to the Internet, and nothing that the feed decides on is tied to {name}: tie it"
        " to its endpoint in this plan, or pass --allow-unattached",
        f"{how_zh}，但 {name} 未关联决策文件中的任何端点：请在本计划中关联端点，或使用"
        " --allow-unattached",
    )


def no_ipv6(opening: Opening, several: Sequence[Endpoint]) -> Note:
    """``::/0`` where there is nothing to reach."""
    first = ", ".join(shown(_name(one)) for one in several[:_NAMED])
    more = len(several) - _NAMED
    name = f"{first} and {more} more" if more > 0 else first
    name_zh = f"{first} 等 {len(several)} 个端点" if more > 0 else first
    return Note(
        opening.resource.address,
        f"lets IPv6 sources in, where there is no IPv6 address ({name}): one would be open as soon"
        " as it was given; leave the rule out",
        f"放行 IPv6 来源，而 {name_zh} 没有 IPv6 地址：一旦分配地址即被开放，建议删除该规则",
    )


def dropped(resource: str) -> Note:
    """Inline rules that a program no longer writes."""
    return Note(
        resource,
        "the plan drops the inline ingress, which revokes nothing on AWS: set ingress = [] first,"
        " apply, and only then leave it out",
        "计划去掉了内联 ingress，但 AWS 上的规则不会被撤销：请先设为 ingress = []"
        " 并执行，再删除该参数",
    )


def template_stack(resource: str) -> Note:
    """CloudFormation inside a plan."""
    return Note(
        resource,
        "a CloudFormation template is not read here: what it opens, only the live scan sees",
        "此处不读取 CloudFormation 模板：其开放的端口只能由在线扫描发现",
    )


def joins_unseen(resource: str, group: str) -> Note:
    """An endpoint that joins a group whose rules are elsewhere."""
    name = shown(group)
    return Note(
        resource,
        f"joins {name}, whose rules are not in this plan and may be open already; show them (pulumi"
        " preview --show-sames), or get the endpoint decided open first",
        f"加入 {name}，其规则不在本计划中，可能已开放；请一并显示（pulumi preview"
        " --show-sames），或先取得该端点的开放判定",
    )


def addressed_unseen(resource: str, target: str) -> Note:
    """A new address for something whose groups are elsewhere."""
    name = shown(target)
    return Note(
        resource,
        f"gives {name} an address, and which rules guard it is not in this plan: show them (pulumi"
        " preview --show-sames), or get that address decided open first",
        f"为 {name} 分配公网地址，但其安全组规则不在本计划中；请一并显示（pulumi preview"
        " --show-sames），或先取得该地址的开放判定",
    )


def widened_list(resource: str, name: object) -> Note:
    """A prefix list that lets in more of the Internet, with its rules outside the plan."""
    text = shown(name)
    return Note(
        resource,
        f"adds networks of the Internet to prefix list {text}, and no rule of this plan uses it:"
        " rules elsewhere may open gated ports with it; check their stack too, and use a list of"
        " its own where you can",
        f"向前缀列表 {text} 添加了公网网段，但本计划中没有规则使用它；其他栈中的规则可能因此开放"
        "受管控端口，请同时检查这些栈，或改用单独的列表",
    )


def _how(opening: Opening) -> tuple[str, str]:
    ports = "/".join(map(str, opening.ports)) or "ports (marked sensitive)"
    what = f"{opening.protocol} {ports}"
    sources = ", ".join(opening.sources)
    if opening.left:
        return (
            f"leaves open, as AWS has it, {what} from {sources}",
            f"保留 AWS 上已有的开放规则：{sources} 可从互联网访问 {what}",
        )
    if opening.standing:
        return (
            f"keeps open {what} from {sources}",
            f"继续对互联网开放 {what}（来源 {sources}）",
        )
    return f"opens {what} from {sources}", f"对互联网开放 {what}（来源 {sources}）"


def _name(endpoint: Endpoint) -> str:
    """What to call an endpoint; a name or an address that a plan marks sensitive hides it."""
    marked = (endpoint.node, *endpoint.names, *endpoint.addresses)
    return next((one for one in marked if isinstance(one, Marked)), endpoint.node)


def _who(why: Why) -> str:
    name = _name(why.endpoint)
    veiled = isinstance(name, Marked)
    if why.decided is not None:
        ips = "" if veiled else f" ({', '.join(why.decided.ips)})"
        said = f": {why.decided.reason}" if why.decided.reason and not veiled else ""
        known = "" if veiled or name == why.decided.endpoint else f" as {why.decided.endpoint}"
        return f"{shown(name)}{ips}, decided {why.verdict}{known}{said}; {_missing(why)}"
    if why.address:
        return (
            f"{shown(name)}, which gets {shown(why.address)}: no filing in effect names that"
            " address; apply for the address first, file it (备案), then open"
        )
    return (
        f"{shown(name)}, which the feed does not decide on; have its public addresses filed"
        " (备案), or make the feed anew"
    )


def _missing(why: Why) -> str:
    if why.verdict == "hold":
        return "on hold nothing new is opened; wait until its address set is filed"
    if why.verdict == "unknown":
        return "make the feed anew once its account can be read whole"
    return "it needs an approved filing (备案) that names all of these addresses"


def _who_zh(why: Why) -> str:
    name = _name(why.endpoint)
    veiled = isinstance(name, Marked)
    if why.decided is not None:
        ips = "" if veiled else f"（{'、'.join(why.decided.ips)}）"
        known = "" if veiled or name == why.decided.endpoint else f"（即 {why.decided.endpoint}）"
        verdict = _VERDICTS_ZH.get(why.verdict, why.verdict)
        return f"{shown(name)}{known}{ips}判定为{verdict}，{_missing_zh(why)}"
    if why.address:
        return (
            f"{shown(name)} 将获得 {shown(why.address)}，该地址没有有效备案；请先申请地址并完成"
            "备案，再开放"
        )
    return f"{shown(name)} 不在决策文件中；请为其公网地址办理备案，或重新生成决策文件"


def _missing_zh(why: Why) -> str:
    if why.verdict == "hold":
        return "保持不变期间不得新增开放，请待其地址全部备案"
    if why.verdict == "unknown":
        return "请在能完整读取该账号后重新生成决策文件"
    return "需有涵盖上述全部地址的有效备案"


def pending_delete(resource: str) -> Note:
    """A copy that a replacement left behind and that the next update deletes."""
    return Note(
        resource,
        "an old copy waits to be deleted and was not judged: until the next update it is on AWS",
        "有待删除的旧副本，未作判断：在下次更新前仍存在于 AWS",
    )


def pending_operation(resource: str, what: str) -> Note:
    """An operation that Pulumi does not know the end of."""
    return Note(
        resource,
        f"an operation ({shown(what)}) was interrupted: nobody knows what AWS has; run pulumi"
        " refresh",
        f"有未完成的操作（{shown(what)}）：AWS 上的状态未知，请先运行 pulumi refresh",
    )


def unknown_operation(resource: str, what: str) -> Note:
    """A step of a kind that this version does not know."""
    return Note(
        resource,
        f"the step {shown(what)!r} is not known here",
        f"不支持的步骤类型 {shown(what)!r}",
    )


def twice(address: str) -> PlanRefused:
    """Two resources of one name: readers would differ on which counts."""
    return PlanRefused(
        f"the plan names {address} twice; make it anew", zh=f"计划中 {address} 出现两次，请重新生成"
    )


def may_be_shared(opening: Opening, group: str) -> Note:
    """A rule on a group that others may hold, which the plan leaves out."""
    name = shown(group)
    return Note(
        opening.resource.address,
        f"the plan leaves out what does not change, so others may hold {name} unseen; make it with"
        " pulumi preview --json --show-sames, or without -target",
        f"计划省略了未变更的资源，可能还有其他端点使用 {name}；请用 pulumi preview --json"
        " --show-sames 生成，且不使用 -target",
    )


def unseen_balancer(resource: str, balancer: str) -> Note:
    """A listener of a network load balancer that the plan does not hold."""
    name = shown(balancer)
    return Note(
        resource,
        f"listens on a gated port of {name}, which is not in this plan: without groups it is open"
        " to the Internet",
        f"在 {name} 上监听受管控端口，但该负载均衡不在本计划中：若未绑定安全组即对互联网开放",
    )


def kept_behind(resource: str) -> Note:
    """A replaced resource whose old copy stays."""
    return Note(
        resource,
        "it is replaced and its old copy is kept on AWS (retainOnDelete): what that opens is not"
        " judged here",
        "该资源被替换，旧副本因 retainOnDelete 保留在 AWS：其开放情况未作判断",
    )


def corrupt(resource: str) -> Note:
    """Pulumi doubts its own preview."""
    return Note(
        resource,
        "Pulumi says that this preview may be corrupt; make it anew",
        "Pulumi 提示该预览可能已损坏，请重新生成",
    )


def errored(resource: str) -> Note:
    """A plan that failed half way."""
    return Note(
        resource,
        "the plan failed, so a part of it is missing; mend the error and make it anew",
        "计划生成失败，内容不完整；请修正错误后重新生成",
    )


def deferred(resource: str, why: str) -> Note:
    """A change that Terraform put off."""
    return Note(
        resource,
        f"the change is deferred ({shown(why)}): what it will open is not known yet",
        f"该变更被推迟（{shown(why)}）：将开放的内容尚不可知",
    )


def partial(resource: str) -> Note:
    """A plan of some resources only."""
    return Note(
        resource,
        "the plan is not complete (-target, most likely): what it leaves out was not looked at",
        "计划不完整（可能使用了 -target）：未包含的部分未作检查",
    )


def left_open(opening: Opening) -> Note:
    """Rules on AWS that a program does not write, and that the decisions allow."""
    how, how_zh = _how(opening)
    return Note(
        opening.resource.address,
        f"{how} to the Internet: it is decided open, and nobody here would close it",
        f"{how_zh}：目前判定为开放，但本栈不会关闭它",
    )
