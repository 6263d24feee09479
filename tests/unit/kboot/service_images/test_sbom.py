"""The SBOM of an image, against the schema of CycloneDX and the form of package URLs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from packageurl import PackageURL

from kboot.service_images.sbom import is_evidence, sbom

_STATUS = b"""\
Package: zlib1g
Status: install ok installed
Architecture: amd64
Version: 1:1.2.13.dfsg-1
Description: compression library - runtime
 .
 zlib is a library.

Package: libstdc++6
Status: hold ok installed
Architecture: amd64
Version: 12.2.0-14+deb12u1

Package: gone
Status: deinstall ok config-files
Architecture: amd64
Version: 1
"""
_COPIED = b"Package: ipxe\nStatus: install ok installed\nArchitecture: all\nVersion: 1.21.1+git20220113\n"
_EVIDENCE = {
    "var/lib/dpkg/status": _STATUS,
    "var/lib/dpkg/status.d/ipxe": _COPIED,
    "usr/lib/os-release": b'PRETTY_NAME="Debian"\nVERSION_CODENAME=bookworm\n',
    "usr/share/doc/zlib1g/copyright": b"Files: *\nLicense: Zlib\n text\n\nFiles: debian/*\nLicense: Zlib\n",
    "opt/kboot/pyyaml-6.0.2.dist-info/METADATA": b"Name: PyYAML\nVersion: 6.0.2\nLicense: MIT\n\nText: not a field\n",
    "opt/kboot/anyio-4.9.0.dist-info/METADATA": (
        b"Name: anyio\nVersion: 4.9.0\nClassifier: License :: OSI Approved :: MIT License\n"
    ),
    "opt/kboot/idna-3.10.dist-info/METADATA": b"Name: idna\nVersion: 3.10\nLicense-Expression: BSD-3-Clause\n",
}


@pytest.fixture
def made(tmp_path: Path) -> Any:
    """The list of an image with all kinds of parts, once it fits the schema."""
    (tmp_path / "app.py").write_bytes(b"hello\n")
    listed = sbom("kboot-dnsmasq", "0.1.0", {"kboot.digest": "abc"}, _EVIDENCE, {"site/app.py": tmp_path / "app.py"})
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(listed.decode()) is None
    return json.loads(listed)


def test_every_kind_of_part_is_listed_with_its_version_and_licence(made: Any) -> None:
    found = {part["name"]: (part.get("purl"), part.get("licenses")) for part in made["components"]}
    assert found == {
        "zlib1g": (
            "pkg:deb/debian/zlib1g@1:1.2.13.dfsg-1?arch=amd64&distro=bookworm",
            [{"license": {"name": "Zlib"}}],
        ),
        "libstdc++6": ("pkg:deb/debian/libstdc%2B%2B6@12.2.0-14%2Bdeb12u1?arch=amd64&distro=bookworm", None),
        "ipxe": ("pkg:deb/debian/ipxe@1.21.1%2Bgit20220113?arch=all", None),
        "PyYAML": ("pkg:pypi/pyyaml@6.0.2", [{"license": {"name": "MIT"}}]),
        "anyio": ("pkg:pypi/anyio@4.9.0", [{"license": {"name": "MIT License"}}]),
        "idna": ("pkg:pypi/idna@3.10", [{"expression": "BSD-3-Clause"}]),
        "site/app.py": (None, None),
    }
    for purl, _ in found.values():
        assert purl is None or PackageURL.from_string(purl).to_string() == purl
    (own,) = [part for part in made["components"] if part["type"] == "file"]
    assert own["hashes"] == [
        {"alg": "SHA-256", "content": "5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03"}
    ]


def test_the_image_is_named_with_its_labels_and_nothing_tells_when_it_was_made(made: Any) -> None:
    image = made["metadata"].pop("component")
    assert (image["name"], image["version"]) == ("kboot-dnsmasq", "0.1.0")
    assert image["properties"] == [{"name": "kboot.digest", "value": "abc"}]
    assert made["metadata"] == {}
    assert "serialNumber" not in made


def test_what_tells_of_an_image_is_known_by_its_path() -> None:
    assert all(is_evidence(path) for path in _EVIDENCE)
    assert not any(
        map(is_evidence, ("etc/passwd", "usr/share/doc/x/changelog", "opt/kboot/a/METADATA", "var/lib/dpkg"))
    )
