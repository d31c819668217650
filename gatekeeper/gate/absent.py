"""Addresses that filings name and their accounts lack: where are they, or were they?

Another account may have them, so this is asked when all accounts were read.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Container, Iterable, Mapping, Sequence
from typing import NamedTuple

from gatekeeper.account import RememberedAddress, outside_region
from gatekeeper.gate.finder import Finder


class Absence(NamedTuple):
    """What one filing names and its account, completely read, lacks."""

    account_id: str
    filing_id: str
    region: str
    ips: tuple[str, ...]
    """Filed addresses that the account does not have."""
    before: tuple[RememberedAddress, ...] = ()
    """Those of them that it once had."""
    balancer: str | None = None
    """The name of the one load balancer that the filing names."""
    strays: tuple[str, ...] = ()
    """Filed addresses that are not the load balancer's; other filed ones that the account has
    are among them."""


def find_absent(
    absences: Iterable[Absence], holders: Mapping[str, Sequence[str]], finder: Finder
) -> None:
    """Say of each missing address where it is, or what became of it.

    Args:
        absences: of the accounts that were read whole.
        holders: address to the accounts in which it was read.
        finder: where the findings go.
    """
    for absence in absences:
        _Search(absence, holders, finder).run()


class _Search(NamedTuple):
    absence: Absence
    holders: Mapping[str, Sequence[str]]
    finder: Finder

    def run(self) -> None:
        absence = self.absence
        elsewhere = [ip for ip in absence.ips if self.holders.get(ip)]
        others = sorted({account for ip in elsewhere for account in self.holders[ip]})
        self._report("address-in-other-account", elsewhere, others=", ".join(others))
        private = self._nowhere(frozenset(elsewhere))
        if absence.balancer is not None:
            foreign = {*elsewhere, *private}
            stale = [ip for ip in absence.strays if ip not in foreign]
            self._report("elb-set-stale", stale, balancer=absence.balancer)

    def _nowhere(self, elsewhere: Container[str]) -> list[str]:
        """Judge the addresses that no account has; returns the private ones.

        Those that were a load balancer's are left out where the filing names one: it changes them
        by itself.
        """
        absence = self.absence
        private: list[str] = []
        abroad: list[str] = []
        missing: list[str] = []
        released: list[str] = []
        remembered = {one.ip: one for one in absence.before}
        for ip in absence.ips:
            if ip in elsewhere:
                continue
            before = remembered.get(ip)
            if before is not None:
                if absence.balancer is None or before.kind != "elb":
                    released.append(ip)
            elif not ipaddress.ip_address(ip).is_global:
                private.append(ip)
            else:
                missing.append(ip)
                if outside_region(ip, absence.region):
                    abroad.append(ip)
        if released:
            seen = max(remembered[ip].last_seen for ip in released)
            self._report("address-released", released, seen=seen.isoformat(timespec="minutes"))
        self._report("address-not-public", private)
        self._report("address-not-in-account", missing)
        self._report("address-outside-region", abroad, region=absence.region)
        return private

    def _report(self, code: str, ips: list[str], **values: str) -> None:
        if ips:
            absence = self.absence
            self.finder.about_filing(code, absence.account_id, absence.filing_id, ips=ips, **values)
