"""A dossier's fold goes on from its kept state: the rows are those of folding all its facts from the first."""

import random
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.daily import by_definition, daily
from domain.dossier import EMPTY, Due, Pause, evolve, replay
from domain.events import Event
from domain.facts import Fact, fact_of, merge, packed
from domain.fold import Folded, fold_dossier, judged
from domain.instants import Millis
from domain.reference import Reference
from domain.timeline import Stay, Timeline, timeline_of
from stream.partition import PartitionFold
from stream.state import Position, StateStore, Subject
from tests.support.events import HOUR, T0, dossier_events, limit_event, provinces
from tests.support.lifecycles import lifecycles
from tests.unit.domain.random_dossiers import ZONE, facts_of, random_dossier
from tests.unit.stream.test_partition import folder, records_of, run, settled

REFERENCE = Reference({}, ZONE)
ENDS = st.sampled_from(("finished", "returned", "withdrawn", "stopped", "rejected"))


class PlainFold(PartitionFold):
    """The fold without any of its short cuts: every change folds all facts anew, from their stored form."""

    def _fold_on(self, *_: Any) -> bool:
        return False

    def _refold(self, subject: Subject, version: int, known_at: Millis) -> None:
        if subject.kind == "dossier":
            folded = fold_dossier(subject.facts, self._reference)
            new = msgspec.structs.replace(subject, folded=folded)
            self._replace_dossier(subject, new, version, known_at)
        else:
            super()._refold(subject, version, known_at)


@settings(max_examples=50, deadline=None)
@given(provinces(), st.lists(st.integers(1, 4), min_size=1, max_size=3), st.integers(1, 5), st.data())
def test_rows_are_those_of_the_plain_fold_after_crashes_and_with_late_documents(
    events: list[Event], sizes: list[int], batch: int, data: st.DataObject
) -> None:
    events = events * data.draw(st.integers(1, 2))
    for _ in range(data.draw(st.integers(0, 2))):
        limit = limit_event("2.000815", data.draw(st.integers(1, 9)), T0 - data.draw(st.integers(0, 9)) * HOUR)
        events.insert(data.draw(st.integers(0, len(events))), limit)
    records = records_of(events, sizes)
    crash_at = data.draw(st.frozensets(st.sampled_from(range(len(records))), max_size=3))
    with folder() as a, folder() as b:
        quick = run(a, records, batch, crash_at)
        plain = run(b, records, made=PlainFold)
    assert settled(quick) == settled(plain)


@settings(max_examples=40, deadline=None)
@given(provinces(), st.integers(1, 4))
def test_every_row_is_that_of_the_plain_fold(events: list[Event], size: int) -> None:
    records = records_of(events, [size])
    with folder() as a, folder() as b:
        assert run(a, records) == run(b, records, made=PlainFold)


@settings(max_examples=120, deadline=None)
@given(st.integers(0, 2**40), st.integers(0, 3))
def test_days_put_together_from_parts_are_those_of_the_definition(seed: int, spread: int) -> None:
    said = random_dossier(random.Random(seed))[: 1 + spread * 2]
    state = replay(facts_of("D", said))
    for due in (None, T0, T0 + 400 * 24 * HOUR):
        for result_due in (True, False):
            timeline = timeline_of(state, due, result_due=result_due)
            assert daily(timeline, ZONE) == by_definition(timeline, ZONE)


NEAR = st.integers(0, 30).flatmap(lambda n: st.sampled_from((-1, 0, 1)).map(lambda ms: T0 + n * 12 * HOUR + ms))


@settings(max_examples=300, deadline=None)
@given(NEAR, st.none() | NEAR, NEAR, st.data())
def test_days_of_one_stay_and_one_due_date_are_those_of_the_definition(
    start: Millis, end: Millis | None, due: Millis, data: st.DataObject
) -> None:
    stay = Stay(start, None if end is None else max(start, end), "" if end is None else data.draw(ENDS))
    names = data.draw(st.lists(st.sampled_from(("online", "payable", "paid_online", "fee_synced", "result"))))
    pauses = st.lists(st.builds(Pause, NEAR, st.none() | NEAR, st.sampled_from((False, False, True))), max_size=2)
    timeline = Timeline(
        stays=(stay,),
        supplements=tuple(data.draw(pauses)[:1] if data.draw(st.booleans()) else data.draw(pauses)),
        payments=tuple(data.draw(pauses)),
        dues=(Due(start - data.draw(st.integers(0, 1)), due),),
        original=due,
        attributes=tuple((name, start) for name in sorted(set(names))),
        result_due=data.draw(st.booleans()),
        unhappy=data.draw(st.booleans()),
    )
    assert daily(timeline, ZONE) == by_definition(timeline, ZONE)


@settings(max_examples=80, deadline=None)
@given(dossier_events(), st.integers(0, 9))
def test_going_on_from_any_point_comes_to_the_same(events: list[Event], cut: int) -> None:
    facts = merge((), map(fact_of, events))
    kept: Folded | None = None
    state = EMPTY
    stored = packed(facts[: min(cut, len(facts))])
    if stored.count:
        kept = msgspec.msgpack.decode(msgspec.msgpack.encode(fold_dossier(stored.facts(), REFERENCE)), type=Folded)
        state = kept.state
    assert packed(facts).facts() == facts
    for fact in facts[stored.count :]:
        after = stored.followed_by([fact])
        if after is None:
            return
        stored, state = after, evolve(state, fact)
        kept = judged(state, stored.count, REFERENCE, kept)
        assert stored.facts() == facts[: stored.count]
        assert in_order(kept) == in_order(fold_dossier(stored.facts(), REFERENCE))


def in_order(folded: Folded) -> Folded:
    """With its notes in order: an id that was reused is noted last by a replay, and stays where it was else."""
    state = msgspec.structs.replace(folded.state, notes=tuple(sorted(folded.state.notes)))
    return msgspec.structs.replace(folded, state=state)


def test_a_fact_under_a_known_id_or_before_a_stored_one_is_not_put_behind() -> None:
    def fact(at: int, name: str) -> Fact:
        return Fact(at, 3, None, "/s", name, name.encode(), "dossier.rated", b"{}")

    stored = packed((fact(5, "a"), fact(7, "b")))
    assert stored.followed_by([fact(6, "c")]) is None
    assert stored.followed_by([fact(7, "c")]) is None
    assert stored.followed_by([fact(9, "a")]) is None
    assert stored.followed_by([fact(9, "c"), fact(10, "c")]) is None
    longer = stored.followed_by([fact(9, "c"), fact(10, "ab")])
    assert longer is not None
    assert longer.facts() == (fact(5, "a"), fact(7, "b"), fact(9, "c"), fact(10, "ab"))


def test_a_subject_full_of_facts_is_left_to_the_careful_way() -> None:
    facts = tuple(Fact(n, 3, None, "/s", f"{n}", b"", "dossier.rated", b"{}") for n in range(1_000))
    assert packed(facts).followed_by([Fact(2_000, 3, None, "/s", "x", b"", "dossier.rated", b"{}")]) is None


def test_a_cell_is_emitted_once_a_batch_and_stands_in_the_end_as_record_by_record() -> None:
    records = records_of(lifecycles(40, seed=2), [2])
    with folder() as a, folder() as b:
        together, apart = run(a, records, batch=10), run(b, records)
    assert settled(together) == settled(apart)
    assert len(together["unit_cells"]) < len(apart["unit_cells"])
    assert len(together["dossiers"]) == len(apart["dossiers"])


def test_a_state_of_another_form_is_folded_anew() -> None:
    with folder() as path:
        store = StateStore(path)
        store.put_subject(Subject("dossier", "a", packed(())))
        store.commit(Position("log", "fingerprint", 3))
        store.close()
        again = StateStore(path)
        assert again.position is not None
        with again._env.begin(write=True) as txn:
            txn.put(b"schema", b"an older release's", db=again._meta)
        again.close()
        emptied = StateStore(path)
        assert emptied.position is None
        assert [*emptied.all_subjects()] == []
        emptied.close()
