"""A13 round by round: a silence, what comes back of it, and a notifier that starts anew in between."""

from collections.abc import Iterable

import pytest

from api.figures.context import FigureContext
from api.raising import silence
from api.raising.silence import Silence
from domain.calendar_vn import vietnam_calendar
from domain.instants import MS_DAY, Millis, Zone
from domain.periods import parse_instant
from domain.raised import Key, Raised, changes
from sinks.queries import beat
from tests.support.conditions import reference

ZONE, ROOT, UNIT, OTHER = Zone(), "H44", "H44.1", "H44.2"
CALENDAR = vietnam_calendar(ZONE.name)
DAY, HALF_HOUR = "2026-08-13", 1_800_000


def at(clock: str) -> Millis:
    return parse_instant(f"{DAY}T{clock}", ZONE)


class Feed:
    """What the store knows: (unit, when it came, when it happened)."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = at("07:00")
        self.came: list[tuple[str, Millis, Millis]] = []
        for back in range(1, 21):
            begins = CALENDAR.start_of_working_day(CALENDAR.previous_working_day(ZONE.day(self.now), back))
            self.send(begins, 21)
        self.send(at("07:00"), 5)  # both until 09:00
        monkeypatch.setattr(beat, "arrivals", lambda _, since, __: [c[:2] for c in self._known(since)])
        monkeypatch.setattr(
            beat, "last_arrivals", lambda _, since: dict(sorted(c[:2] for c in self._known(since)))
        )
        monkeypatch.setattr(beat, "newest_fact", self._newest)
        monkeypatch.setattr(FigureContext, "reference", reference({}))
        monkeypatch.setattr(FigureContext, "calendar", lambda *_: CALENDAR)
        monkeypatch.setattr(silence, "_closed", lambda _: set())

    def send(self, start: Millis, times: int, *units: str, came: Millis | None = None) -> None:
        for n in range(times):
            happened = start + n * HALF_HOUR
            self.came += [(u, happened if came is None else came, happened) for u in units or (UNIT, OTHER)]

    def _known(self, since: Millis) -> list[tuple[str, Millis, Millis]]:
        return [c for c in self.came if since <= c[1] <= self.now]

    def _last(self, _: object, since: Millis) -> dict[str, Millis]:
        return dict(sorted(c[:2] for c in self._known(since)))

    def _newest(self, _: object, unit: str, since: Millis) -> Millis | None:
        return max((c[2] for c in self._known(since + 1) if unit in ("", c[0])), default=None)


class Notifier:
    """Rounds; what was said is kept beside it, as the alert log does."""

    def __init__(self, feed: Feed) -> None:
        self.feed, self.rule = feed, Silence()
        self.said: dict[Key, Raised] = {}

    def round(self, now: Millis) -> set[str]:
        """Who is silent after a round."""
        self.feed.now = now
        found: Iterable[Raised] = self.rule.judge(FigureContext(None, 1, ZONE, ROOT, now), self.said)
        self.said.update((one.key, one) for one in changes(self.said, list(found), now))
        return {one.subject for one in self.said.values() if one.holds(now)}

    def restart(self) -> None:
        self.rule = Silence()


@pytest.fixture
def feed(monkeypatch: pytest.MonkeyPatch) -> Feed:
    return Feed(monkeypatch)


@pytest.mark.parametrize("restarts", [False, True])
def test_a_silence_lasts_until_what_was_missing_has_come(feed: Feed, restarts: bool) -> None:
    """Usual is half an hour, so two hours alarm; the backlog of the morning comes from 14:00 on."""
    feed.send(at("09:30"), 16, OTHER)
    feed.send(at("09:30"), 1, UNIT, came=at("14:00"))
    feed.send(at("10:00"), 8, UNIT, came=at("14:20"))
    feed.send(at("14:30"), 6, UNIT)
    one, told = Notifier(feed), {}
    for clock in ("11:00", "11:01", "13:59", "14:00:30", "14:10", "14:20:30", "16:59"):
        if restarts:
            one.restart()
        told[clock] = one.round(at(clock))
    silent = {clock for clock, units in told.items() if units}
    assert silent == {"11:01", "13:59", "14:00:30", "14:10"}, "the first of it is not all of it"
    (only,) = one.said.values()
    assert (only.subject, only.start, only.until) == (UNIT, at("11:00"), at("14:20:30"))


def test_a_source_that_tells_days_and_no_hours_is_believed_after_it_has_flowed_for_as_long(feed: Feed) -> None:
    feed.send(at("09:30"), 16, OTHER)
    for came in ("14:00", "14:30", "15:00", "15:30", "16:00", "16:30"):
        feed.send(at("00:00"), 1, UNIT, came=at(came))
    one = Notifier(feed)
    told = [bool(one.round(at(clock))) for clock in ("12:00", "14:01", "16:00", "16:02")]
    assert told == [True, True, True, False]


def test_the_whole_system_is_one_alert_and_ends_when_the_newest_facts_are_there(feed: Feed) -> None:
    one = Notifier(feed)
    assert one.round(at("11:30")) == {ROOT}
    feed.send(at("09:30"), 2, came=at("13:40"))
    assert one.round(at("13:41")) == {ROOT}
    feed.send(at("10:30"), 7, came=at("13:45"))
    assert one.round(at("13:46")) == set()


def test_a_clock_that_jumps_a_day_ahead_and_back_leaves_one_alert_a_silence(feed: Feed) -> None:
    feed.send(at("09:30"), 16, OTHER)
    one = Notifier(feed)
    one.round(at("11:30"))
    one.round(at("11:31") + MS_DAY)
    one.round(at("11:32"))
    assert len([r for r in one.said.values() if r.subject == UNIT]) == 1
