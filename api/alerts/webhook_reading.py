"""What subscribers to webhooks are to be told, read behind a cursor; what is sent of it, and how, is `webhooks`.

Whole again only where the cursor says nothing: a start, another generation, other subscribers, silences or silent
feeds, a clock that stepped, every ten minutes. What somebody silenced waits for the end of the silence.
"""

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from api.alerts.owed import Owed, known_hooks
from api.alerts.private import Webhook
from api.alerts.service import inhibiting
from api.figures.context import FigureContext
from api.figures.kept import Kept
from api.messaging.acts import Silences
from api.messaging.rounds import known_to
from api.pool import StorePool
from domain.alerts import KINDS, horizon_start
from domain.calendar import WorkingCalendar
from domain.instants import Millis, Zone
from sinks.positions import ALERTS, COMPLETE, EVENTS, RECORDS
from sinks.queries import alerts as rows_of
from sinks.queries import live

WHOLE_MS = 600_000
KNOWN_MS = 5_000
STEP_MS = 3_600_000
Row = tuple[Any, ...]
IsNew = Callable[[Webhook, Row], bool]
"""Whether a subscriber was not told of an alert yet."""


@dataclass(frozen=True, slots=True)
class Found:
    """What one reading brought: rows to be told, and rows beyond the horizon."""

    rows: list[Row]
    beyond: list[Row]


@dataclass(frozen=True, slots=True)
class _Known:
    """What several rounds share: when it was asked, and where the alert log and the generation stood then."""

    at: Millis
    acts: int
    place: int
    silent: Mapping[str, str]
    calendar: WorkingCalendar
    horizon_hours: int


class Reading:
    """One reading is `read(now, …)`. What it found passes by `found` to another thread."""

    def __init__(self, pool: StorePool, province: Zone, root: str, owed: Owed) -> None:
        self._pool, self._zone, self._root, self._owed = pool, province, root, owed
        self._kept, self._silences = Kept(), Silences()
        self.found: deque[Found] = deque()
        """Read, and not yet lined up."""
        self.told_to = owed.told_to()
        """By subscriber, up to when everything was told."""
        self.read_to: Millis | None = None
        """Up to when everything was read that no silence keeps back; None: something is kept back, or unread."""
        self._kept_back = False
        self._known: _Known | None = None
        self._seen: rows_of.Seen | None = None
        self._whole: tuple[Any, ...] = ()
        self._whole_at: Millis = 0

    def read(self, now: Millis, hooks: Sequence[Webhook], is_new: IsNew) -> None:
        """Reads what began or became known since the last time."""
        with self._pool.client() as client:
            active = live.active_generation(client)
            if active is None:
                return
            ctx = FigureContext(client, active[0], self._zone, self._root, now, kept=self._kept)
            positions = live.positions(client)
            place = _place(positions, active[0], now)
            known = self._known = self._what_is_known(ctx, place)
            silenced = self._silences.in_force(now)
            since = self._since(now, (active[0], hooks, tuple(sorted(known.silent)), silenced))
            horizon = horizon_start(now, known.calendar, known.horizon_hours)
            kinds = _kinds(hooks)
            told_to = min(known_hooks(hooks, self.told_to, now, self._owed).values())
            if since:
                found = rows_of.to_send(ctx.everything, EVENTS, now, horizon, kinds, since)
            else:
                found = rows_of.keys_to_send(ctx.everything, EVENTS, now, min(horizon, told_to), kinds)
            new = [row for row in found if any(wanted(h, row, self._root) and is_new(h, row) for h in hooks)]
            rows = [
                row
                for row in new
                if row[0] not in silenced and inhibiting(row[1], row[4], known.silent, self._root) is None
            ]
            beyond: list[Row] = []
            if not since:
                self._kept_back = False
                told = {row[0] for row in rows}
                if rows and told_to < horizon:
                    told = {row[0] for row in rows_of.keys_to_send(ctx.everything, EVENTS, now, horizon, kinds)}
                whole = rows_of.holding_of(ctx.everything, [row[1:4] for row in rows], now)
                rows, beyond = [r for r in whole if r[0] in told], [r for r in whole if r[0] not in told]
        self._kept_back = self._kept_back or len(rows) + len(beyond) < len(new)
        if rows or beyond:
            self.found.append(Found(rows, beyond))
        self.read_to = None if self._kept_back else known_to(positions, active[0], now)
        self._seen = place

    def _what_is_known(self, ctx: FigureContext, place: rows_of.Seen) -> "_Known":
        """Silent feeds and silences stand in the alert log: they are asked for when it has moved on, and with the
        calendar every few seconds."""
        last, now = self._known, ctx.now_ms
        if last and last.acts == place.acts and last.place == ctx.generation and 0 <= now - last.at < KNOWN_MS:
            return last
        self._silences.read(ctx.client, now)
        silent = rows_of.silent(ctx.everything, now)
        hours = ctx.reference.thresholds.horizon_hours
        return _Known(now, place.acts, ctx.generation, silent, ctx.calendar(now), hours)

    def _since(self, now: Millis, whole: tuple[Any, ...]) -> rows_of.Seen | None:
        """The cursor, or None where everything has to be read again."""
        seen = self._seen
        stepped = seen is None or not seen.at <= now < seen.at + STEP_MS
        if stepped or whole != self._whole or now - self._whole_at >= WHOLE_MS:
            self._whole, self._whole_at = whole, now
            return None
        return seen


def _place(positions: Sequence[Row], generation: int, now: Millis) -> rows_of.Seen:
    """How far the store is: read before the rows, so that nothing falls between two rounds."""
    complete = {r[2]: r[5] for r in positions if r[0] == COMPLETE and r[3] == generation}
    acts = max((r[4] - 1 for r in positions if r[0] == RECORDS and r[1] == ALERTS), default=-1)
    return rows_of.Seen(now, complete, acts)


def _kinds(hooks: Sequence[Webhook]) -> list[str]:
    return sorted(KINDS if any(not hook.kinds for hook in hooks) else {k for hook in hooks for k in hook.kinds})


def wanted(hook: Webhook, row: Row, root: str) -> bool:
    """Whether a subscriber asked for an alert. The root's are all, those without a unit, too."""
    kind, unit = row[1], row[4]
    below = hook.unit in ("", root, unit) or unit.startswith(hook.unit + ".")
    return below and (not hook.kinds or kind in hook.kinds)
