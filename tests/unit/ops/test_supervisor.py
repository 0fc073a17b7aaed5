"""Rules of the supervisor; parts are one-line shell scripts."""

import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from domain.errors import Refused
from ops import exits
from ops.child import is_warning, ready_words
from ops.parts import Part
from ops.settings import load
from ops.stack_file import Stack, read_stack
from ops.supervisor import LONGEST_PAUSE, Supervisor, is_held, only_stack, pause_before_restart

WAITS = "exec sleep 60"


def supervisor(
    data: Path, parts: list[Part], scripts: Mapping[str, str], on_ready: Callable[[Stack], None] | None = None
) -> tuple[Supervisor, list[str]]:
    """A supervisor whose parts run those scripts, and what it says; it stops when everything is ready."""
    said: list[str] = []

    def ready(stack: Stack) -> None:
        if on_ready is not None:
            on_ready(stack)
        made.stop()

    def command(name: str) -> list[str]:
        return ["/bin/sh", "-c", scripts[name]]

    environ = {"PATH": os.environ["PATH"]}
    made = Supervisor(load({}, data), parts, environ, say=said.append, on_ready=ready, command=command)
    return made, said


def is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_parts_start_in_the_order_of_their_needs_and_end_in_the_reverse(tmp_path: Path) -> None:
    log = tmp_path / "order"
    note = f"trap 'echo -$0 >> {log}; exit 0' TERM; echo +$0 >> {log}; echo ready; while :; do sleep 0.02; done"
    parts = [Part("broker", ""), Part("store", ""), Part("api", "", ("migrate",))]
    scripts = {name: note.replace("$0", name) for name in ("broker", "store", "api")}
    made, _ = supervisor(tmp_path, parts, scripts)
    assert made.run() == exits.HOLDS
    order = log.read_text().split()
    assert set(order[:2]) == {"+broker", "+store"}
    assert order[2:4] == ["+api", "-api"]
    assert set(order[4:]) == {"-broker", "-store"}


def test_addresses_that_parts_announce_stand_in_the_stack_file(tmp_path: Path) -> None:
    seen: list[Stack] = []
    scripts = {
        "broker": f"echo ready bootstrap=127.0.0.1:1; {WAITS}",
        "store": f"echo ready native=2 http=3; {WAITS}",
        "api": f"echo ready address=http://127.0.0.1:4; {WAITS}",
    }
    parts = [Part(name, "") for name in scripts]
    made, _ = supervisor(tmp_path, parts, scripts, lambda _: seen.append(read_stack(tmp_path) or Stack()))
    made.run()
    (stack,) = seen
    assert (stack.kafka, stack.store_port, stack.store_http_port) == ("127.0.0.1:1", 2, 3)
    assert stack.api == "http://127.0.0.1:4"
    assert {part.state for part in stack.parts.values()} == {"ready"}
    assert json.loads((tmp_path / "run" / "ports.json").read_text()) == {"store": 2, "store_http": 3}


def test_no_process_and_no_stack_file_is_left_behind(tmp_path: Path) -> None:
    pids: list[int] = []
    deaf = "trap '' TERM; echo ready; while :; do sleep 0.02; done"
    made, _ = supervisor(tmp_path, [Part("worker", "")], {"worker": deaf})

    def ready(stack: Stack) -> None:
        pids.append(stack.parts["worker"].pid)
        made.stop()
        made.stop(at_once=True)

    made._on_ready = ready
    made.run()
    assert not is_running(pids[0])
    assert read_stack(tmp_path) is None


def test_a_part_that_ends_by_itself_is_started_again(tmp_path: Path) -> None:
    once = tmp_path / "once"
    script = f"if [ ! -e {once} ]; then touch {once}; echo 'it broke'; exit 1; fi; echo ready; {WAITS}"
    restarts: list[int] = []
    made, said = supervisor(
        tmp_path, [Part("worker", "")], {"worker": script}, lambda s: restarts.append(s.parts["worker"].restarts)
    )
    assert made.run() == exits.HOLDS
    assert restarts == [1]
    assert "it broke" in said[0]


def test_a_part_that_runs_once_is_ready_when_it_has_ended_well(tmp_path: Path) -> None:
    parts = [Part("migrate", "", once=True), Part("writer", "", ("migrate",))]
    states: list[str] = []
    made, _ = supervisor(
        tmp_path,
        parts,
        {"migrate": "exit 0", "writer": f"echo ready; {WAITS}"},
        lambda s: states.append(s.parts["migrate"].state),
    )
    assert made.run() == exits.HOLDS
    assert states == ["done"]


@pytest.mark.parametrize("code", [exits.BAD_INPUT, exits.UNREACHABLE, exits.REFUSED])
def test_a_vital_part_that_cannot_start_ends_the_start_with_its_last_words(tmp_path: Path, code: int) -> None:
    parts = [Part("broker", "", vital=True), Part("store", "")]
    scripts = {"broker": f"echo 'Java is missing'; exit {code}", "store": f"echo ready; {WAITS}"}
    made, said = supervisor(tmp_path, parts, scripts)
    assert made.run() in (exits.FAILS, code)
    assert "Java is missing" in said[0]


def test_a_part_that_refuses_stays_stopped_while_the_others_go_on(tmp_path: Path) -> None:
    parts = [Part("worker", ""), Part("store", "")]
    scripts = {"worker": f"echo 'the log was replaced'; exit {exits.REFUSED}", "store": f"echo ready; {WAITS}"}
    made, said = supervisor(tmp_path, parts, scripts)
    states: list[str] = []

    def say(line: str) -> None:
        said.append(line)
        states.extend(part.state for part in (read_stack(tmp_path) or Stack()).parts.values())
        made.stop()

    made._say = say
    assert made.run() == exits.HOLDS
    assert "until a person has looked" in said[0]
    assert "backoff" not in states


def test_the_log_of_a_part_is_kept_and_only_warnings_reach_the_person(tmp_path: Path) -> None:
    lines = [
        "2026-08-01 07:00:00.000 INFO x: quiet",
        "2026-08-01 07:00:00.000 WARNING x: loud",
        "gs766: fetching",
    ]
    script = "; ".join(f"echo '{line}'" for line in lines) + f"; echo ready; {WAITS}"
    made, said = supervisor(tmp_path, [Part("worker", "")], {"worker": script})
    made.run()
    assert said == ["worker: 2026-08-01 07:00:00.000 WARNING x: loud", "worker: fetching"]
    assert (tmp_path / "logs" / "worker.log").read_text().splitlines() == [*lines, "ready"]


def test_a_data_folder_has_one_stack(tmp_path: Path) -> None:
    assert not is_held(tmp_path)
    with only_stack(tmp_path):
        assert is_held(tmp_path)
        with pytest.raises(Refused, match="gs766 down"), only_stack(tmp_path):
            pass
    assert not is_held(tmp_path)


def test_pauses_between_restarts_grow_to_half_a_minute() -> None:
    pauses = [pause_before_restart(n) for n in range(1, 20)]
    assert pauses[:4] == [0.5, 1.0, 2.0, 4.0]
    assert pauses == sorted(pauses)
    assert pauses[-1] == LONGEST_PAUSE


def test_ready_lines_and_warnings_are_told_from_other_lines() -> None:
    assert ready_words("ready") == {}
    assert ready_words("ready native=1 http=2") == {"native": "1", "http": "2"}
    assert ready_words("ready to go") is None
    assert ready_words("already") is None
    assert not is_warning("Traceback (most recent call last):")
