"""A machine's public certificates stand beside its node config, one file each; no key does."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from hypothesis import HealthCheck, given, settings

from kboot.bring_up.render_folder import Change, FileChange, write_render
from kboot.pki import key_specs
from kboot.pki.store.cluster_secrets import load_or_create
from kboot_clusterdesc import ClusterDesc, ClusterFolder
from kboot_compose.services import CLOUDCONFIG
from support.descriptions import descriptions
from support.fixed_secrets import fixed_secrets
from support.rendering import rendered_files
from unit.clusterdesc.sample import SAMPLE, accepted, spoilt

NOW = datetime(2030, 1, 1, 12, tzinfo=UTC)
QUICK = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@given(descriptions())
@QUICK
def test_each_machine_has_the_certificates_of_its_keys_and_no_other_machines(desc: ClusterDesc) -> None:
    files, secrets = rendered_files(desc), fixed_secrets(desc)
    found = {path: file for path, file in files.items() if "/certs/" in path}
    assert {path: file.content for path, file in found.items()} == {
        f"nodes/{node.mac.dashed}/certs/{spec.name}.pem": secrets.node_keys[node.mac][spec.name].certificate
        for node in desc.nodes
        for spec in key_specs(desc, node)
    }
    for file in found.values():
        assert b"PRIVATE KEY" not in file.content
        assert (file.mode, file.uid) == (0o600, CLOUDCONFIG.user.uid)


def test_a_certificate_is_the_one_of_the_key_in_the_machines_own_pair(tmp_path: Path) -> None:
    desc = accepted(SAMPLE)
    secrets = load_or_create(ClusterFolder(tmp_path, "ail"), desc, NOW)
    files = rendered_files(desc, secrets=secrets)
    for node in desc.nodes:
        for name, pair in secrets.node_keys[node.mac].items():
            (certificate,) = x509.load_pem_x509_certificates(files[f"nodes/{node.mac.dashed}/certs/{name}.pem"].content)
            assert certificate.public_key() == load_pem_private_key(pair.key, None).public_key()


def test_a_role_that_is_taken_away_takes_its_certificates_away(tmp_path: Path) -> None:
    folder = ClusterFolder(tmp_path, "ail")
    with_role = accepted(spoilt(("roles: [worker]", "ip: 10.10.14.202, roles: [worker, control-plane]")))
    write_render(folder, rendered_files(with_role))
    certificates = folder.node(with_role.nodes[1].mac) / "certs"
    assert (certificates / "apiserver.pem").exists()

    changes = write_render(folder, rendered_files(accepted(SAMPLE)))
    assert {path.name for path in certificates.iterdir()} == {"kubelet-client.pem", "kubelet-server.pem"}
    apiserver = str((certificates / "apiserver.pem").relative_to(folder.path))
    assert FileChange(apiserver, Change.REMOVED) in changes


def test_a_machine_without_keys_has_no_folder_of_certificates(tmp_path: Path) -> None:
    folder = ClusterFolder(tmp_path, "ail")
    desc = accepted(SAMPLE)
    write_render(folder, rendered_files(desc))
    bare = desc.model_copy(update={"kubernetes": None})
    write_render(folder, rendered_files(bare))
    worker, member = folder.node(desc.nodes[1].mac), folder.node(desc.nodes[0].mac)
    assert not (worker / "certs").exists()
    assert {path.stem for path in (member / "certs").iterdir()} == {"etcd-server", "etcd-peer", "etcd-client"}
