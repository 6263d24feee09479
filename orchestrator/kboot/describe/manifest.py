"""What is wrong with a manifest of the operator's own: it is none, or it has a key twice. Pure."""

from __future__ import annotations

from collections.abc import Iterator

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from kboot_clusterdesc.problem import Place, Problem

from ..supplies.named_images import yaml_of

_KEY = "kubernetes.manifests"
_MERGE = "tag:yaml.org,2002:merge"
_NEEDED = frozenset({"apiVersion", "kind"})


def manifest_problems(content: bytes, file: str) -> list[Problem]:
    """Return the faults of a manifest, YAML or JSON with one document or more, at their places in `file`."""
    try:
        documents = [each for each in yaml.compose_all(yaml_of(content), Loader=yaml.SafeLoader) if not _is_empty(each)]
        found = [problem for document in documents for problem in _repeats(document, file)]
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = Place(file, mark.line + 1, mark.column + 1) if mark else Place(file)
        what = str(getattr(error, "problem", None) or "is not YAML")
        return [Problem(place, _KEY, what, "mend the manifest")]
    except RecursionError:
        return [Problem(Place(file), _KEY, "is nested too deep", "is it the right file?")]
    if not documents:
        return [Problem(Place(file), _KEY, "is no manifest", "each document has `apiVersion` and `kind`")]
    return found + [
        Problem(_place(each, file), _KEY, "is no manifest", "each document has `apiVersion` and `kind`")
        for each in documents
        if not _keys(each) >= _NEEDED
    ]


def _is_empty(document: Node) -> bool:
    return isinstance(document, ScalarNode) and document.tag == "tag:yaml.org,2002:null"


def _keys(document: Node) -> frozenset[str]:
    if not isinstance(document, MappingNode):
        return frozenset()
    return frozenset(key.value for key, _ in document.value if isinstance(key, ScalarNode))


def _repeats(document: Node, file: str) -> Iterator[Problem]:
    """Yield a problem for each key that a mapping has twice: kubectl takes the last one without a word."""
    waiting, seen = [document], {id(document)}
    while waiting:
        node = waiting.pop()
        inside = node.value if isinstance(node, SequenceNode) else []
        if isinstance(node, MappingNode):
            inside = [value for _, value in node.value]
            first: dict[str, Node] = {}
            for key, _ in node.value:
                if not isinstance(key, ScalarNode) or key.tag == _MERGE:
                    continue
                if first.setdefault(key.value, key) is not key:
                    line = _place(first[key.value], file).line
                    message = f"`{key.value[:80]}` is a repeated key, the first one stands at line {line}"
                    hint = "merge the two, or begin a new list item with a dash"
                    yield Problem(_place(key, file), _KEY, message, hint)
        new = [each for each in inside if id(each) not in seen]  # an alias is the node that it names
        seen.update(map(id, new))
        waiting += new


def _place(node: Node, file: str) -> Place:
    return Place(file, node.start_mark.line + 1, node.start_mark.column + 1)
