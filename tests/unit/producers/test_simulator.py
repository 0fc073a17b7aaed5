"""The simulated province: the same bytes for a seed, a real province's proportions, distortions on demand."""

from collections import Counter, defaultdict
from datetime import date
from itertools import pairwise

import pytest

from domain.calendar_vn import vietnam_calendar
from domain.dossier import State, replay
from domain.errors import InvalidInput
from domain.events import Event, encode_event
from domain.facts import fact_of, merge
from domain.instants import parse_rfc3339, zone
from domain.timeline import Timeline, timeline_of
from domain.verdicts import judge_before
from producers.simulator import Plan, paced, paced_by_time, simulate, simulate_days

ZONE = zone("Asia/Ho_Chi_Minh")
START, END = parse_rfc3339("2026-08-01T00:00:00+07:00"), parse_rfc3339("2026-09-01T00:00:00+07:00")
N = 4000


@pytest.fixture(scope="module")
def month() -> list[Event]:
    return list(simulate(N, "2026-08", 1))


@pytest.fixture(scope="module")
def dossiers(month: list[Event]) -> dict[str, tuple[State, Timeline]]:
    by_code = defaultdict(list)
    due: dict[str, bool] = {}
    for event in month:
        if event.kind == "dossier":
            by_code[event.subject].append(fact_of(event))
        elif event.type == "procedure.described":
            due[event.subject] = event.data.returns_document  # type: ignore[attr-defined]
    found = {}
    for code, facts in by_code.items():
        state = replay(merge((), facts))
        found[code] = (state, timeline_of(state, None, result_due=due.get(state.procedure or "", True)))
    return found


def test_a_seed_gives_the_same_bytes_and_another_seed_others() -> None:
    one, two = ([encode_event(e) for e in simulate(200, "2026-08", 5, distortions=0.3)] for _ in range(2))
    assert one == two
    assert one != [encode_event(e) for e in simulate(200, "2026-08", 6, distortions=0.3)]


def test_events_come_in_the_order_in_which_they_happen_with_ids_of_their_own(month: list[Event]) -> None:
    assert all(a.occurred_at <= b.occurred_at for a, b in pairwise(month))
    assert len({e.id for e in month}) == len(month)
    assert all(e.occurred_at < END for e in month)
    assert all(e.recorded_at is not None and 0 <= e.recorded_at - e.occurred_at < 90_000 for e in month)


def test_units_and_procedures_are_known_before_the_first_dossier(month: list[Event]) -> None:
    kinds = [e.kind for e in month]
    assert set(kinds[: kinds.index("dossier")]) == {"unit", "procedure"}
    units = {e.subject: e.data for e in month if e.type == "unit.registered"}
    assert Counter(u.kind for u in units.values()) == {"province": 1, "department": 16, "commune": 140}  # type: ignore[attr-defined]
    used = {e.data.unit for e in month if e.type == "dossier.accepted"}  # type: ignore[attr-defined]
    assert used <= set(units)
    assert {e.data.procedure for e in month if e.type == "dossier.accepted"} <= {  # type: ignore[attr-defined]
        e.subject for e in month if e.type == "procedure.limit_set"
    }


def test_exactly_the_dossiers_asked_for_exist_about_a_sixth_of_them_carried_over(
    dossiers: dict[str, tuple[State, Timeline]],
) -> None:
    assert len(dossiers) == N
    carried = sum((s.accepted_at or END) < START for s, _ in dossiers.values())
    in_hand = sum(s.accepted_at is not None for s, _ in dossiers.values())
    assert (in_hand - carried) / in_hand == pytest.approx(152_595 / 184_513, abs=0.005)
    assert any(s.segments[-1].end() is None for s, _ in dossiers.values())


def test_proportions_are_those_of_a_real_province(
    month: list[Event], dossiers: dict[str, tuple[State, Timeline]]
) -> None:
    held = Counter(a for s, tl in dossiers.values() if s.accepted_at is not None for a in tl.held())
    accepted = sum(s.accepted_at is not None for s, _ in dossiers.values())
    states = Counter(judge_before(tl, "766", END, ZONE)[0] for _, tl in dossiers.values())
    late = (states["finished_late"] + states["open_late"]) / accepted
    supplemented = sum(e.type == "dossier.supplement_requested" for e in month) / accepted
    assert accepted / N > 0.98
    assert held["online"] / accepted == pytest.approx(0.989, abs=0.008)
    assert held["payable"] / accepted == pytest.approx(98_459 / 152_595, abs=0.03)
    assert held["paid_online"] / held["payable"] == pytest.approx(0.842, abs=0.03)
    assert held["digitised"] / accepted == pytest.approx(0.115, abs=0.03)
    assert held["citizen_data"] / accepted == pytest.approx(0.464, abs=0.05)
    assert supplemented == pytest.approx(0.06, abs=0.015)
    assert late == pytest.approx(0.216, abs=0.03)
    assert 8 < sum(e.kind == "dossier" for e in month) / N < 12
    assert sum(e.type == "petition.received" for e in month) == round(N * 247 / 184_513)


def test_units_differ_in_how_late_they_are(dossiers: dict[str, tuple[State, Timeline]]) -> None:
    by_unit: dict[str, list[bool]] = defaultdict(list)
    for state, tl in dossiers.values():
        if state.unit:
            by_unit[state.unit].append(judge_before(tl, "766", END, ZONE)[0].endswith("late"))
    rates = sorted(sum(v) / len(v) for v in by_unit.values() if len(v) >= 20)
    assert rates[0] < 0.12
    assert rates[-1] > 0.35


def test_dossiers_are_accepted_and_finished_in_working_hours(month: list[Event]) -> None:
    calendar = vietnam_calendar()
    for event in month:
        if event.type in ("dossier.accepted", "dossier.finished"):
            assert calendar.is_working_day(ZONE.day(event.occurred_at))
            assert calendar.roll_forward(event.occurred_at) - event.occurred_at <= 2 * 3_600_000 + 1


def test_a_tail_goes_on_with_what_was_open_and_changes_nothing_before(month: list[Event]) -> None:
    whole = list(simulate(N, "2026-08", 1, tail=True))
    before = {(e.id, e.hash) for e in whole if e.occurred_at < END}
    assert before == {(e.id, e.hash) for e in month}
    assert any(e.occurred_at >= END for e in whole)


def test_months_do_not_share_codes() -> None:
    july = {e.subject for e in simulate(500, "2026-07", 1) if e.kind == "dossier"}
    august = {e.subject for e in simulate(500, "2026-08", 1) if e.kind == "dossier"}
    assert not july & august


def test_distortions_appear_only_when_asked_for_and_leave_the_rest_as_it_was() -> None:
    clean = list(simulate(600, "2026-08", 3))
    spoilt = list(simulate(600, "2026-08", 3, distortions=0.5))
    types = Counter(e.type for e in spoilt)
    assert not any(e.type in ("dossier.reopened", "dossier.due_date_moved") for e in clean)
    assert types["dossier.reopened"]
    assert types["dossier.due_date_moved"]
    assert any((e.recorded_at or 0) - e.occurred_at > 86_400_000 for e in spoilt)
    assert any(e.subject.endswith("-2") for e in spoilt)
    assert {e.subject for e in clean if e.kind == "dossier"} <= {e.subject for e in spoilt}


def test_complaints_about_a_dossier_name_the_petition_that_caused_them() -> None:
    events = list(simulate(6000, "2026-08", 4))
    by_id = {e.id: e for e in events}
    complaints = [e for e in events if e.type == "dossier.complained"]
    assert complaints
    for complaint in complaints:
        assert complaint.causation_id is not None
        assert by_id[complaint.causation_id].data.dossier == complaint.subject  # type: ignore[attr-defined]


@pytest.mark.parametrize("month_text", ["2026-13", "2026", "08-2026", "1999-01", "2026-8"])
def test_what_is_no_month_is_refused(month_text: str) -> None:
    with pytest.raises(InvalidInput, match="not a month"):
        list(simulate(10, month_text, 1))


@pytest.mark.parametrize("count", [0, 1, 2])
def test_tiny_provinces_and_spans_without_a_working_day_work(count: int) -> None:
    plan = Plan(count, date(2026, 8, 1), date(2026, 8, 2), 1, carried_over=0, reference=False, tail=True)
    assert len({e.subject for e in simulate_days(plan) if e.kind == "dossier"}) == count


class FakeTime:
    """A clock that only sleeping moves."""

    def __init__(self) -> None:
        self.now = 100.0
        self.slept: list[float] = []

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds

    def clock(self) -> float:
        return self.now


def test_pacing_keeps_a_rate_and_catches_up_at_most_a_second() -> None:
    events = list(simulate(1, "2026-08", 1))[:100]
    time = FakeTime()
    for n, _ in enumerate(paced(events, 10, time.sleep, time.clock)):
        if n == 50:
            time.now += 60  # the receiver was away for a minute
    assert time.now == pytest.approx(100 + 60 + 9.9 - 1, abs=0.2)


def test_pacing_by_time_follows_the_simulated_clock() -> None:
    events = [e for e in simulate(300, "2026-08", 1) if e.occurred_at >= START]
    time = FakeTime()
    list(paced_by_time(events, START, 3600, time.sleep, time.clock))
    assert time.now - 100 == pytest.approx((events[-1].occurred_at - START) / 1000 / 3600)
