"""What a prune may take: worked out over the contents of a store."""

from __future__ import annotations

import json
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from kboot.supplies.registry_contents import Contents, Plan, Repository, named_in, plan_prune
from support.image_archives import digest_of

D = [digest_of(bytes([number])) for number in range(12)]
LAYERS, IMAGES, INDEXES = D[:5], D[5:9], D[9:11]


def contents_of(*repositories: Repository, named: dict[str, dict[str, int | None]]) -> Contents:
    every = {*named, *(digest for found in named.values() for digest in found)}
    return Contents(repositories, dict.fromkeys(every, 10), named)


def after(contents: Contents, plan: Plan) -> Contents:
    """The store once the plan is carried out."""
    gone = {(each.repository, each.digest) for each in plan.removals}
    tags = {(each.repository, tag) for each in plan.removals for tag in each.tags}
    left = [
        Repository(
            each.name,
            {tag: digest for tag, digest in each.tags.items() if (each.name, tag) not in tags},
            frozenset(digest for digest in each.manifests if (each.name, digest) not in gone),
        )
        for each in contents.repositories
        if each.name not in plan.emptied
    ]
    blobs = {digest: size for digest, size in contents.blobs.items() if digest not in plan.blobs}
    present = {digest: found for digest, found in contents.named.items() if digest in blobs}
    return Contents(tuple(left), blobs, present)


@st.composite
def stores(draw: st.DrawFn) -> Contents:
    """Some repositories of images and indexes that share layers, parts of them missing or damaged."""
    sizes = st.sampled_from([None, 10, 10, 10, 7])
    named = {digest: draw(st.dictionaries(st.sampled_from(LAYERS), sizes, max_size=3)) for digest in IMAGES}
    named |= {digest: draw(st.dictionaries(st.sampled_from(IMAGES), sizes, max_size=3)) for digest in INDEXES}
    for lost in draw(st.sets(st.sampled_from(IMAGES + INDEXES), max_size=2)):
        del named[lost]
    repositories = []
    for name in draw(st.sets(st.sampled_from(["a", "a/b", "c"]), min_size=1)):
        manifests = draw(st.frozensets(st.sampled_from(IMAGES + INDEXES)))
        tags = draw(st.dictionaries(st.sampled_from("123"), st.sampled_from([*IMAGES, *INDEXES, ""])))
        unlinked = frozenset(draw(st.sets(st.sampled_from(sorted(manifests)), max_size=1))) if manifests else manifests
        repositories.append(Repository(name, tags, manifests, unlinked))
    blobs = draw(st.dictionaries(st.sampled_from(D), st.sampled_from([10, 10, 10, 4])))
    return Contents(tuple(repositories), {**blobs, **dict.fromkeys(named, 10)}, named)


@given(stores(), st.sets(st.tuples(st.sampled_from(["a", "a/b", "c"]), st.sampled_from(["1", "2", IMAGES[0]]))))
def test_a_needed_image_stays_with_all_its_parts_and_a_second_prune_finds_nothing(
    contents: Contents, needed: set[tuple[str, str]]
) -> None:
    plan = plan_prune(contents, lambda repository, name: (repository, name) in needed)
    removed = {(each.repository, each.digest) for each in plan.removals}
    for repository in contents.repositories:
        wanted = {repository.tags.get(name, name) for place, name in needed if place == repository.name}
        sound = (repository.manifests & contents.named.keys()) - repository.unlinked
        parts = wanted & sound
        for _ in range(2):  # an index, its images, their layers
            assert not {(repository.name, digest) for digest in parts} & removed
            assert not parts & plan.blobs.keys()
            parts = {digest for each in parts for digest in contents.named[each]} & sound
    assert all(contents.blobs[digest] == size for digest, size in plan.blobs.items())
    left = after(contents, plan)
    again = plan_prune(left, lambda repository, name: (repository, name) in needed)
    assert (again.removals, again.blobs, again.kept) == ((), {}, plan.kept)
    named = {digest for found in left.named.values() for digest in found}
    assert left.blobs.keys() <= named | left.named.keys()


def test_of_two_tags_on_one_image_both_stay() -> None:
    repository = Repository("a", {"1": IMAGES[0], "latest": IMAGES[0]}, frozenset([IMAGES[0]]))
    plan = plan_prune(contents_of(repository, named={IMAGES[0]: {LAYERS[0]: 10}}), lambda _, name: name == "1")
    assert (plan.removals, plan.blobs, plan.kept) == ((), {}, 1)


def test_a_signature_stays_with_what_it_signs() -> None:
    signed, signature = IMAGES[:2]
    tags = {"1": signed, f"sha256-{signed[7:]}.sig": signature}
    named: dict[str, dict[str, int | None]] = {signed: {LAYERS[0]: 10}, signature: {LAYERS[1]: 10}}
    contents = contents_of(Repository("a", tags, frozenset(named)), named=named)
    assert plan_prune(contents, lambda _, name: name == "1").blobs == {}
    assert plan_prune(contents, lambda _, name: False).blobs == contents.blobs


def test_a_layer_whose_size_one_of_two_images_tells_rightly_stays() -> None:
    named: dict[str, dict[str, int | None]] = {IMAGES[0]: {LAYERS[0]: 10}, IMAGES[1]: {LAYERS[0]: 11}}
    contents = contents_of(Repository("a", {"1": IMAGES[0], "2": IMAGES[1]}, frozenset(named)), named=named)
    assert plan_prune(contents, lambda *_: True).blobs == {}
    damaged = replace(contents, blobs={**contents.blobs, LAYERS[0]: 3})
    assert plan_prune(damaged, lambda *_: True).blobs == {LAYERS[0]: 3}


def test_what_broken_pushes_left_counts_as_freed() -> None:
    assert plan_prune(Contents((), {D[0]: 5}, {}, uploads_bytes=7), lambda *_: True).freed_bytes == 12


def test_every_digest_in_a_manifest_is_found_whatever_its_kind() -> None:
    config, layer, base, odd = D[:4]
    manifest = {
        "config": {"digest": config, "size": 2},
        "layers": [{"digest": layer, "size": 3, "annotations": {"of": base}}],
        "blobs": [[odd]],
        "fsLayers": [{"blobSum": D[4]}],
        "note": f"no {D[5]} alone",
    }
    assert named_in(json.loads(json.dumps(manifest))) == {config: 2, layer: 3, base: None, odd: None, D[4]: None}
