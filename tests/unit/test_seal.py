"""The signature over a feed's digest: Ed25519, and never one of something else."""

import base64
import subprocess
from hashlib import sha256

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key

from gatekeeper.errors import FeedError
from gatekeeper.seal import sign, verify

SEALED = sha256(b"content").hexdigest()


def pair(key=None):
    key = key or Ed25519PrivateKey.generate()
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    public = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return private, public


def test_a_signature_verifies_with_the_other_half_alone():
    private, public = pair()
    signature = sign(SEALED, private)
    assert verify(SEALED, signature, public) == signature["key_id"]
    _, others = pair()
    with pytest.raises(FeedError, match="does not verify"):
        verify(SEALED, signature, others)
    with pytest.raises(FeedError, match="does not verify"):
        verify(sha256(b"other").hexdigest(), signature, public)


def test_a_bare_signature_of_the_digest_is_none_of_a_feed():
    key = Ed25519PrivateKey.generate()
    _, public = pair(key)
    value = base64.b64encode(key.sign(SEALED.encode())).decode()
    with pytest.raises(FeedError, match="does not verify"):
        verify(SEALED, {"algorithm": "ed25519", "value": value}, public)


@pytest.mark.parametrize(
    "signature", [None, "x", {}, {"algorithm": "none", "value": ""}, {"algorithm": "rsa"}]
)
def test_what_is_not_signed_is_refused_where_a_key_is_given(signature):
    with pytest.raises(FeedError, match="not signed"):
        verify(SEALED, signature, pair()[1])


@pytest.mark.parametrize("value", ["", "!!", "AAAA", None, 7])
def test_a_broken_value_does_not_verify(value):
    with pytest.raises(FeedError, match="does not verify"):
        verify(SEALED, {"algorithm": "ed25519", "value": value}, pair()[1])


def test_other_keys_are_refused_by_kind():
    private, public = pair(generate_private_key(65537, 2048))
    for wrong in (private, b"", b"text"):
        with pytest.raises(FeedError, match="no Ed25519 private key"):
            sign(SEALED, wrong)
    for wrong in (public, b"", b"text"):
        with pytest.raises(FeedError, match="no Ed25519 public key"):
            verify(SEALED, {"algorithm": "ed25519", "value": ""}, wrong)


def test_the_keys_of_openssl_are_taken(tmp_path):
    private, public = tmp_path / "private.pem", tmp_path / "public.pem"
    try:
        for command in (
            ["openssl", "genpkey", "-algorithm", "ed25519", "-out", private],
            ["openssl", "pkey", "-in", private, "-pubout", "-out", public],
        ):
            subprocess.run(command, check=True, capture_output=True)
    except FileNotFoundError:
        pytest.skip("openssl is not installed")
    verify(SEALED, sign(SEALED, private.read_bytes()), public.read_bytes())
