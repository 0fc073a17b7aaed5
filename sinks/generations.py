"""Generations of derived rows: which one counts, which is being built, which is gone.

The journal `generations` is only appended to. A generation's rows are dropped as partitions, after the journal
says so: from then on the writer skips what still comes for it.
"""

from dataclasses import dataclass
from typing import Literal

from clickhouse_driver import Client

from domain.errors import Refused
from domain.instants import Millis, from_millis, to_millis
from sinks.clickhouse import clean_errors
from sinks.migrations.m0002_rows import TARGETS

State = Literal["building", "active", "dropped"]


@dataclass(frozen=True, slots=True)
class Generation:
    """The present state of one generation, and what its rows depend on besides the log."""

    number: int
    state: State
    fingerprint: str
    log_id: str
    changed_at: Millis

    def is_of(self, fingerprint: str, log_id: str) -> bool:
        """Whether its rows are those that this fold makes of this log."""
        return (self.fingerprint, self.log_id) == (fingerprint, log_id)


def generations(client: Client) -> tuple[Generation, ...]:
    """Every generation ever begun, ascending.

    At most one is active: the one that became so last and was not dropped since; an earlier one that was
    active is shown as building, for its rows are still there.
    """
    with clean_errors():
        rows = client.execute(
            "SELECT generation, state, fingerprint, log_id, changed_at FROM generations FINAL ORDER BY sequence"
        )
    latest: dict[int, Generation] = {}
    active: int | None = None
    for number, state, fingerprint, log_id, changed_at in rows:
        latest[number] = Generation(number, state, fingerprint, log_id, to_millis(changed_at))
        if state == "active":
            active = number
    return tuple(
        Generation(g.number, "building", g.fingerprint, g.log_id, g.changed_at)
        if g.state == "active" and g.number != active
        else g
        for _, g in sorted(latest.items())
    )


def generation(client: Client, number: int) -> Generation | None:
    """One of them; None when it was never begun."""
    return next((g for g in generations(client) if g.number == number), None)


def active_generation(client: Client) -> int | None:
    """The generation that answers; None before the first one was activated."""
    return next((g.number for g in generations(client) if g.state == "active"), None)


def begin(client: Client, number: int, fingerprint: str, log_id: str, now: Millis) -> None:
    """Starts a generation. Repeating it changes nothing; Refused for another fingerprint or log, or when that
    number was used and dropped."""
    known = generation(client, number)
    if known is None:
        _append(client, number, "building", fingerprint, log_id, now)
    elif known.state == "dropped":
        raise Refused(f"generation {number} was dropped: take the next number")
    elif not known.is_of(fingerprint, log_id):
        raise Refused(
            f"generation {number} was built by '{known.fingerprint}', not '{fingerprint}': rebuild into the next"
        )


def activate(client: Client, number: int, now: Millis) -> None:
    """Makes a generation the one that answers: one row. Refused when it was never begun or is gone."""
    known = generation(client, number)
    if known is None or known.state == "dropped":
        raise Refused(f"generation {number} has no rows: begin and fill it first")
    if known.state != "active":
        _append(client, number, "active", known.fingerprint, known.log_id, now)


def drop(client: Client, number: int, now: Millis) -> None:
    """Drops a generation's rows from every derived table; may be repeated. Refused for the active one."""
    known = generation(client, number)
    if known is None:
        raise Refused(f"generation {number} was never begun")
    if known.state == "active":
        raise Refused(f"generation {number} is active: switch to another one first")
    if known.state != "dropped":
        _append(client, number, "dropped", known.fingerprint, known.log_id, now)
    with clean_errors():
        for table in TARGETS:
            client.execute(f"ALTER TABLE {table} DROP PARTITION {number:d}")


def _append(client: Client, number: int, state: State, fingerprint: str, log_id: str, now: Millis) -> None:
    with clean_errors():
        [(sequence,)] = client.execute("SELECT max(sequence) FROM generations")
        client.execute(
            "INSERT INTO generations (sequence, generation, state, fingerprint, log_id, changed_at) VALUES",
            [(sequence + 1, number, state, fingerprint, log_id, from_millis(now))],
        )
