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
