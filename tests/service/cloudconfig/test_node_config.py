"""Who may have a node config: the machine itself, once, while it is armed, over TLS."""

from __future__ import annotations

import pytest

from kboot_clusterdesc import Mac

from .conftest import HEAD, NODE1, NODE2, STRANGER, Server

_WITH_KEYS = (
    HEAD
    + """\
os: {config: ignition}
kubernetes: {version: v1.36.2}
nodes:
  - {mac: "52:54:00:00:00:01", name: node1, roles: [control-plane, etcd], install_disk: /dev/vda}
  - {mac: "52:54:00:00:00:02", roles: [worker]}
"""
)


def _path(mac: Mac) -> str:
    return f"/ignition/{mac.dashed}.json"


def _refused(server: Server, reason: str) -> bool:
    return any(event["kind"] == "refused" and event["reason"] == reason for event in server.events())


def test_a_machine_is_given_its_own_config_byte_for_byte(server: Server) -> None:
    token = server.install_token(NODE1)
    answer = server.get(_path(NODE1), who=NODE1, tls=True, token=token)
    assert answer.status_code == 200
    assert answer.content == (server.folder.node(NODE1) / "ignition.json").read_bytes()
    assert server.node(NODE1)["phase"] == "configured"


@pytest.mark.parametrize("server", ["cloud-config"], indirect=True)
def test_the_cloud_config_is_guarded_in_the_same_way(server: Server) -> None:
    path = f"/cloud-configs/{NODE1.dashed}.yaml"
    assert server.get(path, who=NODE1, tls=True).status_code == 403
    answer = server.get(path, who=NODE1, tls=True, token=server.install_token(NODE1))
    assert answer.text.startswith("#cloud-config\n")


def test_a_retry_of_the_same_machine_works_with_the_same_token(server: Server) -> None:
    token = server.install_token(NODE1)
    for _ in range(3):
        assert server.get(_path(NODE1), who=NODE1, tls=True, token=token).status_code == 200


@pytest.mark.parametrize(
    ("who", "tls", "given", "reason"),
    [
        (NODE2, True, True, "wrong-address"),
        (NODE1, True, False, "no-token"),
        (NODE1, False, True, "plain-http"),
        (STRANGER, True, True, "wrong-address"),
    ],
)
def test_everybody_else_gets_a_bare_403_and_is_an_event(
    server: Server, who: Mac, tls: bool, given: bool, reason: str
) -> None:
    token = server.install_token(NODE1)
    answer = server.get(_path(NODE1), who=who, tls=tls, token=token if given else None)
    assert answer.status_code == 403
    assert answer.headers["content-type"] == "application/problem+json"
    assert "node1" not in answer.text
    assert "storage" not in answer.text
    assert _refused(server, reason)


def test_a_token_of_an_earlier_install_sh_is_replayed(server: Server) -> None:
    old = server.install_token(NODE1)
    new = server.install_token(NODE1)
    assert server.get(_path(NODE1), who=NODE1, tls=True, token=old).status_code == 403
    assert _refused(server, "replayed-token")
    assert server.get(_path(NODE1), who=NODE1, tls=True, token=new).status_code == 200


def test_the_token_of_a_neighbour_opens_nothing(server: Server) -> None:
    token = server.install_token(NODE2)
    assert server.get(_path(NODE1), who=NODE1, tls=True, token=token).status_code == 403


def test_nothing_is_given_after_the_install(server: Server) -> None:
    token = server.install_token(NODE1)
    server.report(NODE1, "installed", token)
    assert server.get(_path(NODE1), who=NODE1, tls=True, token=token).status_code == 403
    assert _refused(server, "not-armed")


def test_an_undeclared_machine_has_no_config(server: Server) -> None:
    server.lease(NODE1, NODE2, STRANGER)
    answer = server.get(_path(STRANGER), who=STRANGER, tls=True, token="anything")
    assert answer.status_code == 404
    assert answer.json()["status"] == 404


def test_a_machine_whose_lease_has_ended_is_refused(server: Server) -> None:
    token = server.install_token(NODE1)
    server.lease(NODE2, ended=(NODE1,))
    assert server.get(_path(NODE1), who=NODE1, tls=True, token=token).status_code == 403
    assert _refused(server, "wrong-address")


@pytest.fixture
def member(server: Server) -> Server:
    """A server whose node1 is a control plane and a member of etcd, with all their certificates."""
    server.describe(_WITH_KEYS)
    return server


def _certificate(name: str) -> str:
    return f"/certs/{NODE1.dashed}/{name}.pem"


def test_a_machine_is_given_the_certificate_of_each_of_its_keys(member: Server) -> None:
    token = member.install_token(NODE1)
    keys = member.secrets.node_keys[NODE1]
    assert {"apiserver", "etcd-server", "kubelet-server", "kubelet-client"} <= keys.keys()
    for name, pair in keys.items():
        answer = member.get(_certificate(name), who=NODE1, tls=True, token=token)
        assert answer.status_code == 200
        assert answer.content == pair.certificate
        assert answer.headers["content-type"] == "application/x-pem-file"
        assert answer.headers["cache-control"] == "no-store"


def test_a_certificate_leaves_the_install_token_unused(member: Server) -> None:
    token = member.install_token(NODE1)
    assert member.get(_certificate("apiserver"), who=NODE1, tls=True, token=token).status_code == 200
    assert member.node(NODE1)["phase"] == "installing"
    assert member.get(_path(NODE1), who=NODE1, tls=True, token=token).status_code == 200
    assert member.node(NODE1)["phase"] == "configured"
    assert member.get(_certificate("apiserver"), who=NODE1, tls=True, token=token).status_code == 200


@pytest.mark.parametrize(
    ("who", "tls", "given", "reason"),
    [
        (NODE2, True, True, "wrong-address"),
        (NODE1, True, False, "no-token"),
        (NODE1, False, True, "plain-http"),
    ],
)
def test_a_certificate_is_refused_to_everybody_else(
    member: Server, who: Mac, tls: bool, given: bool, reason: str
) -> None:
    token = member.install_token(NODE1)
    for name in ("apiserver", "no-such"):
        answer = member.get(_certificate(name), who=who, tls=tls, token=token if given else None)
        assert answer.status_code == 403
        assert answer.json()["detail"] == f"refused: {reason}"
    assert _refused(member, reason)


def test_a_certificate_is_refused_after_the_install(member: Server) -> None:
    token = member.install_token(NODE1)
    member.report(NODE1, "installed", token)
    assert member.get(_certificate("apiserver"), who=NODE1, tls=True, token=token).status_code == 403
    assert _refused(member, "not-armed")


def test_a_certificate_that_is_not_there_is_404_and_a_malformed_name_400(member: Server) -> None:
    token = member.install_token(NODE1)
    for name, status in (("no-such", 404), ("cluster-ca", 404), ("..", 400), ("Apiserver", 400), ("%00", 400)):
        answer = member.get(_certificate(name), who=NODE1, tls=True, token=token)
        assert answer.status_code == status
        assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("name", ["..%2freport-token", "..%2f..%2f..%2fpki%2fcluster-ca", "%2fetc%2fpasswd"])
def test_no_name_of_a_certificate_leaves_its_folder(member: Server, name: str) -> None:
    token = member.install_token(NODE1)
    (member.folder.node(NODE1) / "report-token.pem").write_text("not a certificate")
    assert member.get(_certificate(name), who=NODE1, tls=True, token=token).status_code in (400, 404)


@pytest.mark.parametrize(
    "path",
    [
        f"/ignition/{NODE1}/node-config.json",
        f"/ignition/{NODE1.dashed}%2Fnode-config.json",
        f"/certs/{NODE1}/node-config.json",
        f"/certs/{NODE1}/node-config.json.pem",
        f"/certs/{NODE1}/..%2Fnode-config.json.pem",
        f"/nodes/{NODE1.dashed}/node-config.json",
        f"/assets/..%2Fnodes/{NODE1.dashed}/node-config.json",
        f"/..%2Fnodes/{NODE1.dashed}/node-config.json",
        f"/v1/nodes/{NODE1}/node-config.json",
    ],
)
def test_the_node_config_that_kboot_keeps_for_itself_is_given_to_nobody(server: Server, path: str) -> None:
    assert (server.folder.node(NODE1) / "node-config.json").stat().st_size > 0
    answer = server.get(path, who=NODE1, tls=True, token=server.install_token(NODE1))
    assert answer.status_code in (400, 404)
    assert b"read_by" not in answer.content


def test_no_token_and_no_key_reach_the_log(server: Server) -> None:
    token = server.install_token(NODE1)
    server.get(f"{_path(NODE1)}?token={token}", who=NODE1, tls=True)
    server.report(NODE1, "installed", token)
    server.arm(NODE1)
    log = server.log.read_text()
    assert "/ignition/" in log
    for secret in (token, server.secrets.operator_token, server.secrets.report_tokens[NODE1], "PRIVATE KEY"):
        assert secret not in log
