"""Descriptions that are written out: each text stays the text that stands there, for readers of YAML 1.1 too."""

from __future__ import annotations

import pytest
import yaml

from kboot_clusterdesc import dump, load_bytes
from unit.clusterdesc.sample import SAMPLE, accepted, spoilt, with_block


def test_a_description_that_is_written_out_reads_back_equal() -> None:
    desc = accepted(SAMPLE)
    assert load_bytes(dump(desc), "copy.yaml") == desc
    assert dump(load_bytes(dump(desc), "copy.yaml")) == dump(desc)


def test_a_mac_of_digits_and_a_time_stay_what_was_written() -> None:
    text = with_block(
        "nodes",
        "nodes:\n"
        "  - {mac: 52:54:00:12:34:56, ip: 10.10.14.201, roles: [control-plane, etcd]}\n"
        "  - {mac: 001122334455, roles: [worker]}\n",
    ).replace("version: current}", "version: current, update: {window: {start: 3:00, length: 3h}}}")
    desc = accepted(text)
    assert [node.name for node in desc.nodes] == ["52-54-00-12-34-56", "00-11-22-33-44-55"]
    assert [node.mac for node in desc.nodes] == ["52:54:00:12:34:56", "00:11:22:33:44:55"]
    assert desc.os.update.window is not None
    assert desc.os.update.window.start == "03:00"


def test_a_yaml_1_1_reader_gets_each_mac_of_the_written_copy_as_text() -> None:
    text = spoilt(('"00:25:90:c0:f7:80"', "52:54:00:12:34:56"), ('"00:25:90:c0:f6:ee"', "001122334455"))
    written = dump(accepted(text))
    assert [node["mac"] for node in yaml.safe_load(written)["nodes"]] == [
        "52:54:00:12:34:56",
        "00:11:22:33:44:55",
    ]
    assert b"41135085296" not in written
    assert b"155826477" not in written


@pytest.mark.parametrize("quote", ["", '"'])
def test_labels_keep_the_text_that_stands_there(quote: str) -> None:
    values = {
        "country": "NO",
        "rack": "0x10",
        "release": "1.30",
        "row": "012",
        "spare": "on",
        "since": "2024-01-01",
    }
    labels = ", ".join(f"{key}: {quote}{value}{quote}" for key, value in values.items())
    desc = accepted(spoilt(("roles: [worker]", f"roles: [worker], labels: {{{labels}}}")))
    assert desc.nodes[1].labels == values
    assert yaml.safe_load(dump(desc))["nodes"][1]["labels"] == values
