"""The check of a bundle by hand, as docs/bundles.md tells it, on a machine that has no kboot yet."""

from __future__ import annotations

import json
import re
import subprocess
from hashlib import sha256
from pathlib import Path

import pytest

from kboot.bundle import layout
from kboot.bundle.head_program import head_program
from kboot.bundle.signature import private_key, sign
from kboot.supplies.bundle_manifest import Manifest
from support.bundles import archive_of, file_item, manifest_of, with_head
from support.places import ROOT

_CONTENT = b"kubelet" * 100


@pytest.fixture
def commands() -> list[str]:
    """The commands of the page, from the one that takes the manifest out."""
    blocks: list[str] = re.findall(r"```console\n(.*?)```", (ROOT / "docs/bundles.md").read_text(), re.DOTALL)
    block = next(block for block in blocks if "manifest.sig" in block)
    return [line.removeprefix("$ ") for line in block.splitlines()]


@pytest.fixture
def manifest(tmp_path: Path) -> Manifest:
    """A signed bundle beside the public key, as the page names them."""
    subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519", "-out", tmp_path / "site"], check=True)
    subprocess.run(["openssl", "pkey", "-in", tmp_path / "site", "-pubout", "-out", tmp_path / "site.pub"], check=True)
    manifest = with_head(manifest_of(file_item(_CONTENT)), head_program())
    signature = sign(manifest.content, private_key(tmp_path / "site"))
    (tmp_path / "contents").mkdir()
    (tmp_path / "rack.kboot").write_bytes(
        archive_of(tmp_path / "contents", _CONTENT, manifest=manifest, signature=signature, program=head_program())
    )
    return manifest


def _said(folder: Path, commands: list[str]) -> list[str]:
    done = subprocess.run(["sh", "-e"], input="\n".join(commands), capture_output=True, text=True, cwd=folder)
    return done.stdout.splitlines()


def _head_is_vouched_for(folder: Path, commands: list[str]) -> bool:
    verified, *rest = _said(folder, commands)
    wanted = json.loads((folder / "manifest.json").read_text())["head"]
    return verified == "Signature Verified Successfully" and rest == [f"{wanted}  -"]


def test_a_sound_bundle_passes(tmp_path: Path, manifest: Manifest, commands: list[str]) -> None:
    assert _head_is_vouched_for(tmp_path, commands)


def test_a_command_in_place_of_the_manifests_hash_does_not(
    tmp_path: Path, manifest: Manifest, commands: list[str]
) -> None:
    bundle = tmp_path / "rack.kboot"
    whole = bundle.read_bytes()
    named = manifest.digest.removeprefix("sha256:").encode()
    foreign = b"0;echo I am root;exit;#".ljust(64, b"#")
    bundle.write_bytes(whole.replace(named, foreign, 1))
    assert subprocess.run(["sh", bundle], capture_output=True).stdout == b"I am root\n"
    assert not _head_is_vouched_for(tmp_path, commands)


def test_another_manifest_before_the_signed_one_does_not(
    tmp_path: Path, manifest: Manifest, commands: list[str]
) -> None:
    """The head names the foreign one, under a name that tar is not asked for."""
    other = manifest_of(file_item(b"evil")).model_copy(update={"head": manifest.head}).content
    bundle = tmp_path / "rack.kboot"
    tar = bundle.read_bytes()[layout.HEAD_SIZE :]
    head = layout.head(head_program(), sha256(other).hexdigest())
    entry = layout.header("other", len(other)) + other + bytes(layout.padding(len(other)))
    bundle.write_bytes(head + entry + tar)
    assert not _head_is_vouched_for(tmp_path, commands)


def test_another_program_does_not(tmp_path: Path, manifest: Manifest, commands: list[str]) -> None:
    bundle = tmp_path / "rack.kboot"
    bundle.write_bytes(bundle.read_bytes().replace(b"set -eu", b"set -ex", 1))
    assert not _head_is_vouched_for(tmp_path, commands)
