"""Which measurements there are, with their sizes; each runs by itself, one after the other."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from domain.errors import InvalidInput
from ops.bench.measure import Measure, Watch, with_machine
from ops.bench.place import plain_environment

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Sizes:
    """How much is measured; None: each measurement's own default. `data` is a running stack, read only."""

    events: int | None = None
    dossiers: int | None = None
    rate: float | None = None
    seconds: float | None = None
    data: Path | None = None
    profile: Callable[[str], None] | None = None
    peers: Callable[[str], None] | None = None
    """Hears of the peers' installation; None: they are measured only where they are installed."""
    say: Say = lambda _: None


Run = Callable[[Mapping[str, str], Sizes], list[Measure]]


def _stream(environ: Mapping[str, str], sizes: Sizes) -> list[Measure]:
    from ops.bench.fold import measure_stream

    return measure_stream(_events(sizes, 100_000), environ, sizes.profile, sizes.peers)


def _end_to_end(environ: Mapping[str, str], sizes: Sizes) -> list[Measure]:
    from ops.bench.intake import measure_end_to_end

    return measure_end_to_end(environ, _events(sizes, 100_000))


def _freshness(environ: Mapping[str, str], sizes: Sizes) -> list[Measure]:
    from ops.bench.freshness import RATES, measure_freshness

    rates = RATES if sizes.rate is None else (sizes.rate,)
    return measure_freshness(environ, sizes.seconds or 30.0, rates)


def _alerts(environ: Mapping[str, str], sizes: Sizes) -> list[Measure]:
    from ops.bench.alerts import A_MINUTE, DOSSIERS, measure_alerts

    a_minute = A_MINUTE if sizes.rate is None else 60 * sizes.rate
    return measure_alerts(environ, sizes.dossiers or DOSSIERS, a_minute, sizes.seconds or 60.0)


def _alert_burst(environ: Mapping[str, str], sizes: Sizes) -> list[Measure]:
    from ops.bench.alert_burst import DOSSIERS, measure_burst

    return measure_burst(environ, sizes.dossiers or DOSSIERS, sizes.rate or 50.0, sizes.seconds)


def _store(environ: Mapping[str, str], sizes: Sizes) -> list[Measure]:
    from ops.bench.store import measure_store

    return measure_store(environ, sizes.dossiers or 100_000, sizes.seconds or 60.0, sizes.data, sizes.say)


def _rebuild(environ: Mapping[str, str], sizes: Sizes) -> list[Measure]:
    from ops.bench.rebuilding import measure_rebuild

    return measure_rebuild(environ, _events(sizes, 50_000))


def _import(environ: Mapping[str, str], sizes: Sizes) -> list[Measure]:
    from ops.bench.intake import measure_import

    return measure_import(environ, _events(sizes, 30_000))


def _growth(environ: Mapping[str, str], sizes: Sizes) -> list[Measure]:
    from ops.bench.growth import measure_growth

    return measure_growth(environ, _events(sizes, 100_000), sizes.say)


def _flush(environ: Mapping[str, str], _sizes: Sizes) -> list[Measure]:
    from ops.bench.flush import measure_flush

    return measure_flush(environ)


def _state(_environ: Mapping[str, str], sizes: Sizes) -> list[Measure]:
    from ops.bench.state import measure_state

    return measure_state(sizes.dossiers or 100_000)


def _seal(environ: Mapping[str, str], sizes: Sizes) -> list[Measure]:
    from ops.bench.seals import measure_seals

    events = _events(sizes, 100_000)
    return measure_seals(environ, events, max(events, 20_000_000))


def _findings(_environ: Mapping[str, str], sizes: Sizes) -> list[Measure]:
    from ops.bench.findings import DOSSIERS, measure_findings

    return measure_findings(sizes.dossiers or DOSSIERS)


def _start(environ: Mapping[str, str], sizes: Sizes) -> list[Measure]:
    from ops.bench.start import IDLE_SECONDS, measure_start

    return measure_start(environ, IDLE_SECONDS if sizes.seconds is None else sizes.seconds)


ALL: Mapping[str, Run] = {
    "stream": _stream,
    "end-to-end": _end_to_end,
    "freshness": _freshness,
    "alerts": _alerts,
    "alert-burst": _alert_burst,
    "store": _store,
    "rebuild": _rebuild,
    "import": _import,
    "growth": _growth,
    "state": _state,
    "flush": _flush,
    "seal": _seal,
    "findings": _findings,
    "start": _start,
}


def run_benches(names: Sequence[str], environ: Mapping[str, str], sizes: Sizes, say: Say) -> list[Measure]:
    """Runs the named measurements (none named: all). InvalidInput for a name that there is not."""
    for name in names:
        if name not in ALL:
            raise InvalidInput(f"'{name}' is not a measurement: {', '.join(ALL)}")
    found: list[Measure] = []
    for name in names or ALL:
        say(f"measuring {name}")
        watch = Watch()
        found += with_machine(ALL[name](plain_environment(environ), replace(sizes, say=say)), watch.tell())
    return found


def _events(sizes: Sizes, usual: int) -> int:
    """The wanted number of events, told as events or as dossiers."""
    if sizes.events is not None:
        return sizes.events
    if sizes.dossiers is not None:
        from ops.bench.history import EVENTS_A_DOSSIER

        return round(sizes.dossiers * EVENTS_A_DOSSIER)
    return usual
