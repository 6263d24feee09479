"""Renewed certificates on a running etcd of three members, as docs/certificates.md brings them out."""

from __future__ import annotations

import ssl
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from kboot.cli.main import run
from kboot.pki import Secrets
from kboot.pki.store.cluster_secrets import load_or_create
from kboot_clusterdesc import ClusterDesc, ClusterFolder
from support.etcd import Client, Member


def test_renewed_members_keep_the_quorum_and_their_clients(
    tmp_path: Path, folder: ClusterFolder, desc: ClusterDesc, secrets: Secrets, members: list[Member]
) -> None:
    client = Client(tmp_path / "client", secrets, desc.nodes[0])
    for member in members:
        client.wait(member)
    for member in members:
        before = member.shown()
        assert run(["certs", "renew", "--node", member.node.name, "--root", str(folder.root)]) == 0
        renewed = load_or_create(folder, desc, datetime.now(UTC))
        member.stop()
        member.give(renewed)
        for other in members:
            if other is not member:
                client.wait(other)  # the two that are left are a quorum
        member.start()
        client.wait(member)
        assert member.shown() != before
        assert ssl.PEM_cert_to_DER_cert(member.shown()) == ssl.PEM_cert_to_DER_cert(
            renewed.node_keys[member.node.mac]["etcd-server"].certificate.decode()
        )
    assert {client.count(member) for member in members} == {client.written}


def test_a_member_answers_neither_plain_text_nor_a_client_of_another_authority(
    tmp_path: Path, desc: ClusterDesc, secrets: Secrets, members: list[Member]
) -> None:
    Client(tmp_path / "client", secrets, desc.nodes[0]).wait(members[0])
    with pytest.raises(httpx.HTTPError):
        httpx.post(f"http://{desc.nodes[0].ip}:2379/v3/kv/put", json={}, trust_env=False)
    elsewhere = load_or_create(ClusterFolder(tmp_path / "other", "unit"), desc, datetime.now(UTC))
    stranger = Client(tmp_path / "stranger", elsewhere, desc.nodes[0])
    with pytest.raises(httpx.HTTPError, match="CERTIFICATE_VERIFY_FAILED"):
        stranger.put(members[0])
    stranger.trust(secrets)
    with pytest.raises(httpx.HTTPError, match="alert"):
        stranger.put(members[0])
