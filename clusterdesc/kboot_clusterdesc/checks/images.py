"""Rules for images: known keys, and references that a registry can answer."""

from __future__ import annotations

import difflib
from collections.abc import Iterator

from ..model import ClusterDesc
from ..node_images import IMAGE_KEYS, is_reference
from ..problem import Problem
from ..source import Tree
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
