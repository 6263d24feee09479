"""`service_images_from` and `--images-from`: a registry, and maybe a folder of it."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kboot.cli.main import run
from kboot_clusterdesc import dump
from kboot_clusterdesc.image_registry import image_registry
from unit.clusterdesc.sample import SAMPLE, accepted, refusal, with_block

_WORDS = st.from_regex(r"[a-z0-9]{1,6}([._-][a-z0-9]{1,6}){0,2}", fullmatch=True)


@given(
    host=_WORDS.filter(lambda word: "_" not in word), port=st.integers(1, 65535), folders=st.lists(_WORDS, max_size=3)
)
def test_a_host_with_a_port_and_folders_is_taken_as_it_stands(host: str, port: int, folders: list[str]) -> None:
    text = "/".join([f"{host}:{port}", *folders])
    assert image_registry(text) == text


@pytest.mark.parametrize("text", ["ghcr.io/example/kboot", "localhost/kboot", "127.0.0.1:5000"])
def test_a_registry_of_a_description_is_kept(text: str) -> None:
    desc = accepted(with_block("service_images_from", f"service_images_from: {text}\n"))
    assert desc.service_images_from == text
    assert accepted(dump(desc).decode()).service_images_from == text


def test_a_description_without_one_says_nothing_of_it() -> None:
    assert accepted(SAMPLE).service_images_from is None
    assert b"service_images_from" not in dump(accepted(SAMPLE))


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("https://ghcr.io/example", "is an address"),
        ("ghcr.io/example/", "no image registry"),
        ("ghcr.io/Example", "no image registry"),
        ("ghcr.io/example:1", "no image registry"),
        ("ghcr.io/../x", "no image registry"),
        ("-ghcr.io", "no image registry"),
        ("example/kboot", "neither a dot nor a port"),
    ],
)
def test_what_is_none_is_refused_in_the_description_and_on_the_command_line(
    text: str, reason: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    said = refusal(with_block("service_images_from", f'service_images_from: "{text}"\n'))
    assert "service_images_from: `" in said
    assert reason in said
    assert run(["up", str(tmp_path / "cluster.yaml"), f"--images-from={text}"]) == 2
    assert reason in capsys.readouterr().err
