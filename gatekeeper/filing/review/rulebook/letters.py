"""Papers that are filled in, signed and sealed (appendix 2 of the guides)."""

from __future__ import annotations

from collections.abc import Iterator

from gatekeeper.filing.review.case import Case
from gatekeeper.filing.review.model import Area, How, Note, ask, fine
from gatekeeper.filing.review.registry import rule
from gatekeeper.filing.review.rulebook.files import faults, placed, required
from gatekeeper.filing.review.words import AttachmentKind


@rule(
    "letter-verification-form",
    area=Area.FILES,
    how=How.AUTO,
    source="Aapp2 Wapp2 Eapp2",
    text="the authenticity form has a clear seal and a legible signature of the service's head",
    zh="备案信息真实性核验单公章清晰，服务负责人签字工整",
    remedy="print the form, seal it clearly, let the service's head sign it legibly, best without a"
    " date; the original goes to the provider",
    remedy_zh="请打印核验单，加盖清晰公章，由服务负责人工整签字（不写连笔字，建议不填日期），"
    "并将原件寄送接入商",
    asks=True,
)
def letter_verification_form(case: Case) -> Iterator[Note]:
    """On the electronic route the mini-program makes it; a form on paper is for eyes to judge."""
    kind = AttachmentKind.VERIFICATION_FORM
    notes = list(required(case, kind))
    yield from notes
    found = placed(case, kind)
    if found and not notes:
        yield ask(
            found[0][0],
            "is the seal on the form clear, and the signature of the service's head legible?"
            " (best undated)",
            "核验单上的公章是否清晰，服务负责人签字是否工整、无连笔？（建议不填写日期）",
        )


@rule(
    "letter-authorisation",
    area=Area.FILES,
    how=How.AUTO,
    source="Aapp2 Wapp2 Eapp2",
    text="a service's head who is not the legal representative has a letter of authorisation",
    zh="服务负责人不是法定代表人的，已提交负责人授权书",
    remedy="attach the letter of authorisation, sealed, and signed by the legal representative",
    remedy_zh="请提交加盖公章并由法定代表人签字的授权书",
)
def letter_authorisation(case: Case) -> Iterator[Note]:
    yield from required(case, AttachmentKind.AUTHORISATION_LETTER)


@rule(
    "letter-confirmation",
    area=Area.FILES,
    how=How.AUTO,
    source="Aapp2 Wapp2 Eapp2",
    text="an entity that files on another company's AWS account has a letter of confirmation",
    zh="主办单位与亚马逊云科技账号的公司名称不一致的，已提交确认书",
    remedy="attach the letter of confirmation between the entity and the account's company",
    remedy_zh="请提交主办单位与账号所属公司的确认书",
)
def letter_confirmation(case: Case) -> Iterator[Note]:
    yield from required(case, AttachmentKind.CONFIRMATION_LETTER)


@rule(
    "letter-commitment",
    area=Area.FILES,
    how=How.AUTO,
    source="Aapp2 Wapp2 Eapp2",
    text="an entity of a province that asks for it has the letter of commitment",
    zh="所在地要求提交承诺书的，已提交互联网信息服务备案承诺书",
    remedy="attach the letter of commitment on the province's template, sealed",
    remedy_zh="请按所在地模板填写承诺书，盖章后提交",
)
def letter_commitment(case: Case) -> Iterator[Note]:
    """The provinces are the provider's data, apart for websites and APPs."""
    yield from required(case, AttachmentKind.COMMITMENT_LETTER)


@rule(
    "letter-fraud-risk",
    area=Area.FILES,
    how=How.AUTO,
    source="Aapp2",
    text="an APP has its report on the risk of fraud, on the template and sealed",
    zh="APP 已提交涉诈风险评估报告（按固定模板填写并加盖公章）",
    remedy="fill in the provider's template, seal it and attach it",
    remedy_zh="请按固定模板填写涉诈风险评估报告，加盖公章后提交",
)
def letter_fraud_risk(case: Case) -> Iterator[Note]:
    yield from required(case, AttachmentKind.FRAUD_RISK_REPORT)


@rule(
    "letter-party",
    area=Area.FILES,
    how=How.ASK,
    source="A10.1 W9.1",
    text="the party-building letter and other papers that the review asked for are attached, or it"
    " asked for none",
    zh="审核要求的党建确认函等其他材料均已提交，或审核未要求提交",
    remedy="attach what the review asked for",
    remedy_zh="请按审核要求补充党建确认函等材料",
)
def letter_party(case: Case) -> Iterator[Note]:
    """Nobody but the provider knows what a case asks for beside the lists."""
    found = placed(case, AttachmentKind.PARTY_LETTER)
    if found:
        yield from faults(found)
        yield fine(found[0][0], "the party-building letter is attached", "已提交党建确认函")
        return
    yield ask(
        "attachments",
        "did the review ask for no party-building letter or other paper, or is all of it attached?",
        "审核是否未要求党建确认函等其他材料，或所要求的材料均已提交？",
    )
