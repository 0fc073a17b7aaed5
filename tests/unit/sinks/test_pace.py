"""How small batches follow each other."""

from sinks.pace import Pace


def test_a_small_batch_is_followed_by_a_rest_and_a_large_one_is_not() -> None:
    pace = Pace(2.0, 0.5, large=1000)
    assert pace.left(0.0) == 0
    pace.wrote(10.0, 10.1, 999)
    assert abs(pace.left(10.1) - 0.2) < 1e-9
    assert pace.left(10.31) == 0
    pace.wrote(20.0, 29.0, 10)
    assert pace.left(29.0) == 0.5
    pace.wrote(30.0, 39.0, 1000)
    assert pace.left(39.0) == 0


def test_what_nobody_waits_for_is_gathered_until_a_batch_is_full() -> None:
    pace = Pace(2.0, 0.5, large=1000, full=5000, gathering=1.0)
    for size, rest in ((999, 0.2), (1000, 1.0), (4999, 1.0), (5000, 0.0)):
        pace.wrote(10.0, 10.1, size)
        assert abs(pace.left(10.1) - rest) < 1e-9
