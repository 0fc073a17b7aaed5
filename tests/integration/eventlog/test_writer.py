"""Rules of appending and reading on a real broker, also while it is away."""

import asyncio
import os
import socket
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from domain.blocks import partition_of, split_block
from domain.errors import InvalidEvent, Refused, Unavailable
from eventlog.config import KafkaConfig
from eventlog.pending import Coordinates
from eventlog.reader import LogReader, Record
from eventlog.topics import ensure_topics
from eventlog.writer import LogWriter, WriterSettings
from ops.kafka_local import LocalBroker, local_broker

NOW = 1_787_000_000_000


def event(subject: str, n: int) -> tuple[str, bytes]:
    return subject, b'{"id": "%s-%d",  "n":1.0}' % (subject.encode(), n)


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    pause = threading.Event()
    while not condition():
        assert time.monotonic() < deadline, "the condition did not come true within 30 s"
        pause.wait(0.02)


def records(kafka: KafkaConfig) -> list[Record]:
    with LogReader(kafka, kafka.events) as reader:
        return [r for p in reader.partitions() for r in reader.read_range(p, 1)]


def events(kafka: KafkaConfig) -> list[bytes]:
    return [e for r in records(kafka) for e in split_block(r.value)]


@pytest.fixture
def settings(kafka: KafkaConfig, tmp_path: Path) -> WriterSettings:
    ensure_topics(kafka, NOW)
    return WriterSettings(kafka, kafka.events, 4, spool=tmp_path / "spool")


def test_an_append_tells_where_each_event_stands(settings: WriterSettings) -> None:
    sent = [event(f"H44.{n}", n) for n in range(40)]
    with LogWriter(settings) as writer:
        places = writer.append(sent, origin="live", key_id="k7")
        assert writer.state().mode == "live"
    with LogReader(settings.kafka, settings.topic) as reader:
        for (subject, body), place in zip(sent, places, strict=True):
            assert place is not None
            assert place.partition == partition_of(subject, 4)
            record = reader.read_one(place.partition, place.offset)
            assert record is not None
            assert split_block(record.value)[place.index] == body
            assert (record.header("origin"), record.header("key_id")) == ("live", "k7")


def test_callers_at_the_same_time_share_records_and_nothing_is_lost(settings: WriterSettings) -> None:
    with LogWriter(settings) as writer, ThreadPoolExecutor(16) as pool:
        futures = [pool.submit(writer.append, [event(f"H44.{n}", n)]) for n in range(200)]
        places = [place for future in futures for place in future.result()]
    assert len(set(places)) == 200
    found = records(settings.kafka)
    assert len(found) < 200
    assert sorted(e for r in found for e in split_block(r.value)) == sorted(
        event(f"H44.{n}", n)[1] for n in range(200)
    )


def test_a_block_of_one_has_its_subject_as_key_and_larger_ones_have_none(settings: WriterSettings) -> None:
    with LogWriter(settings) as writer:
        writer.append([event("H44.1", 1)])
        writer.append([event("H44.2", 1), event("H44.2", 2)])
    keys = {len(split_block(r.value)): r.key for r in records(settings.kafka)}
    assert keys == {1: b"H44.1", 2: None}


def test_events_of_different_keys_or_origins_do_not_share_a_record(settings: WriterSettings) -> None:
    with LogWriter(settings) as writer:
        futures = [
            writer.submit([event("H44.1", 1)], key_id="a"),
            writer.submit([event("H44.1", 2)], key_id="b"),
            writer.submit([event("H44.1", 3)], key_id="b", origin="import"),
        ]
        offsets = [place.offset for f in futures for place in f.result(30) if place]
    assert len(set(offsets)) == 3


def test_an_append_from_an_event_loop_gives_the_same(settings: WriterSettings) -> None:
    async def both(writer: LogWriter) -> list[list[Coordinates | None]]:
        calls = (writer.append_async([event(f"H44.{n}", n)]) for n in range(20))
        return list(await asyncio.gather(*calls))

    with LogWriter(settings) as writer:
        places = [answer[0] for answer in asyncio.run(both(writer))]
        assert asyncio.run(writer.append_async([])) == []
    assert None not in places
    assert len(set(places)) == 20


def test_a_broadcast_stands_in_every_partition(settings: WriterSettings) -> None:
    with LogWriter(settings) as writer:
        places = writer.broadcast("calendar", b'{"id":"c"}')
    assert [place.partition for place in places if place] == [0, 1, 2, 3]
    assert events(settings.kafka) == [b'{"id":"c"}'] * 4


def test_an_explicit_partition_of_another_topic_is_written(settings: WriterSettings) -> None:
    with LogWriter(settings) as writer:
        with pytest.raises(ValueError, match="names its partition"):
            writer.append([event("a", 1)], topic=settings.kafka.alerts)
        (place,) = writer.append([event("a", 1)], topic=settings.kafka.alerts, partition=0)
    assert place == Coordinates(0, 1, 0)


def test_an_event_that_is_too_large_is_refused_and_nothing_of_that_call_is_accepted(
    settings: WriterSettings,
) -> None:
    with LogWriter(settings) as writer, pytest.raises(InvalidEvent):
        writer.append([event("H44.1", 1), ("H44.1", b"x" * 200_000)])
    assert events(settings.kafka) == []


def test_kafka_stamps_the_append_time_and_offsets_follow_without_a_gap(settings: WriterSettings) -> None:
    before = time.time_ns() // 1_000_000
    with LogWriter(settings) as writer:
        for n in range(5):
            writer.append([event("H44.1", n)])
    found = records(settings.kafka)
    assert [r.offset for r in found] == [1, 2, 3, 4, 5]
    stamps = [r.timestamp_ms for r in found]
    assert stamps == sorted(stamps)
    assert before - 2 <= stamps[0] <= stamps[-1] <= time.time_ns() // 1_000_000 + 2


def test_an_import_fills_blocks_and_tells_how_far_a_reader_must_come(settings: WriterSettings) -> None:
    sent = [event(f"H44.{n % 977}", n) for n in range(20_000)]
    with LogWriter(settings) as writer, writer.bulk(block_events=400) as bulk:
        for subject, body in sent:
            bulk.add(subject, body)
        bulk.broadcast(b'{"id":"c"}')
        ends = bulk.flush()
    found = records(settings.kafka)
    with LogReader(settings.kafka, settings.topic) as reader:
        assert reader.end_offsets() == ends
    by_partition: dict[int, list[bytes]] = {p: [] for p in range(4)}
    for record in found:
        assert record.header("origin") == "import"
        by_partition[record.partition] += split_block(record.value)
    for partition, bodies in by_partition.items():
        # In order of subject by stretches; a partition gets 5,000 or so here: each event once, a subject's own
        # events in the order in which they came, the broadcast one too.
        wanted = [body for subject, body in sent if partition_of(subject, 4) == partition]
        assert sorted(bodies) == sorted([*wanted, b'{"id":"c"}'])
        subjects = sorted({subject for subject, _ in sent if partition_of(subject, 4) == partition})
        for subject in subjects[:20]:
            own = [body for name, body in sent if name == subject]
            assert [body for body in bodies if body in own] == own
    assert max(len(split_block(r.value)) for r in found) == 400


def test_slices_go_on_from_the_callers_own_position(settings: WriterSettings) -> None:
    with LogWriter(settings) as writer:
        for n in range(6):
            writer.append([event("H44.1", n)])
    partition = partition_of("H44.1", 4)
    with LogReader(settings.kafka, settings.topic) as reader:
        first = reader.read_slice({partition: 2}, max_records=3, timeout_ms=10_000)
        again = reader.read_slice({partition: 2}, max_records=3, timeout_ms=10_000)
        rest = reader.read_slice({partition: 5}, max_records=3, timeout_ms=10_000)
        assert first == again
        assert [r.offset for r in first + rest] == [2, 3, 4, 5, 6]
        assert reader.read_slice({partition: 7}, timeout_ms=50) == []
        assert reader.read_one(partition, 7) is None
        assert [r.offset for r in reader.read_range(partition, 3, 5)] == [3, 4]
        with pytest.raises(Refused, match="outside the log"):
            reader.read_slice({partition: 1000}, timeout_ms=20_000)


# --- a broker that goes away ---


@pytest.fixture(scope="module")
def started(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalBroker]:
    with local_broker(tmp_path_factory.mktemp("own"), environ=os.environ, heap="256m") as running:
        yield running


@pytest.fixture
def own_broker(started: LocalBroker) -> LocalBroker:
    """A broker that may be stopped; it runs when a test begins."""
    started.start()
    return started


@pytest.fixture
def own(own_broker: LocalBroker, tmp_path: Path) -> WriterSettings:
    kafka = KafkaConfig(own_broker.bootstrap, prefix=f"t{uuid.uuid4().hex[:8]}-", connect_timeout_ms=1_000)
    ensure_topics(kafka, NOW)
    return WriterSettings(kafka, kafka.events, 4, spool=tmp_path / "spool", ack_timeout_ms=2_000)


def assert_complete_and_in_order(kafka: KafkaConfig, subjects: int, count: int) -> None:
    """Every event is there; each first copy stands behind that of the subject's event before it."""
    found = list(dict.fromkeys(events(kafka)))
    for s in range(subjects):
        mine = [body for body in found if body.startswith(b'{"id": "S%d-' % s)]
        assert mine == [event(f"S{s}", n)[1] for n in range(count)]


@pytest.mark.parametrize("how", ["frozen", "stopped"])
def test_events_accepted_while_kafka_is_away_arrive_in_order_when_it_is_back(
    own_broker: LocalBroker, own: WriterSettings, how: str
) -> None:
    with LogWriter(own) as writer:
        answers = [writer.append([event(f"S{s}", n) for s in range(8)]) for n in range(3)]
        if how == "frozen":
            own_broker.pause()
        else:
            own_broker.stop()
        answers += [writer.append([event(f"S{s}", n) for s in range(8)]) for n in range(3, 8)]
        assert writer.state().mode == "spooling"
        assert writer.spooled == 40
        assert writer.state().last_error
        if how == "frozen":
            own_broker.resume()
        else:
            assert own_broker.start() == own.kafka.bootstrap
        answers += [writer.append([event(f"S{s}", n) for s in range(8)]) for n in range(8, 12)]
        wait_until(lambda: writer.state().mode == "live")
        assert writer.spooled == 0
        answers.append(writer.append([event(f"S{s}", 12) for s in range(8)]))
        assert writer.state().last_error == ""
    assert [answer[0] is None for answer in answers[:8]] == [False] * 3 + [True] * 5
    assert None not in answers[-1]
    assert_complete_and_in_order(own.kafka, 8, 13)


def test_what_a_killed_process_had_spooled_is_sent_by_the_next(
    own_broker: LocalBroker, own: WriterSettings
) -> None:
    own_broker.stop()
    child = os.fork()
    if child == 0:
        writer = LogWriter(own)
        writer.append([event(f"S{s}", n) for n in range(5) for s in range(3)])
        os.kill(os.getpid(), 9)
    os.waitpid(child, 0)
    own_broker.start()
    with LogWriter(own) as writer:
        wait_until(lambda: writer.state().mode == "live")
        writer.append([event(f"S{s}", 5) for s in range(3)])
    assert_complete_and_in_order(own.kafka, 3, 6)


@pytest.fixture
def away(tmp_path: Path) -> Iterator[WriterSettings]:
    """Where no Kafka answers."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # and does not listen
        kafka = KafkaConfig(f"127.0.0.1:{taken.getsockname()[1]}", connect_timeout_ms=1_000)
        yield WriterSettings(kafka, kafka.events, 4, spool=tmp_path / "spool", ack_timeout_ms=2_000)


def test_without_room_on_disk_the_caller_is_told_to_come_back(away: WriterSettings) -> None:
    with LogWriter(replace(away, quota=2_000)) as writer:
        assert writer.append([event("S0", 0)]) == [None]
        with pytest.raises(Unavailable, match="full"):
            writer.append([("S1", b'"' + b"x" * 5_000 + b'"')])
        assert writer.append([event("S0", 1)]) == [None]
    with LogWriter(replace(away, spool=None)) as writer, pytest.raises(Unavailable, match="does not answer"):
        writer.append([event("S0", 0)])


def test_an_import_without_kafka_fails_and_says_that_it_may_be_repeated(away: WriterSettings) -> None:
    with LogWriter(away) as writer, pytest.raises(Unavailable, match="does not answer"):
        writer.bulk()
