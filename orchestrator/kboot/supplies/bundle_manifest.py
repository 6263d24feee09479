"""The manifest of a bundle: what a bundle brings, item by item, each with its digest. JSON, in one form alone."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import cached_property
from hashlib import sha256
from itertools import pairwise
from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator

from ..errors import BadInput
from .bundle_kind import Kind as Kind

FORMAT: Final = 1
_SIZE_LIMIT_BYTES = 1 << 43  # 8 TiB: what a size field of a tar may come to is far above, what a disk holds below
_SERVICE_IMAGE = re.compile(r"kboot-[a-z][a-z0-9-]*:[A-Za-z0-9_][A-Za-z0-9_.-]*")  # no other name of an engine is taken
_SEGMENT = r"[A-Za-z0-9_][A-Za-z0-9._+~%@!=:-]*"  # begins with no dot: neither `..` nor a hidden file

Digest = Annotated[str, StringConstraints(pattern=r"^sha256:[0-9a-f]{64}\z")]
Size = Annotated[int, Field(ge=0, le=_SIZE_LIMIT_BYTES)]
Text = Annotated[str, StringConstraints(max_length=400, pattern=r"^[^\x00-\x1f\x7f]*\z")]
Name = Annotated[str, StringConstraints(min_length=1, max_length=400, pattern=r"^[^\x00-\x1f\x7f]+\z")]
Arch = Literal["amd64", "arm64", "any"]
RelativePath = Annotated[str, StringConstraints(max_length=400, pattern=rf"^(?:{_SEGMENT}(?:/{_SEGMENT})*)?\z")]


_KINDS = list(Kind)


class _Value(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Blob(_Value):
    """Some bytes by their SHA-256."""

    digest: Digest
    size: Size


class Item(_Value):
    """One thing that a bundle brings.

    `arch` is `amd64`, `arm64` or `any`. `path` says where a file belongs below what its kind is kept in; an image has
    none, its name is its reference. The first of an image's `blobs` is its manifest, whose digest the image has;
    `size` is what all of them come to.
    """

    kind: Kind
    name: Name
    version: Text = ""
    arch: Arch = "any"
    digest: Digest
    size: Size
    source: Text = ""
    licence: Text = ""
    path: RelativePath = ""
    blobs: tuple[Blob, ...] = ()

    @property
    def contents(self) -> tuple[Blob, ...]:
        """The blobs that make the item: those of an image, or the one file."""
        return self.blobs or (Blob(digest=self.digest, size=self.size),)

    @property
    def order(self) -> tuple[int, str, str, str, str]:
        """The key by which items are sorted; no two items of a manifest have the same."""
        return (_KINDS.index(self.kind), self.name, self.version, self.arch, self.path)

    @model_validator(mode="after")
    def _is_one_thing(self) -> Item:
        if self.kind.is_image:
            if not self.blobs or self.blobs[0].digest != self.digest:
                raise ValueError("the first blob of an image has to be its manifest")
            if self.size != sum(blob.size for blob in self.blobs):
                raise ValueError("the size of an image has to be the sum of its blobs'")
        elif self.blobs:
            raise ValueError("a file has no blobs but itself")
        if self.kind.is_image == bool(self.path):
            raise ValueError("a file has a path, an image has none")
        if self.kind is Kind.SERVICE_IMAGE and not _SERVICE_IMAGE.fullmatch(self.name):
            raise ValueError("a service image is called `kboot-<service>:<version>`")
        return self


class Manifest(_Value):
    """What a bundle brings.

    `head` is the SHA-256, in hex, of the program at the archive's head without this manifest's hash. `since` is the
    digest of the manifest of an older bundle whose blobs, named in `left_out`, this archive does not hold again.
    """

    format: Literal[1] = FORMAT
    kboot: Name
    created_for: tuple[Name, ...] = ()
    arch: tuple[Literal["amd64", "arm64"], ...] = ()
    head: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}\z")] = "0" * 64
    since: Digest | None = None
    left_out: tuple[Digest, ...] = ()
    items: tuple[Item, ...] = ()

    @model_validator(mode="after")
    def _is_consistent(self) -> Manifest:
        keys = [item.order for item in self.items]
        if any(before >= after for before, after in pairwise(keys)):
            raise ValueError("the items are not sorted, or one stands there twice")
        places = [(item.kind, item.arch, item.path) for item in self.items if item.path]
        if len(places) != len(set(places)):
            raise ValueError("two items have the same path")
        sizes: dict[str, int] = {}
        for item in self.items:
            for blob in item.contents:
                if sizes.setdefault(blob.digest, blob.size) != blob.size:
                    raise ValueError(f"{item.name}: {blob.digest} has two sizes")
        if list(self.left_out) != sorted(set(self.left_out)) or not sizes.keys() >= set(self.left_out):
            raise ValueError("left_out names what no item has, or is not sorted")
        if self.left_out and self.since is None:
            raise ValueError("something is left out, but nothing says of which bundle it is")
        return self

    @cached_property
    def content(self) -> bytes:
        """The manifest as JSON: the one form that `parse_manifest` takes."""
        return f"{json.dumps(self.model_dump(mode='json'), indent=1, ensure_ascii=False)}\n".encode()

    @cached_property
    def digest(self) -> str:
        """The SHA-256 of the manifest as JSON."""
        return f"sha256:{sha256(self.content).hexdigest()}"

    @property
    def bundle(self) -> str:
        """The name of the bundle: the clusters that it was made for, and the beginning of its digest."""
        clusters = "-".join(re.sub(r"[^a-z0-9-]", "-", name.lower()) for name in self.created_for) or "kboot"
        return f"{clusters[:100]}-{self.digest.removeprefix('sha256:')[:12]}"

    @cached_property
    def archived(self) -> dict[str, tuple[Item, Blob]]:
        """Digest -> the first item that needs it, and the blob, in the order of the archive."""
        left_out = set(self.left_out)
        return {key: found for key, found in self.needed.items() if key not in left_out}

    @cached_property
    def needed(self) -> dict[str, tuple[Item, Blob]]:
        """Digest -> the first item that needs it, and the blob; also those that the archive does not hold."""
        found: dict[str, tuple[Item, Blob]] = {}
        for item, blob in self._contents():
            found.setdefault(blob.digest, (item, blob))
        return found

    def _contents(self) -> Iterator[tuple[Item, Blob]]:
        for item in self.items:
            for blob in item.contents:
                yield item, blob


def sorted_items(items: list[Item]) -> tuple[Item, ...]:
    """Return items in the order of a manifest, each once."""
    return tuple(sorted(dict.fromkeys(items), key=lambda item: item.order))


def parse_manifest(content: bytes, where: str) -> Manifest:
    """Return the manifest that `content` is; raise BadInput that names `where`, what is wrong and at which item."""
    try:
        found = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise BadInput(f"{where}: manifest.json is no JSON: {error}", _WHOLE) from error
    said = found.get("format") if isinstance(found, dict) else None
    if isinstance(said, int) and said != FORMAT:
        raise BadInput(
            f"{where}: is a bundle of format {said}, made by kboot {str(found.get('kboot'))[:40]!r};"
            f" this kboot reads format {FORMAT}",
            "run `sh` with the bundle: it brings the kboot that reads it",
        )
    try:
        manifest = Manifest.model_validate_json(content)
    except ValidationError as error:
        raise BadInput(f"{where}: manifest.json: {_fault(error, found)}", _WHOLE) from error
    if manifest.content != content:
        raise BadInput(f"{where}: manifest.json is not written as kboot writes it", _WHOLE)
    return manifest


_WHOLE = "copy the bundle again from where it was made, or make it anew"


def _fault(error: ValidationError, found: object) -> str:
    """Return the first fault: its place, the name of the item that has it, and what is wrong."""
    first = error.errors(include_url=False, include_input=False, include_context=False)[0]
    place = ".".join(str(part) for part in first["loc"]) or "its top"
    name = ""
    match first["loc"]:
        case ("items", int(number), *_) if isinstance(found, dict):
            entry = found["items"][number]
            name = f" ({str(entry.get('name'))[:200]!r})" if isinstance(entry, dict) else ""
    return f"{place}{name}: {first['msg'].removeprefix('Value error, ')}"
