"""The witness: a second authority that signs again what it was shown, and never two histories of one log.

It keeps every checkpoint that it signed in a file a log, only ever appended to. A newer checkpoint must be signed
by a key that the chain named before, and each of its trees must be proven to continue the tree signed last. What
does not is refused and kept beside as evidence: two checkpoints of one number are a fork, and prove themselves.
"""

import os
import re
import threading
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from domain.errors import InvalidEvent, InvalidInput, Refused
from domain.merkle import is_consistent
from domain.seals import Checkpoint, Signed, TreeHead
from sinks.sealing.keys import is_signed, load_keys
from sinks.sealing.witnessed import WITNESS_PREFIX, Cosigned

_LOG_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class Continuation(msgspec.Struct, frozen=True):
    """The proof that a tree continues the one signed last; hexadecimal hashes."""

    log: str
    partition: int
    path: tuple[str, ...] = ()


class Offer(msgspec.Struct, frozen=True):
    """What a sealer hands over: the newest checkpoint, the proofs from what the witness holds, and those between
    in which the keys changed."""

    checkpoint: Signed
    consistency: tuple[Continuation, ...] = ()
    between: tuple[Signed, ...] = ()


class Kept(msgspec.Struct, frozen=True):
    """A line of the witness's file."""

    checkpoint: Signed
    cosigned: Cosigned


_kept = msgspec.json.Decoder(Kept)


class Witness:
    """One authority's folder and key. `trusted` are the signing keys of which a first checkpoint is taken; none:
    whoever comes first under a log's id (a fork is found from then on)."""

    def __init__(self, folder: Path, name: str, trusted: Sequence[str] = ()) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._name = name
        self._keys = load_keys(folder / "witness-key.json")
        self._trusted = tuple(key.lower() for key in trusted)
        self._mutex = threading.Lock()

    @property
    def key(self) -> str:
        """The public key, to be published."""
        return self._keys.key

    def last(self, log_id: str) -> Signed | None:
        """The newest checkpoint signed for a log."""
        kept = self._last(log_id)
        return None if kept is None else kept.checkpoint

    def after(self, log_id: str, number: int, limit: int = 1000) -> Iterator[Kept]:
        """Those signed beyond a number, for whoever wants to compare."""
        given = 0
        for kept in self._all(log_id):
            if kept.cosigned.number > number and given < limit:
                given += 1
                yield kept

    def take(self, offer: Offer) -> Cosigned:
        """Signs the checkpoint if it continues what was signed before; the same again gives the same signature.

        Refused, with the reason, for a fork, a shorter log, an unproven continuation or a strange key;
        InvalidInput for what is no checkpoint.
        """
        found = _read(offer.checkpoint)
        log_id = _log_id(found)
        with self._mutex:
            kept = self._last(log_id)
            try:
                if kept is None:
                    self._check_first(offer.checkpoint, found)
                elif found.number <= kept.cosigned.number:
                    return self._again(log_id, offer.checkpoint, found)
                else:
                    self._check_next(kept.checkpoint, offer, found)
            except Refused as error:
                self._keep_refused(log_id, offer.checkpoint, str(error))
                raise
            signature = self._keys.sign(offer.checkpoint.body.encode(), WITNESS_PREFIX)
            cosigned = Cosigned(found.number, self._name, self.key, signature)
            _append(self._file(log_id), msgspec.json.encode(Kept(offer.checkpoint, cosigned)))
            return cosigned

    def refused(self, log_id: str) -> list[Mapping[str, Any]]:
        """What was refused, with the reasons: two checkpoints of one number prove a fork by themselves."""
        path = self._file(log_id).with_suffix(".refused")
        return [msgspec.json.decode(line) for line in path.read_bytes().splitlines()] if path.exists() else []

    # ---- checks

    def _check_first(self, signed: Signed, found: Checkpoint) -> None:
        if self._trusted and not set(self._trusted) & set(found.keys):
            raise Refused(f"the key {found.key} is not one that this witness was told to trust")
        _check_signature(signed, found, self._trusted or found.keys)

    def _check_next(self, last: Signed, offer: Offer, found: Checkpoint) -> None:
        before = last.checkpoint()
        keys = before.keys
        for step in offer.between:
            one = _read(step)
            if not before.number < one.number < found.number or not set(keys) <= set(one.keys):
                raise Refused(f"checkpoint {one.number} does not lead from {before.number} to {found.number}")
            _check_signature(step, one, keys)
            keys = one.keys
        if not set(keys) <= set(found.keys):
            raise Refused(f"checkpoint {found.number} leaves out a key that was in use")
        _check_signature(offer.checkpoint, found, keys)
        if found.number == before.number + 1 and found.previous != last.hash:
            raise Refused(f"a fork: checkpoint {found.number} follows another checkpoint {before.number}")
        proofs = {(p.log, p.partition): p.path for p in offer.consistency}
        for tree in before.trees:
            _check_tree(tree, found.head(tree.log, tree.partition), proofs.get((tree.log, tree.partition), ()))

    def _again(self, log_id: str, signed: Signed, found: Checkpoint) -> Cosigned:
        """The signature given before to the very same checkpoint; Refused for another of that number."""
        for kept in self._all(log_id):
            if kept.cosigned.number == found.number:
                if kept.checkpoint.hash == signed.hash:
                    return kept.cosigned
                raise Refused(f"a fork: this witness signed another checkpoint {found.number} of that log")
        raise Refused(f"checkpoint {found.number} is older than what was signed: the log shown is shorter")

    # ---- files

    def _file(self, log_id: str) -> Path:
        if not _LOG_ID.fullmatch(log_id):
            raise InvalidInput("a log's id is a UUID in small letters")
        return self._folder / f"{log_id}.jsonl"

    def _all(self, log_id: str) -> Iterator[Kept]:
        path = self._file(log_id)
        if path.exists():
            with path.open("rb") as file:
                for line in file:
                    if line.endswith(b"\n"):
                        yield _kept.decode(line)

    def _last(self, log_id: str) -> Kept | None:
        path = self._file(log_id)
        if not path.exists():
            return None
        with path.open("rb") as file:
            end = file.seek(0, os.SEEK_END)
            size = 1 << 16
            while True:
                file.seek(max(0, end - size))
                lines = file.read().split(b"\n")[:-1]
                whole = lines if end <= size else lines[1:]
                if whole or end <= size:
                    return _kept.decode(whole[-1]) if whole else None
                size *= 4

    def _keep_refused(self, log_id: str, signed: Signed, reason: str) -> None:
        path = self._file(log_id).with_suffix(".refused")
        line = msgspec.json.encode({"reason": reason, "checkpoint": signed})
        # A sealer that is refused tries again: the same once is enough, and a stranger cannot fill the disk.
        if not path.exists() or (path.stat().st_size < 1 << 24 and line not in path.read_bytes()):
            _append(path, line)


def _read(signed: Signed) -> Checkpoint:
    try:
        return signed.checkpoint()
    except InvalidEvent as error:
        raise InvalidInput(str(error)) from error


def _log_id(found: Checkpoint) -> str:
    ids = [tree.log_id for tree in found.trees if tree.log == "dossier-events"]
    if not ids:
        raise InvalidInput("the checkpoint seals no dossier-events")
    return ids[0]


def _check_signature(signed: Signed, found: Checkpoint, keys: Sequence[str]) -> None:
    if found.key not in keys:
        raise Refused(f"checkpoint {found.number} is signed by {found.key}, which no checkpoint before it names")
    if not is_signed(found.key, signed.signature, signed.body.encode()):
        raise Refused(f"checkpoint {found.number}: its signature is not right")


def _check_tree(old: TreeHead, new: TreeHead | None, path: Sequence[str]) -> None:
    where = f"{old.log} partition {old.partition}"
    if new is None or new.log_id != old.log_id:
        raise Refused(f"{where} is gone or another log")
    if new.size < old.size:
        raise Refused(f"{where} has {new.size} events, {old.size} were signed: the log shown is shorter")
    try:
        hashes = [bytes.fromhex(h) for h in path]
    except ValueError as error:
        raise InvalidInput(f"{where}: the proof is no hexadecimal text") from error
    if not is_consistent(old.size, new.size, bytes.fromhex(old.root), bytes.fromhex(new.root), hashes):
        raise Refused(f"a fork: {where} is not shown to continue the {old.size} events that were signed")


def _append(path: Path, line: bytes) -> None:
    with path.open("ab") as file:
        file.write(line + b"\n")
        file.flush()
        os.fsync(file.fileno())
