import hashlib
import json

from gatekeeper.seal import digest


def test_the_digest_is_over_canonical_json_without_itself():
    content = {"schema": "x", "b": [1, "中"], "a": None}
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    expected = hashlib.sha256(text.encode("utf-8")).hexdigest()
    assert digest(content) == expected
    assert digest({**content, "digest": "d", "signature": "s"}) == expected
    assert digest({**content, "a": 1}) != expected
