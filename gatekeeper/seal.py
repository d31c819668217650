"""How a decision feed is sealed: a digest over its content, and a signature over the digest.

The digest finds what was damaged; the signature (Ed25519, RFC 8032) also finds who sealed it.
Only the standard library is needed for the digest: a reader starts without anything else.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from collections.abc import Mapping
from typing import Any, Final

from gatekeeper.errors import FeedError

ALGORITHM: Final = "ed25519"
_OUTSIDE: Final = ("digest", "signature")
_PURPOSE: Final = b"gatekeeper decision feed, SHA-256 "
"""Signed before the digest, so that a signature of something else is never one of a feed."""


def canonical_json(value: Any) -> str:
    """JSON with sorted keys and no spaces: one text for one value."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def digest(content: Mapping[str, Any]) -> str:
    """The SHA-256, in hex, of a feed without ``digest`` and ``signature``, as canonical JSON."""
    plain = {key: value for key, value in content.items() if key not in _OUTSIDE}
    return hashlib.sha256(canonical_json(plain).encode()).hexdigest()


def sign(sealed: str, private_key: bytes) -> dict[str, str]:
    """The signature over a digest.

    Args:
        sealed: the digest, in hex.
        private_key: an Ed25519 key, PEM (PKCS #8) without a password.

    Raises:
        FeedError: it is no such key.
    """
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    try:
        key = serialization.load_pem_private_key(private_key, password=None)
    except (ValueError, TypeError):
        key = None
    if not isinstance(key, Ed25519PrivateKey):
        raise FeedError(
            "the signing key is no Ed25519 private key in PEM without a password; make one with:"
            " openssl genpkey -algorithm ed25519",
            zh="签名密钥不是无密码的 Ed25519 私钥（PEM）；生成方法："
            "openssl genpkey -algorithm ed25519",
        )
    value = key.sign(_PURPOSE + sealed.encode())
    public = key.public_key().public_bytes_raw()
    return {
        "algorithm": ALGORITHM,
        "key_id": key_id(public),
        "value": base64.b64encode(value).decode(),
    }


def verify(sealed: str, signature: object, public_key: bytes) -> str:
    """Check a feed's ``signature`` over its digest; the id of the key that made it.

    Args:
        sealed: the digest, in hex, as it was computed from the content.
        signature: the feed's value of that name, whatever it is.
        public_key: an Ed25519 key, PEM (SubjectPublicKeyInfo).

    Raises:
        FeedError: there is none, it is another's, or the key is none.
    """
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    try:
        key = serialization.load_pem_public_key(public_key)
    except ValueError:
        key = None
    if not isinstance(key, Ed25519PublicKey):
        raise FeedError(
            "the key to verify the feed with is no Ed25519 public key in PEM",
            zh="用于验签的密钥不是 Ed25519 公钥（PEM）",
        )
    if not isinstance(signature, Mapping) or signature.get("algorithm") != ALGORITHM:
        raise FeedError(
            "the decision feed is not signed, and a key to verify it with is given; sign it with"
            " gatekeeper decisions --sign-key",
            zh="决策文件未签名，但已指定验签公钥；请用 gatekeeper decisions --sign-key 生成",
        )
    try:
        value = base64.b64decode(str(signature.get("value")), validate=True)
        key.verify(value, _PURPOSE + sealed.encode())
    except (InvalidSignature, binascii.Error, ValueError):
        raise FeedError(
            "the signature of the decision feed does not verify: it was changed, or another key"
            " signed it",
            zh="决策文件的签名无效：内容被修改，或由其他密钥签名",
        ) from None
    return key_id(key.public_bytes_raw())


def key_id(public: bytes) -> str:
    """What a key is called: the first 16 hex digits of the SHA-256 of its 32 bytes."""
    return hashlib.sha256(public).hexdigest()[:16]
