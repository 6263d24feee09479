"""Read the files that a description names: fragments, manifests and keys of releases, relative to its folder."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from cryptography.x509 import load_pem_x509_certificates

from kboot_clusterdesc import ClusterDesc, InvalidDescription, Place, Problem, load
from kboot_clusterdesc.node_images import in_place_of, node_images
from kboot_clusterdesc.notify import authorities_file, secret_file
from kboot_clusterdesc.problem import dotted
from kboot_clusterdesc.source import MAX_BYTES, plain, read_tree

from ..node import NodeConfig, read_extra
from ..node.extra_checks import clashes
from ..render import Attachments
from ..supplies.named_images import pod_images
from .manifest import manifest_problems

_MANIFESTS = (".yaml", ".yml", ".json")
_SHORTEST_SECRET = 16
_ARMOR = b"-----BEGIN PGP PUBLIC KEY BLOCK-----"


def read_attachments(desc: ClusterDesc, description: Path) -> Attachments:
    """Return the attachments of `desc`, the text of the file `description`; raise InvalidDescription at a bad one."""
    return Attachments(
        _release_key(desc, description),
        _extras(_named_by(desc), description),
        _manifests(desc, description),
        _payload_key(desc, description),
        _release_ca(desc, description),
        _receivers(desc, description),
    )


@dataclass(frozen=True, slots=True)
class _Named:
    """The names of the fragments of a description: of the one for all nodes, and of those for one each."""

    of_all: str | None
    of_nodes: tuple[str, ...]


def load_with_extras(description: Path) -> ClusterDesc:
    """Return the description in a file whose fragments are sound too; raise InvalidDescription with all faults."""
    try:
        desc = load(description)
    except InvalidDescription as error:
        try:
            _extras(_named_in(description), description)
        except InvalidDescription as more:
            raise InvalidDescription([*error.problems, *more.problems]) from error
        raise
    _extras(_named_by(desc), description)
    return desc


def _named_by(desc: ClusterDesc) -> _Named:
    return _Named(desc.os.extra, tuple(node.extra for node in desc.nodes if node.extra is not None))


def _named_in(description: Path) -> _Named:
    """Return what a faulty description names, as far as it can be read."""
    try:
        with description.open("rb") as stream:
            raw = plain(read_tree(stream.read(MAX_BYTES + 1), str(description))[0])
    except (OSError, ValueError, InvalidDescription):
        return _Named(None, ())
    whole = raw if isinstance(raw, dict) else {}
    nodes = whole.get("nodes")
    found = [_extra_in(each) for each in (nodes if isinstance(nodes, list) else ())]
    return _Named(_extra_in(whole.get("os")), tuple(name for name in found if name is not None))


def _extra_in(holder: object) -> str | None:
    name = holder.get("extra") if isinstance(holder, dict) else None
    return name if isinstance(name, str) else None


def _extras(named: _Named, description: Path) -> dict[str, NodeConfig]:
    """Return the fragments by their names, each read once; raise InvalidDescription with the faults of all of them."""
    extras: dict[str, NodeConfig] = {}
    problems: list[Problem] = []
    for name in dict.fromkeys([named.of_all, *named.of_nodes]):
        if name is None:
            continue
        path = description.parent / name
        try:
            extras[name] = read_extra(_read(path, "os.extra", description), str(path))
        except InvalidDescription as error:
            problems += error.problems
    if problems:
        raise InvalidDescription(problems)
    _refuse_clashes(named, description, extras)
    return extras


def _refuse_clashes(named: _Named, description: Path, extras: Mapping[str, NodeConfig]) -> None:
    """Refuse the fragment of a node where a path of it cannot be beside those of the fragment of all."""
    if named.of_all is None:
        return
    hint = f"{description.parent / named.of_all} is merged with it: give one of them another path"
    for name in dict.fromkeys(named.of_nodes):
        place = Place(str(description.parent / name))
        found = clashes(extras[name], extras[named.of_all])
        if problems := [Problem(place, dotted(fault.path), fault.message, hint) for fault in found]:
            raise InvalidDescription(problems)


def _manifests(desc: ClusterDesc, description: Path) -> dict[str, bytes]:
    """Return the operator's own manifests, by file names that are numbered in their order."""
    found: list[Path] = []
    for i, name in enumerate(desc.kubernetes.manifests if desc.kubernetes else ()):
        path, key = description.parent / name, f"kubernetes.manifests[{i}]"
        inside = sorted(each for each in path.glob("*") if each.suffix in _MANIFESTS) if path.is_dir() else [path]
        if not inside:
            raise _invalid(path, key, "holds no manifest", f"manifests end in {', '.join(_MANIFESTS)}")
        found += inside
    read = [(path, _read(path, "kubernetes.manifests", description)) for path in found]
    problems = [problem for path, content in read for problem in manifest_problems(content, str(path))]
    if problems := problems or list(_shared_places(desc, read)):
        raise InvalidDescription(problems)
    return {f"{number:03}-{path.name}": content for number, (path, content) in enumerate(read)}


def _shared_places(desc: ClusterDesc, manifests: Iterable[tuple[Path, bytes]]) -> Iterator[Problem]:
    """Yield a problem for each image of a manifest that would take the place of another in the registry."""
    known = {name: f"`images.{key}`" for key, name in node_images(desc).items()}
    for path, content in manifests:
        for reference in pod_images(content):
            if (other := in_place_of(reference, known)) is not None:
                what = (
                    f"`{reference}` has in the registry, which leaves hosts out, the name of `{other}`, {known[other]}"
                )
                hint = "name one image in both places, give one of them another tag, or name it by its digest"
                yield Problem(Place(str(path)), "kubernetes.manifests", what, hint)
            known.setdefault(reference, f"in {path}")


def _release_key(desc: ClusterDesc, description: Path) -> bytes | None:
    if desc.os.release_key is None:
        return None
    path = description.parent / desc.os.release_key
    key = _read(path, "os.release_key", description)
    if _ARMOR not in key:
        raise _invalid(path, "os.release_key", "holds no armored public key", "write it with `gpg --armor --export`")
    return key


def _payload_key(desc: ClusterDesc, description: Path) -> bytes | None:
    if desc.os.update.payload_key is None:
        return None
    path = description.parent / desc.os.update.payload_key
    key = _read(path, "os.update.payload_key", description)
    try:
        is_rsa = isinstance(load_pem_public_key(key), RSAPublicKey)
    except (ValueError, UnsupportedAlgorithm):
        is_rsa = False
    if not is_rsa:
        hint = "write it with `openssl rsa -pubout`"
        raise _invalid(path, "os.update.payload_key", "holds no public RSA key in PEM", hint)
    return key


def _release_ca(desc: ClusterDesc, description: Path) -> bytes | None:
    if desc.os.release_ca is None:
        return None
    return _authorities(description.parent / desc.os.release_ca, "os.release_ca", description)


def _receivers(desc: ClusterDesc, description: Path) -> dict[str, bytes]:
    """Return the secrets and authorities of those who are told of events, by the names of their files."""
    found = {}
    for receiver in desc.notify:
        path = description.parent / receiver.secret
        secret = _read(path, "notify.secret", description)
        if len(secret.strip()) < _SHORTEST_SECRET:
            hint = f"make one with `openssl rand -hex 32 > {receiver.secret}`, and give it to the receiver"
            raise _invalid(path, "notify.secret", f"has less than {_SHORTEST_SECRET} characters", hint)
        found[secret_file(receiver.label)] = secret
        if receiver.ca is not None:
            path = description.parent / receiver.ca
            found[authorities_file(receiver.label)] = _authorities(path, "notify.ca", description)
    return found


def _authorities(path: Path, key: str, description: Path) -> bytes:
    content = _read(path, key, description)
    try:
        load_pem_x509_certificates(content)
    except ValueError:
        hint = "give the certificate of the CA that signed the server's"
        raise _invalid(path, key, "holds no certificate in PEM", hint) from None
    return content


def _read(path: Path, key: str, description: Path) -> bytes:
    try:
        return path.read_bytes()
    except (OSError, ValueError) as error:  # ValueError: a name with a zero byte
        why = error.strerror if isinstance(error, OSError) else error
        hint = f"{key} is looked for beside {description}"
        raise _invalid(path, key, f"cannot be read: {why}", hint) from error


def _invalid(path: Path, key: str, message: str, hint: str) -> InvalidDescription:
    return InvalidDescription([Problem(Place(str(path)), key, message, hint)])
