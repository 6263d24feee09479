"""What the updater says of a release's update payloads once they are whole and verified, and which those are. Pure."""

from __future__ import annotations

import binascii
import json
from base64 import b64decode
from dataclasses import asdict, dataclass

from .model import Os
from .os_family import family_of

_SHA1_BYTES, _SHA256_BYTES = 20, 32


@dataclass(frozen=True, slots=True)
class PayloadFile:
    """A payload by its name in the release's folder; `size` is in bytes, both hashes are in base64."""

    name: str
    size: int
    sha1: str
    sha256: str


@dataclass(frozen=True, slots=True)
class UpdatePayload:
    """What brings an installed machine to the release `version`: the OS's payload first, then those of extensions."""

    version: str
    files: tuple[PayloadFile, ...]


def payload_names(os: Os) -> tuple[str, ...]:
    """Return the payloads that installed machines need of each release; none where they are not to be updated."""
    names = family_of(os.family)
    if not os.update.enabled or not (os.update.payload_key or names.payload_key):
        return ()
    return (names.payload, *(names.extension_payload(name) for name in os.update.extensions))


def write_payload(payload: UpdatePayload) -> str:
    """Return the text of a release's update.json."""
    return json.dumps(asdict(payload), indent=1) + "\n"


def read_payload(text: str | bytes) -> UpdatePayload:
    """Return what an update.json says; raises ValueError where it says something else."""
    try:
        said = json.loads(text)
        version, files = said["version"], tuple(_file(each) for each in said["files"])
    except (KeyError, TypeError, RecursionError) as error:
        raise ValueError("it is no account of payloads") from error
    if not isinstance(version, str) or not files:
        raise ValueError("it is no account of payloads")
    return UpdatePayload(version, files)


def _file(said: dict[str, object]) -> PayloadFile:
    name, size, sha1, sha256 = said["name"], said["size"], said["sha1"], said["sha256"]
    if not isinstance(name, str) or not name or "/" in name or name.startswith("."):
        raise ValueError("it names no file")
    if not isinstance(size, int) or isinstance(size, bool) or size < 1:
        raise ValueError(f"it gives no size of {name}")
    return PayloadFile(name, size, _hash(sha1, _SHA1_BYTES), _hash(sha256, _SHA256_BYTES))


def _hash(said: object, size_bytes: int) -> str:
    try:
        if isinstance(said, str) and len(b64decode(said, validate=True)) == size_bytes:
            return said
    except binascii.Error:
        pass
    raise ValueError("it gives no hash")
