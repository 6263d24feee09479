"""Rules for images: known keys, references that a registry can answer, and none of two in one place."""

from __future__ import annotations

import difflib
from collections.abc import Iterator

from ..model import ClusterDesc
from ..node_images import IMAGE_KEYS, in_place_of, is_reference, node_images
from ..problem import Problem
from ..source import Tree, place_of
from .at import problem_at


def check_images(desc: ClusterDesc, tree: Tree) -> Iterator[Problem]:
    """Yield a problem for each image that no node pulls, or whose reference is malformed or has no tag."""
    for key, reference in desc.images.items():
        path = ("images", key)
        if key not in IMAGE_KEYS:
            near = difflib.get_close_matches(key.replace("-", "_"), IMAGE_KEYS, 1)
            hint = f"did you mean `{near[0]}`?" if near else f"the images are {', '.join(IMAGE_KEYS)}"
            yield problem_at(tree, path, f"no node pulls an image `{key[:80]}`", hint)
        elif not is_reference(reference):
            yield problem_at(
                tree,
                path,
                f"`{reference[:120]}` is not an image reference",
                "write it as host/name:tag, with @sha256:... where you want one digest and no other",
            )
        elif ":" not in reference.rpartition("/")[2]:
            yield problem_at(
                tree, path, f"`{reference}` has no tag", "name a tag or a digest: `latest` is another one tomorrow"
            )


def check_image_places(desc: ClusterDesc, tree: Tree) -> Iterator[Problem]:
    """Yield a problem for each image that would take the place of another in the registry, which leaves out hosts."""
    known = {name: key for key, name in node_images(desc).items() if key not in desc.images}
    for key, reference in desc.images.items():
        if key in IMAGE_KEYS and is_reference(reference):
            if (other := in_place_of(reference, known)) is not None:
                first = f"images.{known[other]}"
                at = f" at {place_of(tree, ('images', known[other]))}" if known[other] in desc.images else ""
                yield problem_at(
                    tree,
                    ("images", key),
                    f"`{reference}` has in the registry, which leaves hosts out, the name of `{other}`, `{first}`{at}",
                    "name one image in both places, give one of them another tag, or name it by its digest",
                    given=(first, "kubernetes.version"),
                )
            known[reference] = key
