"""Signatures of witnesses over our checkpoints, in a file beside them that is only ever appended to."""

from collections.abc import Collection, Iterator
from pathlib import Path

import msgspec

from sinks.sealing.keys import is_signed

WITNESS_PREFIX = b"gs766-witness-1\n"
_FILE = "witnesses.jsonl"


class Cosigned(msgspec.Struct, frozen=True):
    """A witness's signature (Ed25519 over its prefix and the checkpoint's body, hexadecimal)."""

    number: int
    witness: str
    key: str
    signature: str

    def covers(self, body: str) -> bool:
        """Whether it is rightly made over that checkpoint."""
        return is_signed(self.key, self.signature, body.encode(), WITNESS_PREFIX)


_line = msgspec.json.Decoder(Cosigned)


def keep_cosignature(folder: Path, found: Cosigned) -> None:
    """Adds one to the file."""
    with (folder / _FILE).open("ab") as file:
        file.write(msgspec.json.encode(found) + b"\n")


def cosignatures(folder: Path, numbers: Collection[int] | None = None) -> Iterator[Cosigned]:
    """Those kept, of these checkpoints only; a torn line of a crash is not there."""
    path = folder / _FILE
    if not path.exists():
        return
    wanted = None if numbers is None else tuple(b'"number":%d,' % n for n in numbers)
    with path.open("rb") as file:
        for line in file:
            if line.endswith(b"\n") and (wanted is None or any(n in line for n in wanted)):
                try:
                    yield _line.decode(line)
                except msgspec.DecodeError:
                    continue
