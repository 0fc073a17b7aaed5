"""How long answers take over many dossiers: the questions of a province's day, by one client and by several."""

import random
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import httpx

from domain.errors import Unavailable
from ops.addresses import store_target
from ops.bench.history import past_log, simulated
from ops.bench.limits import select_one
from ops.bench.measure import Measure, latencies
from ops.bench.place import bare_broker, http_on, running, scratch
from ops.rebuilding import store_client
from ops.settings import Settings
from sinks.positions import wait_until

CLIENTS = (1, 4)
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
    month: str
    day: str
    """A day of that month in whose evening the log was already there."""


Ask = Callable[[httpx.Client, random.Random], None]


def measure_store(
    environ: Mapping[str, str], dossiers: int, seconds: float, data: Path | None = None
) -> list[Measure]:
    """Median and p95 of each question; over the stack on `data` when given, else over a simulated month."""
    if data is not None:
        return _measured(_place(data, environ), seconds)
    with simulated_place(environ, dossiers) as place:
        return _measured(place, seconds)


@contextmanager
def simulated_place(environ: Mapping[str, str], dossiers: int) -> Iterator[Place]:
    """A month of a province whose log has the times of arrival, folded by the stack itself."""
    with scratch("store") as folder:
        with bare_broker(folder, environ) as kafka:
            _, ends = past_log(kafka, simulated(dossiers, 1), PARTITIONS)
        with running(folder, environ, "--clock", "log") as stack:
            with store_client(stack.settings) as client:
                wait_until(client, ends, seconds=PATIENCE)
            yield _place(folder, environ)


def _place(data: Path, environ: Mapping[str, str]) -> Place:
    from ops.settings import load

    settings = load(environ, data)
    with store_client(settings) as client:
        ((count, newest),) = client.execute("SELECT uniqExact(dossier_code), max(known_at) FROM gs766.dossiers")
        if not count:
            raise Unavailable(f"the store of {data} holds no dossier yet")
        codes = client.execute("SELECT DISTINCT dossier_code FROM gs766.dossiers ORDER BY rand(7) LIMIT 500")
        units = client.execute("SELECT DISTINCT unit FROM gs766.dossiers ORDER BY unit")
        ((middle,),) = client.execute("SELECT toDate(quantileExact(0.5)(known_at)) FROM gs766.dossier_versions")
    return Place(
        data,
        settings,
        count,
        tuple(unit for (unit,) in units if unit != "?"),
        tuple(code for (code,) in codes),
        f"{newest:%Y-%m}",
        f"{middle:%Y-%m-%d}",
    )


def questions(place: Place) -> dict[str, Ask]:
    """By name, one question with fresh parameters at each call."""
    root, month = place.settings.root, place.month

    def card(unit: str | None, period: str, **more: str) -> Ask:
        def ask(client: httpx.Client, draw: random.Random) -> None:
            _get(client, f"/v1/scorecards/{unit or draw.choice(place.units)}", period=period, **more)

        return ask

    def dossier(client: httpx.Client, draw: random.Random) -> None:
        _get(client, f"/v1/dossiers/{draw.choice(place.codes)}")

    def overdue(client: httpx.Client, draw: random.Random) -> None:
        _get(client, "/v1/overdue", unit=draw.choice(place.units))

    def overdue_all(client: httpx.Client, _: random.Random) -> None:
        _get(client, "/v1/overdue")

    return {
        "scorecard of a unit, month": card(None, month),
        "scorecard of a unit, ytd": card(None, "ytd"),
        "scorecard of the province, month": card(root, month),
        "scorecard of the province with children, month": card(root, month, children="true"),
        "scorecard of the province with children, ytd": card(root, "ytd", children="true"),
        "scorecard of the province as known at a day's end": card(root, month, known_at=place.day),
        "overdue list of a unit": overdue,
        "overdue list of the province, first page": overdue_all,
        "one dossier": dossier,
    }


def _measured(place: Place, seconds: float) -> list[Measure]:
    """Each question by one client and by several, a share of the time each, at least five answers."""
    trips = select_one(store_target(place.settings, "reader"))
    limit = Measure(
        "store limit: SELECT 1 on the native port", median(trips) * 1000, "ms", conditions="one client, median"
    )
    asked = questions(place)
    share = seconds / (len(asked) * len(CLIENTS))
    found = [limit]
    for name, ask in asked.items():
        _answers(place, ask, 1, 0.0)
        for clients in CLIENTS:
            spent = _answers(place, ask, clients, share)
            said = f"{place.dossiers} dossiers, over HTTP with a new question each time"
            label = f"{name}, {clients} client{'s' if clients > 1 else ''}"
            found += [m.against(limit) for m in latencies(label, spent, (0.5, 0.95), said)]
    return found


def _answers(place: Place, ask: Ask, clients: int, seconds: float, least: int = 5) -> list[float]:
    def one(number: int) -> list[float]:
        draw, spent = random.Random(number), list[float]()
        deadline = time.monotonic() + seconds
        with http_on(place.data) as client:
            while len(spent) < least or time.monotonic() < deadline:
                begun = time.perf_counter()
                ask(client, draw)
                spent.append(time.perf_counter() - begun)
        return spent

    with ThreadPoolExecutor(clients) as pool:
        return [each for spent in pool.map(one, range(clients)) for each in spent]


def _get(client: httpx.Client, path: str, **query: str) -> None:
    answer = client.get(path, params=query)
    if answer.status_code != 200:
        raise Unavailable(f"{path} answered {answer.status_code}: {answer.text[:300]}")
