"""A manifest goes to whoever has the bundle: it tells where a part is from, and no password."""

from __future__ import annotations

import pytest

from kboot.bundle.collect.source_url import without_login


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("https://dl.example.com/v1/bin", "https://dl.example.com/v1/bin"),
        ("https://user:pa$w@rd@mirror:8443/a@b", "https://mirror:8443/a@b"),
        ("http://token@mirror", "http://mirror"),
        ("file:///srv/mirror", "file:///srv/mirror"),
        ("mirror", "mirror"),
    ],
)
def test_an_address_is_told_without_user_and_password(url: str, told: str) -> None:
    assert without_login(url) == told
