"""What `kboot init` asks: until the answer is one that its description can have."""

from __future__ import annotations

import io
import sys

import pytest

from kboot.cli.questions import host_label


@pytest.mark.parametrize("refused", ["My Lab", "lab #1", "a: b", "lab_2", "-lab", "l" * 64])
def test_a_name_that_no_cluster_can_have_is_asked_again(
    refused: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(f"{refused}\nlab-2\n"))
    assert host_label("name of the cluster", "lab") == "lab-2"
    assert capsys.readouterr().err == (
        "name of the cluster [lab]: small letters, digits and dashes, at most 63\nname of the cluster [lab]: "
    )
