"""The public key that vouches for update payloads: the operator's own, or the family's."""

from __future__ import annotations

from base64 import b64decode
from pathlib import Path

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_der_public_key, load_pem_public_key

from kboot_clusterdesc import FamilyNames

from .fault import SignatureRefused, UpdaterFault
from .payload import Payload


def payload_key(given: Path, names: FamilyNames) -> RSAPublicKey:
    """Return the key in the file `given`, where the operator gave one, else the family's; raises an UpdaterFault."""
    try:
        key = load_pem_public_key(given.read_bytes())
    except FileNotFoundError:
        key = load_der_public_key(b64decode(names.payload_key or ""))
    except OSError as error:
        raise UpdaterFault(f"{given.name} cannot be read: {error.strerror}") from error
    except (ValueError, UnsupportedAlgorithm) as error:
        raise _no_key() from error
    if not isinstance(key, RSAPublicKey):
        raise _no_key()
    return key


def verify_payload(payload: Payload, key: RSAPublicKey, name: str) -> None:
    """Verify the signature of a payload, as update_engine does before it writes one; raises SignatureRefused."""
    try:
        key.verify(payload.signature, payload.signed_sha256, PKCS1v15(), Prehashed(SHA256()))
    except InvalidSignature as error:
        raise SignatureRefused(
            f"{name} is refused: its signature does not fit: it is damaged, was altered, or another key signed it; "
            "`os.update.payload_key` in the description gives another key"
        ) from error


def _no_key() -> SignatureRefused:
    return SignatureRefused(
        "the key of `os.update.payload_key` is refused: it is no public RSA key in PEM; "
        "write it with `openssl rsa -pubout`"
    )
