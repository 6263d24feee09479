"""Keeps with which token each installed machine reports: it follows a machine to another card, and is nobody else's."""

from __future__ import annotations

import secrets
from collections import Counter
from collections.abc import Mapping

from kboot_clusterdesc import ClusterDesc, ClusterFolder, InvalidDescription, Mac, Node, load
from kboot_clusterdesc.shared_files import REPORT_TOKEN

from .secret_store import SecretStore


def report_tokens(kept: SecretStore, desc: ClusterDesc, in_force: ClusterFolder) -> dict[Mac, str]:
    """Return the token of each node's machine; one that has none, or only one that another machine has, is given one.

    What was kept of a card says nothing of a node that is known by it only since what is `in_force`: the token is that
    of the machine that it was there, so that a second look, and a description that is taken back, find the same.
    """
    found = {node.mac: kept.found(_path(node.mac)) for node in desc.nodes}
    tokens = found | _followed(kept, desc, in_force)
    made = {mac: token or secrets.token_urlsafe(32) for mac, token in tokens.items()}
    for mac, token in made.items():
        if token != found[mac]:
            kept.put(_path(mac), token)
    return made


def _path(mac: Mac) -> str:
    return f"report-tokens/{mac.dashed}"


def _followed(kept: SecretStore, desc: ClusterDesc, in_force: ClusterFolder) -> dict[Mac, str | None]:
    """Return the tokens of nodes that are not known by the same MAC in force, None where one is to be made.

    A large description is read where there are such nodes alone: all others have their folder.
    """
    if all((in_force.node(node.mac) / REPORT_TOKEN).exists() for node in desc.nodes):
        return {}
    before = _cards(in_force)
    new = [node for node in desc.nodes if before.get(node.mac) != node.mac]
    were = _were(new, before, desc)
    tokens = {node.mac: kept.found(_path(were.get(node.mac, node.mac))) for node in new}
    held = {kept.found(_path(node.mac)) for node in desc.nodes if before.get(node.mac) == node.mac}
    held |= {tokens[mac] for mac in were}
    for mac in (mac for mac in tokens if mac not in were):
        if tokens[mac] in held:
            tokens[mac] = None
        held.add(tokens[mac])
    return tokens


def _cards(folder: ClusterFolder) -> dict[Mac, Mac]:
    """Return each card that the description in force names, with the MAC by which its node is known there."""
    try:
        return {mac: each.mac for each in load(folder.description).nodes for mac in each.macs}
    except (InvalidDescription, OSError):
        return {}


def _were(new: list[Node], before: Mapping[Mac, Mac], desc: ClusterDesc) -> dict[Mac, Mac]:
    """Return by which other MAC the machines of nodes were known `before`, where that is certain.

    All of its cards that were known at all were that one's, by which no node is known now, nor has another one come
    of it.
    """
    known = {node.mac: {before[mac] for mac in node.macs if mac in before} for node in new}
    were = {mac: next(iter(macs)) for mac, macs in known.items() if len(macs) == 1}
    taken = {node.mac for node in desc.nodes} | {mac for mac, count in Counter(were.values()).items() if count > 1}
    return {mac: was for mac, was in were.items() if was not in taken}
