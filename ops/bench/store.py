"""How long answers take over many dossiers: the questions of a province's day, by one client and by several."""

import random
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from statistics import median
from typing import Any

from api import figures
from api.figures.context import FigureContext
from api.figures.kept import Kept
from domain.errors import Unavailable
from domain.instants import Millis, parse_rfc3339
from ops.addresses import store_target
from ops.bench.history import past_log, simulated
from ops.bench.limits import select_one
from ops.bench.measure import Measure, latencies
from ops.bench.place import bare_broker, http_on, running, scratch
from ops.bench.questions import ROUNDS, Question, questions
from ops.bench.synthetic import Say, leave_as_live, multiply, size_of
from ops.rebuilding import store_client
from ops.settings import Settings
from sinks.clickhouse import connect
from sinks.generations import active_generation
from sinks.positions import log_clock, wait_until

CLIENTS = (1, 4)
CLOCK = "2026-09-03T09:00:00+07:00"
"""The morning of a working day after the simulated months: much falls due that day, nothing lies in the future."""
PATIENCE = 3600.0
PARTITIONS = 4


@dataclass(frozen=True, slots=True)
class Place:
    """A stack that answers: where, over how many dossiers, and what may be asked about."""

    data: Path
    settings: Settings
    dossiers: int
    units: tuple[str, ...]
    codes: tuple[str, ...]
    when: Mapping[str, str]
    """The month before the clock's, its quarter, and a day and an instant in it when the log was there already."""
    now: Millis


SHARES = (0.5, 0.95, 0.99)


def measure_store(
    environ: Mapping[str, str], dossiers: int, seconds: float, data: Path | None = None, say: Say = lambda _: None
) -> list[Measure]:
    """p50, p95 and p99 of each question; over the stack on `data` when given, else over a simulated province."""
    if data is not None:
        return _measured(_place(data, environ), seconds, say)
    with simulated_place(environ, dossiers, say) as place:
        return _measured(place, seconds, say)


@contextmanager
def simulated_place(environ: Mapping[str, str], dossiers: int, say: Say = lambda _: None) -> Iterator[Place]:
    """A province whose log has the times of arrival, folded by the stack itself; of a large one a part is folded
    and the rest copied (`synthetic`)."""
    size = size_of(dossiers)
    with scratch("store") as folder:
        with bare_broker(folder, environ) as kafka:
            say(f"simulating {size.folded} dossiers of {size.months} months")
            _, ends = past_log(kafka, simulated(size.folded, size.months, first=size.first), PARTITIONS)
        with running(folder, environ, "--clock", CLOCK) as stack:
            with store_client(stack.settings) as client:
                say("folding them")
                wait_until(client, ends, seconds=PATIENCE)
                if size.copies > 1:
                    multiply(client, size.copies, PARTITIONS, say)
                leave_as_live(client)
            yield _place(folder, environ, parse_rfc3339(CLOCK))


def _place(data: Path, environ: Mapping[str, str], clock: Millis | None = None) -> Place:
    from ops.settings import load

    settings = load(environ, data)
    with store_client(settings) as client:
        ((count,),) = client.execute("SELECT uniqExact(dossier_code) FROM gs766.dossiers")
        if not count:
            raise Unavailable(f"the store of {data} holds no dossier yet")
        codes = client.execute("SELECT DISTINCT dossier_code FROM gs766.dossiers ORDER BY rand(7) LIMIT 500")
        units = client.execute("SELECT DISTINCT unit FROM gs766.dossiers ORDER BY unit")
        ((middle,),) = client.execute(
            "SELECT toDateTime(quantileExact(0.98)(known_at), 'UTC') FROM gs766.dossier_versions"
        )
        now = log_clock(client, active_generation(client) or 0) if clock is None else clock
    today = settings.zone.local(now or 0)
    # The month before the clock's: whole, where the clock's own has hardly begun.
    last = today.replace(day=1) - timedelta(days=1)
    when = {
        "month": f"{last:%Y-%m}",
        "quarter": f"{last:%Y}-Q{(last.month + 2) // 3}",
        "day": f"{middle:%Y-%m-%d}",
        "instant": f"{middle:%Y-%m-%d}T11:00",
    }
    named = tuple(unit for (unit,) in units if unit != "?")
    return Place(data, settings, count, named, tuple(code for (code,) in codes), when, now or 0)


def _measured(place: Place, seconds: float, say: Say) -> list[Measure]:
    """Each question by one client and by several, a share of the time each, at least five answers."""
    trips = select_one(store_target(place.settings, "reader"))
    floor = Measure(
        "store limit: SELECT 1 on the native port", median(trips) * 1000, "ms", conditions="one client, median"
    )
    asked = questions(place.settings.root, place.units, place.codes, place.when)
    share = seconds / (len(asked) * len(CLIENTS))
    found = [floor]
    for question in asked:
        say(f"asking: {question.name}")
        limit, anew = _bare(place, question)
        limit = limit.against(floor)
        found += [limit, anew.against(floor)]
        _answers(place, question, 1, 0.0)
        for clients in CLIENTS:
            spent = _answers(place, question, clients, share)
            said = f"{place.dossiers} dossiers, over HTTP with a new question each time"
            label = f"{question.name}, {clients} client{'s' if clients > 1 else ''}"
            found += [m.against(limit) for m in latencies(label, spent, SHARES, said)]
    return found


def _bare(place: Place, question: Question) -> tuple[Measure, Measure]:
    """What its statements alone take, bare on one connection; and, without HTTP, an answer for which nothing is
    kept yet: the first one after the log has moved on, or (as known then) of its instant."""
    with connect(store_target(place.settings, "reader")) as client:
        generation = active_generation(client) or 0
        kept = Kept()

        def context(recording: Any) -> FigureContext:
            settings = place.settings
            return FigureContext(
                recording, generation, settings.zone, settings.root, place.now, kept=kept, shared=True
            )

        context(client).tree  # noqa: B018 - documents are known to a running server
        taken, statements = question.bare(context, client)
        known, anew = (
            kept.known(context(client).everything, place.settings.zone, place.settings.root),
            list[float](),
        )
        for number in range(ROUNDS):
            kept = Kept(known)
            begun = time.perf_counter()
            getattr(figures, question.kind)(context(client), **question.draw(random.Random(number)))
            anew.append(time.perf_counter() - begun)
    said = f"{statements} statements one after the other, bare on the native port, medians"
    return (
        Measure(f"{question.name}: its statements alone", taken * 1000, "ms", conditions=said),
        Measure(
            f"{question.name}: the first, nothing kept",
            median(anew) * 1000,
            "ms",
            conditions="as after the log has moved on, but for what is settled; without HTTP, median",
        ),
    )


def _answers(place: Place, question: Question, clients: int, seconds: float, least: int = 5) -> list[float]:
    def one(number: int) -> list[float]:
        draw, spent = random.Random(number), list[float]()
        deadline = time.monotonic() + seconds
        with http_on(place.data) as client:
            while len(spent) < least or time.monotonic() < deadline:
                begun = time.perf_counter()
                question.over_http(client, draw)
                spent.append(time.perf_counter() - begun)
        return spent

    with ThreadPoolExecutor(clients) as pool:
        return [each for spent in pool.map(one, range(clients)) for each in spent]
