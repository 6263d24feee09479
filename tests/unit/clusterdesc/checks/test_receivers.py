"""Who is told of events, in a description."""

from __future__ import annotations

import pytest

from kboot_clusterdesc import InvalidDescription, dump, load_bytes, load_text
from unit.clusterdesc.sample import SAMPLE, accepted, refused_keys

_ONE = 'notify: [{url: "https://hooks.example.com/kboot", events: [failed, refused], secret: hook.secret}]\n'


def test_a_receiver_is_called_after_the_host_of_its_url_and_survives_the_copy() -> None:
    desc = accepted(SAMPLE + _ONE)
    assert [receiver.label for receiver in desc.notify] == ["hooks.example.com"]
    assert load_bytes(dump(desc), "copy.yaml") == desc
    assert b"notify" not in dump(accepted(SAMPLE))


def test_a_kind_that_there_is_none_of_is_refused_with_the_one_that_was_meant() -> None:
    with pytest.raises(InvalidDescription) as refused:
        load_text(SAMPLE + _ONE.replace("refused", "refusd"), "rack.yaml")
    assert str(refused.value).endswith(
        "notify[0].events[1]: there are no events of the kind `refusd`\n  hint: did you mean `refused`?"
    )


def test_two_receivers_need_two_names() -> None:
    two = _ONE.replace("}]", '}, {url: "http://hooks.example.com/", NAMEsecret: other}]')
    with pytest.raises(InvalidDescription) as refused:
        load_text(SAMPLE + two.replace("NAME", ""), "rack.yaml")
    assert "notify[1].url: receiver 1 is called `hooks.example.com` too" in str(refused.value)
    assert len(accepted(SAMPLE + two.replace("NAME", "name: other, ")).notify) == 2


@pytest.mark.parametrize(
    ("old", "new", "key"),
    [
        ("https://hooks.example.com/kboot", "ftp://hooks.example.com", "notify[0].url"),
        ("https://hooks.example.com/kboot", "https://me:word@hooks.example.com/", "notify[0].url"),
        (", secret: hook.secret", "", "notify[0].secret"),
        ("secret: hook.secret", "secret: hook.secret, name: ../pki", "notify[0].name"),
    ],
)
def test_what_cannot_be_told_is_refused(old: str, new: str, key: str) -> None:
    assert refused_keys(SAMPLE + _ONE.replace(old, new)) == [key]
