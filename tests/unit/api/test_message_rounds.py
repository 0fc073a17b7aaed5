"""Up to when people were told: remembered over a restart, and never later than what the store held."""

from pathlib import Path

from api.messaging.rounds import Rounds, known_to

NOW = 10_000


def test_the_end_of_the_last_round_is_known_after_a_restart(tmp_path: Path) -> None:
    first = Rounds(tmp_path / "p")
    assert first.told_to is None
    first.over(NOW)
    first.over(NOW + 1)
    assert Rounds(tmp_path / "p").told_to == NOW + 1


def complete(partition: int, upto: int, known: int, generation: int = 1) -> tuple[object, ...]:
    return ("complete", "dossier-events", partition, generation, 0, upto, known)


def log(partition: int, end: int) -> tuple[object, ...]:
    return ("records", "dossier-events", partition, 0, end, end - 1, NOW)


def test_a_store_without_anything_hides_nothing() -> None:
    assert known_to([], 1, NOW) == NOW


def test_where_nothing_comes_any_more_the_last_record_is_all_that_is_known() -> None:
    assert known_to([complete(0, 4, 9_000), complete(1, 4, 8_000), log(0, 5), log(1, 5)], 1, NOW) == 9_000


def test_a_partition_that_lags_behind_its_log_bounds_what_is_known() -> None:
    rows = [complete(0, 4, 9_000), complete(1, 4, 8_000), complete(1, 9, 100, generation=2), log(0, 5), log(1, 6)]
    assert known_to(rows, 1, NOW) == 8_000
    assert known_to([complete(0, 4, NOW + 5), log(0, 5)], 1, NOW) == NOW, "a clock that went back"
