"""A cluster put into a kubeconfig that is somebody else's."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from kboot.errors import BadInput
from kboot.pki import KeyPair
from kboot.pki.kubeconfig import kubeconfig
from kboot.pki.kubeconfig_merge import as_written, may_have_comments, merged

PAIR = KeyPair(b"the certificate\n", b"the key\n")
OWN: dict[str, Any] = yaml.safe_load(kubeconfig("https://api.ail:6443", b"the CA\n", PAIR, "admin", "ail"))
NEWER: dict[str, Any] = yaml.safe_load(
    kubeconfig("https://api.ail:6443", b"the CA\n", KeyPair(b"new", b"k"), "admin", "ail")
)

FOREIGN = """\
# my clusters
apiVersion: v1
kind: Config
clusters:
- name: work
  cluster: {server: 'https://work:6443', insecure-skip-tls-verify: true}
contexts:
- {name: work, context: {cluster: work, user: admin, namespace: "on"}}
current-context: work
users:
- name: admin
  user:
    auth-provider:
      name: oidc
      config:
        expiry: 2026-11-29T12:00:00Z
        refresh: yes
        scopes: |
          one
          two
preferences: {}
"""


def by_name(text: str, kind: str) -> dict[str, Any]:
    """The entries of a kind, as any reader of YAML has them."""
    return {entry["name"]: entry for entry in yaml.safe_load(text)[kind]}


def test_every_entry_of_others_stays_what_it_was_and_so_does_the_chosen_context() -> None:
    after = merged(FOREIGN, "config", OWN)
    for kind in ("clusters", "contexts", "users"):
        assert by_name(FOREIGN, kind).items() <= by_name(after, kind).items()
    assert yaml.safe_load(after)["current-context"] == "work"
    assert "refresh: yes\n" in after
    assert "expiry: 2026-11-29T12:00:00Z\n" in after
    assert 'namespace: "on"' in after


def test_the_cluster_is_there_under_names_that_no_other_cluster_has() -> None:
    after = merged(FOREIGN, "config", OWN)
    assert by_name(after, "contexts")["admin@ail"]["context"]["user"] == "admin@ail"
    assert by_name(after, "contexts")["admin@ail"]["context"]["cluster"] == "ail"
    user = by_name(after, "users")["admin@ail"]["user"]
    assert user.items() >= OWN["users"][0]["user"].items()
    assert by_name(after, "clusters")["ail"]["cluster"].items() >= OWN["clusters"][0]["cluster"].items()


@pytest.mark.parametrize("text", ["", "\n", "# nothing yet\n", "null\n", "clusters: null\nusers: []\ncontexts:\n"])
def test_a_file_without_entries_gets_a_whole_kubeconfig_and_the_context_is_chosen(text: str) -> None:
    after = yaml.safe_load(merged(text, "config", OWN))
    assert after["current-context"] == "admin@ail"
    assert [len(after[kind]) for kind in ("clusters", "users", "contexts")] == [1, 1, 1]


def test_a_second_merge_changes_nothing_and_a_new_certificate_that_alone() -> None:
    once = merged(FOREIGN, "config", OWN)
    assert merged(once, "config", OWN) == as_written(once, "config") == once
    renewed = merged(once, "config", NEWER)
    changed = set(renewed.splitlines()) - set(once.splitlines())
    assert {line.split(":")[0].strip() for line in changed} == {"client-certificate-data", "client-key-data"}


def test_what_an_operator_added_to_the_context_stays() -> None:
    once = merged(FOREIGN, "config", OWN).replace("    user: admin@ail\n", "    user: admin@ail\n    namespace: apps\n")
    assert by_name(merged(once, "config", NEWER), "contexts")["admin@ail"]["context"]["namespace"] == "apps"


def test_a_name_that_is_another_ones_is_not_taken() -> None:
    with pytest.raises(BadInput) as refused:
        merged(FOREIGN, "config", OWN, name="work")
    assert str(refused.value) == (
        "config:5:3: there is a cluster `work` that is not of `kboot kubeconfig`\n"
        "  hint: take another name with `--context NAME`, or delete that one: "
        "`kubectl config delete-cluster work`; nothing was changed"
    )
    assert by_name(merged(FOREIGN, "config", OWN, name="rack"), "contexts")["rack"]["context"]["cluster"] == "rack"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("clusters:\n- name: a\n  cluster: {server: b\nusers: []\n", "config:4:6: not YAML: "),
        ("clusters:\n\t- a\n", "config:2:1: not YAML: "),
        ("- a\n", "config:1:1: is no mapping, so no kubeconfig"),
        ("kind: Secret\n", "config:1:7: `kind` is not Config: this is no kubeconfig"),
        ("kind: Config\nusers: all\n", "config:2:8: `users` is no list"),
        ("users: [a]\nclusters: []\n", "config:1:9: is no entry with a name"),
        ("kind: Config\n---\nkind: Config\n", "config:2:1: not YAML: "),
    ],
)
def test_what_is_no_kubeconfig_is_refused_at_its_place(text: str, said: str) -> None:
    with pytest.raises(BadInput) as refused:
        merged(text, "config", OWN)
    assert refused.value.message.startswith(said)
    assert refused.value.hint.endswith("; nothing was changed")


def test_a_file_in_the_form_of_json_stays_readable_as_it() -> None:
    after = merged('{"kind": "Config", "clusters": [{"name": "work", "cluster": {"server": "s"}}]}', "config", OWN)
    assert list(by_name(after, "clusters")) == ["work", "ail"]


@given(
    st.dictionaries(
        st.text(st.characters(categories=("L", "N", "P", "S")), min_size=1).filter(lambda word: word != "name"),
        st.recursive(
            st.none()
            | st.booleans()
            | st.integers()
            | st.text(st.characters(exclude_categories=("C", "Z")))
            | st.dates(),
            lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("abc"), inner, max_size=3),
            max_leaves=8,
        ),
        max_size=4,
    )
)
def test_whatever_stands_in_an_entry_of_others_stands_there_afterwards(entry: dict[str, Any]) -> None:
    before = yaml.safe_dump({"kind": "Config", "users": [{"name": "other", **entry}]})
    assert by_name(merged(before, "config", OWN), "users")["other"] == {"name": "other", **entry}


def test_comments_are_seen() -> None:
    assert may_have_comments(FOREIGN)
    assert may_have_comments("kind: Config # mine\n")
    assert not may_have_comments("server: https://a#b\n")
