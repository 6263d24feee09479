"""No input brings the loader down, and what it accepts it can write."""

from __future__ import annotations

import string
from collections.abc import Callable

import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kboot.describe.convert import convert
from kboot_clusterdesc import ClusterDesc, InvalidDescription, dump, load_bytes, load_text
from kboot_clusterdesc.keys import KEYS
from kboot_clusterdesc.node_images import IMAGE_KEYS
from unit.clusterdesc.sample import KEY, SAMPLE

_WORDS = sorted({word for key in KEYS for word in key.split(".")})
_SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False),
    st.text(max_size=20),
    st.sampled_from(["10.10.14.1", "10.10.14.0/24", "serve", "worker", "5m", "flatcar", "00:25:90:c0:f7:80", KEY]),
)
_TREES = st.recursive(
    _SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(_WORDS) | st.text(max_size=8), inner, max_size=6)
    ),
    max_leaves=25,
)


def _hold_refusal(act: Callable[[], object]) -> None:
    """Run `act`, which may refuse with problems of its file, and may raise nothing else."""
    try:
        act()
    except InvalidDescription as error:
        said = error
    else:
        return
    assert said.problems
    assert str(said).startswith("any.yaml:")


def _refused_or_loaded(data: bytes) -> None:
    _hold_refusal(lambda: load_bytes(data, "any.yaml"))


@given(st.binary(max_size=400))
def test_any_bytes_are_loaded_or_refused(data: bytes) -> None:
    _refused_or_loaded(data)


@given(st.text(alphabet=st.characters(), max_size=400))
def test_any_text_is_loaded_or_refused(text: str) -> None:
    _hold_refusal(lambda: load_text(text, "any.yaml"))


@given(st.text(alphabet="ab:-[]{}&*!|>'\"%@`#,? \n\t~.0", max_size=120))
def test_any_tangle_of_yaml_signs_is_loaded_or_refused(text: str) -> None:
    _refused_or_loaded(text.encode())


@given(_TREES)
def test_any_tree_of_values_is_loaded_or_refused(tree: object) -> None:
    _refused_or_loaded(yaml.safe_dump(tree, allow_unicode=True).encode("utf-8", "surrogatepass"))


@given(st.dictionaries(st.sampled_from(sorted(KEYS)), _TREES, max_size=4))
@settings(suppress_health_check=[HealthCheck.too_slow])
def test_a_description_with_any_values_put_in_is_loaded_or_refused(values: dict[str, object]) -> None:
    data = yaml.safe_load(SAMPLE)
    for key, value in values.items():
        here = data
        *parents, last = key.split(".")
        for word in parents:
            inner = here.setdefault(word, {}) if isinstance(here, dict) else None
            here = inner[0] if isinstance(inner, list) and inner else inner
        if isinstance(here, dict):
            here[last] = value
    _refused_or_loaded(yaml.safe_dump(data, allow_unicode=True).encode("utf-8", "surrogatepass"))


@given(st.integers(0, len(SAMPLE)), st.integers(0, 12), st.text(max_size=6))
def test_a_description_with_any_edit_is_loaded_or_refused(start: int, length: int, put: str) -> None:
    _refused_or_loaded((SAMPLE[:start] + put + SAMPLE[start + length :]).encode("utf-8", "surrogatepass"))


@given(_TREES)
def test_any_tree_of_values_is_converted_or_refused(tree: object) -> None:
    old = {
        "bootstrapper": "10.10.14.253",
        "netmask": "255.255.255.0",
        "nodes": [],
        "domainname": "a.example.com",
    }
    data = {**old, **tree} if isinstance(tree, dict) else {**old, "nodes": tree}
    _hold_refusal(lambda: convert(yaml.safe_dump(data, allow_unicode=True), "any.yaml"))


_labels = st.text(alphabet=string.ascii_letters + string.digits, min_size=1, max_size=12)
_values = st.one_of(_labels, st.sampled_from(["", "NO", "on", "0x10", "1.30", "012", "2024-01-01", "null", "1e3"]))
_hosts = st.sampled_from(["", "localhost/", "registry.example.com:5000/"])
_tags = st.sampled_from([":1.30", ":NO", "@sha256:" + "0" * 64])
_macs = st.integers(1, 2**40 - 1).map(lambda n: f"02{n:010x}")


@st.composite
def _images(draw: st.DrawFn) -> dict[str, str]:
    """Images of different names: two of one name would be one in the registry, which leaves hosts out."""
    keys = draw(st.lists(st.sampled_from(IMAGE_KEYS), max_size=2, unique=True))
    names = draw(st.permutations(["0", "on", "a/b__c"]))
    return {key: f"{draw(_hosts)}{name}{draw(_tags)}" for key, name in zip(keys, names, strict=False)}


@st.composite
def descriptions(draw: st.DrawFn) -> dict[str, object]:
    """The values of a small valid description."""
    macs = draw(st.lists(_macs, min_size=1, max_size=6, unique=True))
    nodes: list[dict[str, object]] = []
    for i, mac in enumerate(macs):
        node: dict[str, object] = {"mac": mac, "roles": ["control-plane", "etcd"] if i == 0 else ["worker"]}
        if draw(st.booleans()):
            node["ip"] = f"10.10.14.{140 + i}"
        if draw(st.booleans()):
            node["name"] = f"n{i}"
        node["labels"] = draw(st.dictionaries(_labels, _values, max_size=3))
        if draw(st.booleans()):
            node["taints"] = [f"{draw(_labels)}=x:NoSchedule"]
        nodes.append(node)
    update: dict[str, object] = {"enabled": draw(st.booleans()), "keep": draw(st.integers(1, 20))}
    if draw(st.booleans()):
        update["window"] = {
            "start": f"{draw(st.integers(0, 23))}:{draw(st.integers(0, 59)):02}",
            "length": "3h",
        }
    return {
        "apiVersion": "kboot/v1",
        "cluster": {
            "name": draw(st.sampled_from(["a", "null", "on", "no", "x1"])),
            "domain": "a.example.com",
        },
        "network": {
            "bootstrapper": "10.10.14.253",
            "subnet": "10.10.14.0/24",
            "dhcp": {"range": ["10.10.14.1", f"10.10.14.{draw(st.integers(1, 250))}"]},
            "hosts": draw(st.dictionaries(st.sampled_from(["p.example.com", "no", "y"]), st.just("10.10.14.9"))),
        },
        "os": {"update": update, "install_disk": draw(st.sampled_from(["/dev/sda", "/dev/disk/by-id/x-1"]))},
        "kubernetes": {"pod_cidr": "10.1.0.0/16"},
        "images": draw(_images()),
        "ssh_authorized_keys": draw(st.sampled_from([[], [KEY]])),
        "nodes": nodes,
    }


@given(descriptions())
def test_what_is_accepted_reads_back_equal_from_what_is_written(data: dict[str, object]) -> None:
    quoted = yaml.dump(data, Dumper=yaml.SafeDumper, default_style='"').replace("!!bool ", "").replace("!!int ", "")
    desc = load_text(quoted, "any.yaml")
    written = dump(desc)
    assert load_bytes(written, "any.yaml") == desc
    assert ClusterDesc.model_validate(yaml.safe_load(written)) == desc
