"""Whether the images of a bundle are whole, by what their own manifests name: looked at before any is put in force."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from ..errors import BadInput
from ..supplies.bundle_manifest import Blob, Item, Kind, Manifest
from .collect.image_parts import JSON_LIMIT_BYTES

_ANEW = "have the bundle made anew, by `kboot bundle create`"


def check_images(manifest: Manifest, path_of: Callable[[Blob], Path], where: str) -> None:
    """Raise BadInput for an image that names what is not among its blobs, or is for another processor than it says.

    Whoever uses an image later looks up what it names in the store, and finds it there.
    """
    for item in manifest.items:
        if item.kind.is_image:
            try:
                _check(item, path_of)
            except (KeyError, TypeError, AttributeError, ValueError, RecursionError) as error:
                raise BadInput(f"{where}: {item.kind} {item.name}: is no image: {error!r}", _ANEW) from error
            except BadInput as error:
                raise BadInput(f"{where}: {item.kind} {item.name}: {error.message}", _ANEW) from error


def _check(item: Item, path_of: Callable[[Blob], Path]) -> None:
    held, looked, waiting = set(item.blobs), set[str](), [item.blobs[0]]
    while waiting:
        blob = waiting.pop()
        if blob.digest not in looked:
            looked.add(blob.digest)
            waiting += _followed(_object(blob, path_of), held)
    top = _object(item.blobs[0], path_of)
    if "manifests" not in top:
        _check_config(item, top, path_of)
    elif item.kind is Kind.SERVICE_IMAGE:
        raise BadInput("is a list of images")


def _followed(found: dict[str, Any], held: set[Blob]) -> list[Blob]:
    """Return the manifests that an index names; raise BadInput where it, or a manifest, names what is not `held`."""
    named = list(_named(found))
    lacking = next((blob for blob in named if blob not in held), None)
    if lacking is not None:
        raise BadInput(f"names {lacking.digest} of {lacking.size} bytes, which the bundle does not have for it")
    return named if "manifests" in found else []


def _check_config(item: Item, top: dict[str, Any], path_of: Callable[[Blob], Path]) -> None:
    blob = _blob(top["config"])
    config = _object(blob, path_of) if blob.size else {}
    arch = str(config.get("architecture", item.arch))
    if item.arch not in (arch, "any"):
        raise BadInput(f"is for {arch}, not for {item.arch}")
    if item.kind is Kind.SERVICE_IMAGE and len(config["rootfs"]["diff_ids"]) != len(top["layers"]):
        raise BadInput("does not tell each of its layers unpacked")


def _named(manifest: dict[str, Any]) -> Iterator[Blob]:
    if "manifests" in manifest:
        yield from map(_blob, manifest["manifests"])
    else:
        yield from map(_blob, (manifest["config"], *manifest["layers"]))


def _blob(entry: Any) -> Blob:
    try:
        return Blob(digest=entry["digest"], size=entry["size"])
    except (KeyError, TypeError, ValidationError) as error:
        raise BadInput(f"names {str(entry)[:200]} as a part") from error


def _object(blob: Blob, path_of: Callable[[Blob], Path]) -> dict[str, Any]:
    with path_of(blob).open("rb") as stream:
        found = json.loads(stream.read(JSON_LIMIT_BYTES))
    if not isinstance(found, dict):
        raise TypeError("no object")
    return found
