"""kboot's own wheel: built from the checkout, or made again from the files of the kboot that runs."""

from __future__ import annotations

import csv
import io
import subprocess
import sys
import zipfile
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from hashlib import sha256
from importlib.metadata import Distribution, distribution
from pathlib import Path

from ...errors import KbootError

_EPOCH = (1980, 1, 1, 0, 0, 0)  # the first that a zip archive can say
_LEFT_OUT = {"RECORD", "INSTALLER", "REQUESTED", "direct_url.json"}  # of the .dist-info: the installer wrote them


def own_wheel(folder: Path, checkout: Path | None) -> Path:
    """Make the wheel of the kboot that runs in `folder`, and return its path; the same files give the same bytes."""
    return _built(checkout, folder) if checkout is not None else _made_again(distribution("kboot"), folder)


def _built(checkout: Path, folder: Path) -> Path:
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder)]
    done = subprocess.run(command, cwd=checkout, capture_output=True, text=True)
    if done.returncode != 0:
        raise KbootError(f"the wheel was not built: {done.stderr.strip()[-400:]}", "run `make setup`, then try again")
    return next(folder.glob("kboot-*.whl"))


def _made_again(installed: Distribution, folder: Path) -> Path:
    files = installed_files(installed)
    name = f"kboot-{installed.version}"
    target = folder / f"{name}-py3-none-any.whl"
    target.write_bytes(wheel_of(files, f"{name}.dist-info"))
    return target


def installed_files(installed: Distribution) -> dict[str, bytes]:
    """Return path in the wheel -> content of each file of an installed distribution that came from its wheel."""
    found: dict[str, bytes] = {}
    for path in installed.files or ():
        text = path.as_posix()
        if "__pycache__" in path.parts or (path.parent.name.endswith(".dist-info") and path.name in _LEFT_OUT):
            continue
        if text.startswith("../"):  # scripts are made by an installer; what else lies there is the wheel's data
            rest = text.lstrip("./")
            if not rest.startswith("share/"):
                continue
            text = f"kboot-{installed.version}.data/data/{rest}"
        try:
            found[text] = Path(str(path.locate())).read_bytes()
        except OSError as error:
            raise KbootError(f"{path.locate()}: cannot be read: {error.strerror}", "install kboot again") from error
    if not found:
        raise KbootError("the kboot that runs does not say of which files it is", "install it from its wheel")
    return found


def wheel_of(files: Mapping[str, bytes], dist_info: str) -> bytes:
    """Return a wheel of these files with a RECORD of them (PEP 427), byte for byte fixed by the files."""
    record = f"{dist_info}/RECORD"
    rows = [(name, f"sha256={_hash(files[name])}", len(files[name])) for name in sorted(files)]
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([*rows, (record, "", "")])
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in [*((name, files[name]) for name in sorted(files)), (record, text.getvalue().encode())]:
            entry = zipfile.ZipInfo(name, _EPOCH)
            entry.external_attr, entry.compress_type = 0o644 << 16, zipfile.ZIP_DEFLATED
            archive.writestr(entry, content)
    return buffer.getvalue()


def _hash(content: bytes) -> str:
    return urlsafe_b64encode(sha256(content).digest()).rstrip(b"=").decode()
