"""The simulated province into a file or into the log, as fast as it goes or at a pace."""

import time
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from domain.errors import InvalidInput
from domain.events import Event, encode_event
from ops.addresses import kafka_config
from ops.client import Client
from ops.importing import open_bulk, shown_progress, wait_for
from ops.live_sink import LiveSink
from ops.settings import Settings
from producers.log_sink import LogSink
from producers.simulator import paced
from producers.sink import EventSink, JsonlSink


def made_to_measure(settings: Settings, table: Path, month: str) -> Iterator[Event]:
    """Events whose figures are those of a table. A unit whose code ends in three or more digits is a commune."""
    import re

    from ops.commands.figures import read_csv
    from producers.simulator.published import published_province, whole_units

    if not re.fullmatch(r"\d{4}-(0[1-9]|1[0-2])", month):
        raise InvalidInput(f"'{month}' is not a month such as 2026-08")
    units = whole_units(read_csv(table))
    communes = [code for code in units if re.search(r"\.\d{3,}$", code)]
    return published_province(units, month, settings.root, settings.zone, communes)


def simulate_into(
    settings: Settings, events: Iterable[Event], *, out: Path | None, rate: float | None, wait: bool
) -> dict[str, Any]:
    """Sends the events to a file, or into the log: in blocks as an import, or live at `rate` events a second.

    Returns `{"events", "dossiers", "out"}`; with `wait` when all of it is queryable. Unavailable when Kafka (or,
    waiting, the API) is away.
    """
    client = Client(settings) if wait and out is None else None
    if rate is not None:
        events = paced(events, rate, time.sleep, time.monotonic)
    counts: Counter[str] = Counter()
    subjects: set[str] = set()
    with shown_progress() as update:
        with _sink(settings, out, live=rate is not None) as sink:
            for n, event in enumerate(events, 1):
                sink.add(event, encode_event(event))
                counts[event.kind] += 1
                if event.kind == "dossier":
                    subjects.add(event.subject)
                if n % 1000 == 0:
                    update(f"{n:,} events", 0, 0)
            sink.flush()
        if client is not None and isinstance(sink, LogSink | LiveSink):
            wait_for(client, sink.ends, update)
    return {"events": counts.total(), "dossiers": len(subjects), "out": None if out is None else str(out)}


@contextmanager
def live_sink(settings: Settings) -> Iterator[LiveSink]:
    """A sink of live traffic into `dossier-events`, without a spool: a stream can be sent again."""
    from eventlog.writer import LogWriter, WriterSettings

    kafka = kafka_config(settings)
    with LogWriter(WriterSettings(kafka, kafka.events, settings.partitions)) as writer:
        yield LiveSink(writer)


@contextmanager
def _sink(settings: Settings, out: Path | None, *, live: bool) -> Iterator[EventSink]:
    if out is not None:
        out.parent.mkdir(parents=True, exist_ok=True)
        with JsonlSink(out) as file:
            yield file
    elif live:
        with live_sink(settings) as sink:
            yield sink
    else:
        with open_bulk(settings) as bulk:
            yield LogSink(bulk)
