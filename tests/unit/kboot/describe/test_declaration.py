"""A machine written into descriptions of every style: one item more, every other letter as it was."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kboot.describe.declaration import Declaration, with_machine
from kboot_clusterdesc import InvalidDescription, load_text

_HEAD = """\
# The rack in room 4.   Ask Kim before you touch it.
apiVersion: kboot/v1
cluster: {name: rack, domain: rack.example.com}   # as printed on the door
network:
    bootstrapper: 10.10.14.253
    subnet:       10.10.14.0/24
    dhcp: {mode: serve, range: [10.10.14.1, 10.10.14.127]}
"""
_ITEM = '{mac: "52:54:00:00:00:09", name: node9, roles: [worker]}'
_NEW = Declaration("52:54:00:00:00:09", "node9", ["worker"])
_STYLES = {
    "none": "",
    "empty": "nodes:\n",
    "empty, with a remark": "nodes:   # none yet\n# and more to come\n",
    "empty brackets": "nodes: []   # none yet\n",
    "a line each": (
        'nodes:\n  - {mac: "52:54:00:00:00:01", name: node1, roles: [worker]}   # first\n'
        '  # - {mac: "52:54:00:00:00:02"}   # not yet\n'
    ),
    "not indented": 'nodes:\n- {mac: "52:54:00:00:00:01", roles: [worker]}\n',
    "indented oddly": 'nodes:\n       - mac: "52:54:00:00:00:01"\n         roles:\n           - worker\n\n\n',
    "keys below the dash": 'nodes:\n  -\n    mac: "52:54:00:00:00:01"\n    roles: [worker]\n  # the end\n',
    "another key behind": (
        'nodes:\n  - {mac: "52:54:00:00:00:01", roles: [worker]}\n\n# Updates, at night.\nos: {channel: stable}\n'
    ),
    "brackets": 'nodes: [{mac: "52:54:00:00:00:01", roles: [worker]}]\n',
    "brackets over lines": (
        'nodes: [\n  {mac: "52:54:00:00:00:01", roles: [worker]},   # ] no end yet\n]\nos: {channel: stable}\n'
    ),
    "a text of several lines at the end": (
        'nodes:\n  - mac: "52:54:00:00:00:01"\n    roles: [worker]\n    kernel_args:\n      - >-\n        quiet\n\n'
        "\n# the end\n"
    ),
    "an end of the document": 'nodes:\n  - {mac: "52:54:00:00:00:01", roles: [worker]}\n...\n',
    "without a last line's end": 'nodes:\n  - {mac: "52:54:00:00:00:01", roles: [worker]}',
}


@pytest.mark.parametrize("style", _STYLES)
@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_in_every_style_one_item_more_is_read_and_nothing_is_lost(style: str, line_end: str, mark: str) -> None:
    text = mark + (_HEAD + _STYLES[style]).replace("\n", line_end)
    made = with_machine(text, "rack.yaml", _NEW)
    before, after = load_text(text, "rack.yaml"), load_text(made, "rack.yaml")
    assert after.nodes[:-1] == before.nodes
    assert (after.nodes[-1].mac, after.nodes[-1].name) == ("52:54:00:00:00:09", "node9")
    assert after.model_copy(update={"nodes": before.nodes}) == before
    assert _without_one_piece(text, made)
    assert made.count("#") == text.count("#")
    if line_end == "\r\n":
        assert made.count("\n") == made.count("\r\n")


def _without_one_piece(text: str, made: str) -> bool:
    """Whether `made` is `text` with one piece more in one place."""
    extra = len(made) - len(text)
    return any(made[:at] + made[at + extra :] == text for at in range(len(text) + 1))


def test_it_stands_below_the_last_machine_with_its_indentation() -> None:
    made = with_machine(_HEAD + _STYLES["another key behind"], "rack.yaml", _NEW)
    assert f"roles: [worker]}}\n  - {_ITEM}\n\n# Updates, at night.\nos:" in made
    made = with_machine(_HEAD + _STYLES["indented oddly"], "rack.yaml", _NEW)
    assert f"           - worker\n       - {_ITEM}\n\n\n" in made


def test_a_machine_that_is_declared_already_is_refused_at_its_place() -> None:
    text = _HEAD + _STYLES["a line each"]
    with pytest.raises(InvalidDescription) as refused:
        with_machine(text, "rack.yaml", Declaration("52:54:00:00:00:01", "node9", ["worker"]))
    assert "rack.yaml:10:" in str(refused.value)


def test_a_description_with_faults_is_refused_before_anything_is_written() -> None:
    with pytest.raises(InvalidDescription, match="netwrok"):
        with_machine(_HEAD.replace("network:", "netwrok:"), "rack.yaml", _NEW)


def test_the_line_to_paste_has_what_was_said() -> None:
    assert Declaration("52:54:00:00:00:09", None, ["etcd", "worker"], "10.10.14.9").text == (
        '{mac: "52:54:00:00:00:09", ip: 10.10.14.9, roles: [etcd, worker]}'
    )


_BLANKS = st.sampled_from(["", "\n", "# a remark\n", "   # another\n", "\n\n"])


@given(
    st.integers(min_value=0, max_value=9),
    st.lists(st.tuples(_BLANKS, st.booleans()), min_size=1, max_size=5),
    _BLANKS,
    st.booleans(),
)
def test_whatever_stands_between_machines_stays(
    indent: int, machines: list[tuple[str, bool]], behind: str, has_more: bool
) -> None:
    text = f"{_HEAD}nodes:\n"
    for number, (blank, is_flow) in enumerate(machines):
        pad, mac = " " * indent, f'"52:54:00:00:01:{number:02}"'
        text += (
            f"{blank}{pad}- {{mac: {mac}, roles: [worker]}}\n"
            if is_flow
            else (f"{blank}{pad}- mac: {mac}   # a card\n{pad}  roles:\n{pad}  - worker\n")
        )
    text += behind + ("os: {channel: stable}\n" if has_more else "")
    made = with_machine(text, "rack.yaml", _NEW)
    assert _without_one_piece(text, made)
    assert [node.mac for node in load_text(made, "rack.yaml").nodes][-1] == "52:54:00:00:00:09"
