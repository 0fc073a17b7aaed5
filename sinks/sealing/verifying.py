"""Whether the logs, and the rows served from them, are what was sealed: leaf by leaf, naming the first difference.

Three things are held against the checkpoints: the chain of checkpoints itself (and the copies outside), the
records in Kafka, and the rows of `records` and `events` in the store. The hashes kept in the sealer's folder only
help to name the place: what decides are the signed roots. What no leaf covers is compared in `copies`.
"""

import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from typing import Any, NamedTuple
from uuid import UUID

from domain.errors import Gs766Error, Refused, Unavailable
from domain.instants import Millis, parse_rfc3339
from domain.merkle import Frontier, Hash, root_of
from domain.seals import Checkpoint, Signed, TreeHead, leaf_hashes
from eventlog.reader import LogReader
from sinks.sealing.chain import BrokenChain, CheckpointFile, check_first, check_next
from sinks.sealing.config import SealConfig
from sinks.sealing.copies import Labels, SealedLabels, beside, odd_alerts, odd_checkpoints, relabelled
from sinks.sealing.keys import is_signed
from sinks.sealing.outcome import Goals, NotCovered, Progress, Report
from sinks.sealing.outside import tree_folder
from sinks.sealing.progress import Notes, Reached
from sinks.sealing.sampling import verify_sample
from sinks.sealing.stored import Beside, StoredRecords
from sinks.sealing.tiles import AT_ONCE, TreeReader
from sinks.sealing.witnessed import cosignatures

WAIT_S = 30.0
"""Seconds in which the store may come up with what was sealed a moment ago, as long as it is moving."""
_STILL_S = 5.0
"""Seconds without any movement after which a store is taken for one whose writer does not run."""
_BESIDE = "the key, headers and append time of records (their bytes and when they became known are judged)"
_UNWITNESSED = 1
"""The newest checkpoint may still be on its way to a witness."""
NOTE_EVERY = 200_000
"""Events after which the place is noted, to go on from there after an interruption."""


def _silent(_what: str, _done: int, _of: int) -> None:
    """Where nobody watches."""


class Source(NamedTuple):
    """One record as a source gives it."""

    offset: int
    known_at: Millis
    value: bytes
    beside: Beside | None = None


def verify(
    config: SealConfig,
    *,
    since: Millis | None = None,
    sample: int | None = None,
    given: Sequence[CheckpointFile] = (),
    witness: str | None = None,
    progress: Progress = _silent,
    store: bool = True,
    resume: bool = False,
) -> Report:
    """Checks everything sealed after `since` (None: from the beginning) against Kafka and the store.

    `given` are more copies of the chain, held by others, perhaps older than ours; `witness` is the public key of a
    second authority that must have signed; `sample` looks at that many records of each day only. `resume` goes on
    where a run was interrupted, by its own note: who could write there could have made verification pass over
    anything, so that it is counted (`events_by_note`) and never done unasked. Never raises for what it finds; a
    part that does not answer becomes the `reason`.
    """
    report = Report()
    try:
        chain = _chain(config, report)
        if report.differences or not chain:
            report.reason = report.reason or ("" if report.differences else "nothing is sealed yet")
            return report
        _compare_copy(chain, CheckpointFile(config.outside), report, whole=True)
        for copy in given:
            _compare_copy(chain, copy, report, whole=False)
        _check_cosigned(config, chain, witness, report)
        notes = Notes(config.folder, str(since or 0), fresh=not resume)
        if sample is not None:
            report.not_covered.append(NotCovered(what=f"{_BESIDE}: verify without --sample looks at them"))
        for goals in _goals(chain, since):
            if sample is not None:
                verify_sample(config, goals, sample, report, progress)
                continue
            _name_unlabelled(goals, report)
            labels = _verify_kafka(config, goals, report, progress, notes)
            if store:
                _verify_records(config, goals, report, progress, notes, labels)
        if store:
            _verify_published(config, report)
        if store and sample is None:
            _verify_events(config, chain[-1].checkpoint(), report, progress)
        if sample is None:
            notes.forget()
    except Unavailable as error:
        report.reason = str(error)
    return report


# ---- the chain


def _chain(config: SealConfig, report: Report) -> list[Signed]:
    """Our copy, every link and signature checked."""
    chain: list[Signed] = []
    try:
        for signed in CheckpointFile(config.checkpoints):
            check_next(chain[-1], signed) if chain else check_first(signed)
            chain.append(signed)
    except BrokenChain as error:
        report.differs("chain", error.reason, checkpoint=error.number)
    report.count("checkpoints", len(chain))
    if chain:
        report.checkpoint, report.hash = chain[-1].checkpoint().number, chain[-1].hash
    return chain


def _compare_copy(chain: Sequence[Signed], copy: CheckpointFile, report: Report, *, whole: bool) -> None:
    """Another's copy must be the same chain, as far as both go. `whole`: it is the one that the sealer hands every
    checkpoint to, so that it must not end before ours; anybody else's may be older."""
    name = str(copy.path)
    if not copy.path.exists():
        report.reason = f"the copy outside, {name}, is not there: an administrator could have rewritten all"
        return
    before: Signed | None = None
    try:
        for signed in copy:
            number = signed.checkpoint().number
            if number > len(chain):
                report.differs(
                    "outside", f"{name} holds checkpoints that ours lacks: our chain was cut", checkpoint=number
                )
                return
            if whole and before is not None and number != before.checkpoint().number + 1:
                what = f"{name} holds {number} after {before.checkpoint().number}: lines were taken out or put in"
                report.differs("outside", what, checkpoint=number)
                return
            ours = chain[number - 1]
            if ours != signed:
                both = (
                    "both rightly signed: two histories were shown"
                    if _follows(before, signed)
                    else ("the copy's is not rightly signed")
                )
                report.differs(
                    "outside", f"{name} holds another checkpoint {number} than ours; {both}", checkpoint=number
                )
                return
            before = signed
            report.count("checkpoints_outside", 1)
    except (BrokenChain, Gs766Error) as error:
        report.differs("outside", f"{name}: {error}")
        return
    if before is None and not whole:
        report.reason = f"the copy {name} holds no checkpoint: nothing can be told from it"
    elif whole and (before is None or before.checkpoint().number < len(chain) - 1):
        held = before.checkpoint().number if before is not None else 0
        report.differs(
            "outside", f"{name} ends at checkpoint {held}, ours at {len(chain)}: it was cut", checkpoint=held + 1
        )


def _follows(before: Signed | None, signed: Signed) -> bool:
    try:
        if before is not None:
            check_next(before, signed)
        elif signed.checkpoint().number == 1:
            check_first(signed)
        else:  # a copy that was begun later, after a restore
            found = signed.checkpoint()
            return is_signed(found.key, signed.signature, signed.body.encode())
    except BrokenChain:
        return False
    return True


def _goals(chain: Sequence[Signed], since: Millis | None) -> Iterator[Goals]:
    first = 0
    if since is not None:
        first = sum(1 for s in chain if parse_rfc3339(s.checkpoint().time) <= since)
    start = chain[first - 1].checkpoint() if first else None
    found: dict[tuple[str, int], list[tuple[int, TreeHead]]] = {}
    for signed in chain[min(first, len(chain) - 1) :]:
        checkpoint = signed.checkpoint()
        for head in checkpoint.trees:
            found.setdefault((head.log, head.partition), []).append((checkpoint.number, head))
    for key, heads in found.items():
        begin = start.head(*key) if start is not None else None
        yield Goals(key, heads[-1][1].log_id, begin, tuple(heads))


def _check_cosigned(config: SealConfig, chain: Sequence[Signed], witness: str | None, report: Report) -> None:
    """The signatures of second authorities over our checkpoints; that of a named one must be there."""
    newest = 0
    for one in cosignatures(config.folder):
        mine = witness is None or one.key == witness.lower()
        known = chain[one.number - 1] if 0 < one.number <= len(chain) else None
        if known is None or not one.covers(known.body):
            if mine:
                what = f"the signature of the witness {one.witness} is over another checkpoint {one.number}"
                report.differs("witness", what, checkpoint=one.number)
            continue
        report.count("witness_signatures", 1)
        newest = max(newest, one.number) if mine else newest
    if witness is not None and not report.differences and newest < len(chain) - _UNWITNESSED:
        report.reason = f"the witness {witness} signed up to checkpoint {newest} of {len(chain)} only"


# ---- leaves against roots


class _Comparison:
    """Holds records, in offset order, against a partition's roots."""

    def __init__(self, config: SealConfig, where: str, goals: Goals, report: Report, notes: Notes) -> None:
        self._where, self._goals, self._report, self._notes = where, goals, report, notes
        self._log_id = UUID(goals.log_id).bytes
        self._tiles = _tiles(config, goals)
        reached = notes.of(where, *goals.key)
        if reached is not None:
            self._frontier = Frontier(reached.size, [bytes.fromhex(peak) for peak in reached.peaks])
            self.offset, self.known_at = reached.offset, reached.known_at
            report.count("events_by_note", reached.size)
        else:
            self._frontier = _start_frontier(self._tiles, goals)
            self.offset = goals.start.offset if goals.start is not None else 0
            self.known_at = goals.start.known_at if goals.start is not None else 0
        self.labels = Labels(self.offset)
        self.sealed_labels = SealedLabels(goals, self.offset, reached.labels if reached is not None else {})
        self._pending: list[Hash] = []
        """Leaves that come next in the tree: many are hashed at once."""
        self._noted = self.frontier.size
        self._heads = [(n, h) for n, h in goals.heads if h.size > self.frontier.size]
        self._odd: tuple[int, int] | None = None
        self.broken = False

    @property
    def frontier(self) -> Frontier:
        """The tree over all that was taken."""
        self._frontier.append(self._pending)
        self._pending = []
        return self._frontier

    @property
    def size(self) -> int:
        """How many leaves were taken."""
        return self._frontier.size + len(self._pending)

    def differs(self, what: str, **place: Any) -> None:
        log, partition = self._goals.key
        self._report.differs(self._where, what, log=log, partition=partition, **place)
        self.broken = True

    def take(self, record: Source) -> None:
        """One record; on a difference nothing more is to be taken."""
        if record.offset != self.offset:
            what = (
                "missing: it was sealed" if record.offset > self.offset else "stands there twice or out of order"
            )
            self.differs(
                f"the record at offset {min(record.offset, self.offset)} is {what}",
                offset=min(record.offset, self.offset),
            )
            return
        self.offset += 1
        if record.beside is not None:
            self.labels.add(record.offset, record.beside)
            self.sealed_labels.add(record.offset, record.beside)
        leaves = leaf_hashes(self._log_id, self._goals.key[1], record.offset, record.known_at, record.value)
        at = self.size
        end = at + len(leaves)
        self._look(record.offset, at, leaves)
        while self._heads and end >= self._heads[0][1].size:
            number, head = self._heads.pop(0)
            part = leaves[: head.size - self.size]
            leaves = leaves[len(part) :]
            self._pending += part
            if self.frontier.root().hex() != head.root:
                self._name(number, record.offset)
                return
            self._odd = None
            self.sealed_labels.compare(number, head)
        self._pending += leaves
        self.known_at = record.known_at
        if len(self._pending) < AT_ONCE:
            return
        frontier = self.frontier
        if frontier.size - self._noted >= NOTE_EVERY and self._odd is None:
            self._noted = frontier.size
            peaks = tuple(peak.hex() for peak in frontier.peaks)
            labels = self.sealed_labels.reached()
            place = Reached(
                offset=self.offset, size=self._noted, peaks=peaks, known_at=self.known_at, labels=labels
            )
            self._notes.note(self._where, *self._goals.key, place)

    def _look(self, offset: int, at: int, leaves: Sequence[Hash]) -> None:
        """Compares with the hashes kept, to be able to name the place."""
        if self._tiles is None or self._odd is not None:
            return
        if self._tiles.begins(at, leaves):
            return
        kept = self._tiles.leaves(at, len(leaves))
        for index, (kept_leaf, leaf) in enumerate(zip(kept, leaves, strict=False)):
            if kept_leaf != leaf:
                self._odd = (offset, index)
                return

    def _name(self, number: int, offset: int) -> None:
        if self._odd is not None:
            at, index = self._odd
            self.differs(
                f"event {index} at offset {at} is not what checkpoint {number} sealed: its bytes, its place or "
                "when it became known were changed",
                offset=at,
                index=index,
                checkpoint=number,
            )
        else:
            self.differs(
                f"the records up to offset {offset} are not what checkpoint {number} sealed (which one cannot be "
                "told: the hashes kept beside were changed too)",
                offset=offset,
                checkpoint=number,
            )

    def finish(self) -> None:
        """Everything sealed must have come."""
        if not self.broken and self._heads:
            number, head = self._heads[-1]
            if self._odd is not None:
                self._name(self._heads[0][0], self.offset)
            self.differs(
                f"ends at offset {self.offset}, checkpoint {number} sealed up to {head.offset}: cut short",
                offset=self.offset,
                checkpoint=number,
            )
        if self._tiles is not None:
            self._tiles.close()


def _tiles(config: SealConfig, goals: Goals) -> TreeReader | None:
    try:
        return TreeReader(tree_folder(config.folder / "trees", *goals.key))
    except Refused:
        return None


def _start_frontier(tiles: TreeReader | None, goals: Goals) -> Frontier:
    """The tree at the start, from the hashes kept; only if they lead to the root that was signed."""
    start = goals.start
    if start is None or start.size == 0:
        return Frontier()
    if tiles is None or root_of(tiles, start.size).hex() != start.root:
        raise Unavailable(
            f"the hashes kept for {start.log} partition {start.partition} do not lead to the root signed then: "
            "verify without --since"
        )
    peaks: list[Hash] = []
    at = 0
    for level in range(start.size.bit_length() - 1, -1, -1):
        if start.size >> level & 1:
            peaks.append(tiles.node(level, at >> level))
            at += 1 << level
    return Frontier(start.size, peaks)


def _compare(
    comparison: _Comparison, name: str, records: Iterable[Source], goals: Goals, report: Report, progress: Progress
) -> None:
    begun = comparison.frontier.size
    for number, record in enumerate(records):
        comparison.take(record)
        if comparison.broken:
            break
        if number % 500 == 0:
            progress(name, comparison.size, goals.last.size)
    comparison.finish()
    report.count(f"{name.split(':')[0]}_events", comparison.frontier.size - begun)
    progress(name, goals.last.size, goals.last.size)


def _verify_kafka(config: SealConfig, goals: Goals, report: Report, progress: Progress, notes: Notes) -> Labels:
    """What stands beside the records there is returned, for comparison with the store."""
    log, partition = goals.key
    topic = {"dossier-events": config.kafka.events, "alert-log": config.kafka.alerts}[log]
    where = "cold" if config.kafka.cold_first else "kafka"
    comparison = _Comparison(config, where, goals, report, notes)
    with LogReader(config.kafka, topic) as reader:
        try:
            if config.kafka.cold_first:
                report.count("records_in_cold_storage", min(reader.held_cold(partition), goals.last.offset))
            first = reader.beginning_offsets([partition])[partition]
            if first > comparison.offset:
                what = f"begins at offset {first}: the records before were deleted"
                comparison.differs(what, offset=comparison.offset)
            else:
                records = _of_kafka(reader, partition, comparison, goals)
                _compare(comparison, f"{where}: {log} {partition}", records, goals, report, progress)
        except Refused as error:
            comparison.differs(str(error))
        except Unavailable as error:
            if comparison.offset >= goals.last.offset or not _answers(reader, partition):
                raise
            comparison.differs(
                f"the record at offset {comparison.offset} cannot be read ({error}): its segment was "
                "changed or is damaged",
                offset=comparison.offset,
            )
    _name_relabelled(comparison)
    return comparison.labels


def _name_unlabelled(goals: Goals, report: Report) -> None:
    """The records of before there was a seal over what stands beside them: the verdict is about their bytes."""
    last = goals.last
    begin = last.labels_from if isinstance(last.labels_from, int) else last.offset
    if begin > (goals.start.offset if goals.start is not None else 0):
        what = f"{_BESIDE} were not sealed yet: a change alike in Kafka and in the store is not found"
        log, partition = goals.key
        report.not_covered.append(NotCovered(what=what, log=log, partition=partition, until=begin))


def _name_relabelled(comparison: _Comparison) -> None:
    """The stretches in which something else stands beside records than was sealed."""
    for low, high, number in comparison.sealed_labels.odd:
        what = (
            f"beside a record from offset {low} to {high - 1} stands another key, header or append time than "
            f"checkpoint {number} sealed"
        )
        comparison.differs(what, offset=low, checkpoint=number)


def _answers(reader: LogReader, partition: int) -> bool:
    """Whether Kafka is there at all: then it is the record that cannot be read."""
    try:
        reader.end_offsets([partition])
    except Unavailable:
        return False
    return True


def _of_kafka(reader: LogReader, partition: int, comparison: _Comparison, goals: Goals) -> Iterator[Source]:
    known = comparison.known_at
    for record in reader.read_range(partition, comparison.offset, goals.last.offset):
        known = max(known, record.timestamp_ms)
        yield Source(record.offset, known, record.value, beside(record))


def _written(stored: StoredRecords, log: str, partition: int, wanted: int) -> int:
    """How far the store has come; what was sealed a moment ago is waited for."""
    begun = moved = time.monotonic()
    found = stored.position(log, partition)
    while found < wanted and time.monotonic() < min(begun + WAIT_S, moved + _STILL_S):
        time.sleep(0.1)
        now = stored.position(log, partition)
        found, moved = now, time.monotonic() if now > found else moved
    return found


def _verify_records(
    config: SealConfig, goals: Goals, report: Report, progress: Progress, notes: Notes, in_kafka: Labels
) -> None:
    with closing(StoredRecords(config)) as stored:
        log, partition = goals.key
        comparison = _Comparison(config, "records", goals, report, notes)
        start, stop = comparison.offset, goals.last.offset
        written = stored.position(log, partition) if report.reason else _written(stored, log, partition, stop)
        if written < stop:
            report.reason = (
                f"the store has {log} partition {partition} up to offset {written}, sealed is up to {stop}: wait "
                "for its writer"
            )
            return
        for offset in stored.beyond(log, partition, written):
            comparison.differs(f"offset {offset} is beyond what was written: slipped in", offset=offset)
        records = (Source(*row) for row in stored.rows(log, partition, start, stop))
        _compare(comparison, f"records: {log} {partition}", records, goals, report, progress)
        for name, number in stored.strangers().items():
            comparison.differs(f"{number} records of '{name}', which is no log: slipped in")
        if not comparison.broken:
            _verify_beside(config, goals, comparison, in_kafka, stored)
        if not comparison.broken:
            _name_relabelled(comparison)


def _verify_beside(
    config: SealConfig, goals: Goals, comparison: "_Comparison", in_kafka: Labels, stored: StoredRecords
) -> None:
    """Keys, headers and append times, which no leaf covers: the same in the store as in Kafka."""
    log, partition = goals.key
    stretches = list(in_kafka.differing(comparison.labels))
    if not stretches:
        return
    topic = {"dossier-events": config.kafka.events, "alert-log": config.kafka.alerts}[log]
    with LogReader(config.kafka, topic) as reader:
        for low, high in stretches:
            found = relabelled(reader, stored, log, partition, low, min(high, goals.last.offset))
            for offset, names in found:
                what = (
                    f"beside the record at offset {offset} stands another {names} than in Kafka: one of the two "
                    "was changed"
                )
                comparison.differs(what, offset=offset)


def _verify_published(config: SealConfig, report: Report) -> None:
    """The copies of the chain in the store and in the topic."""
    for where, number, what in odd_checkpoints(config):
        report.differs(where, f"checkpoint {number} {what}", checkpoint=number)


def _verify_events(config: SealConfig, last: Checkpoint, report: Report, progress: Progress) -> None:
    """The reading copies `events` and `alert_acts` against `records`, by the engine itself."""
    with closing(StoredRecords(config)) as stored:
        for head in last.trees:
            for start, stop, rows in stored.exploded(head.log, head.partition, head.offset):
                for what, found in rows:
                    offset, index, subject = found
                    report.differs(
                        "events",
                        f"the row of event {index} at offset {offset} (subject {subject}) {what}",
                        log=head.log,
                        partition=head.partition,
                        offset=offset,
                        index=index,
                    )
                progress(f"events: {head.log} {head.partition}", stop, head.offset)
                report.count("event_rows_offsets", stop - start)
            if head.log == "alert-log" and stored.position(head.log, head.partition) >= head.offset:
                for what, offset, subject in odd_alerts(stored, head.offset):
                    what = f"the raised alert about {subject}, of the act at offset {offset}, {what}"
                    report.differs("raised", what, log=head.log, partition=head.partition, offset=offset)
