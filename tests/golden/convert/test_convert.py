"""The real old descriptions against what they are turned into."""

from __future__ import annotations

from pathlib import Path

import pytest

from kboot.describe.convert import convert
from kboot_clusterdesc import InvalidDescription, load_text

HERE = Path(__file__).parent
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIE9ubHlBbkV4YW1wbGUuUHV0WW91cktleUluSXRzUGxh operator@example.com"
CONVERTS = {"05": "F2", "07": "F3", "09": "F4", "10": "F4", "11": "F4", "12": "F4", "13": "F4"}
REFUSED = {
    "01": "1:1: the form F0 of July 2016",
    "02": "1:1: the form F0 of July 2016",
    "03": "1:1: the form F1 of July 2016",
    "04": "1:1: the form F1 of July 2016",
    "06": "9:13: domainname: `192.168.8.101` is an address, not a domain",
    "08": "11:29: not YAML",
    "14": "the form F5 of 2017",
    "15": "1:1: these are settings for machines that have an OS already",
    "16": "1:1: this is no cluster description of k8sp/sextant, its keys are `animal`, `fruits`",
}


def old(number: str) -> Path:
    (path,) = (HERE / "old").glob(f"{number}-*")
    return path


@pytest.mark.parametrize("number", CONVERTS)
def test_an_old_description_becomes_the_kept_one_which_validates(number: str, request: pytest.FixtureRequest) -> None:
    path = old(number)
    converted = convert(path.read_text().replace("<SSH_KEY>", KEY), path.name)
    assert converted.form.startswith(CONVERTS[number])
    desc = load_text(converted.description_text, path.name)
    assert len(desc.nodes) == path.read_text().count("- mac:")
    expected = HERE / "expected" / f"{number}.yaml"
    if request.config.getoption("--update-golden"):
        expected.write_text(converted.description_text)
    assert converted.description_text == expected.read_text()


@pytest.mark.parametrize("number", REFUSED)
def test_an_old_file_that_cannot_convert_says_why_and_what_to_do(number: str) -> None:
    path = old(number)
    with pytest.raises(InvalidDescription) as refused:
        convert(path.read_text(), path.name)
    assert REFUSED[number] in str(refused.value)
    assert "hint: " in str(refused.value)
    assert "PLACEHOLDER" not in str(refused.value)


def test_an_unfilled_template_is_refused_at_the_blank() -> None:
    with pytest.raises(InvalidDescription, match=r":84:22: ssh_authorized_keys: `<SSH_KEY>` is a blank of a template"):
        convert(old("11").read_text(), "old.yml")


def test_the_password_of_an_old_description_is_not_in_the_new_one() -> None:
    converted = convert(old("12").read_text(), "old.yml")
    assert "users_mail_pass" in dict(converted.dropped)
    assert '"PLACEHOLDER"' not in converted.description_text
    assert "smtp.example.com" not in converted.description_text
