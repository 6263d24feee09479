"""Rules for images: known keys, and references that a registry can answer."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator

from ..model import ClusterDesc
from ..node_images import IMAGE_KEYS
from ..problem import Problem
from ..source import Tree
from .at import problem_at

# https://github.com/distribution/reference: name, then a tag or a digest
_REFERENCE = re.compile(
    r"(?=.{1,255}$)(?:[a-zA-Z0-9](?:[a-zA-Z0-9.-]*[a-zA-Z0-9])?(?::[0-9]{1,5})?/)?"
    r"[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*)*"
    r"(?::[A-Za-z0-9_][A-Za-z0-9_.-]{0,127})?(?:@sha256:[0-9a-f]{64})?"
)


def check_images(desc: ClusterDesc, tree: Tree) -> Iterator[Problem]:
    """Yield a problem for each image that no node pulls, or whose reference is none."""
    for key, reference in desc.images.items():
        path = ("images", key)
        if key not in IMAGE_KEYS:
            near = difflib.get_close_matches(key.replace("-", "_"), IMAGE_KEYS, 1)
            hint = f"did you mean `{near[0]}`?" if near else f"the images are {', '.join(IMAGE_KEYS)}"
            yield problem_at(tree, path, f"no node pulls an image `{key[:80]}`", hint)
        elif not _REFERENCE.fullmatch(reference):
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
