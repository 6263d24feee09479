"""Renders as their golden files keep them: node configs decoded, and their documents with a digest for each content."""

from __future__ import annotations

import json
import re
from base64 import b64decode
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from difflib import unified_diff
from hashlib import sha256
from pathlib import PurePosixPath

from kboot.render import RenderedFile
from support.dialects import Given, given_by_cloud_config, given_by_document, given_by_ignition

Tree = Mapping[str, bytes]  # path -> content

_DECODERS = {
    "ignition.json": given_by_ignition,
    "cloud-config.yaml": given_by_cloud_config,
    "node-config.json": given_by_document,
}
_ENTRY_INDENT = {"ignition.json": 3, "cloud-config.yaml": 3, "node-config.json": 2}  # of a unit, most of files too
_CLOUD_CONFIG = "#cloud-config"
_DATA_URL = "data:;base64,"
_JSON_CONTENT = re.compile(
    r'(?P<base64>"encoding": "base64",\s+)?"(?P<key>contents?|source)": (?P<text>"(?:[^"\\]|\\.)*")'
)


def documents(files: Mapping[str, RenderedFile]) -> Tree:
    """Every file of a render; in the documents of node configs a digest stands for each content."""
    kept = {}
    for path, file in files.items():
        name = PurePosixPath(path).name
        kept[path] = _digested(name, file.content.decode()).encode() if name in _DECODERS else file.content
    return kept


def machines(files: Mapping[str, RenderedFile]) -> dict[str, Tree]:
    """Folder of a machine -> `files/` as they will lie there, and `units/`.

    It fails where the forms of a node config do not give a machine the very same.
    """
    trees: dict[str, Tree] = {}
    for folder in sorted({str(PurePosixPath(path).parent) for path in files if path.endswith("/ignition.json")}):
        first, *others = (decode(files[f"{folder}/{name}"].content) for name, decode in _DECODERS.items())
        for each in others:
            assert each == first, folder
            assert [*each.files, *each.units] == [*first.files, *first.units], folder
        trees[folder] = dict(_tree(first))
    return trees


def without_repeats(trees: Mapping[str, Tree], shared: str) -> Tree:
    """All trees in one. What several of them have lies once, below `shared`, as most have it; others keep theirs.

    Theirs is the whole content, or a `.diff` from the shared one where that says it in less than half of the letters.
    Which machine has a file, and with which content to the byte, stands in its documents.
    """
    contents: dict[str, list[bytes]] = defaultdict(list)
    for tree in trees.values():
        for path, content in tree.items():
            contents[path].append(content)
    common = {path: Counter(found).most_common(1)[0][0] for path, found in contents.items() if len(found) > 1}
    kept = {f"{shared}/{path}": content for path, content in common.items()}
    for folder, tree in trees.items():
        for path, content in tree.items():
            difference = _difference(common.get(path, b""), content)
            if difference and len(difference) * 2 < len(content):
                kept[f"{folder}/{path}.diff"] = difference
            elif common.get(path) != content:
                kept[f"{folder}/{path}"] = content
    return kept


def _difference(before: bytes, after: bytes) -> bytes:
    """The lines that differ. No line numbers: an edit further up would change them."""
    old, new = (content.decode(errors="backslashreplace").splitlines() for content in (before, after))
    lines = list(unified_diff(old, new, n=0, lineterm=""))[2:]
    return "".join("@@\n" if line.startswith("@@") else f"{line}\n" for line in lines).encode()


def _tree(given: Given) -> Iterator[tuple[str, bytes]]:
    for path, (_, content) in given.files.items():
        yield f"files{path}", content
    for name, unit in given.units.items():
        if unit.content is not None:
            yield f"units/{name}", unit.content.encode()
        for drop_in, text in unit.drop_ins.items():
            yield f"units/{name}.d/{drop_in}", text.encode()


def _digest(content: bytes) -> str:
    return sha256(content).hexdigest()[:16]


def _digested(name: str, document: str) -> str:
    """The document with each content replaced, every other letter as it is; JSON with an entry a line."""
    head = f"{_CLOUD_CONFIG}\n" if name == "cloud-config.yaml" else ""
    assert document.startswith(head)
    document = document.removeprefix(head)
    assert document == json.dumps(json.loads(document), indent=1, ensure_ascii=False) + "\n"
    indent = _ENTRY_INDENT[name]
    text = re.sub(rf",\n {{{indent + 1},}}", ", ", _JSON_CONTENT.sub(_json_content, document))
    return head + re.sub(rf"\n( {{{indent + 1},}}| {{{indent}}}(?=[\]}}]))", "", text)


def _json_content(found: re.Match[str]) -> str:
    text: str = json.loads(found["text"])
    if found["key"] == "source":
        content = b64decode(text.removeprefix(_DATA_URL), validate=True)
    else:
        content = b64decode(text, validate=True) if found["base64"] else text.encode()
    return found[0].removesuffix(found["text"]) + f'"{_digest(content)}"'
