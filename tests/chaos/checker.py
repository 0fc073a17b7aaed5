"""Judges a stack after its faults: acknowledged = logged = folded = in the store; figures as without faults."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from domain.blocks import split_block
from domain.events import Event, decode_event, encode_event
from eventlog.config import KafkaConfig
from eventlog.producer import BulkWriter
from eventlog.reader import LogReader
from ops.rebuilding import store_client
from ops.settings import load
from sinks.generations import active_generation
from tests.support.stack import RunningStack

Key = tuple[str, str]
"""(source, id)."""
UNITS = ("H44",)
SOME = 5


def logged(stack: RunningStack) -> Iterator[tuple[Key, bytes]]:
    """Every event in the log, with the hash of its content."""
    kafka = KafkaConfig(stack.stack.kafka)
    with LogReader(kafka, kafka.events) as reader:
        for partition in reader.partitions():
            for record in reader.read_range(partition, 0):
                for raw in split_block(record.value):
                    event = decode_event(bytes(raw))
                    yield (event.source, event.id), event.hash


def check(stack: RunningStack, acknowledged: Callable[[], Iterable[Event]], seconds: float) -> dict[str, int]:
    """Fails with the first difference; the numbers that were equal. `acknowledged` gives the events, as often as
    it is asked; `reconcile` may take `seconds`."""
    expected = {(e.source, e.id): e.hash for e in acknowledged()}
    missing, copies = dict(expected), 0
    for key, content in logged(stack):
        copies += 1
        if missing.get(key) == content:
            del missing[key]
    lost = [*missing]
    assert not lost, f"{len(lost)} of {len(expected)} acknowledged events are not in the log: {lost[:SOME]}"
    with store_client(load({**stack.environ}, stack.data)) as client:
        _check_records(client, stack)
        _check_facts(client, acknowledged())
    found = stack.json("reconcile", seconds=seconds)
    assert found["verdict"] == "holds", found
    return {"acknowledged": len(expected), "copies in the log": copies}


def _check_records(client: Any, stack: RunningStack) -> None:
    """Every record of the log once, and no other."""
    kafka = KafkaConfig(stack.stack.kafka)
    with LogReader(kafka, kafka.events) as reader:
        ends = reader.end_offsets()
    sql = (
        "SELECT partition, count(), uniqExact(offset), max(offset) FROM records FINAL "
        "WHERE topic = 'dossier-events' GROUP BY partition"
    )
    rows = {p: (count, different, last + 1) for p, count, different, last in client.execute(sql)}
    assert rows == {p: (end, end, end) for p, end in ends.items() if end}, (rows, ends)


def _check_facts(client: Any, acknowledged: Iterable[Event]) -> None:
    """Every event once as a fact of its dossier, and nobody a dead letter."""
    expected = Counter(subject for subject, _ in {(e.subject, e.id) for e in acknowledged})
    generation = active_generation(client)
    sql = f"SELECT dossier_code, events FROM dossiers FINAL WHERE generation = {generation}"
    found = dict(client.execute(sql))
    wrong = {c: (n, found.get(c)) for c, n in expected.items() if found.get(c) != n}
    assert not wrong, f"{len(wrong)} of {len(expected)} dossiers have other facts: {[*wrong.items()][:SOME]}"
    assert len(found) == len(expected), sorted(found.keys() - expected.keys())[:SOME]
    letters = client.execute(f"SELECT count() FROM dead_letters WHERE generation = {generation}")
    assert letters == [(0,)], letters


def figures(stack: RunningStack) -> dict[str, Any]:
    """What people read: scorecard and overdue list, without what names places in the log."""
    found: dict[str, Any] = {}
    with stack.http() as client:
        for rule in ("timestamp", "date"):
            page = _get(client, "/v1/overdue", rule=rule, limit=1000)
            found[f"overdue by {rule}"] = page.get("totals"), [_plain(item) for item in page.get("dossiers", [])]
        for period in ("2026-08", "ytd"):
            found[f"scorecard {period}"] = _plain(_get(client, f"/v1/scorecards/{UNITS[0]}", period=period))
    return found


def _get(client: Any, path: str, **params: object) -> dict[str, Any]:
    answer = client.get(path, params=params)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


VOLATILE = frozenset(
    "known_at recorded_at complete_to etag generated_at version offset partition freshness log_clock now vector "
    "generation cursor next".split()
)
"""What depends on where and when something was written."""


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _plain(inner) for name, inner in value.items() if name not in VOLATILE}
    return [_plain(inner) for inner in value] if isinstance(value, list) else value


def load_twin(stack: RunningStack, events: Iterable[Event], seconds: float) -> None:
    """Gives a stack that knows no faults the same events; they may take `seconds` to be queryable."""
    kafka = KafkaConfig(stack.stack.kafka)
    with BulkWriter(kafka, kafka.events, 4) as writer:
        for event in events:
            writer.add(event.subject, encode_event(event))
        writer.flush()
    stack.settle(seconds)
