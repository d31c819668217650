from datetime import UTC, datetime

from gatekeeper.account import Actor
from gatekeeper.drift import drift, name_actors, names_of


def state(groups=("sg-1",), ips=("52.83.1.2",), ports=("tcp/80",), rules=("0.0.0.0/0",)):
    return {
        "endpoints": {
            "eni-1": {
                "kind": "interface",
                "groups": list(groups),
                "ips": {"ipv4": list(ips)},
                "ports": {"ipv4": list(ports)},
            }
        },
        "groups": {
            "sg-1": [
                {"protocol": "tcp", "from_port": 80, "to_port": 80, "source": source}
                for source in rules
            ]
        },
    }


def kinds(before, after):
    found = drift("111122223333", before, after)
    assert all(item["account_id"] == "111122223333" for item in found)
    assert all(("endpoint" in item) != ("group_id" in item) for item in found)
    assert all(item["actor"] is None for item in found)
    return [item["kind"] for item in found]


def test_the_same_state_has_not_drifted():
    assert kinds(state(), state()) == []


def test_each_kind_of_drift():
    nothing = {"endpoints": {}, "groups": {}}
    assert kinds(nothing, state()) == ["endpoint-new"]
    assert kinds(state(), nothing) == ["endpoint-gone"]
    assert kinds(state(ports=()), state()) == ["endpoint-reopened"]
    assert kinds(state(), state(ports=())) == ["endpoint-closed"]
    assert kinds(state(ports=("tcp/80",)), state(ports=("tcp/443",))) == [
        "endpoint-reopened",
        "endpoint-closed",
    ]
    assert kinds(state(), state(ips=("52.83.1.3",))) == ["addresses-changed"]
    assert kinds(state(), state(groups=("sg-1", "sg-2"))) == ["groups-changed"]


def test_gates_and_eips_drift_too():
    def with_(gates, eips, **kept):
        return {**state(**kept), "gates": gates, "eips": eips}

    held = with_(["sg-1"], {"52.83.1.2": "eni-1", "52.83.1.3": None})
    assert kinds(held, held) == []
    altered = with_(["sg-1"], held["eips"], rules=("0.0.0.0/0", "10.0.0.0/8"))
    assert kinds(held, altered) == ["gate-changed"]
    assert kinds(held, {**held, "groups": {}, "gates": []}) == ["gate-gone"]
    assert kinds(held, with_(["sg-1"], {"52.83.1.2": "eni-1"})) == ["address-released"]
    [moved] = drift("1" * 12, held, with_(["sg-1"], {**held["eips"], "52.83.1.3": "eni-9"}))
    assert (moved["kind"], moved["endpoint"]) == ("address-moved", "eni-9")
    assert moved["before"] == {"ip": "52.83.1.3", "endpoint": None}
    assert kinds(state(), held) == [], "a snapshot of an earlier version has no EIPs"


def test_changed_rules_are_named():
    [item] = drift("111122223333", state(), state(rules=("10.0.0.0/8",)))
    assert (item["kind"], item["group_id"]) == ("rules-changed", "sg-1")
    assert [rule["source"] for rule in item["before"]] == ["0.0.0.0/0"]
    assert [rule["source"] for rule in item["after"]] == ["10.0.0.0/8"]


LI = Actor("arn:li", datetime(2026, 5, 4, 4, tzinfo=UTC), "AuthorizeSecurityGroupIngress", "e1")
WANG = Actor("arn:wang", datetime(2026, 5, 4, 5, tzinfo=UTC), "ReleaseAddress", "e2")
SHOP = "arn:aws-cn:elasticloadbalancing:cn-northwest-1:111122223333:loadbalancer/app/shop/0123"


def entry(kind, **more):
    blank = {"before": None, "after": None, "actor": None, "at": None}
    return {"kind": kind, "account_id": "111122223333"} | blank | more


def test_who_did_it_is_filled_in_where_it_is_known():
    entries = [
        entry("rules-changed", group_id="sg-1"),
        entry("rules-changed", group_id="sg-2"),
        entry("endpoint-reopened", endpoint="eni-1", actor="known", at="then"),
    ]
    named = name_actors(entries, {"sg-1": LI, "eni-1": WANG})
    assert named[0] == {
        **entries[0],
        "actor": "arn:li",
        "at": "2026-05-04T04:00:00Z",
        "event": "AuthorizeSecurityGroupIngress",
        "event_id": "e1",
    }
    assert named[1:] == entries[1:]
    assert entries[0]["actor"] is None


def test_what_lies_around_an_endpoint_explains_it_if_nothing_nearer_does():
    entries = [entry("endpoint-reopened", endpoint="eni-1")]
    aliases = {"eni-1": {"sg-1", "eipalloc-1"}}
    lookup = {"sg-1": LI, "eipalloc-1": WANG}
    assert name_actors(entries, lookup, aliases)[0]["actor"] == "arn:wang"
    assert name_actors(entries, {**lookup, "eni-1": LI}, aliases)[0]["actor"] == "arn:li"
    assert name_actors(entries, lookup) == entries


def test_the_names_of_what_drifted():
    released = entry("address-released", endpoint="eni-1", before={"ip": "52.83.1.2"})
    moved = entry(
        "address-moved",
        endpoint="eni-2",
        before={"ip": "52.83.1.2", "endpoint": "eni-1"},
        after={"ip": "52.83.1.2", "endpoint": "eni-2"},
    )
    assert names_of(released) == ("eni-1", "52.83.1.2")
    assert names_of(moved) == ("eni-2", "52.83.1.2", "eni-1")
    assert names_of(entry("gate-gone", group_id="sg-1")) == ("sg-1",)
    assert names_of(entry("endpoint-new", endpoint=SHOP)) == (SHOP, "shop")
    classic = SHOP.partition("app/")[0] + "old"
    assert names_of(entry("endpoint-gone", endpoint=classic)) == (classic, "old")


def test_an_exception_that_ended_has_no_author():
    ended = entry("exception-expired", endpoint="eni-1")
    assert name_actors([ended], {"eni-1": LI}) == [ended]
