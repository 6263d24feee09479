"""The SBOM of a service image, as CycloneDX 1.6: Debian's packages, Python's, and files of our own."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from email.parser import HeaderParser
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import quote

_STATUS = "var/lib/dpkg/status"
_STATUS_OF_COPIED = "var/lib/dpkg/status.d/"  # of packages whose files were copied from another image
_METADATA = re.compile(r"opt/kboot/[^/]+\.dist-info/METADATA")
_COPYRIGHT = re.compile(r"usr/share/doc/([^/]+)/copyright")
_LICENCE = re.compile(rb"^License:[ \t]*(\S[^\n]*)$", re.MULTILINE)  # of a copyright file that machines can read
_DISTRIBUTION = re.compile(rb'^VERSION_CODENAME="?(\w+)"?$', re.MULTILINE)
_RELEASE = "usr/lib/os-release"

Component = dict[str, Any]


def is_evidence(path: str) -> bool:
    """Return whether the file at `path` of an image tells what the image consists of."""
    named = path in (_STATUS, _RELEASE) or path.startswith(_STATUS_OF_COPIED)
    return named or bool(_METADATA.fullmatch(path) or _COPYRIGHT.fullmatch(path))


def sbom(
    name: str, version: str, labels: Mapping[str, str], evidence: Mapping[str, bytes], own: Mapping[str, Path]
) -> bytes:
    """Return the SBOM of the image `name`, as JSON; the same image has the same.

    `evidence` is what the image holds at the paths of `is_evidence`; `own` are our files, by their path in the build.
    """
    components = sorted(
        [*_debian_packages(evidence), *_python_packages(evidence), *_own_files(own)], key=lambda part: part["bom-ref"]
    )
    image = {
        "type": "container",
        "bom-ref": f"pkg:oci/{quote(name)}@{quote(version)}",
        "name": name,
        "version": version,
        "properties": [{"name": key, "value": labels[key]} for key in sorted(labels)],
    }
    whole = {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {"component": image},
        "components": components,
    }
    return json.dumps(whole, indent=1).encode() + b"\n"


def _debian_packages(evidence: Mapping[str, bytes]) -> Iterator[Component]:
    suite = _DISTRIBUTION.search(evidence.get(_RELEASE, b""))
    licences = {
        match[1]: _licences(content) for path, content in evidence.items() if (match := _COPYRIGHT.fullmatch(path))
    }
    seen: set[str] = set()
    for path in sorted(path for path in evidence if path.startswith(_STATUS)):
        distribution = f"&distro={suite[1].decode()}" if suite and path == _STATUS else ""
        for stanza in evidence[path].decode().split("\n\n"):
            fields = HeaderParser().parsestr(stanza.strip())
            if not fields["Status"] or not fields["Status"].endswith(" installed"):
                continue
            package, version = fields["Package"], fields["Version"]
            where = f"arch={fields['Architecture']}{distribution}"
            reference = f"pkg:deb/debian/{quote(package, safe='')}@{quote(version, safe=':')}?{where}"
            if reference not in seen:
                seen.add(reference)
                yield _library(package, version, reference, _named(licences.get(package, [])))


def _licences(copyright_file: bytes) -> list[str]:
    return sorted({match.decode(errors="replace").strip() for match in _LICENCE.findall(copyright_file)})


def _python_packages(evidence: Mapping[str, bytes]) -> Iterator[Component]:
    for path in sorted(path for path in evidence if _METADATA.fullmatch(path)):
        fields = HeaderParser().parsestr(evidence[path].decode())
        normal = re.sub(r"[-_.]+", "-", fields["Name"]).lower()
        reference = f"pkg:pypi/{quote(normal, safe='')}@{quote(fields['Version'], safe='')}"
        yield _library(fields["Name"], fields["Version"], reference, _declared(fields))


def _declared(fields: Any) -> list[Component]:
    """Return the licence that a Python package declares: its expression, else what its classifiers say, else a line."""
    if fields["License-Expression"]:
        return [{"expression": fields["License-Expression"]}]
    classified = [each for each in fields.get_all("Classifier", []) if each.startswith("License :: ")]
    named = [each.rpartition(" :: ")[2] for each in classified]
    return _named(named or [line for line in (fields["License"] or "").splitlines()[:1] if line])


def _named(licences: list[str]) -> list[Component]:
    return [{"license": {"name": licence}} for licence in licences]


def _library(name: str, version: str, reference: str, licences: list[Component]) -> Component:
    found: Component = {"type": "library", "bom-ref": reference, "name": name, "version": version, "purl": reference}
    return found | ({"licenses": licences} if licences else {})


def _own_files(own: Mapping[str, Path]) -> Iterator[Component]:
    for path, file in own.items():
        digest = sha256(file.read_bytes()).hexdigest()
        hashes = [{"alg": "SHA-256", "content": digest}]
        yield {"type": "file", "bom-ref": f"kboot:{path}", "name": path, "hashes": hashes}
