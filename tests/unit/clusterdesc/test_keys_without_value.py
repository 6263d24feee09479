"""No key vanishes: one that YAML reads as a key without a value is judged like any other."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kboot.describe.convert import convert
from kboot_clusterdesc import InvalidDescription, load_text
from unit.clusterdesc.sample import SAMPLE, accepted, place, refusal, refused_keys, spoilt
from unit.clusterdesc.test_properties import descriptions
from unit.kboot.describe.test_convert import OLD
from unit.kboot.describe.test_convert import refusal as old_refusal

NAME = "name: node1"


def test_each_missing_blank_is_named_at_its_key_in_one_run() -> None:
    text = spoilt(
        ("mode: serve", "mode:proxy"),
        ("lease: 24h", "lease:infinite"),
        (
            "version: current}",
            "install_disk:/dev/sda, update: {enabled:false, keep: 2}}",
        ),
        ('{mac: "00:25:90:c0:f6:ee",', '{mac: "00:25:90:c0:f6:ee", name:node2, ip:10.10.14.202,'),
    )
    said = refusal(text + "foo:\n")
    for key, value in (
        ("mode", "proxy"),
        ("lease", "infinite"),
        ("install_disk", "/dev/sda"),
        ("enabled", "false"),
        ("name", "node2"),
        ("ip", "10.10.14.202"),
    ):
        assert re.search(
            rf"^{place(text, f'{key}:{value}')}: \S+{key}:{value}: a key without a value\n"
            rf"  hint: put a blank after the colon: `{key}: {value}`$",
            said,
            re.MULTILINE,
        )
    assert "rack.yaml:14:1: foo: unknown key\n" in said
    assert said.count("hint: ") == 7


@pytest.mark.parametrize(
    ("text", "key"),
    [
        (SAMPLE + "foo:\n", "foo"),
        (spoilt(("  routers:", "  routrs:\n  routers:")), "network.routrs"),
        (spoilt((NAME, "foo: ")), "nodes[0].foo"),
        (spoilt((NAME, "foo: ~")), "nodes[0].foo"),
        (spoilt((NAME, "spare")), "nodes[0].spare"),
        (spoilt((NAME, "name")), "nodes[0].name"),
        (spoilt((NAME, '"name"')), "nodes[0].name"),
        (spoilt((NAME, "? name")), "nodes[0].name"),
        (spoilt((NAME, "null: x")), "nodes[0].null"),
        (spoilt((NAME, "~: x")), "nodes[0].~"),
        (spoilt((NAME, '"": x')), "nodes[0]."),
        (spoilt((NAME, "<<: {name: node1}")), "nodes[0].<<"),
        (spoilt((NAME, "labels: {a:b}")), "nodes[0].labels.a:b"),
        (spoilt((NAME, "labels: {a:b: }")), "nodes[0].labels.a:b"),
        (spoilt((NAME, "labels: {a: }")), "nodes[0].labels.a"),
        (spoilt((NAME, "labels: {a: null}")), "nodes[0].labels.a"),
        (spoilt(("  routers:", "  hosts: {nas:10.10.14.9}\n  routers:")), "network.hosts.nas:10.10.14.9"),
        (spoilt(("  routers:", "  hosts: {nas: }\n  routers:")), "network.hosts.nas"),
        (spoilt(("  routers:", "  ntp: [10.10.14.240, ~]\n  routers:")), "network.ntp[1]"),
        (spoilt(("  routers:", "  ntp:\n  -\n  - 10.10.14.240\n  routers:")), "network.ntp[0]"),
        (SAMPLE + "  -\n", "nodes[2]"),
        (SAMPLE + "images: {pause:x/y:1}\n", "images.pause:x/y:1"),
        (SAMPLE + "images: {hyperkube: }\n", "images.hyperkube"),
        (SAMPLE + "registry: &r {port:5001}\n", "registry.port:5001"),
    ],
    ids=lambda value: "" if "\n" in value else value,
)
def test_a_key_or_an_item_without_a_value_is_refused_alone(text: str, key: str) -> None:
    assert refused_keys(text) == [key]


def test_a_known_key_without_a_value_is_as_if_it_were_not_there() -> None:
    text = spoilt((NAME, "name: , ip: , labels: , taints: ~"), ("ip: 10.10.14.201, ", ""), ("lease: 24h", "lease: "))
    bare = spoilt((f"{NAME}, ip: 10.10.14.201, ", ""))
    assert accepted(f"{text}images: {{pause: }}\nregistry:\ntiming: null\n") == accepted(bare)


def test_an_empty_label_is_written_with_quotes() -> None:
    said = refusal(spoilt((NAME, "labels: {spare: }")))
    assert (
        said
        == 'rack.yaml:12:41: nodes[0].labels.spare: a key without a value\n  hint: write `spare: ""` for an empty one'
    )
    assert accepted(spoilt((NAME, 'labels: {spare: ""}'))).nodes[0].labels == {"spare": ""}


@pytest.mark.parametrize(
    ("key", "meant", "named"),
    [
        ("name:\u00a0node1", "name: node1", "U+00A0 NO-BREAK SPACE"),
        ("\u200bname: node1", "name", "U+200B ZERO WIDTH SPACE"),
        ("na\ufeffme: node1", "name", "U+FEFF ZERO WIDTH NO-BREAK SPACE"),
        ("name\uff1anode1", "name: node1", "U+FF1A FULLWIDTH COLON"),
        ("name\u3000: node1", "name", "U+3000 IDEOGRAPHIC SPACE"),
        ("\u202ename: node1", "name", "U+202E RIGHT-TO-LEFT OVERRIDE"),
        ("labels: {\u200ba: b}", "a", "U+200B ZERO WIDTH SPACE"),
        ('"name\\t": node1', "name", "U+0009 control character"),
    ],
)
def test_letters_of_a_key_that_cannot_be_seen_are_named(key: str, meant: str, named: str) -> None:
    said = refusal(spoilt((NAME, key)))
    assert named in said
    assert f"`{meant}`" in said
    assert said.count("hint: ") == 1


def test_a_letter_of_another_alphabet_in_an_unknown_key_is_named() -> None:
    assert refusal(spoilt((NAME, "n\u0430me: node1"))).endswith(
        "unknown key, written with U+0430 CYRILLIC SMALL LETTER A\n  hint: did you mean `name`?"
    )


def test_a_letter_of_a_value_that_cannot_be_seen_is_named() -> None:
    assert ", which has U+200B ZERO WIDTH SPACE\n" in refusal(spoilt((NAME, "name: node1\u200b")))
    assert ", which has U+200B ZERO WIDTH SPACE\n" in refusal(spoilt(("10.10.14.201", "10.10.14.201\u200b")))


@pytest.mark.parametrize(
    ("change", "where", "hint"),
    [
        (("range: [", "range:["), "rack.yaml:6:23", "put a blank after the colon: `range: [10.10.14.1, 10.10.14.127]`"),
        (("lease: 24h", "lease:"), "rack.yaml:6:58", "put a blank after the colon"),
        (("  routers: [", "  routers\uff1a["), "rack.yaml:7:3", "write `routers:[10.10.14.254]` anew: it has U+FF1A"),
    ],
)
def test_a_slip_that_is_no_yaml_is_told_by_its_cure(change: tuple[str, str], where: str, hint: str) -> None:
    said = refusal(spoilt(change))
    assert said.startswith(f"{where}: not YAML: ")
    assert hint in said


def test_slips_before_a_place_that_is_no_yaml_are_told_as_well() -> None:
    assert refused_keys(spoilt(("lease: 24h", "lease:24h"), ("roles: [worker]", "roles: [worker"))) == [
        "network.dhcp.lease:24h",
        "",
    ]


@pytest.mark.parametrize(
    ("block", "hint"),
    [
        ("os:\n  install_disk:/dev/sda\n", "put a blank after the colon: `install_disk: /dev/sda`"),
        ("os: {channel=stable}\n", "write a colon and a blank: `channel: stable`"),
        ("os: {channel; stable}\n", "write a colon and a blank: `channel: stable`"),
        ("images:\n  pause:example.com/pause\n", "put a blank after the colon: `pause: example.com/pause`"),
        ("os: {family:flatcar: }\n", "put a blank after the colon: `family: flatcar`"),
    ],
)
def test_a_missing_blank_that_makes_another_fault_is_told_by_its_cure(block: str, hint: str) -> None:
    assert hint in refusal(spoilt(("os: {family: flatcar, channel: stable, version: current}\n", block)))


def test_an_old_description_names_its_missing_blanks() -> None:
    node = '  - {mac: "10:20:30:40:50:13", kube_master:y, ip:10.10.14.201}\n'
    assert old_refusal(OLD.replace("ssh_auth", f"{node}ssh_auth")) == (
        "old.yml:17:32: nodes[2].kube_master:y: a key without a value\n"
        "  hint: put a blank after the colon: `kube_master: y`\n"
        "old.yml:17:47: nodes[2].ip:10.10.14.201: a key without a value\n"
        "  hint: put a blank after the colon: `ip: 10.10.14.201`"
    )


def test_an_old_description_of_a_refused_form_names_its_slips_too() -> None:
    said = old_refusal("{boot_strapper:10.10.14.253, animal: cat}")
    assert "put a blank after the colon: `boot_strapper: 10.10.14.253`" in said
    assert "old.yml:1:1: these are settings" in said


@pytest.mark.parametrize("line", ["odd:", "odd: ~", "images: {odd: }"])
def test_a_key_without_a_value_that_is_not_carried_over_is_listed(line: str) -> None:
    found = convert(f"{OLD}{line}\n", "old.yml")
    assert any(key.endswith("odd") for key, _ in found.dropped)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("spare: {a:b}", "old.yml:20:9: spare.a:b: a key without a value"),
        ("coreos: n", "old.yml:20:9: coreos: must be a mapping"),
        (
            "upstreamnameservers: [8.8.8.8, {a: b}]",
            "old.yml:20:22: upstreamnameservers: must be a list of single values",
        ),
        ("upstreamnameservers: [8.8.8.8, ~]", "old.yml:20:32: upstreamnameservers[1]: an empty item"),
        ("coreos: {<<: {os_update: y}}", "old.yml:20:10: coreos.<<: merge keys are not read"),
    ],
)
def test_nothing_of_an_old_description_is_dropped_without_a_word(line: str, said: str) -> None:
    assert said in old_refusal(f"{OLD}x: y\n{line}\n")


class _Flow:
    """Values in one line of YAML, with the blank left out after the colon of one key."""

    def __init__(self, data: object, mangled: int) -> None:
        self.keys: list[int] = []  # column of each key
        self.text = ""
        self.mangled = mangled
        self._write(data)

    def _write(self, value: object) -> None:
        if isinstance(value, dict):
            self._each("{}", value.items())
        elif isinstance(value, list):
            self._each("[]", value)
        else:
            bare = isinstance(value, str) and value != "null" and re.fullmatch(r"[a-z0-9/.-]+", value)
            self.text += str(value) if bare else json.dumps(value)

    def _each(self, ends: str, values: Iterable[object]) -> None:
        self.text += ends[0]
        for i, value in enumerate(values):
            self.text += ", " if i else ""
            if isinstance(value, tuple):
                self.keys.append(len(self.text) + 1)
                self.text += f"{value[0]}:" + " " * (len(self.keys) - 1 != self.mangled)
                value = value[1]
            self._write(value)
        self.text += ends[1]


@given(descriptions(), st.data())
def test_a_key_whose_blank_is_left_out_is_refused_where_it_stands(data: dict[str, object], draw: st.DataObject) -> None:
    count = len(_Flow(data, -1).keys)
    mangled = draw.draw(st.integers(0, count - 1))
    flow = _Flow(data, mangled)
    load_text(_Flow(data, -1).text, "any.yaml")
    with pytest.raises(InvalidDescription) as refused:
        load_text(flow.text, "any.yaml")
    places = [(problem.place.line, problem.place.column) for problem in refused.value.problems]
    assert (1, flow.keys[mangled]) in places, f"{flow.text}\n{refused.value}"
