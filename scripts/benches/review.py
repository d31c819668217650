"""Reviewing applications offline, in process, next to the least that reading them could take.

The floor reads the same JSON and makes the record's models of it, and judges nothing.  The
applications differ in their entities, names, domains and addresses, every tenth breaks a rule, and
they are compared with each other as those of one file are.
"""

from __future__ import annotations

import argparse
import json
import resource
import time
from datetime import UTC, datetime
from typing import Any

from benches.measure import print_table
from gatekeeper.collector import uncollected
from gatekeeper.desk.review import Desk, surroundings
from gatekeeper.filing.review import Dossier, Verdict, read_dossier
from gatekeeper.sources import packaged_providers, read_holidays

_AT = datetime(2026, 11, 20, 4, tzinfo=UTC)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--applications", type=int, default=10_000)


def run(arguments: argparse.Namespace) -> int:
    texts = [json.dumps(_record(n), ensure_ascii=False) for n in range(arguments.applications)]
    # What is loaded once (tables of numbers, suffixes) is measured by itself.
    started = time.perf_counter()
    _review(texts[:1])
    loading = time.perf_counter() - started
    started, cpu = time.perf_counter(), time.process_time()
    with uncollected():
        dossiers = [_read(text) for text in texts]
    floor = time.perf_counter() - started, time.process_time() - cpu
    assert len(dossiers) == len(texts)
    started, cpu = time.perf_counter(), time.process_time()
    verdicts = _review(texts)
    whole = time.perf_counter() - started, time.process_time() - cpu
    broken = sum(one is Verdict.FAIL for one in verdicts)
    assert broken == (len(texts) + 9) // 10, f"{broken} break a rule"
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{len(texts):,} applications, {broken:,} of which break a rule\n")
    print_table(
        ("", "seconds", "processor", "ms each", "of the floor"),
        [
            ("reading alone (floor)", *_row(floor, len(texts), floor)),
            ("reading and judging", *_row(whole, len(texts), floor)),
        ],
    )
    print(f"\nfirst review, with what is loaded once: {loading:.2f} s; {memory:.0f} MiB")
    return 0


def _row(
    took: tuple[float, float], count: int, floor: tuple[float, float]
) -> tuple[str, str, str, str]:
    return (
        f"{took[0]:.2f}",
        f"{took[1]:.2f}",
        f"{took[0] / count * 1000:.3f}",
        f"{took[0] / floor[0]:.1f}",
    )


def _read(text: str) -> Dossier:
    found = read_dossier(json.loads(text))
    assert isinstance(found, Dossier)
    return found


def _review(texts: list[str]) -> list[Verdict]:
    with uncollected():
        dossiers = [_read(text) for text in texts]
    desk = Desk(
        providers=packaged_providers(),
        at=_AT,
        surroundings=surroundings(dossiers, (), None),
        holidays=read_holidays(()),
    )
    return [one.verdict for one in desk.reviews(dossiers)]


def _record(n: int) -> dict[str, Any]:
    name = f"宁夏第{n}科技有限公司"
    head = {
        "name": "王测试",
        "id_type": "resident_id",
        "id_number": "640104199001010018",
        "valid_until": "2035-06-30",
        "phone": "13995000001",
        "office_phone": "0951-5000001",
        "email": f"head{n}@example.cn",
        "emergency_phone": "13995000002",
    }
    number = _credit_code(n)
    domain = {
        "name": f"example-{n}.cn",
        "registrar": "测试注册商",
        "valid_until": "2028-01-31",
        "real_name_verified": True,
        "holder": name,
        "holder_certificate_number": number,
    }
    picture = {"size": 150_000, "width": 1600, "height": 1300, "colour": True}
    kinds = ("certificate_photo", "head_photo", "domain_certificate", "commitment_letter")
    answers = ("name-website-related", "file-photo-quality", "letter-party")
    return {
        "application_id": f"A{n}",
        "filing_id": f"F{n}",
        "kind": "new",
        "status": "draft",
        "provider": "nwcd",
        "entity": {
            "name": name,
            "type": "enterprise",
            "certificate_type": "business_licence",
            "certificate_number": number,
            "province": "西藏" if n % 10 == 0 else "宁夏",
            "certificate_province": "西藏" if n % 10 == 0 else "宁夏",
            "address": f"{'西藏' if n % 10 == 0 else '宁夏回族'}自治区测试市测试街道测试路{n}号",
            "investor": name,
            "legal_representative": "王测试",
            "aws_company": name,
            "head": head,
        },
        "service": {
            "type": "website",
            "name": f"塞上测试{n}商城",
            "head": head,
            "categories": [],
            "languages": ["中文"],
            "domains": [domain],
        },
        "access": {
            "account_id": f"{n:012}",
            "ips": [f"52.83.{n // 250 % 250}.{n % 250 + 1}"],
            "mode": "cloud",
            "server_place": "宁夏",
        },
        "attachments": [{"kind": kind, **picture} for kind in kinds],
        "portal": {"email": f"portal{n}@example.cn", "mobile": f"139{n:08}"},
        "entry": "all",
        "verification": {"route": "electronic", "status": "verified"},
        "answers": {rule: {"answer": "yes", "by": "bench"} for rule in answers},
    }


def _credit_code(n: int) -> str:
    from stdnum.cn import uscc

    base = f"91640100MA{n:07}"
    return base + uscc.calc_check_digit(base)
