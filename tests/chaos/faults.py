"""The faults, each a small object with a name: what is done to the stack, and how it is taken back."""

import signal
from collections.abc import Callable
from dataclasses import dataclass

from tests.chaos.machine import cut, fill, make_room, mend
from tests.chaos.place import Place
from tests.support.waiting import until

PARTS = ("broker", "store", "writer", "worker", "api", "notifier")
DAY = 86_400
Act = Callable[[Place], None]
Seen = Callable[[Place, set[str]], bool]
"""Whether what must show while the fault lasts has shown; the second argument is what 503 answers said."""


def _nothing(_: Place) -> None:
    """There is nothing to take back: the supervisor does it."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault. It lasts `hold` seconds and until `shows` (within 30 s), then it is healed."""

    name: str
    inject: Act
    heal: Act = _nothing
    hold: float = 0.0
    needs: str = ""
    """What of the machine it takes: disks, network, clock, slow disk."""
    shows: Seen | None = None
    mild: bool = False
    """Whether the intake must go on to acknowledge while it lasts."""


def kill(part: str, beside: str = "") -> Fault:
    """`kill -9`; the supervisor starts it again."""

    def inject(place: Place) -> None:
        old = place.send_signal(part, signal.SIGKILL)
        if part in place.stack.parts:
            until(lambda: place.pid_of(part) not in (0, old), f"{part} to be started again")

    return Fault(f"kill -9 {part}{beside}", inject, mild=part in ("store", "writer", "worker", "notifier"))


def restart(part: str) -> Fault:
    """An orderly end, as an operator's restart."""

    def inject(place: Place) -> None:
        old = place.pid(part)
        place.send_signal(part, signal.SIGTERM)
        until(lambda: place.pid(part) not in (0, old), f"{part} to be started again", 60)

    return Fault(f"restart {part}", inject)


def freeze(part: str, seconds: float) -> Fault:
    """SIGSTOP for a while, then SIGCONT: the process holds its connections and answers nothing."""
    return Fault(
        f"SIGSTOP {part} {seconds:g} s",
        lambda place: void(place.send_signal(part, signal.SIGSTOP)),
        lambda place: void(place.send_signal(part, signal.SIGCONT)),
        seconds,
        mild=part in ("store", "writer", "worker", "notifier"),
    )


def _is_red(place: Place, _: set[str]) -> bool:
    return place.health().get("status") == "red"


def full_disk(folder: str, seconds: float) -> Fault:
    """No byte left where that folder lies: health is red."""
    return Fault(
        f"disk full: {folder}",
        lambda place: fill(place.data / folder),
        lambda place: make_room(place.data / folder),
        seconds,
        "disks",
        _is_red,
    )


def full_spool() -> Fault:
    """Kafka stands still and the spool's disk is full: the intake must refuse, plainly, and health be red."""

    def inject(place: Place) -> None:
        fill(place.data / "spool")
        place.send_signal("broker", signal.SIGSTOP)

    def heal(place: Place) -> None:
        make_room(place.data / "spool")
        place.send_signal("broker", signal.SIGCONT)

    def shows(place: Place, reasons: set[str]) -> bool:
        refused = any("the spool cannot be written" in reason for reason in reasons)
        return refused and _is_red(place, reasons)

    return Fault("disk full: spool, Kafka away", inject, heal, needs="disks", shows=shows)


def slow_disk(flush_ms: int, seconds: float) -> Fault:
    """Every flush to disk, in every process, takes that much longer."""
    return Fault(
        f"slow disk: +{flush_ms} ms a flush",
        lambda place: place.machine.set(flush_ms=flush_ms),
        lambda place: place.machine.set(),
        seconds,
        "slow disk",
    )


def clock_step(days: int, seconds: float) -> Fault:
    """The wall clock of every process jumps, and jumps back later."""
    return Fault(
        f"clock {days:+d} day",
        lambda place: place.machine.set(step_seconds=days * DAY),
        lambda place: place.machine.set(),
        seconds,
        "clock",
        mild=True,
    )


def network_cut(to: str, seconds: float) -> Fault:
    """Every packet from and to the broker or the store is lost, without a word to either end."""

    was_cut: list[int] = []

    def inject(place: Place) -> None:
        stack = place.stack
        was_cut.append(int(stack.kafka.rpartition(":")[2]) if to == "broker" else stack.store_port)
        cut(was_cut[-1])

    return Fault(
        f"network cut: {to}",
        inject,
        lambda _: mend(was_cut.pop()),
        seconds,
        "network",
        mild=True,
    )


def second_worker_joins() -> Fault:
    """A second worker takes its share of the partitions."""

    def inject(place: Place) -> None:
        place.join()
        until(place.second_has_partitions, "the second worker to get partitions", 60)

    return Fault("second worker joins", inject, mild=True)


def second_worker_leaves(number: int = signal.SIGTERM) -> Fault:
    """It ends, in order or by `kill -9`: its partitions go to the first."""
    how = "leaves" if number == signal.SIGTERM else "is killed"
    return Fault(f"second worker {how}", lambda place: place.leave(number), mild=True)


def void(_: object) -> None:
    """For lambdas that are statements."""


SMALL = (
    kill("worker"),
    kill("writer"),
    kill("store"),
    kill("broker"),
    kill("api"),
    freeze("broker", 7),
    full_spool(),
    full_disk("state", 3),
    full_disk("clickhouse", 3),
    clock_step(1, 2),
    clock_step(-1, 2),
    network_cut("broker", 7),
)
"""A minute and a half of the worst."""
TWO_WORKERS = (
    second_worker_joins(),
    kill("worker", " beside another"),
    freeze("second worker", 13),
    freeze("worker", 13),
    second_worker_leaves(signal.SIGKILL),
)
"""Rebalances; 13 s are beyond the group's session timeout of 10 s, so that a zombie wakes."""
LONG = (
    *SMALL,
    kill("notifier"),
    *(freeze(part, 12) for part in PARTS),
    freeze("broker", 40),
    freeze("store", 40),
    *(restart(part) for part in PARTS),
    full_disk("spool", 3),
    full_disk("kafka", 5),
    slow_disk(300, 8),
    slow_disk(2_000, 8),
    network_cut("store", 12),
    network_cut("broker", 40),
)
"""What a long run draws from, one after the other or two at a time."""
