"""Release keys as operators have them: made, extended and revoked with gpg in a home of their own."""

from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path


class SigningKey:
    """A key with a home; every `at` is a day, to which gpg's clock is set."""

    def __init__(self, name: str, *, at: str = "2024-01-01", end: str = "never", subkey_end: str | None = None) -> None:
        # A socket of gpg's agent lies in its home, whose path may not be long.
        self._home = tempfile.TemporaryDirectory(prefix="kboot-gpg-", dir="/tmp")
        usage = "sign" if subkey_end is None else "cert"
        self._gpg(at, "--passphrase", "", "--quick-gen-key", f"{name} <{name}@example.com>", "ed25519", usage, end)
        self.fingerprint = self._column("fpr")[0]
        if subkey_end is not None:
            self._gpg(at, "--passphrase", "", "--quick-add-key", self.fingerprint, "ed25519", "sign", subkey_end)

    def close(self) -> None:
        """End its agent and remove its home."""
        subprocess.run(["gpgconf", "--homedir", self._home.name, "--kill", "all"], check=True, capture_output=True)
        self._home.cleanup()

    @property
    def signer_id(self) -> str:
        """The long id of the key that signs."""
        return self._column("fpr")[-1][-16:]

    def public(self) -> bytes:
        """The armored public key as it is now."""
        return self._gpg("2024-01-01", "--armor", "--export", self.fingerprint)

    def sign(self, file: Path, *, at: str = "2024-01-05") -> None:
        """Write `<file>.sig`."""
        target = file.with_name(f"{file.name}.sig")
        self._gpg(at, "--yes", "--output", str(target), "--detach-sign", str(file))

    def extend(self, end: str, *, at: str) -> None:
        """Move the end of the key and of its subkeys."""
        self._gpg(at, "--quick-set-expire", self.fingerprint, end)
        if len(self._column("fpr")) > 1:
            self._gpg(at, "--quick-set-expire", self.fingerprint, end, "*")

    def add_subkey(self, end: str, *, at: str) -> None:
        """Add a subkey, which signs from then on."""
        self._gpg(at, "--passphrase", "", "--quick-add-key", self.fingerprint, "ed25519", "sign", end)

    def revoke(self) -> None:
        """Publish the revocation that gpg laid by when it made the key."""
        certificate = Path(self._home.name, "openpgp-revocs.d", f"{self.fingerprint}.rev")
        certificate.write_text(certificate.read_text().replace(":-----BEGIN", "-----BEGIN"))
        self._gpg("2024-01-10", "--import", str(certificate))

    def _column(self, kind: str) -> list[str]:
        lines = self._gpg("2024-01-01", "--with-colons", "--list-keys").decode().splitlines()
        return [line.split(":")[9] for line in lines if line.startswith(f"{kind}:")]

    def _gpg(self, day: str, *arguments: str) -> bytes:
        clock = f"{day.replace('-', '')}T120000"
        command = ["gpg", "--homedir", self._home.name, "--batch", "--quiet", "--faked-system-time", clock]
        done = subprocess.run([*command, *arguments], capture_output=True, check=False)
        assert done.returncode == 0, done.stderr.decode()
        return done.stdout
