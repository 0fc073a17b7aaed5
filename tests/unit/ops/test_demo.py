"""Rules of the demonstration: what is history, what is streamed, at which pace, and in which folder."""

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from domain.errors import Refused
from domain.instants import date_day, parse_rfc3339, zone
from ops.demo import QUIET, Pace, between, story
from ops.demo_place import Place, check_kind, read_place, write_place
from ops.settings import load, record

ZONE = zone("Asia/Ho_Chi_Minh")
NOW = parse_rfc3339("2026-11-21T13:00:00+07:00")
PLACE = Place("2026-10-22", dossiers=60)
CUT = ZONE.midnight(date_day(PLACE.cut_day))


def test_history_ends_yesterday(tmp_path: Path) -> None:
    check_kind(load({}, tmp_path, demo=True), NOW)
    place = read_place(tmp_path)
    assert place is not None
    assert place.cut_day.isoformat() == "2026-11-21"
    assert place.streamed_to is None


def test_a_later_start_goes_on_where_the_last_one_ended(tmp_path: Path) -> None:
    settings = load({}, tmp_path, demo=True)
    check_kind(settings, NOW)
    record(settings)
    kept = replace(PLACE, streamed_to=CUT)
    write_place(tmp_path, kept)
    check_kind(settings, NOW + 86_400_000)
    assert read_place(tmp_path) == kept


def test_invented_and_real_data_never_meet_in_one_folder(tmp_path: Path) -> None:
    record(load({}, tmp_path / "real"))
    with pytest.raises(Refused, match="--data"):
        check_kind(load({}, tmp_path / "real", demo=True), NOW)
    check_kind(load({}, tmp_path / "demo", demo=True), NOW)
    with pytest.raises(Refused, match="--demo"):
        check_kind(load({}, tmp_path / "demo"), NOW)


def test_what_is_streamed_continues_the_history_in_order_without_repeating_it() -> None:
    past = list(between(story(PLACE, "H44", ZONE), 0, CUT))
    coming = list(between(story(PLACE, "H44", ZONE), CUT))
    assert past[0].kind in ("unit", "procedure")
    assert len(past) + len(coming) == len(list(story(PLACE, "H44", ZONE)))
    assert all(a.occurred_at <= b.occurred_at for a, b in pairwise(coming))
    assert coming[0].occurred_at >= CUT
    assert not {(e.source, e.id) for e in past} & {(e.source, e.id) for e in coming}
    assert {e.subject for e in past} & {e.subject for e in coming}, "open dossiers go on"
    accepted = {e.subject for e in coming if e.type == "dossier.accepted"}
    assert accepted - {e.subject for e in past}, "new ones come in"


def test_the_stream_is_the_same_each_time_it_is_made() -> None:
    assert list(story(PLACE, "H44", ZONE)) == list(story(PLACE, "H44", ZONE))


def test_a_second_is_a_simulated_minute_and_quiet_stretches_pass_at_once() -> None:
    pace = Pace(CUT, began=10.0)
    assert pace.simulated(11.0) == CUT + 60_000
    assert pace.without_quiet(11.0, CUT + QUIET) == pace
    far = CUT + 10 * QUIET
    skipped = pace.without_quiet(11.0, far)
    assert skipped.simulated(11.0) == far - 1
    assert skipped.simulated(12.0) == far - 1 + 60_000
