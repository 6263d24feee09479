"""With which token a machine reports after its cards, or those of others, were declared anew."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from kboot.pki.store.cluster_secrets import load_or_create
from kboot_clusterdesc import ClusterFolder, Mac
from unit.clusterdesc.sample import accepted

NOW = datetime(2030, 1, 1, 12, tzinfo=UTC)
A, B, C, D, X = (Mac(f"52:54:00:00:00:0{number}") for number in range(1, 6))
_HEAD = """
apiVersion: kboot/v1
cluster: {name: ail, domain: ail.example.com}
network:
  bootstrapper: 10.10.14.253
  subnet: 10.10.14.0/24
  dhcp: {mode: serve, range: [10.10.14.1, 10.10.14.127]}
nodes:
"""
Cards = tuple[Mac, ...]


@pytest.fixture
def folder(tmp_path: Path) -> ClusterFolder:
    made = ClusterFolder(tmp_path, "ail")
    made.description.parent.mkdir(exist_ok=True)
    return made


def described(*nodes: Cards) -> str:
    """A description whose nodes have these cards, the one that each is known by first."""
    lines = (
        f"  - {{mac: '{mac}', more_macs: {[str(each) for each in more]}, name: node{number}, roles: [worker]}}\n"
        for number, (mac, *more) in enumerate(nodes, 1)
    )
    return _HEAD + "".join(lines)


def looked_at(folder: ClusterFolder, *nodes: Cards) -> dict[Mac, str]:
    """The tokens of nodes that have these cards, as `kboot up` finds them before anything of it is in force."""
    return load_or_create(folder, accepted(described(*nodes)), NOW).report_tokens


def tokens(folder: ClusterFolder, *nodes: Cards) -> dict[Mac, str]:
    """The tokens of nodes that have these cards, which are in force from now on."""
    found = looked_at(folder, *nodes)
    folder.description.write_text(described(*nodes))
    return found


@pytest.mark.parametrize(
    ("first", "other", "is_kept"), [(B, A, True), (B, C, False), (B, X, True), (X, A, True), (X, B, True)]
)
def test_a_machine_reports_with_its_token_by_whichever_of_its_own_cards_it_is_known(
    folder: ClusterFolder, first: Mac, other: Mac, *, is_kept: bool
) -> None:
    before = tokens(folder, (A, B), (C, D))
    token = tokens(folder, (first, other))[first]
    assert (token == before[A]) is is_kept
    assert (token in before.values()) is is_kept


def test_a_machine_keeps_its_token_by_a_card_that_was_another_nodes_before(folder: ClusterFolder) -> None:
    before = tokens(folder, (A,), (B,))
    tokens(folder, (A, B))
    assert looked_at(folder, (B, A)) == {B: before[A]}
    assert tokens(folder, (B, A)) == {B: before[A]}
    assert tokens(folder, (B, A)) == {B: before[A]}
    assert tokens(folder, (A, B)) == {A: before[A]}


@pytest.mark.parametrize("cards", [(B, A), (B,)], ids=["while it is named", "once it is not"])
def test_a_card_that_went_to_another_node_has_not_the_token_of_the_machine_that_it_was_in(
    folder: ClusterFolder, cards: Cards
) -> None:
    before = tokens(folder, (A, B))
    tokens(folder, (B, A))
    tokens(folder, cards)
    after = tokens(folder, (A,), (B,))
    assert after[B] == before[A]
    assert after[A] != before[A]
    assert tokens(folder, (A,), (B,)) == after


def test_nodes_that_share_the_cards_of_one_do_not_both_have_its_token(folder: ClusterFolder) -> None:
    before = tokens(folder, (X, A, B))
    after = tokens(folder, (A,), (B,))
    assert len({before[X], *after.values()}) == 3


def test_a_node_that_was_left_out_by_mistake_reports_with_the_token_it_had(folder: ClusterFolder) -> None:
    before = tokens(folder, (A,), (B,))
    tokens(folder, (A, B))
    assert tokens(folder, (A,), (B,)) == before


def test_nodes_keep_their_tokens_where_no_description_can_be_read(folder: ClusterFolder) -> None:
    before = tokens(folder, (A,), (B,))
    folder.description.write_text("nothing of ours\n")
    assert looked_at(folder, (B,), (A,)) == before
