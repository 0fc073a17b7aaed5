"""What is served beside the sealed bytes, held against where it came from, and against the chain that seals it.

A record's key and headers (who published it, live or imported) and its append time are in Kafka and in `records`;
checkpoints in the file, in `checkpoints` and in a topic; alerts in `raised`, made from acts of the alert log.
Whoever changes one of the places is found by the other.
"""

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import closing

import msgspec

from domain.errors import Gs766Error
from domain.seals import NO_LABELS, Signed, TreeHead, label_hash, next_labels
from eventlog.reader import LogReader, Record
from sinks.sealing.chain import CheckpointFile
from sinks.sealing.config import SealConfig
from sinks.sealing.outcome import Goals
from sinks.sealing.stored import Beside, StoredRecords

SPAN = 1_000
"""Offsets whose labels are compared as one; the record is looked for only where they differ."""
_MOST = 20


def beside(record: Record) -> Beside:
    """What stands beside a record's bytes in Kafka, as the writer puts it into `records`."""
    return Beside(record.timestamp_ms, record.key or b"", record.header("origin"), record.header("key_id"))


class Labels:
    """What stood beside the records of one partition, from an offset on: a hash for every stretch of offsets."""

    def __init__(self, start: int) -> None:
        self._start = start
        self._hashes: dict[int, hashlib.blake2b] = {}

    def add(self, offset: int, found: Beside) -> None:
        """The next record."""
        stretch = offset // SPAN
        if stretch not in self._hashes:
            self._hashes[stretch] = hashlib.blake2b(digest_size=16)
        head = f"{offset}\0{found.appended_at}\0{found.origin}\0{found.key_id}\0{len(found.key)}\0"
        self._hashes[stretch].update(head.encode("utf-8", "surrogatepass") + found.key)

    def differing(self, other: "Labels") -> Iterator[tuple[int, int]]:
        """The stretches of offsets, [from, to), that both have seen whole and that are not the same."""
        low = max(self._start, other._start)
        for stretch in sorted(self._hashes.keys() & other._hashes.keys()):
            whole = self._start == other._start or stretch * SPAN >= low
            if whole and self._hashes[stretch].digest() != other._hashes[stretch].digest():
                yield max(low, stretch * SPAN), (stretch + 1) * SPAN


class SealedLabels:
    """The chain over what stands beside records, held against each checkpoint that seals one.

    `odd` names the stretches, (from, to, checkpoint), in which it is not what was sealed; after each the sealed
    chain is gone on from, so that every stretch is judged by itself.
    """

    def __init__(self, goals: Goals, offset: int, reached: Mapping[int, str]) -> None:
        self.odd: list[tuple[int, int, int]] = []
        self._chains = {begin: bytes.fromhex(text) for begin, text in reached.items()}
        self._waiting = {
            h.labels_from for _, h in goals.heads if isinstance(h.labels_from, int)
        } - self._chains.keys()
        start = goals.start
        if start is not None and start.offset == offset and isinstance(start.labels, str):
            self._go_on(start)
        self._since = self._offset = offset

    def _go_on(self, head: TreeHead) -> None:
        if isinstance(head.labels, str) and isinstance(head.labels_from, int):
            self._chains[head.labels_from] = bytes.fromhex(head.labels)
            self._waiting.discard(head.labels_from)

    def add(self, offset: int, found: Beside) -> None:
        """The next record."""
        self._offset = offset + 1
        if offset in self._waiting:
            self._waiting.discard(offset)
            self._chains[offset] = NO_LABELS
        if self._chains:
            label = label_hash(offset, found.appended_at, found.key, found.origin, found.key_id)
            for begin, chain in self._chains.items():
                self._chains[begin] = next_labels(chain, label)

    def compare(self, number: int, head: TreeHead) -> None:
        """At the end of what a checkpoint seals."""
        if not isinstance(head.labels_from, int) or head.offset != self._offset:
            return
        mine = self._chains.get(head.labels_from)
        if mine is not None and mine.hex() != head.labels:
            self.odd.append((max(self._since, head.labels_from), self._offset, number))
            self._go_on(head)
        self._since = self._offset

    def reached(self) -> dict[int, str]:
        """The chains up to here, by where each begins."""
        return {begin: chain.hex() for begin, chain in self._chains.items()}


def relabelled(
    reader: LogReader, stored: StoredRecords, log: str, partition: int, start: int, stop: int
) -> Iterator[tuple[int, str]]:
    """(offset, what differs) of the records in [start, stop) beside which something else stands in the store than
    in Kafka."""
    in_kafka = {r.offset: beside(r) for r in reader.read_range(partition, start, stop)}
    for offset, _, _, found in stored.rows(log, partition, start, stop):
        wanted = in_kafka.get(offset)
        if wanted is not None and found != wanted:
            names = [n for n, a, b in zip(Beside._fields, found, wanted, strict=True) if a != b]
            yield offset, ", ".join(names)


def odd_checkpoints(config: SealConfig) -> Iterator[tuple[str, int, str]]:
    """(where, number, what) of the published copies of checkpoints, in the store and in the topic, that are not
    those of the chain. The newest may still be missing there."""
    with closing(StoredRecords(config)) as stored:
        in_store = list(stored.checkpoints())
    in_topic = list(_published(config))
    chain = {s.checkpoint().number: s for s in CheckpointFile(config.checkpoints)}  # read last: it only grows
    for where, copies in (("checkpoints", in_store), ("topic", in_topic)):
        seen = set()
        for number, signed in copies:
            seen.add(number)
            if signed is None or chain.get(number) != signed:
                yield where, number, "is not the one of the chain: changed or slipped in"
        for number in range(min(seen, default=1), min(max(seen, default=0), max(chain, default=0))):
            if number not in seen:
                yield where, number, "is missing there"


def _published(config: SealConfig) -> Iterator[tuple[int, Signed | None]]:
    try:
        with LogReader(config.kafka, config.kafka.checkpoints) as reader:
            for record in reader.read_range(0, 0):
                try:
                    signed = msgspec.json.decode(record.value, type=Signed)
                    yield signed.checkpoint().number, signed
                except (msgspec.DecodeError, Gs766Error):
                    yield 0, None
    except Gs766Error:
        return  # nobody follows the topic: the file is what counts, and the log itself was read


def odd_alerts(stored: StoredRecords, stop: int) -> Iterator[tuple[str, int, str]]:
    """(what, offset of the act, subject) of the rows of `raised` that the acts up to an offset do not say, and of
    those that they say and that are not there."""
    yield from stored.raised_minus_acts(stop, _MOST)
    yield from stored.acts_minus_raised(stop, _MOST)
