"""A sealed log without Kafka or a store: records in a dict, taken by the sealer's own state, signed by keys."""

from collections.abc import Sequence
from pathlib import Path

from domain.blocks import encode_block
from domain.events import Event, encode_event
from domain.instants import DEFAULT_ZONE, Millis, format_rfc3339, zone
from domain.seals import Checkpoint, Signed, write_checkpoint
from eventlog.config import KafkaConfig
from eventlog.reader import Record
from sinks.sealing.chain import CheckpointFile
from sinks.sealing.config import SealConfig
from sinks.sealing.keys import load_keys
from sinks.sealing.proofs import Coordinates
from sinks.sealing.state import SealState
from tests.support.events import T0

LOG_ID = "6b1f0f66-2f0a-4b8e-9d3c-000000000001"
DAY = 86_400_000


class SealedFolder:
    """One partition of each log; `seal` takes events as one block and signs a checkpoint."""

    def __init__(self, folder: Path, key_file: Path | None = None) -> None:
        self.config = SealConfig(
            kafka=KafkaConfig("127.0.0.1:1"),
            store="",
            folder=folder / "seal",
            key_file=key_file or folder / "signing.json",
            outside=folder / "outside.jsonl",
            zone=zone(DEFAULT_ZONE),
        )
        self.blocks: dict[tuple[str, int], bytes] = {}
        self.chain = CheckpointFile(self.config.checkpoints)
        self._known_at = T0

    def seal(
        self, events: Sequence[Event], log: str = "dossier-events", *, close: bool = True
    ) -> list[Coordinates]:
        """Seals a block; with `close` the day too. Where the events stand."""
        offset = sum(name == log for name, _ in self.blocks)
        value = encode_block([encode_event(e) for e in events])
        self.blocks[log, offset] = value
        self._known_at += DAY
        state = SealState(self.config.folder, self.config.zone)
        for name in ("alert-log", "dossier-events"):
            state.open((name, 0), LOG_ID)
        state.take((log, 0), [Record(log, 0, offset, self._known_at, None, value, ())])
        if close:
            state.close_days(None)
        state.commit()
        self._sign(state, self._known_at)
        state.close()
        return [Coordinates(log, 0, offset, n) for n in range(len(events))]

    def _sign(self, state: SealState, now: Millis) -> None:
        last, keys = self.chain.last(), load_keys(self.config.key_file)
        checkpoint = Checkpoint(
            number=last.checkpoint().number + 1 if last else 1,
            time=format_rfc3339(now),
            previous=last.hash if last else "",
            trees=state.heads(),
            closes=state.closes,
            key=keys.key,
            keys=keys.public,
        )
        body = write_checkpoint(checkpoint)
        self.chain.append(Signed(body, keys.sign(body.encode())))

    # ---- as the records that proofs read

    def values(self, log: str, partition: int, offsets: Sequence[int]) -> dict[int, bytes]:
        """The records at these offsets."""
        del partition
        return {o: self.blocks[log, o] for o in offsets if (log, o) in self.blocks}

    def close(self) -> None:
        """Nothing to end."""
