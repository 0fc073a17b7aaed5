"""Judges the raised kinds in turn and writes what is new or over to the alert log, once.

What was said is read back at the start, when the store holds the whole alert log, and kept from then on: the same
judgement after a restart says nothing. Ids are made of kind, subject and episode, as those of conditions are.
"""

import logging
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import msgspec

from api.figures.context import FigureContext
from api.figures.kept import Kept
from api.pool import StorePool
from domain.alerts import alert_id
from domain.errors import Gs766Error
from domain.events import encode_event, make_event
from domain.instants import MS_DAY, Millis, Zone, format_rfc3339
from domain.raised import Key, Raised, changes
from sinks.positions import COMPLETE
from sinks.queries import alerts as rows_of
from sinks.queries import live
from sinks.queries.reader import Reader

log = logging.getLogger(__name__)
SOURCE = "/gs766/notifier"
MEMORY_MS = 3 * MS_DAY
"""How long what is over is remembered: a judgement that comes to it again the same day says nothing. No longer: a
province has thousands a day."""
SHELTER_MS = 60_000
"""A clock that went back by less than this is a correction, not another day."""
RETRY_MS = 60_000
SHARE = 10
"""A kind is judged not again before ten times the processor time that it took: of a hundred thousand dossiers due
today one judgement takes seconds."""
Write = Callable[[Sequence[tuple[str, bytes]]], None]
"""Writes encoded events by subject to the alert log; returns when all are acknowledged."""
Standing = Mapping[Key, Raised]
"""What was said about one kind, by key: what holds, and what ended lately."""


class Rule(Protocol):
    """One kind (or family of kinds): when it is judged, and what holds then."""

    @property
    def kinds(self) -> tuple[str, ...]:
        """Which kinds it judges."""

    def due(self, ctx: FigureContext, last: Millis | None) -> bool:
        """Whether to judge now, `last` being when it was judged last (None: not since the start)."""

    def judge(self, ctx: FigureContext, standing: Standing) -> Iterable[Raised]:
        """Everything that holds; what stands and is not among it is over now."""


@dataclass(slots=True)
class _Turn:
    rule: Rule
    last: Millis | None = None
    again: Millis = 0
    """Not before this: after a failure, or where judging takes long."""


class Raising:
    """One round is `tick(now)`; every rule by itself: what fails in one is tried again and stops no other."""

    def __init__(self, pool: StorePool, write: Write, province: Zone, root: str, rules: Sequence[Rule]) -> None:
        self._pool, self._write = pool, write
        self._zone, self._root = province, root
        self._turns = [_Turn(rule) for rule in rules]
        self._said: dict[Key, Raised] = {}
        self._kept = Kept()
        self.failures: dict[str, str] = {}
        """By kind, why its last judgement failed."""

    def recall(self, now: Millis) -> None:
        """Reads back what was raised before; call it when the store holds the whole alert log."""
        with self._pool.client() as client:
            active = live.active_generation(client)
            rows = rows_of.raised(Reader(client, active[0] if active else 0), now - MEMORY_MS)
        self._said = {one.key: one for one in map(_said, rows)}

    def tick(self, now: Millis) -> int:
        """Judges what is due; returns how many statements were written."""
        written = 0
        with self._pool.client() as client:
            active = live.active_generation(client)
            if active is None:
                return 0
            complete = {r[2]: r[5] for r in live.positions(client) if r[0] == COMPLETE and r[3] == active[0]}
            ctx = FigureContext(
                client, active[0], self._zone, self._root, now, complete_to=complete, kept=self._kept
            )
            for turn in self._turns:
                if turn.last is not None and now < turn.last - SHELTER_MS:
                    turn.last, turn.again = None, 0
                if now >= turn.again and turn.rule.due(ctx, turn.last):
                    written += self._judge(ctx, turn, now)
        self._forget(now)
        return written

    def troubles(self) -> dict[str, str]:
        """What the notifier knows to be wrong with itself here."""
        said = "; ".join(f"{kind}: {why}" for kind, why in sorted(self.failures.items()))
        return {"raising": said} if said else {}

    def _judge(self, ctx: FigureContext, turn: _Turn, now: Millis) -> int:
        name = ", ".join(turn.rule.kinds)
        standing = {key: one for key, one in self._said.items() if key[0] in turn.rule.kinds}
        begun = time.thread_time()
        try:
            new = list(changes(standing, turn.rule.judge(ctx, standing), now))
            self._say(ctx, new, now)
        except Exception as error:
            # A defect in one kind must not silence the others; the log has the place.
            self.failures[name] = str(error)
            turn.again = now + RETRY_MS
            log.warning("%s: not judged, and will be: %s", name, error, exc_info=not isinstance(error, Gs766Error))
            return 0
        self.failures.pop(name, None)
        turn.last = now
        turn.again = now + round(SHARE * 1000 * (time.thread_time() - begun))
        return len(new)

    def _say(self, ctx: FigureContext, new: Sequence[Raised], now: Millis) -> None:
        if new:
            known = {"rules": ctx.reference.thresholds_version, **ctx.position()}
            self._write([_event(one, known, now) for one in new])
            self._said.update((one.key, one) for one in new)

    def _forget(self, now: Millis) -> None:
        over = [key for key, one in self._said.items() if one.until is not None and one.until < now - MEMORY_MS]
        for key in over:
            del self._said[key]


def _said(row: Sequence[Any]) -> Raised:
    kind, subject, episode, unit, procedure, start, until, due, evidence, _ = row
    decoded = msgspec.json.decode(evidence)
    return Raised(kind, subject, episode, unit, start, until, due, procedure, decoded)


def _event(one: Raised, known: Mapping[str, Any], now: Millis) -> tuple[str, bytes]:
    """The statement as an act: `instant` is when it began to hold, `until` when it is over, as far as is known."""
    alert = alert_id(*one.key)
    end = "open" if one.until is None else format_rfc3339(one.until)
    data: dict[str, Any] = {
        "kind": one.kind,
        "about": one.subject,
        "episode": one.episode,
        "unit": one.unit,
        "actor": "notifier",
        "instant": format_rfc3339(one.start),
        "evidence": {**known, **one.evidence},
    }
    if one.until is not None:
        data["until"] = format_rfc3339(one.until)
    if one.due_at is not None:
        data["due_at"] = format_rfc3339(one.due_at)
    if one.procedure:
        data["procedure"] = one.procedure
    event = make_event(
        "alert.raised", alert, now, data, source=SOURCE, id=f"raised/{alert}/{end}", recorded_at=now
    )
    return alert, encode_event(event)


def every(ms: Millis, now: Millis, last: Millis | None) -> bool:
    """Whether so much time has passed since a rule was judged last."""
    return last is None or now - last >= ms


def once_after(slot: Millis | None, last: Millis | None) -> bool:
    """Whether the slot (None: there is none today yet) has come since a rule was judged last."""
    return slot is not None and (last is None or last < slot)
