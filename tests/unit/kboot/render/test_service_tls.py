"""Which certificates the services are given, and which of them need a restart."""

from __future__ import annotations

from dataclasses import replace

import yaml

from kboot.pki import KeyPair
from kboot.render import RenderedFile
from kboot_clusterdesc import ClusterDesc
from kboot_clusterdesc.layout import LABEL_INPUTS
from kboot_compose.services import CLOUDCONFIG
from support.fixed_secrets import fixed_secrets
from support.rendering import rendered_files
from unit.clusterdesc.sample import SAMPLE, accepted

_STATUS_CLIENT = {f"tls/cloudconfig/{name}" for name in ("kubernetes-ca.pem", "status-client.pem", "status-client.key")}
_OTHER = KeyPair(b"another certificate", b"another key")


def _with_kubernetes() -> ClusterDesc:
    desc = accepted(SAMPLE)
    assert desc.kubernetes is not None
    return desc


def _inputs(files: dict[str, RenderedFile]) -> dict[str, str]:
    services = yaml.safe_load(files["compose.yaml"].content)["services"]
    return {name: service["labels"][LABEL_INPUTS] for name, service in services.items() if "labels" in service}


def test_the_cloud_config_server_may_ask_kubernetes_with_a_certificate_of_its_own() -> None:
    desc = _with_kubernetes()
    secrets = fixed_secrets(desc)
    files = rendered_files(desc, secrets=secrets)
    assert secrets.kubernetes is not None
    assert files["tls/cloudconfig/status-client.key"].content == secrets.kubernetes.status_client.key
    assert files["tls/cloudconfig/kubernetes-ca.pem"].content == secrets.kubernetes.authority.certificate
    assert {(files[path].mode, files[path].uid) for path in _STATUS_CLIENT} == {(0o600, CLOUDCONFIG.user.uid)}
    without = rendered_files(desc, secrets=replace(secrets, kubernetes=None))
    assert not _STATUS_CLIENT & set(without)


def test_a_renewed_certificate_of_the_cloud_config_server_recreates_no_container_and_the_registrys_does() -> None:
    desc = _with_kubernetes()
    secrets = fixed_secrets(desc)
    assert secrets.kubernetes is not None
    before = _inputs(rendered_files(desc, secrets=secrets))
    renewed = replace(secrets, kubernetes=replace(secrets.kubernetes, status_client=_OTHER))
    assert _inputs(rendered_files(desc, secrets=renewed)) == before
    for service, recreated in (("cloudconfig", set()), ("registry", {"registry"})):
        served = replace(secrets, servers={**secrets.servers, service: _OTHER})
        after = _inputs(rendered_files(desc, secrets=served))
        assert {name for name in before if after[name] != before[name]} == recreated
