from gatekeeper.drift import drift


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
