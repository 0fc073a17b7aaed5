"""A rebuild under load switches without a gap, and may be killed at any point."""

import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import httpx

from domain.events import encode_event
from eventlog.config import KafkaConfig
from eventlog.producer import BulkWriter
from ops.generation import Generations, read_generations, write_generations
from ops.processes import FEW
from ops.rebuilding import store_client
from ops.settings import load
from ops.switching import settle
from sinks.generations import active_generation
from tests.support.lifecycles import encoded, lifecycles
from tests.support.stack import RunningStack
from tests.support.waiting import until


class Load:
    """Events posted, and answers asked, side by side until the block ends."""

    def __init__(self, stack: RunningStack) -> None:
        self._stack = stack
        self._end = threading.Event()
        self.answers: list[tuple[int, list[int], float]] = []
        self.alerts: list[set[str]] = []
        self.heard: list[float] = []
        self.posted = 0
        self._failed: list[BaseException] = []
        jobs: tuple[Callable[[], None], ...] = (self._post, self._ask, self._hear)
        self._threads = [threading.Thread(target=self._guard, args=(job,), daemon=True) for job in jobs]

    def __enter__(self) -> "Load":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        for thread in self._threads[:2]:
            thread.join(30)
        assert not self._failed, self._failed

    def _guard(self, job: Callable[[], None]) -> None:
        try:
            job()
        except BaseException as error:
            if not self._end.is_set():
                self._failed.append(error)

    def _post(self) -> None:
        n = 0
        while not self._end.wait(0.1):
            n += 1
            self._stack.post(encoded(lifecycles(1, seed=n, prefix=f"L{n}")))
            self.posted = n

    def _ask(self) -> None:
        with self._stack.http() as client:
            while not self._end.wait(0.02):
                found: dict[str, Any] = client.get("/v1/scorecards/H44?period=2026").json()
                complete = [offset for _, offset in sorted(found["complete_to"].items())]
                self.answers.append((found["generation"], complete, time.monotonic()))
                if len(self.answers) % 5 == 1:
                    late = client.get("/v1/alerts?kind=A04&limit=500").json()
                    self.alerts.append({alert["id"] for alert in late["alerts"]})

    def _hear(self) -> None:
        with (
            suppress(httpx.HTTPError),
            self._stack.http() as client,
            client.stream("GET", "/v1/stream", timeout=None) as answer,
        ):
            for line in answer.iter_lines():
                if line:
                    self.heard.append(time.monotonic())


def test_answers_never_go_back_and_news_go_on_while_a_rebuild_switches_under_load(fixed: RunningStack) -> None:
    stack = fixed
    answering = read_generations(stack.data).active
    kafka = KafkaConfig(stack.stack.kafka)
    with BulkWriter(kafka, kafka.events, 4, block_events=1) as writer:
        for event in lifecycles(60):
            writer.add(event.subject, encode_event(event))
        ends = writer.flush()
    assert sum(ends.values()) > FEW, "so many records that partitions are worked on side by side"
    stack.settle()
    with Load(stack) as load_:
        until(lambda: len(load_.answers) > 5 and load_.heard, "answers and news before the rebuild")
        assert stack.json("rebuild")["verdict"] == "holds"
        switched, posted = len(load_.answers), load_.posted
        news = len(load_.heard)
        until(lambda: load_.posted > posted + 5, "events to be taken after the switch")
        until(lambda: len(load_.heard) > news, "news after the switch")
        until(
            lambda: sum(load_.answers[-1][1]) > sum(load_.answers[switched - 1][1]),
            "answers to go on after the switch",
        )
    assert [g for g, _, _ in load_.answers] == sorted(g for g, _, _ in load_.answers)
    assert {g for g, _, _ in load_.answers} == {answering, read_generations(stack.data).active}
    assert load_.alerts[0]
    assert all(load_.alerts[0] <= later for later in load_.alerts), "no alert is away while the rows change places"
    for (_, before, _), (_, after, _) in zip(load_.answers, load_.answers[1:], strict=False):
        assert all(b <= a for b, a in zip(before, after, strict=True)), (before, after)
    stack.settle()
    assert stack.json("reconcile")["verdict"] == "holds"
    assert not (stack.data / "state" / f"g{answering}").exists()


def test_a_rebuild_killed_at_any_step_leaves_answers_whole_and_can_be_repeated(fixed: RunningStack) -> None:
    stack = fixed
    stack.settle()
    before = stack.rows()
    for step in ("filling", "comparing", "ending the worker", "answers now"):
        _killed_at(stack, step)
        stack.settle()
        assert stack.rows() == before, step
    stack.post(encoded(lifecycles(2, seed=5, prefix="H44.7")))
    stack.settle()
    assert stack.json("rebuild")["verdict"] == "holds"
    stack.settle()
    assert stack.json("reconcile")["verdict"] == "holds"
    assert len([*(stack.data / "state").glob("g*")]) == 1


def _killed_at(stack: RunningStack, step: str) -> None:
    """Begins a rebuild and kills it as soon as it has said a line with these words."""
    command = [sys.executable, "-m", "ops.cli", "rebuild", "--data", str(stack.data)]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, env=stack.environ, text=True)
    assert process.stderr is not None
    said = ""
    for line in process.stderr:
        said += line
        if step in line:
            break
    process.kill()
    process.wait()
    process.stderr.close()
    assert step in said, said


def test_a_worker_starts_on_the_generation_that_the_store_says_answers(fixed: RunningStack) -> None:
    settings = load({**fixed.environ}, fixed.data)
    answering = read_generations(fixed.data).active
    write_generations(fixed.data, Generations(answering - 1, answering))
    settle(settings)
    assert read_generations(fixed.data) == Generations(answering)
    with store_client(settings) as client:
        assert active_generation(client) == answering
