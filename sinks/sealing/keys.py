"""The keys that sign checkpoints: Ed25519, the newest signs, old public halves are kept for ever."""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from domain.errors import InvalidInput
from domain.seals import SIGNED_PREFIX


@dataclass(frozen=True, slots=True)
class SigningKeys:
    """All keys of an installation: the public halves (hexadecimal, oldest first, one that does not sign yet
    included), and the one that signs now."""

    public: tuple[str, ...]
    key: str
    secret: str

    @property
    def next(self) -> str | None:
        """A key that was made and signs from the checkpoint on that follows the one that names it."""
        return self.public[-1] if self.public[-1] != self.key else None

    def sign(self, body: bytes, prefix: bytes = SIGNED_PREFIX) -> str:
        """The signature, hexadecimal."""
        return Ed25519PrivateKey.from_private_bytes(bytes.fromhex(self.secret)).sign(prefix + body).hex()

    def __repr__(self) -> str:
        return f"SigningKeys({self.key!r})"


def load_keys(path: Path) -> SigningKeys:
    """The keys of the file; a first key is made where there is none."""
    if not path.exists():
        made = Ed25519PrivateKey.generate()
        _write(path, {"public": [_public(made)], "secret": made.private_bytes_raw().hex()})
    try:
        return _keys(json.loads(path.read_text()))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InvalidInput(
            f"the signing keys {path} cannot be read ({type(error).__name__}): restore the file; with a new key "
            "nothing sealed before could be continued"
        ) from error


def _keys(found: Mapping[str, Any]) -> SigningKeys:
    waiting = [found["next"]["public"]] if found.get("next") else []
    return SigningKeys((*found["public"], *waiting), found["public"][-1], found["secret"])


def rotate(path: Path) -> SigningKeys:
    """Makes a new key. The old one signs once more, a checkpoint that names the new; then the new one signs.

    InvalidInput when a new key already waits for its turn.
    """
    now = load_keys(path)
    if now.next is not None:
        raise InvalidInput("a new signing key was made already: it takes over with the next checkpoint")
    made = Ed25519PrivateKey.generate()
    new = {"public": _public(made), "secret": made.private_bytes_raw().hex()}
    _write(path, {"public": list(now.public), "secret": now.secret, "next": new})
    return load_keys(path)


def take_over(path: Path) -> SigningKeys:
    """From now on the next key signs; the old secret is forgotten."""
    found = json.loads(path.read_text())
    new = found.pop("next")
    _write(path, {"public": [*found["public"], new["public"]], "secret": new["secret"]})
    return load_keys(path)


def is_signed(public: str, signature: str, body: bytes, prefix: bytes = SIGNED_PREFIX) -> bool:
    """Whether the signature is that key's over those bytes."""
    try:
        key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(public))
        key.verify(bytes.fromhex(signature), prefix + body)
    except (InvalidSignature, ValueError):
        return False
    return True


def _public(key: Ed25519PrivateKey) -> str:
    return key.public_key().public_bytes_raw().hex()


def _write(path: Path, content: Mapping[str, Any]) -> None:
    """Replaces the file whole, readable by its owner only, on disk before it counts."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    fresh = path.with_suffix(".part")
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        json.dump(content, file, indent=1)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)
