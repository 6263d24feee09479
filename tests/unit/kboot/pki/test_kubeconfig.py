"""kubeconfigs as their readers take them."""

from __future__ import annotations

from base64 import b64decode

import yaml

from kboot.pki import KeyPair
from kboot.pki.kubeconfig import kubeconfig

PAIR = KeyPair(b"the certificate\n", b"the key\n")


def test_a_kubeconfig_holds_server_authority_and_credential_of_its_one_context() -> None:
    content = kubeconfig("https://api.ail.example.com:6443", b"the CA\n", PAIR, "alice", "ail")
    config = yaml.safe_load(content)
    assert config["current-context"] == config["contexts"][0]["name"] == "alice@ail"
    assert config["contexts"][0]["context"] == {"cluster": "ail", "user": "alice"}
    (cluster,), (user,) = config["clusters"], config["users"]
    assert (cluster["name"], user["name"]) == ("ail", "alice")
    assert cluster["cluster"].keys() == {"server", "certificate-authority-data"}
    assert cluster["cluster"]["server"] == "https://api.ail.example.com:6443"
    assert b64decode(cluster["cluster"]["certificate-authority-data"]) == b"the CA\n"
    assert b64decode(user["user"]["client-certificate-data"]) == PAIR.certificate
    assert b64decode(user["user"]["client-key-data"]) == PAIR.key


def test_the_name_that_a_server_must_show_stands_beside_its_address() -> None:
    content = kubeconfig("https://127.0.0.1:6443", b"", PAIR, "s", "ail", tls_server_name="localhost")
    assert yaml.safe_load(content)["clusters"][0]["cluster"]["tls-server-name"] == "localhost"


def test_a_cluster_called_like_a_number_or_a_truth_stays_a_text_for_every_reader() -> None:
    for name in ("1e3", "on", "null", "y", "012"):
        text = kubeconfig("https://127.0.0.1:6443", b"", PAIR, name, name).decode()
        assert text.count(f'name: "{name}"') == 2
        assert yaml.safe_load(text)["users"][0]["name"] == name
