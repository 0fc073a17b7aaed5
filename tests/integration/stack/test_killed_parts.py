"""`kill -9` of the worker and of the writer under load: nothing lost, nothing double."""

from concurrent.futures import ThreadPoolExecutor

from tests.integration.stack.conftest import Start
from tests.support.lifecycles import encoded, lifecycles


def test_a_killed_worker_and_a_killed_writer_lose_and_double_nothing(start: Start) -> None:
    stack = start("--clock", "2026-09-01T00:00:00+07:00")
    events = encoded(lifecycles(300))
    pieces = [events[n : n + 5] for n in range(0, len(events), 5)]

    def load() -> int:
        return sum(len(stack.post(piece)) for piece in pieces)

    with ThreadPoolExecutor(1) as pool:
        sent = pool.submit(load)
        stack.kill_part("worker")
        stack.kill_part("writer")
        stack.kill_part("worker")
        assert sent.result(120) == len(events)
    stack.settle()
    rows = stack.rows()
    assert len(rows["dossiers"]) == 300
    found = stack.json("reconcile")
    assert found["verdict"] == "holds", found
    accepted = stack.json("overdue", "--as-of", "2027-01-01")["totals"]
    assert sum(accepted.values()) == 300
