"""Where a domain leads, for every pair of answers of the domain and its www."""

import pytest

from gatekeeper.filing import Answer, Place, Resolution, names_asked, point

FILED = frozenset({"52.83.1.2", "2404:c2c0::1"})
HERE, THERE, BOTH = ("52.83.1.2",), ("52.83.9.9",), ("52.83.1.2", "52.83.9.9")
NOTHING, NO_NAME, SILENT, HALF_HERE, HALF_THERE = "nothing", "no name", "silent", "half", "half-"


def said(name, told):
    match told:
        case "nothing":
            return Resolution(name=name, answer=Answer.NO_ADDRESS)
        case "no name":
            return Resolution(name=name, answer=Answer.NO_NAME)
        case "silent":
            return Resolution(name=name, answer=Answer.UNKNOWN, reason="silent", reason_zh="超时")
        case "half" | "half-":
            addresses = HERE if told == "half" else THERE
            return Resolution(
                name=name,
                answer=Answer.FOUND,
                addresses=addresses,
                reason="AAAA: silent",
                reason_zh="超时",
            )
    return Resolution(name=name, answer=Answer.FOUND, addresses=told)


@pytest.mark.parametrize(
    ("own", "www", "place", "keeps"),
    [
        (HERE, HERE, Place.HERE, True),
        (HERE, THERE, Place.HERE, True),
        (HERE, SILENT, Place.HERE, True),
        (("2404:c2c0::1",), NO_NAME, Place.HERE, True),
        (BOTH, NO_NAME, Place.PARTLY, True),
        (THERE, HERE, Place.PARTLY, True),
        (THERE, THERE, Place.ELSEWHERE, False),
        (THERE, NO_NAME, Place.ELSEWHERE, False),
        (THERE, SILENT, Place.ELSEWHERE, None),
        (NO_NAME, HERE, Place.HERE, True),
        (NOTHING, HERE, Place.HERE, True),
        (NO_NAME, BOTH, Place.PARTLY, True),
        (NO_NAME, THERE, Place.ELSEWHERE, False),
        (NO_NAME, NO_NAME, Place.UNRESOLVED, False),
        (NOTHING, NO_NAME, Place.UNRESOLVED, False),
        (NO_NAME, SILENT, Place.UNKNOWN, None),
        (SILENT, NO_NAME, Place.UNKNOWN, None),
        (SILENT, THERE, Place.UNKNOWN, None),
        (SILENT, HERE, Place.UNKNOWN, True),
        (SILENT, SILENT, Place.UNKNOWN, None),
        (HALF_HERE, NO_NAME, Place.UNKNOWN, True),
        (HALF_THERE, NO_NAME, Place.PARTLY, None),
        (NO_NAME, HALF_HERE, Place.UNKNOWN, True),
    ],
)
def test_where_it_leads(own, www, place, keeps):
    known = {"example.cn": said("example.cn", own), "www.example.cn": said("www.example.cn", www)}
    found = point("example.cn", known, FILED)
    assert (found.place, found.keeps) == (place, keeps)
    assert set(found.here) <= FILED
    assert not set(found.strange) & FILED
    assert found.reason or (place is not Place.UNKNOWN and keeps is not None)


def test_what_was_not_asked_is_unknown():
    found = point("example.cn", {}, FILED)
    assert (found.place, found.keeps, found.reason) == (Place.UNKNOWN, None, "not asked")


def test_a_www_has_no_www_of_its_own():
    assert names_asked("www.example.cn") == ("www.example.cn",)
    known = {"www.example.cn": said("www.example.cn", NO_NAME)}
    assert point("www.example.cn", known, FILED).place is Place.UNRESOLVED


def test_names_are_asked_in_ascii():
    assert names_asked("示例.公益") == ("xn--fsq092h.xn--55qw42g", "www.xn--fsq092h.xn--55qw42g")
