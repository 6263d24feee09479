"""Which lines of `ssh_authorized_keys` let somebody in: ssh-keygen reads them as sshd does."""

from __future__ import annotations

import subprocess
from base64 import b64decode, b64encode

import asyncssh
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kboot_clusterdesc.ssh_key import ssh_key
from unit.clusterdesc.sample import KEY, accepted, refusal, spoilt

_WAY_OUT = "paste the whole line of the file that ends in .pub"


def _part(content: bytes) -> bytes:
    return len(content).to_bytes(4, "big") + content


def _line(kind: str, *parts: bytes) -> str:
    return f"{kind} {b64encode(b''.join(map(_part, (kind.encode(), *parts)))).decode()}"


def _made(kind: str, **options: int) -> str:
    return asyncssh.generate_private_key(kind, None, **options).export_public_key().decode().strip()


def _parts(line: str) -> list[bytes]:
    blob, parts = b64decode(line.split()[1]), []
    while blob:
        size = int.from_bytes(blob[:4], "big")
        parts.append(blob[4 : 4 + size])
        blob = blob[4 + size :]
    return parts[1:]


ED25519, P256, RSA = _made("ssh-ed25519"), _made("ecdsa-sha2-nistp256"), _made("ssh-rsa", key_size=2048)
SOUND = [
    ED25519,
    RSA,
    _made("ssh-rsa", key_size=1024),
    P256,
    _made("ecdsa-sha2-nistp384"),
    _made("ecdsa-sha2-nistp521"),
    _line("sk-ssh-ed25519@openssh.com", *_parts(ED25519), b"ssh:"),
    _line("sk-ecdsa-sha2-nistp256@openssh.com", *_parts(P256), b"ssh:"),
]
POINT, (EXPONENT, MODULUS) = _parts(P256)[1], _parts(RSA)
SPOILT = {
    "a part of three bytes": "ssh-ed25519 AAAA",
    "nothing but its type": _line("ssh-ed25519"),
    "a byte less": _line("ssh-ed25519", bytes(31)),
    "a byte more": _line("ssh-ed25519", bytes(33)),
    "a part more": _line("ssh-ed25519", bytes(32), b"more"),
    "bytes behind it": f"ssh-ed25519 {b64encode(b64decode(ED25519.split()[1]) + b'xyz').decode()}",
    "bits behind its last byte": f"{P256[:-2]}{chr(ord(P256[-2]) + 1)}=",
    "letters of no base64": f"{ED25519[:-1]}\u00e9",
    "another curve inside": _line("ecdsa-sha2-nistp256", b"nistp384", POINT),
    "a point that is compressed": _line("ecdsa-sha2-nistp256", b"nistp256", b"\2" + POINT[1:33]),
    "no modulus": _line("ssh-rsa", EXPONENT),
    "a modulus below zero": _line("ssh-rsa", EXPONENT, MODULUS.lstrip(b"\0")),
    "no application": _line("sk-ssh-ed25519@openssh.com", bytes(32)),
}


def _is_read_by_ssh(line: str) -> bool:
    done = subprocess.run(["ssh-keygen", "-l", "-f", "-"], input=line.encode(), capture_output=True, timeout=20)
    return done.returncode == 0


@pytest.mark.parametrize("key", SOUND, ids=lambda key: key.split()[0])
def test_a_key_of_each_type_is_taken_as_ssh_takes_it(key: str) -> None:
    assert ssh_key(key) == ssh_key(f"\t{key} \n") == key
    assert ssh_key(f"{key}\tkim at her desk") == f"{key}\tkim at her desk"
    assert _is_read_by_ssh(key)


@given(st.sampled_from(SOUND).flatmap(lambda key: st.integers(0, len(key) - 1).map(lambda end: key[:end])))
def test_whatever_of_a_key_lacks_its_end_is_refused(cut: str) -> None:
    with pytest.raises(ValueError, match=r"is not a public ssh key|damaged or was cut off"):
        ssh_key(cut)


@pytest.mark.parametrize("key", SPOILT.values(), ids=SPOILT)
def test_a_damaged_key_is_refused_with_the_way_out(key: str) -> None:
    with pytest.raises(ValueError, match=rf"^the {key.split()[0]} key is damaged or was cut off.*: {_WAY_OUT}$"):
        ssh_key(key)
    assert not _is_read_by_ssh(key)


def test_an_exponent_of_zero_which_ssh_keygen_reads_is_refused_for_no_login_goes_by_it() -> None:
    with pytest.raises(ValueError, match=r"^the ssh-rsa key is damaged"):
        ssh_key(_line("ssh-rsa", b"", MODULUS))


@given(st.text(max_size=60) | st.binary(max_size=90).map(lambda blob: f"ssh-rsa {b64encode(blob).decode()}"))
def test_no_text_brings_the_judgement_down(text: str) -> None:
    with pytest.raises(ValueError, match=r"ssh"):
        ssh_key(text)


def test_a_key_that_is_of_another_type_inside_says_of_which() -> None:
    said = rf"^the key says ssh-rsa, but inside it is ssh-ed25519: {_WAY_OUT}$"
    with pytest.raises(ValueError, match=said):
        ssh_key(ED25519.replace("ssh-ed25519", "ssh-rsa"))


@pytest.mark.parametrize("bits", [768, 16392])
def test_an_rsa_key_of_a_size_that_sshd_refuses_is_refused(bits: int) -> None:
    modulus = b"\0" + ((1 << bits) - 1).to_bytes(bits // 8, "big")
    with pytest.raises(ValueError, match=rf"^the ssh-rsa key has {bits} bits, sshd takes 1024 to 16384: make one by "):
        ssh_key(_line("ssh-rsa", EXPONENT, modulus))


def test_a_certificate_is_refused_for_sshd_lets_nobody_in_by_it() -> None:
    with pytest.raises(ValueError, match=r"is a certificate, .*: name the plain key, or the key of its CA with `cert-"):
        ssh_key("ssh-ed25519-cert-v01@openssh.com AAAAIHNzaC1lZDI1NTE5 kim")


def test_a_blank_that_sshd_does_not_take_for_one_parts_nothing() -> None:
    with pytest.raises(ValueError, match="is not a public ssh key"):
        ssh_key(ED25519.replace(" ", "\u00a0"))


@pytest.mark.parametrize(
    "options",
    [
        "restrict",
        'cert-authority,principals="ops,kim"',
        r'no-pty,No-X11-Forwarding,command="echo \"hello, you\" ssh-rsa",from="10.0.0.0/8,!10.0.0.1"',
    ],
)
def test_options_may_stand_in_front_of_a_whole_key_alone(options: str) -> None:
    assert ssh_key(f"{options} {ED25519} kim") == f"{options} {ED25519} kim"
    assert _is_read_by_ssh(f"{options} {ED25519} kim")
    with pytest.raises(ValueError, match="damaged or was cut off"):
        ssh_key(f"{options} {ED25519[:-3]} kim")


@pytest.mark.parametrize(
    ("options", "name"), [("no-pyt", "no-pyt"), ('from="a",command', "command"), ('pty="a"', "pty")]
)
def test_an_option_that_sshd_does_not_know_is_named(options: str, name: str) -> None:
    with pytest.raises(ValueError, match=rf"^`{name}` is no option of a key that sshd knows, .*: see sshd\(8\)$"):
        ssh_key(f"{options} {ED25519}")


def test_a_key_that_was_cut_off_is_refused_where_it_stands() -> None:
    said = refusal(spoilt((KEY, "ssh-ed25519 AAAA")))
    assert said.startswith("rack.yaml:10:23: ssh_authorized_keys[0]: the ssh-ed25519 key is damaged or was cut off")
    assert _WAY_OUT in said


def test_a_description_may_have_a_key_with_options() -> None:
    key = f"restrict,pty {KEY}"
    assert accepted(spoilt((KEY, key))).ssh_authorized_keys == (key,)
