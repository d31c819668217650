"""Every finding: its severity, what it says, and what to do, in English and Chinese (DESIGN §9).

``{…}`` are filled from the values that the finder gives.  ``docs/findings.md`` explains each code.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, NamedTuple

from gatekeeper.gate.model import Severity


class Entry(NamedTuple):
    """One finding code."""

    severity: Severity
    message: str
    message_zh: str
    remedy: str
    remedy_zh: str


_C, _H, _M, _L = Severity.CRITICAL, Severity.HIGH, Severity.MEDIUM, Severity.LOW

CATALOGUE: Final[Mapping[str, Entry]] = MappingProxyType(
    {
        # what was read
        "account-unreadable": Entry(
            _H,
            "account {account} could not be read: {errors}",
            "账号 {account} 无法读取：{errors}",
            "mend credentials or the role, then run doctor; nothing is concluded until then",
            "请检查凭证或角色后运行 doctor；在此之前不对该账号作任何结论",
        ),
        "account-partial": Entry(
            _H,
            "account {account} was read only in part: {errors}",
            "账号 {account} 只读取了一部分：{errors}",
            "run doctor to see which permission is missing; nothing is changed there meanwhile",
            "请运行 doctor 查看缺少的权限；在此期间不会改动该账号",
        ),
        "account-unknown": Entry(
            _H,
            "filing {filing} names account {account}, which is not registered",
            "备案 {filing} 填写的账号 {account} 未登记",
            "register it with accounts add, or correct the filing; its addresses are not judged",
            "请用 accounts add 登记该账号，或更正备案；其地址暂不作判断",
        ),
        # what was filed
        "application-orphan": Entry(
            _M,
            "approved application {application} ({kind}) has no filing to act on",
            "已通过的申请 {application}（{kind}）没有对应的备案",
            "import the application that created filing {filing}, or check the filing id",
            "请导入创建备案 {filing} 的申请，或核对备案标识",
        ),
        "filing-duplicate": Entry(
            _M,
            "application {application} files {filing} a second time; it replaces the earlier one",
            "申请 {application} 对备案 {filing} 重复新增，已取代此前的内容",
            "check that both orders concern one service; otherwise give the second its own id",
            "请核实两笔申请是否为同一服务；若不是，请为后者使用独立的备案标识",
        ),
        "approved-without-licence": Entry(
            _H,
            "application {application} is approved but has no service licence number, so it does"
            " not count",
            "申请 {application} 已通过但没有服务备案号，因此不计为有效",
            "file a change with the number that the bureau gave",
            "请以变更申请补录管局下发的服务备案号",
        ),
        "licence-invalid": Entry(
            _H,
            "service licence number {licence} of application {application} does not count:"
            " {problem}",
            "申请 {application} 的服务备案号 {licence} 无效：{problem_zh}",
            "check the number with MIIT's public query and file a change with the right one",
            "请在工信部备案查询中核对，并以变更申请更正",
        ),
        "licence-duplicate": Entry(
            _H,
            "filings {filing} and {other} carry the same service licence number {licence}",
            "备案 {filing} 与 {other} 使用了同一服务备案号 {licence}",
            "one of them is wrong: check both with MIIT's public query",
            "其中必有一个有误，请在工信部备案查询中逐一核对",
        ),
        "licence-kind": Entry(
            _M,
            "number {licence} of filing {filing} is of the other kind than its service ({type})",
            "备案 {filing} 的备案号 {licence} 与服务类型（{type}）不符",
            "an APP's number ends in A and a website's does not: correct one of the two",
            "APP 备案号以 A 结尾，网站备案号不带 A，请更正其一",
        ),
        "access-restricted": Entry(
            _C,
            "MIIT shows filing {filing} with restricted access (限制接入)",
            "工信部查询显示备案 {filing} 为限制接入",
            "its ports close with the next apply; resume it once MIIT lifts the restriction",
            "下次 apply 将关闭其端口；限制解除后请执行 filings resume",
        ),
        # filed addresses
        "address-not-in-account": Entry(
            _C,
            "filing {filing} names {ips}, not in account {account}",
            "备案 {filing} 填写的 {ips} 不属于账号 {account}",
            "correct the address by change_ip, or find out whose it is; it opens nothing",
            "请以变更 IP 更正，或查明地址归属；该地址不会被开放",
        ),
        "address-in-other-account": Entry(
            _C,
            "filing {filing} names {ips} for account {account}, but they are in {others}",
            "备案 {filing} 填写的 {ips} 不在账号 {account}，而在 {others}",
            "file a change_ip with the right account, or move the address back",
            "请以变更 IP 更正账号，或将地址移回原账号",
        ),
        "address-released": Entry(
            _C,
            "{ips} of filing {filing} were released from account {account} (last seen {seen})",
            "备案 {filing} 的 {ips} 已从账号 {account} 释放（最后见于 {seen}）",
            "recover the address if AWS still allows it, else file a change_ip at once: it may"
            " serve a stranger next",
            "若仍可找回请立即找回，否则尽快办理变更 IP：该地址随时可能分配给他人",
        ),
        "address-reallocated": Entry(
            _M,
            "{ips} of filing {filing} came back under another allocation id",
            "备案 {filing} 的 {ips} 以新的分配 ID 重新出现",
            "confirm with the customer that the address serves the filed service again",
            "请与客户确认该地址仍用于已备案的服务",
        ),
        "address-unassociated": Entry(
            _M,
            "{ips} of filing {filing} serve nothing: the EIP is not associated",
            "备案 {filing} 的 {ips} 未绑定任何资源",
            "associate it with the service or remove it by change_ip; never release a filed EIP",
            "请绑定到对应服务，或以变更 IP 移除；切勿释放已备案的 EIP",
        ),
        "address-not-eligible": Entry(
            _H,
            "{ips} of filing {filing} are lent by AWS to an instance and cannot be filed",
            "备案 {filing} 的 {ips} 是自动分配的公网 IP，不能用于备案",
            "allocate an EIP or use a load balancer, then file a change_ip",
            "请申请 EIP 或使用负载均衡后办理变更 IP",
        ),
        "address-on-nat-gateway": Entry(
            _M,
            "{ips} of filing {filing} are on a NAT gateway, which cannot serve",
            "备案 {filing} 的 {ips} 绑定在 NAT 网关上，无法对外提供服务",
            "associate the EIP with the service, or file a change_ip",
            "请将 EIP 绑定到服务，或办理变更 IP",
        ),
        "address-outside-region": Entry(
            _H,
            "{ips} of filing {filing} are outside the published ranges of {region}",
            "备案 {filing} 的 {ips} 不在 {region} 公布的地址范围内",
            "only addresses of the provider's own region can be filed: correct the address",
            "只能备案接入商本区域的地址，请更正",
        ),
        "address-not-public": Entry(
            _H,
            "{ips} of filing {filing} are not public addresses",
            "备案 {filing} 的 {ips} 不是公网地址",
            "file the EIP or the load balancer's public addresses instead",
            "请改为填写 EIP 或负载均衡的公网地址",
        ),
        "address-shared": Entry(
            _L,
            "{ips} of filing {filing} are also filed by {others}",
            "备案 {filing} 的 {ips} 同时被 {others} 备案",
            "check that both entities may serve from the same address",
            "请核实两家主办单位确实共用该地址",
        ),
        # load balancers
        "elb-not-found": Entry(
            _H,
            "filing {filing} names load balancer {balancer}, not found in account {account}",
            "备案 {filing} 填写的负载均衡 {balancer} 在账号 {account} 中不存在",
            "check the name, ARN or DNS name; a deleted one takes a change_ip",
            "请核对名称、ARN 或 DNS 名称；若已删除需办理变更 IP",
        ),
        "elb-internal": Entry(
            _H,
            "filing {filing} names load balancer {balancer}, which is internal",
            "备案 {filing} 填写的负载均衡 {balancer} 为内网型",
            "file an internet-facing load balancer",
            "请填写面向公网的负载均衡",
        ),
        "elb-ambiguous": Entry(
            _M,
            "{balancer} of filing {filing} fits several load balancers: {others}",
            "备案 {filing} 填写的 {balancer} 对应多个负载均衡：{others}",
            "write its ARN; until then the filing covers none of them",
            "请填写 ARN；在此之前该备案不覆盖其中任何一个",
        ),
        "elb-set-incomplete": Entry(
            _H,
            "load balancer {balancer} has {ips}, which filing {filing} lacks",
            "负载均衡 {balancer} 的 {ips} 未包含在备案 {filing} 中",
            "file its complete address set by change_ip; it opens only with all of them",
            "请以变更 IP 补全全部地址；地址集完整后才会开放",
        ),
        "elb-set-stale": Entry(
            _M,
            "filing {filing} lists {ips}, which load balancer {balancer} no longer has",
            "备案 {filing} 中的 {ips} 已不属于负载均衡 {balancer}",
            "file a change_ip without them",
            "请办理变更 IP，移除这些地址",
        ),
        "address-set-changed": Entry(
            _H,
            "the address set of {endpoint} ({family}) differs from the filed one since {since};"
            " it closes at {until} unless the new set is filed",
            "{endpoint}（{family}）的地址集自 {since} 起与备案不一致；若未补备，将于 {until} 关闭",
            "file a change_ip with the complete new set before then",
            "请在此之前以变更 IP 补备完整的新地址集",
        ),
        # what the Internet reaches
        "exposed-unfiled": Entry(
            _C,
            "{endpoint} ({family}) is reachable on {ports} and was never filed",
            "{endpoint}（{family}）的 {ports} 可从公网访问，但从未备案",
            "close it with plan and apply, or file it first",
            "请用 plan 和 apply 关闭；如需开放须先备案",
        ),
        "exposed-pending": Entry(
            _C,
            "{endpoint} ({family}) is reachable on {ports} while {application} is not approved"
            " ({status})",
            "{endpoint}（{family}）的 {ports} 可从公网访问，但申请 {application} 尚未通过"
            "（{status_zh}）",
            "close it with plan and apply until the bureau approves",
            "管局通过前请用 plan 和 apply 关闭",
        ),
        "exposed-ended": Entry(
            _C,
            "{endpoint} ({family}) is reachable on {ports} although filing {filings} ended",
            "备案 {filings} 已注销或取消接入，但 {endpoint}（{family}）的 {ports} 仍可从公网访问",
            "close it now with plan and apply",
            "请立即用 plan 和 apply 关闭",
        ),
        "exposed-suspended": Entry(
            _C,
            "{endpoint} ({family}) is reachable on {ports} although an order stands against filing"
            " {filings}",
            "备案 {filings} 已被责令暂停接入，但 {endpoint}（{family}）的 {ports} 仍可从公网访问",
            "close it now with plan and apply",
            "请立即用 plan 和 apply 关闭",
        ),
        "exposed-uncovered": Entry(
            _C,
            "{endpoint} ({family}) is reachable on {ports}, but {ips} are not covered",
            "{endpoint}（{family}）的 {ports} 可从公网访问，但 {ips} 未被备案覆盖",
            "file the missing addresses by change_ip, or close it with plan and apply",
            "请以变更 IP 补备缺少的地址，或用 plan 和 apply 关闭",
        ),
        "closed-approved": Entry(
            _H,
            "{endpoint} ({family}) is approved, but {ports} cannot be reached from the whole"
            " Internet",
            "{endpoint}（{family}）已获批准，但 {ports} 尚未对公网完全开放",
            "open it with plan and apply",
            "请用 plan 和 apply 开放",
        ),
        "unenforceable": Entry(
            _H,
            "{endpoint} ({family}) is exposed on {ports} through something that no security group"
            " can close: {why}",
            "{endpoint}（{family}）的 {ports} 暴露于公网，且无法通过安全组关闭：{why_zh}",
            "have the customer remove the listener or rebuild the load balancer with groups",
            "请客户删除监听器，或以带安全组的方式重建负载均衡",
        ),
        "group-exposing-unused": Entry(
            _L,
            "group {endpoint} is attached to nothing and would expose {ports} of whatever it is"
            " attached to",
            "安全组 {endpoint} 未被使用，一旦绑定就会暴露 {ports}",
            "delete the group, or take the wide rules out of it",
            "请删除该安全组，或移除其过宽的规则",
        ),
        "gate-foreign": Entry(
            _C,
            "group {endpoint} in {vpc} has the gate's name {name} but is not ours",
            "{vpc} 中的安全组 {endpoint} 与闸门同名（{name}），但不归本系统所有",
            "rename or delete it; nothing is changed in this VPC before",
            "请改名或删除；在此之前不会改动该 VPC",
        ),
        "gate-altered": Entry(
            _C,
            "our gate {endpoint} in {vpc} was altered: {what}",
            "{vpc} 中的闸门 {endpoint} 被改动：{what_zh}",
            "the next plan and apply repair it; find out who changed it",
            "下次 plan 和 apply 会修复；请查明改动者",
        ),
        # what the public sees
        "resolves-before-approval": Entry(
            _H,
            "{domains} of application {application} resolves to {ips} before the bureau approved it"
            " ({status})",
            "申请 {application} 尚未通过（{status_zh}），{domains} 已解析至 {ips}",
            "have the customer take the DNS record away until the bureau approves",
            "请通知客户在管局通过前取消该解析",
        ),
        "domain-elsewhere": Entry(
            _M,
            "filing {filing}: {what}",
            "备案 {filing}：{what_zh}",
            "have the record point at a filed address, file the address by change_ip, or cancel the"
            " access if the service moved away",
            "请将域名解析至已备案地址，或办理变更 IP；若服务已迁走请取消接入",
        ),
        "domain-unresolved": Entry(
            _L,
            "filing {filing}: {domains} does not resolve, nor does its www",
            "备案 {filing}：{domains} 及其 www 子域名均无解析",
            "ask whether the service is still there; a filing whose domains lead nowhere counts as"
            " a shell",
            "请核实服务是否仍在运行；域名全部无解析的备案可能被认定为空壳",
        ),
        "after-footer": Entry(
            _M,
            "filing {filing}: {what}",
            "备案 {filing}：{what_zh}",
            "have the customer show the number at the foot of the page, or in the APP's settings,"
            " linked to https://beian.miit.gov.cn/",
            "请通知客户在页面底部（APP 在设置中）展示备案号并链接至 https://beian.miit.gov.cn/",
        ),
        "shell-filing": Entry(
            _H,
            "filing {filing} counts as a shell: {what}",
            "备案 {filing} 可能被认定为空壳：{what_zh}",
            "bring its domains back to filed addresses, file the access again, or deregister it"
            " before the bureau strikes it off",
            "请恢复域名解析或重新办理接入；不再使用的请在管局清理前注销",
        ),
    }
)
