"""The images that a text names, and which of them a registry has to keep."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from fnmatch import fnmatchcase

import yaml

from kboot_clusterdesc.node_images import is_reference, repository_and_tag

_KEPT_TAGS = ("tag:yaml.org,2002:null", "tag:yaml.org,2002:merge")
_CONTAINERS = ("initContainers", "containers", "ephemeralContainers")
_WORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/@:-]*")


class _Texts(yaml.SafeLoader):
    """Reads each scalar but null as the text that it is: a date that no calendar has is no fault here."""

    yaml_implicit_resolvers = {  # noqa: RUF012 - as the class above has it
        letter: [(tag, form) for tag, form in forms if tag in _KEPT_TAGS]
        for letter, forms in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }


def yaml_of(manifest: bytes) -> bytes:
    """Return a manifest as YAML readers take it: JSON may be indented with tabs, and YAML may not."""
    return manifest.replace(b"\t", b" ") if manifest.lstrip().startswith((b"{", b"[")) else manifest


def documents_of(manifest: bytes) -> Iterator[object]:
    """Yield the documents of a manifest (YAML, or JSON), each scalar as text; none from where it is not YAML on."""
    try:
        yield from yaml.load_all(yaml_of(manifest), Loader=_Texts)
    except (yaml.YAMLError, ValueError, RecursionError):  # a value that its tag does not fit is a ValueError
        return


def images_named_in(text: str) -> set[str]:
    """Return every word of a text that can be the name of an image: more than are meant, but none less."""
    words = (word.rstrip("._/@:-") for word in _WORD.findall(text.replace("://", " ")))
    return {word for word in words if is_reference(word)}


def pod_images(manifest: bytes) -> list[str]:
    """Return the images of all pods in a manifest (YAML, or JSON), each once, in their order.

    Those are the ones of containers and of volumes; what another kind of object names is not known here.
    """
    try:
        found = [image for document in documents_of(manifest) for image in _pod_images(document)]
    except RecursionError:  # an alias of what it stands in
        return []
    return list(dict.fromkeys(image for image in found if is_reference(image)))


def _pod_images(part: object) -> Iterator[str]:
    if isinstance(part, list):
        for each in part:
            yield from _pod_images(each)
    elif isinstance(part, dict):
        containers = [each for key in _CONTAINERS for each in _objects(part.get(key))]
        volumes = [each.get("image") for each in _objects(part.get("volumes"))]
        yield from (str(each["image"]) for each in containers if "image" in each)
        yield from (str(each["reference"]) for each in _objects(volumes) if "reference" in each)
        for each in part.values():
            yield from _pod_images(each)


def _objects(part: object) -> list[dict[str, object]]:
    """Return the objects of a list; none where a resource of another kind has something else by that key."""
    return [each for each in part if isinstance(each, dict)] if isinstance(part, list) else []


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
