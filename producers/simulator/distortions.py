"""The distortions that real systems produce (domain.md §8), at a chosen rate, for audits to catch."""

from collections.abc import Callable
from random import Random

from domain.calendar import WorkingCalendar
from domain.instants import MS_DAY, format_rfc3339
from producers.simulator.happening import HOUR, MINUTE, Happening
from producers.simulator.lifecycle import Life

Distortion = Callable[[Life, Random, WorkingCalendar], None]
_FAKE_HASH = "k0-sim:"


def paused_as_finished(life: Life, _rng: Random, calendar: WorkingCalendar) -> None:
    """§8.1: a request for a supplement reaches the portal as an end."""
    at = calendar.roll_forward((life.accepted or 0) + 3 * HOUR)
    life.add(at, "finished")


def undated_and_finished_at_once(life: Life, rng: Random, _calendar: WorkingCalendar) -> None:
    """§8.1: no due date, finished on acceptance."""
    for event in life.events:
        event.data.pop("due_at", None)
    life.add((life.accepted or 0) + rng.randrange(1_000), "finished")


def input_as_result(life: Life, rng: Random, _calendar: WorkingCalendar) -> None:
    """§8.2: the file that came in is passed off as the result, and every payment as online."""
    same = f"{_FAKE_HASH}{rng.getrandbits(128):032x}"
    at = (life.accepted or 0) + MINUTE
    life.add(at, "components_recorded", components=[{"code": "P1", "digitised": True, "hash": same}])
    for event in life.events:
        if event.type == "dossier.finished":
            event.data["result_files"] = [{"electronic": True, "hash": same}]
        elif event.type == "dossier.fee_paid":
            event.data["gateway"] = "local_gateway"


def under_two_codes(life: Life, rng: Random, _calendar: WorkingCalendar) -> None:
    """§8.3: the same dossier once more under another code."""
    twin = f"{life.code}-2"
    shift = rng.randrange(1, 30) * MINUTE
    life.events += [
        Happening(e.at + shift, e.type, twin, dict(e.data), e.recorded_after)
        for e in list(life.events)
        if e.subject == life.code
    ]


def due_date_moved_late(life: Life, rng: Random, calendar: WorkingCalendar) -> None:
    """§8.4: the due date is moved after it has passed, twice, without an apology."""
    assert life.due is not None
    first = calendar.roll_forward(life.due + rng.randrange(1, 20) * HOUR)
    middle = calendar.add_working_days(first, 3)
    life.add(first, "due_date_moved", **{"from": format_rfc3339(life.due), "to": format_rfc3339(middle)})
    last = format_rfc3339(calendar.add_working_days(first, 20))
    life.add(first + 2 * HOUR, "due_date_moved", **{"from": format_rfc3339(middle), "to": last})


def paused_just_before_due(life: Life, rng: Random, calendar: WorkingCalendar) -> None:
    """§8.4: a supplement is asked for in the last hours, and comes back days later."""
    assert life.due is not None
    asked = max(life.due - rng.randrange(10, 110) * MINUTE, (life.accepted or 0) + MINUTE)
    life.add(asked, "supplement_requested", reason="missing_paper")
    life.add(calendar.roll_forward(asked + 6 * MS_DAY), "supplement_received")


def backdated(life: Life, rng: Random, _calendar: WorkingCalendar) -> None:
    """§8.5: the end is recorded many days after it is said to have happened."""
    for event in life.events:
        if event.type in ("dossier.finished", "dossier.returned"):
            event.recorded_after = rng.randrange(5, 20) * MS_DAY


def finished_before_its_last_step(life: Life, rng: Random, calendar: WorkingCalendar) -> None:
    """§8.5: a step comes after the end."""
    at = calendar.add_working_ms(life.end or life.accepted or 0, rng.randrange(2, 16) * HOUR)
    life.add(at, "step_completed", step="B4", office=f"{life.unit.code}.P1")


def recalled(life: Life, rng: Random, calendar: WorkingCalendar) -> None:
    """§8.6: returned, re-opened and finished again."""
    end = life.end or life.accepted or 0
    again = calendar.add_working_ms(end, rng.randrange(12, 30) * HOUR)
    life.add(again, "reopened", reason="correction")
    life.add(calendar.add_working_ms(again, rng.randrange(4, 40) * HOUR), "finished")


def forgotten(life: Life, _rng: Random, _calendar: WorkingCalendar) -> None:
    """§8.7: accepted and never touched again."""
    life.events = [e for e in life.events if e.at <= (life.accepted or 0)]
    life.end = None


def never_accepted(life: Life, _rng: Random, _calendar: WorkingCalendar) -> None:
    """§8.7: filed, and no answer."""
    life.events = [e for e in life.events if e.type == "dossier.submitted"]
    life.accepted = life.end = None


def steps_that_never_arrive(life: Life, _rng: Random, _calendar: WorkingCalendar) -> None:
    """§8.8: no step, though the dossier says that it is synchronised."""
    life.events = [e for e in life.events if not e.type.startswith("dossier.step")]


def refiled(life: Life, rng: Random, _calendar: WorkingCalendar) -> None:
    """§8.3: rejected, and filed again by the same applicant some weeks later, under another code."""
    mine = [e for e in life.events if e.subject == life.code]
    first = min(mine, key=lambda e: e.at)
    later = rng.randrange(1, 4) * 7 * MS_DAY
    refused = Happening(first.at + rng.randrange(1, 9) * HOUR, "dossier.rejected", life.code, {})
    again = [Happening(e.at + later, e.type, f"{life.code}-2", dict(e.data), e.recorded_after) for e in mine]
    life.events = [first, refused, *again]
    life.accepted = life.end = None


DISTORTIONS: tuple[Distortion, ...] = (
    paused_as_finished,
    undated_and_finished_at_once,
    input_as_result,
    under_two_codes,
    due_date_moved_late,
    paused_just_before_due,
    backdated,
    finished_before_its_last_step,
    recalled,
    forgotten,
    never_accepted,
    steps_that_never_arrive,
)


def distort(
    life: Life, rate: float, rng: Random, calendar: WorkingCalendar, *, applicants: bool = False
) -> str | None:
    """Gives an accepted life one distortion with probability `rate`; returns its name. Without any, `rng` is
    not touched: the undistorted province of a seed stays the same. `applicants`: sources tell whose dossier it is,
    so that what only that shows is planted as well."""
    if not rate or life.accepted is None or rng.random() >= rate:
        return None
    chosen = rng.choice((*DISTORTIONS, refiled) if applicants else DISTORTIONS)
    chosen(life, rng, calendar)
    return chosen.__name__
