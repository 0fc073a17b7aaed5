"""A second process that reads and hashes while much is to be sealed; the sealer goes on without it when it fails.

It only makes leaves: where they go, what is signed and what it is compared with stays with the sealer. It has
partitions of its own, so that neither waits for the other.
"""

import multiprocessing
import os
import queue
import signal
import threading
from collections.abc import Iterator, Mapping
from contextlib import suppress
from multiprocessing.connection import Connection
from typing import NamedTuple

import msgspec

from domain.instants import Millis
from eventlog.config import KafkaConfig
from eventlog.reader import LogReader, Record
from sinks.sealing.leaves import Made, Portion, made_of

AHEAD = 2_000
"""Records to be sealed from which a second process is worth its start (half a second)."""
_SLICE = 200
_WAITING = 8
"""Portions that wait for the sealer, at most: some megabytes."""
_HASH = 32


class Start(NamedTuple):
    """Where a partition's leaves begin: its next offset, the end to be reached, the `known_at` before."""

    offset: int
    end: int
    known_at: Millis


class Helper:
    """The other process. `take` gives what it made; once it says None there is nothing more to come."""

    def __init__(self, kafka: KafkaConfig, topic: str, log_id: bytes, starts: Mapping[int, Start]) -> None:
        context = multiprocessing.get_context("spawn")
        self._here, there = context.Pipe(duplex=False)
        given = (there, kafka, topic, log_id, dict(starts))
        self._process = context.Process(target=_work, args=given, daemon=True, name="leaves")
        self._process.start()
        there.close()
        self.partitions = frozenset(starts)

    def take(self, wait_ms: int) -> Portion | None:
        """The next portion, one without records when none is ready; None at its end, also when it died."""
        try:
            if not self._here.poll(wait_ms / 1000):
                return Portion(-1, [], b"")
            message = self._here.recv_bytes()
        except (EOFError, OSError):
            return None
        return _read(message)

    def close(self) -> None:
        """Ends the process."""
        self._here.close()
        self._process.terminate()
        self._process.join(5)


def worth(starts: Mapping[int, Start]) -> dict[int, Start]:
    """Which partitions a second process should take; none where little is to be sealed, or one core is there."""
    behind = {p: start for p, start in starts.items() if start.offset < start.end}
    first = min(behind, default=0)
    if sum(s.end - s.offset for s in behind.values()) < AHEAD or _cores() < 2:
        return {}
    return {p: start for p, start in behind.items() if p != first}


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


# ---- in the other process


def _work(pipe: Connection, kafka: KafkaConfig, topic: str, log_id: bytes, starts: dict[int, Start]) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # from the terminal: the sealer ends this process
    portions: queue.Queue[bytes | None] = queue.Queue(_WAITING)
    gone = threading.Event()
    sender = threading.Thread(target=_send, args=(pipe, portions, gone), daemon=True)
    sender.start()
    with LogReader(kafka, topic) as reader:
        for portion in _portions(reader, log_id, starts):
            portions.put(_written(portion))
            if gone.is_set():
                return
    portions.put(None)
    sender.join()


def _portions(reader: LogReader, log_id: bytes, starts: dict[int, Start]) -> Iterator[Portion]:
    at = {p: start.offset for p, start in starts.items()}
    known = {p: start.known_at for p, start in starts.items()}
    parent = os.getppid()
    while at and os.getppid() == parent:
        found: dict[int, list[Record]] = {}
        for record in reader.read_slice(at, _SLICE):
            found.setdefault(record.partition, []).append(record)
        for partition, records in found.items():
            portion = made_of(log_id, partition, known[partition], records)
            known[partition], at[partition] = portion.made[-1].known_at, records[-1].offset + 1
            if at[partition] >= starts[partition].end:
                del at[partition]
            yield portion


def _send(pipe: Connection, portions: "queue.Queue[bytes | None]", gone: threading.Event) -> None:
    with suppress(OSError):
        while (message := portions.get()) is not None:
            pipe.send_bytes(message)
    gone.set()
    with suppress(queue.Empty):
        while True:  # whoever waits to put finds room, and sees that nobody listens
            portions.get_nowait()


class _Sent(msgspec.Struct, array_like=True, gc=False):
    offset: int
    known_at: Millis
    label: bytes
    keys: list[bytes]
    leaves: bytes


_message = msgspec.msgpack.Decoder(tuple[int, bytes, list[_Sent]])


def _written(portion: Portion) -> bytes:
    sent = [_Sent(m.offset, m.known_at, m.label, list(m.keys), b"".join(m.leaves)) for m in portion.made]
    return msgspec.msgpack.encode((portion.partition, portion.last_hash, sent))


def _read(message: bytes) -> Portion:
    partition, last_hash, sent = _message.decode(message)
    made = [
        Made(
            m.offset,
            m.known_at,
            m.label,
            m.keys,
            [m.leaves[n : n + _HASH] for n in range(0, len(m.leaves), _HASH)],
        )
        for m in sent
    ]
    return Portion(partition, made, last_hash)
