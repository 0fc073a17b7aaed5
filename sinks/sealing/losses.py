"""Accepting a loss: a log restored from a backup lacks records that were sealed after it was made.

The sealer rightly refuses such a log for ever: it cannot tell a lost disk from a cut history. Going on is a
person's decision. What was sealed and is lost stays as evidence beside the outside copy; the chain goes on from
the last checkpoint that the log still reaches, and the sealer proves again that the log is what that one sealed.
"""

from pathlib import Path
from typing import NamedTuple

from domain.errors import Refused
from domain.seals import Checkpoint, Signed
from eventlog.reader import LogReader
from sinks.sealing.chain import CheckpointFile, encode_line
from sinks.sealing.config import SealConfig


class Loss(NamedTuple):
    """What is lost: the last checkpoint that stands, how many later ones do not, the offsets [from, to) of each
    (log, partition) that they had sealed, and where the evidence is kept."""

    checkpoint: int
    checkpoints: int
    offsets: dict[tuple[str, int], tuple[int, int]]
    kept: tuple[Path, ...]


def accept_loss(config: SealConfig, name: str, after: int | None = None) -> Loss:
    """Cuts the chain, ours and the outside file, back to what the log reaches (or to checkpoint `after`, where new
    records have filled the lost offsets since); the former files are kept under `name`. Call it while no sealer
    runs. Refused when nothing is lost."""
    longest = max(
        ([*CheckpointFile(path)] for path in (config.checkpoints, config.outside) if path.exists()),
        key=len,
        default=[],
    )
    ends = _ends(config)
    stands = [s for s in longest if _reached(s.checkpoint(), ends)][:after]
    if not longest or len(stands) == len(longest):
        raise Refused("nothing is lost: the log reaches every checkpoint; a refusing sealer has another reason")
    lost = longest[-1].checkpoint()
    kept = tuple(_cut(path, stands, name) for path in (config.outside, config.checkpoints))
    before = {(t.log, t.partition): t.offset for t in stands[-1].checkpoint().trees} if stands else {}
    offsets = {
        (t.log, t.partition): (before.get((t.log, t.partition), 0), t.offset)
        for t in lost.trees
        if t.offset > before.get((t.log, t.partition), 0)
    }
    return Loss(len(stands), len(longest) - len(stands), offsets, tuple(path for path in kept if path.exists()))


def _ends(config: SealConfig) -> dict[tuple[str, int], int]:
    found: dict[tuple[str, int], int] = {}
    for log, topic in (("dossier-events", config.kafka.events), ("alert-log", config.kafka.alerts)):
        with LogReader(config.kafka, topic) as reader:
            found |= {(log, partition): end for partition, end in reader.end_offsets().items()}
    return found


def _reached(checkpoint: Checkpoint, ends: dict[tuple[str, int], int]) -> bool:
    return all(tree.offset <= ends.get((tree.log, tree.partition), 0) for tree in checkpoint.trees)


def _cut(path: Path, stands: list[Signed], name: str) -> Path:
    """Keeps a file as it is under another name, and writes the shorter chain in its place."""
    kept = path.with_name(f"{path.name}.{name}")
    if kept.exists():
        raise Refused(f"{kept} is there already: a loss was accepted under that name before")
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(path.name + ".part")
    fresh.write_bytes(b"".join(map(encode_line, stands)))
    if path.exists():
        path.rename(kept)
    fresh.replace(path)
    return kept
