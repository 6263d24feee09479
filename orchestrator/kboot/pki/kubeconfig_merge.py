"""Puts a cluster into a kubeconfig of somebody else's, whose entries stay as they were written. Pure.

It works on YAML's nodes, not on values: a date, a `yes` or a quoted text comes out as it went in. Comments are lost.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from io import StringIO
from typing import Any, NoReturn

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from kboot_clusterdesc.problem import Place
from kboot_clusterdesc.syntax import syntax_problem

from ..errors import BadInput

_KINDS = {"clusters": "cluster", "users": "user", "contexts": "context"}
# What marks an entry as ours; kubectl keeps it, https://kubernetes.io/docs/reference/config-api/kubeconfig.v1/
_MARK = {"name": "kboot", "extension": {"provider": "kboot"}}
_COMMENT = re.compile(r"(^|\s)#", re.MULTILINE)
_HINT = "mend it, or name another file with `-o`"


def merged(text: str, file: str, own: dict[str, Any], name: str | None = None) -> str:
    """Return the kubeconfig `text` with the one cluster, user and context of the kubeconfig `own` in it.

    They are called `name`, else after cluster and user. An entry of that name is brought up to date where it is ours;
    raise BadInput where it is not, or where `text` is no kubeconfig; `file` is what the error calls it.
    """
    root = _root(text, file)
    names, current = _names(own, name), own["current-context"]
    for kind, key in _KINDS.items():
        entries = _list(root, kind, file)
        value = dict(own[kind][0][key])
        if kind == "contexts":
            value = {"cluster": names["clusters"], "user": names["users"]}
        _put(entries, names[kind], key, value, file)
    chosen = _value(root, "current-context")
    if chosen is None or not chosen.value:
        _set(root, "current-context", _node(name or current))
    return _written(root)


def as_written(text: str, file: str) -> str:
    """Return the kubeconfig `text` as `merged` would write it without a change."""
    return _written(_root(text, file))


def context_name(own: dict[str, Any], name: str | None = None) -> str:
    """Return what the context of the kubeconfig `own` is called once it is merged."""
    return name or str(own["current-context"])


def may_have_comments(text: str) -> bool:
    """Return whether `text` may have comments; a `#` in a quoted text is taken for one too."""
    return _COMMENT.search(text) is not None


def _names(own: dict[str, Any], name: str | None) -> dict[str, str]:
    context = context_name(own, name)
    # the user is called after the context: every other cluster has a `kubernetes-admin` too
    return {"clusters": name or own["clusters"][0]["name"], "users": context, "contexts": context}


def _root(text: str, file: str) -> MappingNode:
    try:
        root: Node | None = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.YAMLError as error:
        problem = syntax_problem(error, text, file)
        raise BadInput(f"{problem.place}: {problem.message}", f"{problem.hint}; nothing was changed") from error
    if root is None or (isinstance(root, ScalarNode) and root.tag.endswith(":null")):
        root = _node({"apiVersion": "v1", "kind": "Config"})
    if not isinstance(root, MappingNode):
        _refuse(root, file, "is no mapping, so no kubeconfig")
    kind = _value(root, "kind")
    if kind is not None and kind.value != "Config":
        _refuse(kind, file, "`kind` is not Config: this is no kubeconfig")
    return root


def _list(root: MappingNode, key: str, file: str) -> SequenceNode:
    """Return the list at `key`, made where there is none; kubectl writes an empty one as null."""
    found = _value(root, key)
    if found is None or found.tag.endswith(":null"):
        found = SequenceNode("tag:yaml.org,2002:seq", [], flow_style=False)
        _set(root, key, found)
    if not isinstance(found, SequenceNode):
        _refuse(found, file, f"`{key}` is no list")
    if not found.value:
        found.flow_style = False  # `[]`
    return found


def _put(entries: SequenceNode, name: str, key: str, value: dict[str, Any], file: str) -> None:
    for entry in entries.value:
        if not isinstance(entry, MappingNode):
            _refuse(entry, file, "is no entry with a name")
        named = _value(entry, "name")
        if named is None or named.value != name:
            continue
        found = _value(entry, key)
        if not isinstance(found, MappingNode) or not _is_ours(found):
            raise BadInput(
                f"{_place(entry, file)}: there is a {key} `{name}` that is not of `kboot kubeconfig`",
                "take another name with `--context NAME`, or delete that one: "
                f"`kubectl config delete-{key} {name}`; nothing was changed",
            )
        for word, text in value.items():
            _set(found, word, _node(text))
        return
    entries.value.append(_node({"name": name, key: {**value, "extensions": [_MARK]}}))


def _is_ours(entry: MappingNode) -> bool:
    extensions = _value(entry, "extensions")
    if not isinstance(extensions, SequenceNode):
        return False
    named = (_value(each, "name") for each in extensions.value if isinstance(each, MappingNode))
    return any(each is not None and each.value == _MARK["name"] for each in named)


def _pairs(mapping: MappingNode) -> Iterator[tuple[int, Node, Node]]:
    for index, (key, value) in enumerate(mapping.value):
        yield index, key, value


def _value(mapping: MappingNode, word: str) -> Node | None:
    return next((value for _, key, value in _pairs(mapping) if key.value == word), None)


def _set(mapping: MappingNode, word: str, value: Node) -> None:
    for index, key, old in _pairs(mapping):
        if key.value == word:
            if old.value != value.value:  # else it stays as it was written
                mapping.value[index] = (key, value)
            return
    mapping.value.append((_node(word), value))


def _node(value: object) -> Node:
    node: Node = yaml.SafeDumper(StringIO(), default_flow_style=False, sort_keys=False).represent_data(value)
    return node


def _written(root: Node) -> str:
    text: str = yaml.serialize(root, Dumper=yaml.SafeDumper, allow_unicode=True, width=math.inf)
    return text


def _place(node: Node, file: str) -> Place:
    return Place(file, node.start_mark.line + 1, node.start_mark.column + 1)


def _refuse(node: Node, file: str, what: str) -> NoReturn:
    raise BadInput(f"{_place(node, file)}: {what}", f"{_HINT}; nothing was changed")
