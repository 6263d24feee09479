"""gpgv's status lines, and what a verdict makes of them."""

from __future__ import annotations

import base64
from datetime import UTC, datetime

import pytest

from kboot_clusterdesc.openpgp import PublicKey, dearmored, public_keys
from kboot_updater.fault import NewerKeyNeeded, SignatureRefused
from kboot_updater.signature import Keyring, Verified, judge

PRIMARY, SUBKEY, FOREIGN = "A" * 40, "B" * 40, "C" * 40
END = datetime(2024, 1, 31, tzinfo=UTC)
STAMP = f"{int(END.timestamp())}"


def keyring() -> Keyring:
    """A pinned key with a subkey that ends."""
    return Keyring(b"", (PublicKey(PRIMARY, 0, None, [PublicKey(SUBKEY, 0, END)]),))


def status(*lines: str) -> str:
    """gpgv's output with these lines."""
    return "".join(f"[GNUPG:] {line}\n" for line in lines)


def validsig(signed: datetime, primary: str = PRIMARY, by: str = SUBKEY) -> str:
    """The line that tells who signed and when."""
    return f"VALIDSIG {by} 2024-01-05 {int(signed.timestamp())} 0 4 0 22 8 00 {primary}"


EARLY, LATE = datetime(2024, 1, 5, tzinfo=UTC), datetime(2024, 3, 1, tzinfo=UTC)


def test_a_good_signature_by_the_pinned_key_holds() -> None:
    assert judge(status("NEWSIG", "GOODSIG BB me", validsig(EARLY)), keyring(), "f") == Verified("BB")


def test_a_good_signature_by_another_key_does_not() -> None:
    with pytest.raises(SignatureRefused, match="not the release key"):
        judge(status("NEWSIG", "GOODSIG CC you", validsig(EARLY, FOREIGN, FOREIGN)), keyring(), "f")


def test_a_signature_from_before_the_end_of_its_key_holds_with_a_note() -> None:
    verified = judge(status("NEWSIG", f"KEYEXPIRED {STAMP}", "EXPKEYSIG BB me", validsig(EARLY)), keyring(), "f")
    assert verified.note is not None
    assert "2024-01-31" in verified.note


def test_a_signature_from_after_the_end_of_its_key_asks_for_a_newer_one() -> None:
    with pytest.raises(NewerKeyNeeded, match=r"2024-03-01.*2024-01-31.*os\.release_key"):
        judge(status("NEWSIG", f"KEYEXPIRED {STAMP}", "EXPKEYSIG BB me", validsig(LATE)), keyring(), "f")


def test_an_end_that_gpgv_does_not_confirm_is_not_believed() -> None:
    with pytest.raises(SignatureRefused, match="not clear"):
        judge(status("NEWSIG", "EXPKEYSIG BB me", validsig(EARLY)), keyring(), "f")


@pytest.mark.parametrize("word", ["BADSIG", "EXPSIG", "REVKEYSIG"])
def test_what_gpgv_calls_bad_is_refused_though_it_were_valid(word: str) -> None:
    with pytest.raises(SignatureRefused):
        judge(status("NEWSIG", f"{word} BB me", validsig(EARLY)), keyring(), "f")


def test_one_bad_signature_spoils_a_good_one() -> None:
    lines = ("NEWSIG", "GOODSIG BB me", validsig(EARLY), "NEWSIG", "BADSIG BB me")
    with pytest.raises(SignatureRefused, match="altered"):
        judge(status(*lines), keyring(), "f")


def test_an_unknown_signature_beside_a_good_one_does_no_harm() -> None:
    lines = ("NEWSIG", "ERRSIG CC 22 8 00 0 9", "NEWSIG", "GOODSIG BB me", validsig(EARLY))
    assert judge(status(*lines), keyring(), "f") == Verified("BB")


@pytest.mark.parametrize("code", ["4", "5"])
def test_a_signature_that_gpgv_cannot_check_is_not_laid_to_an_unknown_key(code: str) -> None:
    with pytest.raises(SignatureRefused, match="the algorithm of its signature is unknown or too weak") as refused:
        judge(status("NEWSIG", f"ERRSIG BB 22 1 00 0 {code}"), keyring(), "f")
    assert not isinstance(refused.value, NewerKeyNeeded)


@pytest.mark.parametrize("text", ["", "gpgv: Good signature\n", "[GNUPG:] NODATA 4\n", "[GNUPG:] GOODSIG\n"])
def test_silence_is_a_refusal(text: str) -> None:
    with pytest.raises(SignatureRefused):
        judge(text, keyring(), "f")


def test_a_verdict_that_contradicts_itself_is_refused() -> None:
    with pytest.raises(SignatureRefused, match="no clear verdict"):
        judge(status("NEWSIG", "GOODSIG BB me", "EXPSIG BB me", validsig(EARLY)), keyring(), "f")


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"hello",
        b"\x98",
        b"\x98\x40abc",
        b"-----BEGIN PGP MESSAGE-----\n",
        b"-----BEGIN PGP PUBLIC KEY BLOCK-----\n\n!!\n-----END PGP PUBLIC KEY BLOCK-----\n",
    ],
)
def test_what_is_no_public_key_is_a_value_error(data: bytes) -> None:
    with pytest.raises(ValueError, match=r"^it(s armor)? "):
        public_keys(dearmored(data))


def test_armor_gives_the_bytes_within() -> None:
    body = base64.b64encode(b"some key").decode()
    text = f"-----BEGIN PGP PUBLIC KEY BLOCK-----\nComment: x\n\n{body}\n=abcd\n-----END PGP PUBLIC KEY BLOCK-----\n"
    assert dearmored(text.encode()) == b"some key"
    assert dearmored(text.replace("\n", "\r\n").encode()) == b"some key"
