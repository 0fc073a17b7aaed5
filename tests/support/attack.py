"""An attack on a running stack, mixed with good events, by a foreign producer, HTTP and files; and its checker.

It knows every good event and the coordinates of every bad one, so that nothing can be lost or accepted unseen.
"""

import json
import random
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import httpx
import psutil  # type: ignore[import-untyped]
from kafka import KafkaProducer

from domain.blocks import partition_of, split_block
from domain.errors import InvalidEvent
from domain.events import Event, encode_event, make_event
from eventlog.config import KafkaConfig
from ops.rebuilding import store_client
from ops.settings import load
from sinks.generations import active_generation
from tests.support.events import T0, limit_event
from tests.support.hostile import BYTES, damaged
from tests.support.lifecycles import lifecycles
from tests.support.stack import RunningStack
from tests.support.waiting import until

PARTITIONS = 4
Coordinates = tuple[int, int]
"""(partition, offset)."""
NEW_ROUNDS = 3
_GIANT = 2 * 1024 * 1024 - 32 * 1024


class RawName(str):
    """A header's name as bytes that are no text, as a producer in another language may send it."""

    def encode(self, *_: object) -> bytes:
        return b"\xff\xfe-" + str(self).encode("latin-1")


_HEADERS: tuple[list[tuple[str, Any]], ...] = (
    [],
    [("origin", b"")],
    [("origin", b"\xff\xfe"), ("origin", b"x" * 10_000)],
    [("key_id", b"'; DROP TABLE records --"), ("", b"")],
    [(RawName("origin"), b"live"), ("origin", b"live")],
)


class Attack:
    """An attack of malformed inputs, a third by each way in; `seed` makes it the same again."""

    def __init__(self, stack: RunningStack, folder: Path, seed: int = 1) -> None:
        self.stack = stack
        self.folder = folder
        self.random = random.Random(seed)
        self.rounds = 0
        self.good: Counter[str] = Counter()
        self.refused = 0
        self.bad: dict[Coordinates, set[int] | None] = {}
        """Of each bad record the places of the bad events; None for any."""

    @property
    def inputs(self) -> int:
        """How many malformed inputs were sent and are accounted for: each refused, or an event of a bad record."""
        return self.refused + sum(len(places or "x") for places in self.bad.values())

    def run(self, inputs: int) -> None:
        """A round: so many inputs by all three ways, one after the other. Good events and giant records come anew
        in the first rounds only, then the same again: what still grows then, grows by what is malformed."""
        self.rounds += 1
        share = inputs // 3
        self.by_http(share)
        self.by_file(share)
        self.by_producer(inputs - 2 * share)

    def _prefix(self, way: int) -> str:
        return f"H44.{way}{min(self.rounds, NEW_ROUNDS):02d}"

    def _mixed(self, count: int, prefix: str, unfit: tuple[bytes, ...] = ()) -> Iterator[tuple[bytes, bool]]:
        """`count` bad lines with good events between them: (bytes, whether good); none begins as `unfit` does."""
        good = self._good(max(20, count // 40), prefix)
        samples = [encode_event(e) for e in lifecycles(20, seed=9, prefix=f"{prefix}.bad")]
        marks = [True] * len(good) + [False] * count
        self.random.shuffle(marks)
        rest = iter(good)
        for is_good in marks:
            yield (encode_event(next(rest)), True) if is_good else (self._bad_line(samples, unfit), False)

    def _bad_line(self, samples: Sequence[bytes], unfit: tuple[bytes, ...]) -> bytes:
        while True:
            raw = damaged(self.random.choice(samples), self.random)
            line = raw.replace(b"\n", b" ").replace(b"\r", b" ").strip()
            if line and not line.startswith(unfit):
                return line

    def _good(self, dossiers: int, prefix: str) -> list[Event]:
        found = lifecycles(dossiers, seed=3, prefix=prefix)
        self.good |= Counter(e.subject for e in found)
        return found

    def by_http(self, count: int) -> None:
        """Lines in requests of 100, whole bodies that are garbage, odd headers; each item must be answered."""
        batch: list[tuple[bytes, bool]] = []
        with self.stack.http() as client:
            for line in self._mixed(count, self._prefix(1)):
                batch.append(line)
                if len(batch) == 100:
                    self._post(client, batch)
                    batch = []
            if batch:
                self._post(client, batch)
            for body in BYTES:
                for kind in ("application/json", "application/x-ndjson", "text/xml", "\x7f", ""):
                    answer = client.post("/v1/events", content=body, headers={"Content-Type": kind})
                    assert 400 <= answer.status_code < 500, (answer.status_code, body[:80], answer.text)

    def _post(self, client: httpx.Client, batch: Sequence[tuple[bytes, bool]]) -> None:
        body = b"\n".join(line for line, _ in batch)
        answer = client.post("/v1/events", content=body, headers={"Content-Type": "application/x-ndjson"})
        assert answer.status_code < 500, answer.text
        results = answer.json()["results"]
        assert [result["index"] for result in results] == list(range(len(batch)))
        for (line, is_good), result in zip(batch, results, strict=True):
            assert result["status"] == ("accepted" if is_good else "rejected"), (line[:300], result)
            assert is_good or result["reason"]
        self.refused += sum(not is_good for _, is_good in batch)

    def by_file(self, count: int) -> None:
        """A JSONL file through the importer, which names each line that it rejects."""
        path = self.folder / "hostile.jsonl"
        lines = [*self._mixed(count, self._prefix(2), unfit=(b"[",))]
        path.write_bytes(b"\n".join(line for line, _ in lines) + b"\n")
        report = self.stack.json("import", "jsonl", str(path), check=(0, 1))
        good = sum(is_good for _, is_good in lines)
        assert (report["read"], report["accepted"], report["rejected"]) == (len(lines), good, len(lines) - good)
        self.refused += len(lines) - good

    def by_producer(self, count: int) -> None:
        """Straight into the topic, as a foreign producer may: every kind of record in turn."""
        config = KafkaConfig(self.stack.stack.kafka)
        producer = KafkaProducer(
            **config.client(), acks="all", max_request_size=8 << 20, compression_type=None, linger_ms=20
        )
        sent: list[tuple[Any, set[int] | None, bool]] = []
        giants = max(4, count // 2_000) if self.rounds <= NEW_ROUNDS else 0
        try:
            for number, (value, partition, places) in enumerate(self._records(count, giants)):
                headers = _HEADERS[number % len(_HEADERS)]
                key = (None, b"\xff", b"x" * 300)[number % 3]
                future = producer.send(config.events, value, key=key, partition=partition, headers=headers)
                sent.append((future, places, places != set()))
            producer.flush()
            for future, places, is_bad in sent:
                place = future.get(60)
                if is_bad:
                    self.bad[place.partition, place.offset] = places
        finally:
            producer.close()

    def _records(self, count: int, giants: int) -> Iterator[tuple[bytes | None, int, set[int] | None]]:
        """(value, partition, places of bad events; None for any): `count` bad inputs, most of them in blocks."""
        r = self.random
        good = iter(self._good(max(20, count // 40), self._prefix(3)))
        samples = [encode_event(e) for e in lifecycles(20, seed=9, prefix="H44.4.bad")]
        yield encode_event(limit_event("P.only-here", 5, T0)), 0, set()
        for _ in range(giants):
            yield r.randbytes(_GIANT), r.randrange(PARTITIONS), None
            yield b'{"x":"' + b"x" * _GIANT + b'"}', r.randrange(PARTITIONS), None
        left = count - 2 * giants
        for event in good:
            bad = [raw for raw in (damaged(r.choice(samples), r) for _ in range(min(left, 20))) if _is_json(raw)]
            left -= len(bad)
            place = r.randint(0, len(bad))
            block = [*bad[:place], encode_event(event), *bad[place:]]
            partition = partition_of(event.subject, PARTITIONS)
            places = {n for n in range(len(block)) if n != place}
            yield b"[" + b",".join(block) + b"]", partition, places
        for n in range(left):
            yield self._single(n, samples)

    def _single(self, n: int, samples: Sequence[bytes]) -> tuple[bytes | None, int, set[int] | None]:
        r = self.random
        partition = r.randrange(PARTITIONS)
        kind = n % 6
        if kind == 0:
            return None, partition, None
        if kind == 1:
            return b"", partition, None
        if kind == 2:
            sample = json.loads(r.choice(samples))
            sample["subject"] = f"H44.5-{n}"
            wrong = (partition_of(sample["subject"], PARTITIONS) + 1) % PARTITIONS
            return json.dumps([sample]).encode(), wrong, {0}
        if kind == 3:
            event = make_event(
                r.choice(("alert.acknowledged", "system.sql_run")), "A", T0, {}, source="/x", id="1"
            )
            return encode_event(event), partition, {0}
        if kind == 4:
            return r.choice(BYTES), partition, None
        return damaged(r.choice(samples), r), partition, None

    # ---- afterwards

    def check(self) -> dict[str, int]:
        """Every good event is queryable, every bad record is a dead letter with a reason; the numbers."""
        self.stack.settle()
        self._check_good()
        letters = dead_letters(self.stack)
        places: dict[Coordinates, set[int]] = {}
        for letter in letters:
            assert letter["reason"], letter
            assert "Nguy" not in letter["reason"], letter
            places.setdefault((letter["partition"], letter["offset"]), set()).add(letter["index"])
        assert places.keys() == self.bad.keys(), places.keys() ^ self.bad.keys()
        for coordinates, expected in self.bad.items():
            assert expected is None or places[coordinates] == expected, (coordinates, expected)
        good = sum(self.good.values())
        return {"good": good, "refused": self.refused, "dead_letters": len(letters), "records": len(self.bad)}

    def _check_good(self) -> None:
        with store_client(load({**self.stack.environ}, self.stack.data)) as client:
            generation = active_generation(client)
            sql = f"SELECT dossier_code, events FROM dossiers FINAL WHERE generation = {generation}"
            found = dict(client.execute(sql))
        lost = {code: (count, found.get(code)) for code, count in self.good.items() if found.get(code) != count}
        assert not lost, f"{len(lost)} of {len(self.good)}: {dict(list(lost.items())[:5])}"
        assert not [code for code in found if ".bad" in code]


def _is_json(raw: bytes) -> bool:
    """Whether it may stand beside good events: a record that is no strict JSON, or far too deep, is dead as a
    whole, one dead letter."""
    try:
        return len(split_block(b"[" + raw + b"]")) == 1
    except InvalidEvent:
        return False


def dead_letters(stack: RunningStack, limit: int = 5000) -> list[dict[str, Any]]:
    """All dead letters, page by page; no page repeats or skips one."""
    found: list[dict[str, Any]] = []
    cursor: dict[str, str] = {}
    with stack.http() as client:
        while True:
            answer = client.get("/v1/dead-letters", params={"limit": limit, **cursor})
            assert answer.status_code == 200, answer.text
            page = answer.json()
            found += page["dead_letters"]
            if page["next"] is None:
                break
            cursor = {"cursor": page["next"]}
    keys = [(f["partition"], f["offset"], f["index"]) for f in found]
    assert keys == sorted(set(keys))
    return found


def processes(stack: RunningStack) -> dict[str, tuple[int, int]]:
    """(process id, resident bytes with children) of each part; pages of mapped files are the kernel's, not its."""
    found = {}
    for name, part in stack.stack.parts.items():
        if part.pid and psutil.pid_exists(part.pid):
            family = [psutil.Process(part.pid), *psutil.Process(part.pid).children(recursive=True)]
            found[name] = (part.pid, sum(_own(p) for p in family))
    return found


def _own(process: psutil.Process) -> int:
    found = process.memory_info()
    return int(found.rss - getattr(found, "shared", 0))


def health_is_not_red(stack: RunningStack) -> None:
    """Waits until no part is red; fails with what is."""

    def answer() -> Any:
        with stack.http() as client:
            return client.get("/v1/health").json()

    until(lambda: answer()["status"] != "red", "health not to be red", 60)
