"""The images that a text names, and which of them a registry has to keep."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from fnmatch import fnmatchcase

from kboot_clusterdesc.node_images import is_reference, repository_and_tag

_WORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/@:-]*")


def images_named_in(text: str) -> set[str]:
    """Return every word of a text that can be the name of an image: more than are meant, but none less."""
    words = (word.rstrip("._/@:-") for word in _WORD.findall(text.replace("://", " ")))
    return {word for word in words if is_reference(word)}


def is_kept(references: Iterable[str], patterns: Iterable[str]) -> Callable[[str, str], bool]:
    """Return what says whether an image stays: one of `references`, or one that a pattern such as `shop/*` fits.

    It is asked for a repository and a tag or digest. A pattern is a reference, or one of a shell for `repository:tag`.
    """
    shapes = list(patterns)
    places = {repository_and_tag(reference) for reference in references}
    places |= {repository_and_tag(shape) for shape in shapes if is_reference(shape)}

    def is_one(repository: str, name: str) -> bool:
        separator = "@" if name.startswith("sha256:") else ":"
        whole = f"{repository}{separator}{name}"
        return (repository, name) in places or any(fnmatchcase(whole, shape) for shape in shapes)

    return is_one
