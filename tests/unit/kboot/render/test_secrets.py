"""Keys and tokens are made once: a second render of the same cluster gives the same bytes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

from kboot.pki import Secrets
from kboot.pki.store.cluster_secrets import load_or_create
from kboot_clusterdesc import ClusterDesc, ClusterFolder
from support.rendering import rendered_files
from unit.clusterdesc.sample import SAMPLE, accepted, spoilt

NOW = datetime(2030, 1, 1, 12, tzinfo=UTC)


@pytest.fixture
def folder(tmp_path: Path) -> ClusterFolder:
    return ClusterFolder(tmp_path, "ail")


@pytest.fixture
def desc() -> ClusterDesc:
    return accepted(SAMPLE)


@pytest.fixture
def made(folder: ClusterFolder, desc: ClusterDesc) -> Secrets:
    return load_or_create(folder, desc, NOW)


def test_a_second_render_from_the_kept_secrets_gives_the_same_bytes(
    folder: ClusterFolder, desc: ClusterDesc, made: Secrets
) -> None:
    again = load_or_create(folder, desc, NOW + timedelta(days=30))
    assert rendered_files(desc, secrets=again) == rendered_files(desc, secrets=made)


def test_secrets_lie_where_root_alone_reads(folder: ClusterFolder, made: Secrets) -> None:
    assert made.authority.key == (folder.pki / "cluster-ca.key").read_bytes()
    assert folder.pki.stat().st_mode & 0o777 == 0o700
    readable = [p for p in folder.pki.rglob("*") if p.is_file() and p.stat().st_mode & 0o077]
    assert readable
    assert all(b"PRIVATE" not in p.read_bytes() for p in readable)
    assert {p.suffix for p in readable} == {".pem", ".pub"}


def test_a_new_address_gives_new_server_certificates_and_keeps_the_authority(
    folder: ClusterFolder, made: Secrets
) -> None:
    moved = load_or_create(folder, accepted(spoilt(("10.10.14.253", "10.10.14.250"))), NOW)
    assert moved.authority == made.authority
    assert moved.report_tokens == made.report_tokens
    assert moved.servers["cloudconfig"].key != made.servers["cloudconfig"].key
    assert moved.servers["registry"].key != made.servers["registry"].key


def test_a_server_certificate_near_its_end_is_made_anew(
    folder: ClusterFolder, desc: ClusterDesc, made: Secrets
) -> None:
    later = load_or_create(folder, desc, NOW + timedelta(days=700))
    assert later.authority == made.authority
    assert later.servers["cloudconfig"].certificate != made.servers["cloudconfig"].certificate


def test_each_machine_has_a_token_of_its_own(made: Secrets, desc: ClusterDesc) -> None:
    assert set(made.report_tokens) == {node.mac for node in desc.nodes}
    assert len(set(made.report_tokens.values())) == len(desc.nodes)


def test_a_server_certificate_serves_its_names_alone_from_the_day_before(made: Secrets) -> None:
    certificate = x509.load_pem_x509_certificate(made.servers["cloudconfig"].certificate)
    certificate.verify_directly_issued_by(x509.load_pem_x509_certificate(made.authority.certificate))
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    usage = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert [str(name.value) for name in names] == ["bootstrapper.ail.example.com", "10.10.14.253"]
    assert list(usage) == [ExtendedKeyUsageOID.SERVER_AUTH]
    assert certificate.not_valid_before_utc == NOW - timedelta(days=1)
