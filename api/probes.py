"""Asks the parts how they are, for health and metrics: never raises, an error is a finding."""

import os
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, suppress
from pathlib import Path

from api.alerts.standing import message_faults
from api.config import ApiConfig
from api.feed import ACTS, EVENTS, Standing, StoreFeed
from api.health import Disk, Facts, Lag, Stillness
from api.services import Services
from domain.errors import Gs766Error
from domain.instants import Millis, parse_rfc3339
from eventlog.reader import LogReader
from eventlog.topics import read_log_id
from sinks.sealing.chain import CheckpointFile
from sinks.writer_health import read_health

LOG_ID_AGE_MS = 30_000
FACTS_AGE_MS = 250
WRITER_SILENT_MS = 30_000
PATIENCE_SECONDS = 2.0
"""How long health waits for Kafka before it says that Kafka does not answer."""
_MAX_FAULT = 500


class KafkaView:
    """Ends and identities of the logs, asked at most once in `probe_ms`, on a thread of its own: a broker that
    stands still keeps a question for half a minute, and health must say so meanwhile."""

    def __init__(self, config: ApiConfig) -> None:
        self._config = config
        self._readers: dict[str, LogReader] = {}
        self._asked_at: int | None = None
        self._ids_at: int | None = None
        self._asking: threading.Thread | None = None
        self._closed = False
        self.error: str | None = None
        self.ends: dict[str, dict[int, int]] = {}
        self.log_ids: dict[str, str] = {}

    def refresh(self, tick: Millis, positions: Mapping[str, Mapping[int, int]] | None = None) -> None:
        """Brings the view up to date; an error stands in `error`, the last ends stay.

        What was asked a moment ago is kept, unless `positions` (the next offsets of those who read, by topic)
        are beyond it: then the log has grown since, and must not look cut short.
        """
        if self._asking is None:
            fresh = self._asked_at is not None and tick - self._asked_at < self._config.probe_ms
            if fresh and not self._beyond(positions or {}):
                return
            self._asked_at = tick
            self._asking = threading.Thread(target=self._ask, args=(tick,), name="kafka-probe", daemon=True)
            self._asking.start()
        self._asking.join(PATIENCE_SECONDS)
        if self._asking.is_alive():
            self.error = f"it has not answered for {(tick - (self._asked_at or tick)) // 1000 + 1} s"
        else:
            self._asking = None

    def _ask(self, tick: Millis) -> None:
        """Asks Kafka; what it says, or the error, stands in the fields afterwards."""
        kafka = self._config.kafka
        try:
            for name, topic in ((EVENTS, kafka.events), (ACTS, kafka.alerts)):
                if name not in self._readers:
                    self._readers[name] = LogReader(kafka, topic)
                self.ends[name] = self._readers[name].end_offsets()
            if self._ids_at is None or tick - self._ids_at > LOG_ID_AGE_MS:
                self.log_ids = {EVENTS: read_log_id(kafka, kafka.events), ACTS: read_log_id(kafka, kafka.alerts)}
                self._ids_at = tick
            self.error = None
        except Gs766Error as error:
            self.error = str(error)
            self._ids_at = None
            self._disconnect()
        if self._closed:
            self._disconnect()

    def _beyond(self, positions: Mapping[str, Mapping[int, int]]) -> bool:
        return any(
            place > self.ends.get(topic, {}).get(p, 0)
            for topic, by_partition in positions.items()
            for p, place in by_partition.items()
        )

    def close(self) -> None:
        """Ends the connections; those of a question under way end with it."""
        self._closed = True
        if self._asking is None:
            self._disconnect()

    def _disconnect(self) -> None:
        readers, self._readers = self._readers, {}
        for reader in readers.values():
            with closing(reader):
                pass


class Prober:
    """Gathers the facts of health; calls come one after the other, in threads."""

    def __init__(self, config: ApiConfig, feed: StoreFeed) -> None:
        self._config = config
        self._feed = feed
        self._kafka = KafkaView(config)
        self._still = Stillness()
        self._mutex = threading.Lock()
        self._seal = SealLag(config.seal.checkpoints if config.seal is not None else None)
        self._last: tuple[Millis, Facts] | None = None

    def close(self) -> None:
        """Ends the connections."""
        with self._mutex:
            self._kafka.close()

    def __call__(self, services: Services) -> Facts:
        """The facts now, or those of a moment ago: strangers may ask for health as often as they like."""
        with self._mutex:
            tick = time.monotonic_ns() // 1_000_000
            if self._last is None or tick - self._last[0] > FACTS_AGE_MS:
                self._last = tick, self._gather(services, tick)
            return self._last[1]

    def _gather(self, services: Services, tick: Millis) -> Facts:
        standing, faults, store_error = Standing(None, "", ()), list(fault_files(self._config.faults)), None
        try:
            standing = self._feed.standing()
            found = self._feed.faults()
            faults += [
                f"generation {g}, partition {p}, offset {o}: {why}"
                for g, p, o, why in found
                if g == standing.generation
            ]
            faults += [
                f"partition {p} stopped before offset {o}: {why}" for p, o, why in self._feed.stops(standing)
            ]
        except Gs766Error as error:
            store_error = str(error)
        faults += writer_faults(self._config.writer_health, services.wall())
        complete = standing.complete()
        # Asked after the positions: the other way round, records that arrive in between look lost.
        self._kafka.refresh(tick, _places(standing))
        acts = standing.records(ACTS)
        spool = services.log.state()
        return Facts(
            now=services.wall(),
            clock=self._config.clock,
            store_error=store_error,
            kafka_error=self._kafka.error,
            generation=standing.generation,
            log_id=self._kafka.log_ids.get(EVENTS),
            known_log_id=standing.log_id or None,
            acts_log_id=self._kafka.log_ids.get(ACTS),
            known_acts_log_id=(acts[0].log_id or None) if 0 in acts else None,
            worker=() if store_error else self._worker(standing, tick),
            writer=() if store_error else self._writer(standing, tick),
            faults=tuple(faults),
            spool_mode=spool.mode,
            spooled=spool.spooled,
            spooled_bytes=spool.spooled_bytes,
            spool_quota=self._config.spool_quota,
            spool_torn=spool.torn_bytes,
            spool_error=spool.last_error,
            disks=tuple(disks(self._config.disks)),
            messages=self._messages(services),
            unrecorded_acts=services.acts.pending,
            seal_late_ms=self._seal.late(max((p.known_at for p in complete.values()), default=None), tick),
            fresh_at=max((p.known_at for p in complete.values()), default=None),
            log_clock=max((p.clock for p in complete.values()), default=None),
            complete_to=tuple(
                complete[p].to_offset if p in complete else -1 for p in range(self._config.partitions)
            ),
            stalled_ms=self._config.stalled_ms,
        )

    def _messages(self, services: Services) -> tuple[str, ...]:
        """Of the wall clock only: on another nobody is told anything."""
        if not self._config.deliver:
            return ()
        return message_faults(self._config.private, self._config.delivery, services.wall())

    def _worker(self, standing: Standing, tick: Millis) -> tuple[Lag, ...]:
        complete = standing.complete()
        return tuple(
            self._still.lag("worker", EVENTS, p, complete[p].to_offset if p in complete else -1, end, tick)
            for p, end in sorted(self._kafka.ends.get(EVENTS, {}).items())
        )

    def _writer(self, standing: Standing, tick: Millis) -> tuple[Lag, ...]:
        found = []
        for topic in (EVENTS, ACTS):
            at = standing.records(topic)
            for p, end in sorted(self._kafka.ends.get(topic, {}).items()):
                position = at[p].offset - 1 if p in at else -1
                found.append(self._still.lag("writer", topic, p, position, end, tick))
        return tuple(found)


class SealLag:
    """Remembers since when the log holds what no checkpoint covers: a quiet night is no delay."""

    def __init__(self, checkpoints: Path | None) -> None:
        self._file = CheckpointFile(checkpoints) if checkpoints is not None else None
        self._number = -1
        self._since: Millis | None = None

    def late(self, known_at: Millis | None, tick: Millis) -> int:
        """Milliseconds since an event, the newest known at `known_at`, was first seen without a checkpoint after
        it; `tick` is any clock that goes forward. 0 where no checkpoint was ever made here."""
        newest = None
        with suppress(Gs766Error, OSError):
            last = self._file.last() if self._file is not None else None
            newest = last.checkpoint() if last is not None else None
        if newest is None or known_at is None:
            return 0
        if newest.number != self._number or known_at <= parse_rfc3339(newest.time):
            self._number, self._since = newest.number, None
        if known_at <= parse_rfc3339(newest.time):
            return 0
        if self._since is None:
            self._since = tick
        return tick - self._since


def _places(standing: Standing) -> dict[str, dict[int, int]]:
    """The offsets that the fold and the writer read next, the greater of the two, by topic and partition."""
    events = {p: found.to_offset + 1 for p, found in standing.complete().items()}
    for p, found in standing.records(EVENTS).items():
        events[p] = max(events.get(p, 0), found.offset)
    return {EVENTS: events, ACTS: {p: found.offset for p, found in standing.records(ACTS).items()}}


def writer_faults(path: Path | None, now: Millis) -> tuple[str, ...]:
    """What the store's writer says of itself; silence is a fault, unless it was never asked to run here."""
    found = read_health(path) if path is not None else None
    if found is None:
        return ()
    said = [f"writer: {fault}" for fault in found.faults]
    if found.state in ("refused", "stopped"):
        said.append(f"the store's writer has {found.state}: {found.error or 'see its log'}")
    elif now - found.at > WRITER_SILENT_MS:
        said.append(f"the store's writer has been silent for {(now - found.at) // 1000} s: see its log")
    said += [f"the store's writer tries {topic} again: {error}" for topic, error in sorted(found.retrying.items())]
    return tuple(said)


def disks(folders: Mapping[str, Path]) -> Iterator[Disk]:
    """How full the disk of each folder is; those that lie on one disk are told once."""
    seen: dict[int, Disk] = {}
    for name, folder in folders.items():
        with suppress(OSError):  # a folder that is not here: that part runs elsewhere
            found, device = os.statvfs(folder), folder.stat().st_dev
            free, size = found.f_bavail * found.f_frsize, found.f_blocks * found.f_frsize
            known = seen.get(device)
            seen[device] = Disk(f"{known.name}, {name}" if known else name, free, size)
    yield from seen.values()


def fault_files(folder: Path | None) -> tuple[str, ...]:
    """What other processes left when they stopped: the first line of each file of the folder."""
    if folder is None or not folder.is_dir():
        return ()
    found = []
    for path in sorted(folder.iterdir()):
        if path.is_file():
            lines = path.read_text(encoding="utf-8", errors="replace").strip().splitlines()
            found.append(f"{path.stem}: {lines[0][:_MAX_FAULT] if lines else 'stopped'}")
    return tuple(found)
