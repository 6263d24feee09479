"""What lies in a registry's store, and what of it may go: images that nobody needs, and blobs of none that stays."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
# https://github.com/opencontainers/distribution-spec, referrers tag schema; cosign adds `.sig`, `.att` and the like
_ATTACHED = re.compile(r"sha256-([0-9a-f]{64})(?:\..*)?")

Named = Mapping[str, int | None]  # the digests in a manifest, each with the size in bytes that it tells


@dataclass(frozen=True, slots=True)
class Repository:
    """The images of one name. Where the store is damaged a tag's digest is "", and a manifest is `unlinked`."""

    name: str
    tags: Mapping[str, str] = field(default_factory=dict)
    manifests: frozenset[str] = frozenset()
    unlinked: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Contents:
    """All that lies in a store. `blobs` is digest -> bytes; `named` has every manifest that can be read."""

    repositories: tuple[Repository, ...]
    blobs: Mapping[str, int]
    named: Mapping[str, Named]
    uploads_bytes: int = 0  # of pushes that were broken off


@dataclass(frozen=True, slots=True)
class Removal:
    """A manifest to be removed from a repository, or tags alone where they lead nowhere (`digest` is "")."""

    repository: str
    digest: str
    tags: tuple[str, ...]
    is_damaged: bool = False


@dataclass(frozen=True, slots=True)
class Plan:
    """What a prune removes, and how many images stay: manifests that have a tag, or are no part of another."""

    removals: tuple[Removal, ...]
    blobs: Mapping[str, int]
    emptied: tuple[str, ...]  # repositories of which nothing stays
    kept: int
    freed_bytes: int


def named_in(manifest: Any) -> dict[str, int | None]:
    """Return every digest that stands anywhere in a manifest, and the size beside it.

    More than the standards name: what an unknown kind of manifest needs stays too.
    """
    found: dict[str, int | None] = {}
    for digest, size in _digests(manifest):
        found[digest] = size if found.get(digest) is None else found[digest]
    return found


def plan_prune(contents: Contents, is_needed: Callable[[str, str], bool]) -> Plan:
    """Return what may go. `is_needed` is asked for each repository with each of its tags, and each of its digests.

    An image stays whole: with the images of an index, and with what is attached to it. A blob that is shorter or longer
    than its image says goes, and so does a manifest that cannot be read: only then does another push bring it.
    """
    kept = {repository.name: _kept(repository, contents.named, is_needed) for repository in contents.repositories}
    removals = [removal for each in contents.repositories for removal in _removals(each, kept[each.name], contents)]
    stays = {digest for digests in kept.values() for digest in digests}
    told = {(digest, size) for each in stays for digest, size in contents.named[each].items()}
    gone = {
        digest: size
        for digest, size in contents.blobs.items()
        if digest not in stays and not told & {(digest, size), (digest, None)}
    }
    return Plan(
        tuple(removals),
        gone,
        tuple(name for name, digests in kept.items() if not digests),
        sum(_images(each, kept[each.name], contents.named) for each in contents.repositories),
        sum(gone.values()) + contents.uploads_bytes,
    )


def _digests(part: Any) -> Iterator[tuple[str, int | None]]:
    if isinstance(part, str) and _DIGEST.fullmatch(part):
        yield part, None
    elif isinstance(part, list):
        for each in part:
            yield from _digests(each)
    elif isinstance(part, dict):
        size = part.get("size")
        for key, value in part.items():
            if key == "digest" and isinstance(value, str) and isinstance(size, int) and _DIGEST.fullmatch(value):
                yield value, size
            else:
                yield from _digests(value)


def _kept(repository: Repository, named: Mapping[str, Named], is_needed: Callable[[str, str], bool]) -> set[str]:
    readable = (repository.manifests & named.keys()) - repository.unlinked
    wanted = {digest for digest in readable if is_needed(repository.name, digest)}
    wanted |= {digest for tag, digest in repository.tags.items() if is_needed(repository.name, tag)} & readable
    attached = [(f"sha256:{found[1]}", digest) for tag, digest in repository.tags.items() if (found := _attached(tag))]
    kept: set[str] = set()
    while wanted:
        kept |= wanted
        wanted = {digest for each in wanted for digest in named[each]}
        wanted |= {digest for to, digest in attached if to in kept}
        wanted = (wanted & readable) - kept
    return kept


def _attached(tag: str) -> re.Match[str] | None:
    return _ATTACHED.fullmatch(tag)


def _removals(repository: Repository, kept: set[str], contents: Contents) -> Iterator[Removal]:
    for digest in sorted(repository.manifests - kept):
        tags = tuple(sorted(tag for tag, of in repository.tags.items() if of == digest))
        is_damaged = digest not in contents.named or digest in repository.unlinked
        yield Removal(repository.name, digest, tags, is_damaged)
    if loose := tuple(sorted(tag for tag, of in repository.tags.items() if of not in repository.manifests)):
        yield Removal(repository.name, "", loose, is_damaged=True)


def _images(repository: Repository, kept: set[str], named: Mapping[str, Named]) -> int:
    parts = {digest for each in kept for digest in named[each]} - set(repository.tags.values())
    return len(kept - parts)
