"""gpgv on a file that comes in pieces."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from kboot_updater.fault import NewerKeyNeeded, SignatureRefused, UpdaterFault
from kboot_updater.gpgv import Gpgv
from kboot_updater.signature import Keyring, judge, read_keyring, verify
from service.updater.signing import SigningKey

DATA = bytes(range(256)) * 12_000  # more than the pipe holds: whoever gave all of it knows that gpgv reads


class Signed:
    """A signed file that is not here, and its signature, which is."""

    def __init__(self, folder: Path, key: SigningKey) -> None:
        self.file = folder / "image.bin.bz2"
        self.file.write_bytes(DATA)
        key.sign(self.file)
        self.file.unlink()
        self.signature = folder / "image.bin.bz2.sig"
        self.keyring: Keyring = read_keyring(key.public(), None)

    def gpgv(self) -> Gpgv:
        """gpgv on that signature."""
        return Gpgv(self.signature, self.keyring.data)

    def judge(self, gpgv: Gpgv) -> str:
        """The key whose signature of what was given is accepted."""
        return judge(gpgv.status(), self.keyring, self.file.name).key_id


@pytest.fixture
def signed(tmp_path: Path, key: SigningKey) -> Signed:
    """A file as published."""
    return Signed(tmp_path, key)


def give(gpgv: Gpgv, data: bytes, size: int = 65_536) -> None:
    """Give it in pieces."""
    for start in range(0, len(data), size):
        gpgv.take(memoryview(data)[start : start + size])


def running_gpgvs() -> list[int]:
    """The processes of gpgv that this one started."""
    children = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
    return [int(child) for child in children if Path(f"/proc/{child}/comm").read_text() == "gpgv\n"]


@pytest.mark.parametrize("size", [1 << 12, 65_536, len(DATA)])
def test_a_file_that_came_in_pieces_is_verified(size: int, signed: Signed, key: SigningKey) -> None:
    with signed.gpgv() as gpgv:
        give(gpgv, DATA, size)
        assert signed.judge(gpgv) == key.signer_id


@pytest.mark.parametrize(
    "data",
    [DATA[:-1], DATA + b"\0", DATA[:1000] + b"!" + DATA[1001:], b""],
    ids=["one byte less", "one byte more", "one byte altered", "nothing"],
)
def test_other_bytes_are_refused(data: bytes, signed: Signed) -> None:
    with signed.gpgv() as gpgv:
        give(gpgv, data)
        with pytest.raises(SignatureRefused, match="damaged"):
            signed.judge(gpgv)


def test_a_file_that_is_begun_anew_is_verified_from_there(signed: Signed, key: SigningKey) -> None:
    with signed.gpgv() as gpgv:
        give(gpgv, DATA[:700_000])
        gpgv.begin()
        give(gpgv, DATA)
        assert signed.judge(gpgv) == key.signer_id


def test_a_file_on_the_disk_is_verified(signed: Signed, key: SigningKey) -> None:
    signed.file.write_bytes(DATA)
    assert verify(signed.file, signed.signature, signed.keyring).key_id == key.signer_id


def test_a_signature_that_is_none_is_refused_when_all_was_given(signed: Signed) -> None:
    signed.signature.write_bytes(b"not a signature")
    with signed.gpgv() as gpgv:
        give(gpgv, DATA)
        with pytest.raises(SignatureRefused, match="no signature"):
            signed.judge(gpgv)


def test_a_foreign_key_is_told_as_one_that_is_not_known(signed: Signed) -> None:
    foreign = SigningKey("foreign")
    try:
        keyring = read_keyring(foreign.public(), None)
    finally:
        foreign.close()
    with Gpgv(signed.signature, keyring.data) as gpgv:
        give(gpgv, DATA)
        with pytest.raises(NewerKeyNeeded):
            judge(gpgv.status(), keyring, signed.file.name)


def test_a_signature_with_more_status_lines_than_a_pipe_holds_does_not_stop_it(signed: Signed, key: SigningKey) -> None:
    signed.signature.write_bytes(signed.signature.read_bytes() * 1000)
    with signed.gpgv() as gpgv:
        give(gpgv, DATA)
        status = gpgv.status()
    assert len(status) > 1 << 16
    assert judge(status, signed.keyring, signed.file.name).key_id == key.signer_id


def test_a_gpgv_that_was_killed_says_nothing_of_the_signature(signed: Signed) -> None:
    with signed.gpgv() as gpgv:
        give(gpgv, DATA)
        (running,) = running_gpgvs()
        os.kill(running, signal.SIGKILL)
        with pytest.raises(UpdaterFault, match="ended by signal 9") as raised:
            gpgv.status()
    assert not isinstance(raised.value, SignatureRefused)


def test_nothing_of_a_run_is_left(signed: Signed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(scratch))
    with signed.gpgv() as gpgv:
        give(gpgv, DATA)
        assert list(scratch.iterdir()) != []
        assert len(running_gpgvs()) == 1
    assert list(scratch.iterdir()) == []
    assert running_gpgvs() == []
