"""Files of wire records as history: a dump or a queue of pushes, one JSON document or one item a line."""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from domain.errors import InvalidEvent, InvalidInput, NewerEvent
from domain.instants import Millis, Zone, format_rfc3339, parse_rfc3339
from producers.edge import Admitted, Edge
from producers.engine import without_values
from producers.identity import Seen
from producers.memory import Memory, Record
from producers.open_file import BROKEN, open_input
from producers.portal_wire import BadRecord, WireItem, read_item
from producers.records import is_open, record_digest, record_event
from producers.report import ImportReport, Tally
from producers.sink import EventSink

_BATCH = 1000
_MOST_DOCUMENT = 512 * 1024 * 1024
_decode = msgspec.json.Decoder().decode
_encode = msgspec.json.Encoder(order="deterministic").encode
_PHASES = ("submitted_at", "accepted_at", "rejected_at", "finished_at", "returned_at")
_ORDER = ("submitted", "rejected", "accepted", "processing", "supplement_requested", "payment_requested")


class _Waiting(NamedTuple):
    line: int
    item: WireItem


def import_portal(
    files: Sequence[tuple[Path, Millis]],
    sink: EventSink,
    edge: Edge,
    memory: Memory,
    zone: Zone,
    *,
    source: str,
    dry_run: bool = False,
    rejected_dir: Path | None = None,
    progress: Callable[[str, int, int, int], None] | None = None,
) -> ImportReport:
    """Brings files of wire items in, each with the instant at which it was written, the oldest first.

    Several records of one dossier in a file follow each other in the order of what they say, whatever their lines.
    """
    tally = Tally(dry_run=dry_run, rejected_dir=rejected_dir)
    run = _Run(sink, edge, memory, zone, source, tally)
    try:
        for path, at in sorted(files, key=lambda f: (f[1], f[0].name)):
            run.file(path, at)
            if progress is not None:
                progress(path.name, 1, 1, tally.read)
    finally:
        tally.close()
    return tally.report(dossiers=len(run.codes))


class _Run:
    def __init__(self, sink: EventSink, edge: Edge, memory: Memory, zone: Zone, source: str, tally: Tally) -> None:
        self._sink = sink
        self._edge = edge
        self._memory = memory
        self._zone = zone
        self._source = source
        self._tally = tally
        self._steps = Seen()
        self._ids: set[str] = set()
        self.codes: set[str] = set()

    def file(self, path: Path, at: Millis) -> None:
        """One file: steps as they come, whole records at its end, in order."""
        tally = self._tally
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        number, at, done = self._memory.begin_file(self._source, digest, at)
        if done:
            tally.warnings.append(f"{path.name} was imported before: it says nothing new")
        records: dict[str, list[_Waiting]] = {}
        for line, found in _items(path):
            tally.read += 1
            try:
                if isinstance(found, BadRecord):
                    raise found
                item = read_item(found, self._zone, applicants=self._edge.applicants)
            except BadRecord as bad:
                tally.reject(path, line, bad.code, bad.field, bad.reason)
                continue
            tally.drop(item.dropped)
            self.codes.add(item.code)
            if done:
                tally.duplicates += 1
            elif item.at is None:
                records.setdefault(item.code, []).append(_Waiting(line, item))
            else:
                self._step(path, line, item)
        waiting = [
            (w, at - (len(listed) - 1 - n))
            for listed in records.values()
            for n, w in enumerate(sorted(listed, key=lambda w: _progress(w.item)))
        ]
        sent: list[Record] = []
        for start in range(0, len(waiting), _BATCH):
            sent += self._records(path, waiting[start : start + _BATCH])
        self._sink.flush()
        self._memory.sent(self._source, sent)
        self._memory.file_done(number)

    def _records(self, path: Path, waiting: Sequence[tuple[_Waiting, Millis]]) -> list[Record]:
        records = [
            Record(w.item.code, record_digest(self._edge, w.item.data, w.item.anchor), at, is_open(w.item.data))
            for w, at in waiting
        ]
        decided = self._memory.decide(self._source, records)
        sent = []
        for (w, _), record, when in zip(waiting, records, decided, strict=True):
            if when is None:
                self._tally.duplicates += 1
                continue
            if self._send(path, w.line, lambda w=w, record=record, when=when: record_event(  # type: ignore[misc]
                self._edge, self._source, w.item.code, w.item.data, record.digest, when, None
            )):  # fmt: skip
                sent.append(record)
        return sent

    def _step(self, path: Path, line: int, item: WireItem) -> None:
        digest = hashlib.blake2b(_encode([self._source, item.code, item.type, item.at, item.data]), digest_size=16)
        if self._steps.count(digest.digest()):
            self._tally.duplicates += 1
            return
        self._send(path, line, lambda: step_event(self._edge, self._source, item, None))

    def _send(self, path: Path, line: int, make: Callable[[], Admitted]) -> bool:
        tally = self._tally
        try:
            admitted = make()
        except (InvalidEvent, NewerEvent) as error:
            tally.reject(path, line, "INVALID", getattr(error, "field", ""), without_values(str(error)))
            return False
        if admitted.event.id in self._ids:
            tally.duplicates += 1
            return False
        self._ids.add(admitted.event.id)
        tally.drop(admitted.dropped)
        tally.accepted += 1
        tally.events += 1
        tally.types[admitted.event.type] += 1
        self._sink.add(admitted.event, admitted.encoded)
        return True


def step_event(edge: Edge, source: str, item: WireItem, received_at: Millis | None) -> Admitted:
    """A processing step as an event; the same step has the same id whenever it is pushed."""
    assert item.at is not None
    said = {**item.data}
    if "officer" in said:
        said["officer"] = edge.told_apart(said["officer"], item.at) or True
    seed = _encode([source, item.code, item.type, item.at, said])
    raw = {
        "id": hashlib.blake2b(seed, digest_size=16).hexdigest(),
        "source": source,
        "type": item.type,
        "time": format_rfc3339(item.at),
        "subject": item.code,
        "data": item.data,
    }
    return edge.admit(raw, received_at_ms=received_at)


def _progress(item: WireItem) -> tuple[Millis, int, bytes]:
    """How far a record has come: by its last date, then by its state."""
    times = [parse_rfc3339(item.data[name]) for name in _PHASES if name in item.data]
    status = item.data.get("status", "")
    rank = _ORDER.index(status) if status in _ORDER else len(_ORDER)
    return max(times), rank, _encode(item.data)


def _items(path: Path) -> Iterator[tuple[int, Any]]:
    """(line, item or BadRecord): a JSON array, an object, {"data": [...]}, or one item a line."""
    with open_input(path) as source:
        try:
            head = source.stream.read(64)
            source.stream.seek(0)
            if head.lstrip(b"\xef\xbb\xbf \r\n\t")[:1] == b"[":
                yield from _document(path, source.stream.read(_MOST_DOCUMENT + 1))
                return
            first = source.stream.readline()
            rest = source.stream.read(1)
            source.stream.seek(0)
            if rest and not _is_json(first):
                yield from _document(path, source.stream.read(_MOST_DOCUMENT + 1))
                return
            for n, line in enumerate(source.stream, start=1):
                if line.strip(b"\xef\xbb\xbf \r\n\t"):
                    yield from ((n, item) for item in _line(line))
        except (*BROKEN, OSError) as error:
            raise InvalidInput(f"{path.name} is broken: {error}") from error


def _document(path: Path, content: bytes) -> Iterator[tuple[int, Any]]:
    if len(content) > _MOST_DOCUMENT:
        raise InvalidInput(f"{path.name} is too large for one JSON document: write one record a line")
    try:
        found = _decode(content.lstrip(b"\xef\xbb\xbf"))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidInput(f"{path.name} is not JSON: {error}") from error
    if isinstance(found, dict) and "MaHoSo" not in found:
        found = next((v for v in found.values() if isinstance(v, list)), found)
    yield from enumerate(found if isinstance(found, list) else [found], start=1)


def _line(line: bytes) -> list[Any]:
    try:
        found = _decode(line.lstrip(b"\xef\xbb\xbf"))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return [BadRecord("NOT_AN_OBJECT", "", "the line is not JSON")]
    return found if isinstance(found, list) else [found]


def _is_json(line: bytes) -> bool:
    try:
        _decode(line.lstrip(b"\xef\xbb\xbf"))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False
    return True
