"""A release's update.json, between the updater that writes it and the server that offers by it."""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from hashlib import sha1, sha256

import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_der_public_key
from hypothesis import given
from hypothesis import strategies as st

from kboot_clusterdesc import family_of
from kboot_clusterdesc.model import Os
from kboot_clusterdesc.update_payload import PayloadFile, UpdatePayload, payload_names, read_payload, write_payload

SHA1 = b64encode(sha1(b"payload", usedforsecurity=False).digest()).decode()
SHA256 = b64encode(sha256(b"payload").digest()).decode()
_KEYS = st.sampled_from(["version", "files", "name", "size", "sha1", "sha256"])
PAYLOAD = UpdatePayload("4230.2.3", (PayloadFile("flatcar_production_update.gz", 7, SHA1, SHA256),))


def described(**update: object) -> Os:
    """An OS whose `update` has the given keys."""
    return Os.model_validate({"update": update})


def test_what_is_written_is_read_again() -> None:
    assert read_payload(write_payload(PAYLOAD)) == PAYLOAD


@given(
    st.binary() | st.recursive(st.none() | st.text() | st.integers(), st.lists).map(lambda v: json.dumps(v).encode())
)
def test_anything_else_is_refused_in_one_way(text: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - its words are free
        read_payload(text)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("name", "../vmlinuz"),
        ("name", ".origin"),
        ("name", ""),
        ("size", 0),
        ("size", True),
        ("size", "7"),
        ("sha1", SHA256),
        ("sha256", sha256(b"payload").hexdigest()),
        ("sha256", None),
    ],
)
def test_a_payload_that_cannot_be_offered_is_refused(key: str, value: object) -> None:
    said = json.loads(write_payload(PAYLOAD))
    said["files"][0][key] = value
    with pytest.raises(ValueError, match=r"it (names|gives) no"):
        read_payload(json.dumps(said))


def test_the_payload_of_the_os_comes_before_those_of_its_extensions() -> None:
    wanted = payload_names(described(extensions=["zfs", "python"]))
    assert wanted == ("flatcar_production_update.gz", "flatcar-zfs.gz", "flatcar-python.gz")


def test_no_payload_is_wanted_where_machines_are_not_to_be_updated() -> None:
    assert payload_names(described(enabled=False)) == ()


def test_the_old_family_has_payloads_only_where_a_key_is_given_for_them() -> None:
    old = {"family": "coreos", "config": "cloud-config"}
    assert payload_names(Os.model_validate(old)) == ()
    assert payload_names(Os.model_validate(old | {"update": {"payload_key": "key.pem"}})) == (
        "coreos_production_update.gz",
    )


def test_the_key_of_flatcars_payloads_is_an_rsa_key() -> None:

    key = load_der_public_key(b64decode(family_of(Os().family).payload_key or "", validate=True))
    assert isinstance(key, RSAPublicKey)
    assert key.key_size == 2048
