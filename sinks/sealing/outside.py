"""Those who hold checkpoints outside the data folder: a file, and witnesses reached by HTTP.

What they hold is what a change of history cannot take back. Before each signature the last checkpoint they hold
is compared with ours; afterwards they are given the new one.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import httpx
import msgspec

from domain.errors import Refused, Unavailable
from domain.merkle import consistency_path
from domain.seals import Checkpoint, Signed
from sinks.sealing.chain import CheckpointFile
from sinks.sealing.tiles import TreeReader
from sinks.sealing.witnessed import Cosigned


class Holder(Protocol):
    """One who holds checkpoints. Raises Unavailable when not reached."""

    name: str
    required: bool
    """Whether nothing may be signed while it cannot be asked."""

    def last(self) -> Signed | None:
        """The newest it holds."""
        ...

    def give(self, new: Sequence[Signed], before: Signed | None) -> Cosigned | None:
        """Hands it the new ones, in order; `before` is what it held. Returns its own signature over the newest, if
        it gives one."""
        ...


class FileHolder:
    """A file on another disk, a mounted share, an append-only device."""

    required = True

    def __init__(self, path: Path) -> None:
        self.name = str(path)
        self.file = CheckpointFile(path)

    def last(self) -> Signed | None:
        """As the protocol says."""
        try:
            return self.file.last()
        except OSError as error:
            raise Unavailable(f"the outside copy {self.name} cannot be read ({error.strerror})") from error

    def give(self, new: Sequence[Signed], before: Signed | None) -> None:
        """As the protocol says."""
        del before
        try:
            self.file.append(*new)
        except OSError as error:
            raise Unavailable(f"the outside copy {self.name} cannot be written ({error.strerror})") from error


@dataclass(slots=True)
class HttpHolder:
    """A second authority's `gs766 witness`, or anything that answers the same two requests."""

    name: str
    log_id: str
    trees: Path
    chain: CheckpointFile
    required: bool = False
    timeout: float = 5.0

    def last(self) -> Signed | None:
        """As the protocol says."""
        try:
            answer = httpx.get(f"{self.name}/checkpoints/last", params={"log": self.log_id}, timeout=self.timeout)
        except httpx.HTTPError as error:
            raise Unavailable(f"the witness {self.name} does not answer ({type(error).__name__})") from error
        if answer.status_code == 404:
            return None
        self._check(answer)
        return msgspec.json.decode(answer.content, type=Signed)

    def give(self, new: Sequence[Signed], before: Signed | None) -> Cosigned | None:
        """As the protocol says, the newest alone, with the proof that what it held is the beginning of it. Refused
        when it says that it is not: then another history was shown to it."""
        signed = new[-1]
        old = before.checkpoint() if before is not None else None
        body = {
            "checkpoint": signed,
            "consistency": proofs(self.trees, old, signed.checkpoint()),
            "between": [] if old is None else _key_changes(self.chain, old, signed.checkpoint()),
        }
        try:
            answer = httpx.post(
                f"{self.name}/checkpoints", content=msgspec.json.encode(body), timeout=self.timeout
            )
        except httpx.HTTPError as error:
            raise Unavailable(f"the witness {self.name} does not answer ({type(error).__name__})") from error
        if answer.status_code == 409:
            raise Refused(f"the witness {self.name} refuses the checkpoint: {answer.text[:300]}; run gs766 verify")
        self._check(answer)
        return msgspec.json.decode(answer.content, type=Cosigned)

    def _check(self, answer: httpx.Response) -> None:
        if answer.status_code != 200:
            raise Unavailable(f"the witness {self.name} answers {answer.status_code}: {answer.text[:300]}")


def _key_changes(chain: CheckpointFile, old: Checkpoint, new: Checkpoint) -> list[Signed]:
    """The checkpoints between two that name a new key: each next signature is known by them."""
    if new.keys == old.keys or new.number == old.number + 1:
        return []
    found, known = [], old.keys
    for signed in chain.after(old.number):
        checkpoint = signed.checkpoint()
        if checkpoint.number >= new.number:
            break
        if checkpoint.keys != known:
            found.append(signed)
            known = checkpoint.keys
    return found


def tree_folder(trees: Path, log: str, partition: int) -> Path:
    """Where the hashes of a partition's tree are."""
    return trees / f"{log}-{partition}"


def proofs(trees: Path, old: Checkpoint | None, new: Checkpoint) -> list[dict[str, object]]:
    """For each tree of `old`, the proof that it is the beginning of the same tree in `new`."""
    found: list[dict[str, object]] = []
    for tree in old.trees if old is not None else ():
        head = new.head(tree.log, tree.partition)
        if head is None:
            continue
        path: Sequence[bytes] = ()
        if 0 < tree.size < head.size:
            reader = TreeReader(tree_folder(trees, tree.log, tree.partition))
            path = consistency_path(reader, tree.size, head.size)
            reader.close()
        found.append({"log": tree.log, "partition": tree.partition, "path": [h.hex() for h in path]})
    return found
