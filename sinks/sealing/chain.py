"""Checkpoints in a file, a line each, only ever appended to; and the rules by which one follows another."""

import os
from collections.abc import Iterator
from pathlib import Path

import msgspec

from domain.errors import Gs766Error, InvalidEvent
from domain.seals import Checkpoint, Signed
from sinks.sealing.keys import is_signed

_line = msgspec.json.Decoder(Signed)
_BACK = 1 << 16


class BrokenChain(Gs766Error):
    """Checkpoints do not follow one another: what they prove ends before `number`."""

    def __init__(self, number: int, reason: str) -> None:
        super().__init__(f"checkpoint {number}: {reason}")
        self.number = number
        self.reason = reason


def encode_line(signed: Signed) -> bytes:
    """A checkpoint's line."""
    return msgspec.json.encode(signed) + b"\n"


class CheckpointFile:
    """One copy of the chain, inside the data folder or outside."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __iter__(self) -> Iterator[Signed]:
        """All, in order. BrokenChain for a line that is none; a torn last line (a crash) is not there."""
        if not self.path.exists():
            return
        with self.path.open("rb") as file:
            for number, line in enumerate(file, 1):
                if line.endswith(b"\n"):
                    yield self._decode(line, number)

    def _decode(self, line: bytes, number: int) -> Signed:
        try:
            return _line.decode(line)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise BrokenChain(number, f"line {number} of {self.path} is no checkpoint") from error

    def last(self) -> Signed | None:
        """The newest."""
        if not self.path.exists():
            return None
        with self.path.open("rb") as file:
            end = file.seek(0, os.SEEK_END)
            size = _BACK
            while True:
                start = max(0, end - size)
                file.seek(start)
                lines = file.read(end - start).split(b"\n")[:-1]
                whole = lines if start == 0 else lines[1:]
                if whole or start == 0:
                    return self._decode(whole[-1], 0) if whole else None
                size *= 4

    def find(self, number: int) -> Signed | None:
        """The checkpoint of that number."""
        last = self.last()
        if last is None or last.checkpoint().number < number:
            return None
        if last.checkpoint().number == number:
            return last
        return next((s for s in self if s.checkpoint().number == number), None)

    def after(self, number: int) -> Iterator[Signed]:
        """Those with a greater number."""
        return (s for s in self if s.checkpoint().number > number)

    def append(self, *signed: Signed) -> None:
        """On disk when it returns, all of them at once; a torn line of a crash before is cut off."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("a+b") as file:
            _cut_torn(file.fileno())
            file.write(b"".join(map(encode_line, signed)))
            file.flush()
            os.fsync(file.fileno())


def _cut_torn(handle: int) -> None:
    size = end = os.fstat(handle).st_size
    while end > 0:
        start = max(0, end - _BACK)
        at = os.pread(handle, end - start, start).rfind(b"\n")
        if at >= 0:
            end = start + at + 1
            break
        end = start
    if end != size:
        os.ftruncate(handle, end)


def check_first(signed: Signed) -> Checkpoint:
    """The first of a chain; BrokenChain when it cannot be one."""
    found = _read(signed, 1)
    if (found.number, found.previous) != (1, ""):
        raise BrokenChain(found.number, "the chain does not begin with checkpoint 1")
    _check_signature(signed, found, found.keys)
    return found


def check_next(before: Signed, signed: Signed) -> Checkpoint:
    """The checkpoint after another; BrokenChain says what does not follow."""
    old = before.checkpoint()
    found = _read(signed, old.number + 1)
    if found.number != old.number + 1:
        raise BrokenChain(found.number, f"it follows checkpoint {old.number}: one is missing or was inserted")
    if found.previous != before.hash:
        raise BrokenChain(found.number, "it names another predecessor: the one before it was changed")
    if not set(old.keys) <= set(found.keys):
        raise BrokenChain(found.number, "it leaves out a key that was in use")
    _check_signature(signed, found, old.keys)
    for tree in old.trees:
        new = found.head(tree.log, tree.partition)
        if new is None or new.log_id != tree.log_id or new.size < tree.size:
            raise BrokenChain(found.number, f"{tree.log} partition {tree.partition} became shorter or another log")
        if isinstance(tree.labels_from, int) and not (
            isinstance(new.labels_from, int) and new.labels_from <= tree.labels_from
        ):
            what = f"{tree.log} partition {tree.partition}: what stands beside records is sealed no more"
            raise BrokenChain(found.number, what)
    return found


def _read(signed: Signed, number: int) -> Checkpoint:
    try:
        return signed.checkpoint()
    except InvalidEvent as error:
        raise BrokenChain(number, str(error)) from error


def _check_signature(signed: Signed, found: Checkpoint, keys: tuple[str, ...]) -> None:
    if found.key not in keys:
        raise BrokenChain(found.number, "it is signed by a key that no checkpoint before it names")
    if not is_signed(found.key, signed.signature, signed.body.encode()):
        raise BrokenChain(found.number, "its signature is not right")
