"""A domain name as a record gives it: whether it is one, and on which level it stands.

The level counts the labels beyond the public suffix, which itself is the first: ``example.cn`` is
the second level, ``a.example.cn`` the third.  No guide says how ``com.cn`` counts; here it is a
suffix like ``cn``, so that ``example.com.cn`` is the second level too, for that is what somebody
registers.

Suffixes are those of the Public Suffix List's ICANN section.  Its private section is left out on
purpose: it would make ``x.elb.amazonaws.com.cn`` look registered by a customer.
"""

from __future__ import annotations

import re
import unicodedata
from functools import cache, lru_cache
from ipaddress import ip_address
from typing import Final, NamedTuple

from publicsuffixlist import PublicSuffixList

_LABEL: Final = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_LONGEST: Final = 253
_DOTS: Final = str.maketrans({"。": "."})

_URL: Final = "is an address of a page", "是网址而不是域名"
_FAULTS: Final = (
    (re.compile(r"[/?#@\\]"), *_URL),
    (re.compile(r"\*"), "is a wildcard", "不能使用通配符"),
    (re.compile(r":"), "has a port", "不能带端口"),
    (re.compile(r"[\s,;、]"), "is several, or has spaces in it", "含空格，或填写了多个域名"),
    (re.compile(r"\.$"), "ends in a dot", "末尾多了一个点"),
    (re.compile(r"^\.|\.\."), "has an empty part", "含空的部分（多余的点）"),
)


class DomainName(NamedTuple):
    """A name, read; where ``fault`` says something it is none."""

    registrable: str
    """The part that somebody registers, in lower case, as it was written."""
    level: int
    """2 is the registrable domain; 0 where there is a fault."""
    fault: str = ""
    fault_zh: str = ""

    @property
    def top(self) -> str:
        """The top-level domain."""
        return self.registrable.rpartition(".")[2]


@lru_cache(maxsize=65536)
def read_domain(text: str) -> DomainName:
    """A domain name after NFKC, in lower case; one in Chinese is read by its ASCII form."""
    name = unicodedata.normalize("NFKC", text).translate(_DOTS).strip().lower()
    if _is_address(name):
        return _faulty("is an IP address", "是 IP 地址而不是域名")
    for pattern, fault, fault_zh in _FAULTS:
        if pattern.search(name):
            return _faulty(fault, fault_zh)
    if "." not in name:
        return _faulty("has no top-level domain", "缺少顶级域名")
    ascii_name = _in_ascii(name)
    labels = ascii_name.split(".")
    if len(ascii_name) > _LONGEST or not all(map(_LABEL.fullmatch, labels)):
        return _faulty("has characters or a length that no domain has", "含无效字符或过长")
    if labels[-1].isdigit():
        return _faulty("has no top-level domain", "缺少顶级域名")
    suffix = (_suffixes().publicsuffix(ascii_name) or labels[-1]).count(".") + 1
    if suffix == len(labels):
        return _faulty("is a suffix below which domains are registered", "是公共后缀，不是注册域名")
    return DomainName(".".join(name.split(".")[-suffix - 1 :]), len(labels) - suffix + 1)


def _faulty(fault: str, fault_zh: str) -> DomainName:
    return DomainName("", 0, fault, fault_zh)


def _in_ascii(name: str) -> str:
    """The name in ASCII, or empty where it cannot be."""
    try:
        found = name.encode("idna").decode("ascii")
        if "xn--" in found:
            found.encode("ascii").decode("idna")
    except UnicodeError:
        return ""
    return found


def _is_address(name: str) -> bool:
    try:
        ip_address(name.strip("[]"))
    except ValueError:
        return False
    return True


@cache
def _suffixes() -> PublicSuffixList:
    """The bundled list; reading it takes a tenth of a second, once."""
    return PublicSuffixList(only_icann=True)
