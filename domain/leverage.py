"""Leverage: where points are lost, what one action is worth, and the cheapest way to the next band.

Works on numerators and denominators alone, whether they come from the store or from a published table. All
figures are of the portal's own sum (domain.md §5), unrounded. Costs are the reader's: 1 an action unless told.
"""

from collections.abc import Iterable, Mapping, Sequence
from math import ceil, floor, fsum
from typing import Literal

import msgspec

from domain.actions import Action, Effect, When, actions_of
from domain.expressions import Number
from domain.indicator_sets import Indicator, IndicatorSet
from domain.scoring import IndicatorScore, points, totalled

Scope = Literal["this_period", "period_like_this"]
Standing = tuple[Number, Number]
"""(numerator, denominator) of an indicator that has a rate."""
_NEARLY = 1e-9
_MOST_STEPS = 200


class Loss(msgspec.Struct, frozen=True):
    """An indicator and the points it lacks; `lost` is None where it does not apply. `to_full` is how many more
    in the numerator give full marks at this denominator, None without a rate."""

    code: str
    group: str
    name: str
    numerator: Number | None
    denominator: Number | None
    rate: float | None
    points: float | None
    max: float
    applies: bool
    lost: float | None
    to_full: int | None


class Part(msgspec.Struct, frozen=True):
    """What one action gives on one indicator."""

    code: str
    gain: float


class Worth(msgspec.Struct, frozen=True):
    """What one action is worth now. `gain`: points that one more gives; `loss`: points that one fewer costs (so
    many for the next late dossier); `useful`: how many give anything; `gain_all`: points of all those."""

    action: str
    name: str
    name_en: str
    when: When
    gain: float
    loss: float
    useful: int
    gain_all: float
    cost: float
    indicators: tuple[Part, ...]
    note: str


class Step(msgspec.Struct, frozen=True):
    """So many of one action on a way; `points` are what they add where they stand in it."""

    action: str
    name: str
    count: int
    points: float
    cost: float


class Way(msgspec.Struct, frozen=True):
    """The cheapest way found to the next band. `this_period` uses only what can still be done to what is in
    hand; `period_like_this` also what an equal period would have to do otherwise."""

    scope: Scope
    band: str
    at_least: float
    missing: float
    reached: bool
    total_after: float
    cost: float
    steps: tuple[Step, ...]


class OutOfReach(msgspec.Struct, frozen=True):
    """Points that no action of the unit reaches, and why; `one_gives` is what a single case on time would give
    where nothing of the kind arose."""

    code: str
    name: str
    max: float
    reason: str
    one_gives: float | None


class Leverage(msgspec.Struct, frozen=True):
    """The whole answer, losses by size, actions by what one gives."""

    total_portal: float
    total_rebased: float | None
    max_applicable: float
    band: str
    indicators: tuple[Loss, ...]
    actions: tuple[Worth, ...]
    ways: tuple[Way, ...]
    out_of_reach: tuple[OutOfReach, ...]


def leverage(
    indicator_set: IndicatorSet,
    rows: Iterable[IndicatorScore],
    costs: Mapping[str, float] | None = None,
    beyond: Mapping[str, str] | None = None,
) -> Leverage:
    """Leverage over scored rows. `costs` of one action by code (above 0); `beyond` names indicators that the
    unit cannot move, with the reason (inherited from the province, absent from the file)."""
    listed = tuple(rows)
    total = totalled(indicator_set, listed)
    closed = dict(beyond or {})
    board = _Board(indicator_set, listed, closed)
    worths = [board.worth(action, costs or {}) for action in board.actions]
    return Leverage(
        total.total_portal,
        total.total_rebased,
        total.max_applicable,
        total.band,
        tuple(sorted(map(board.loss, listed), key=lambda x: -(x.lost or 0))),
        tuple(sorted(worths, key=lambda w: (-w.gain, -w.loss))),
        _ways(indicator_set, board, total.total_portal, costs or {}),
        tuple(
            _out_of_reach(board.indicator(row.code), row, closed) for row in listed if _lost_for_good(row, closed)
        ),
    )


class _Board:
    """The indicators that can move, as figures that steps change; everything else stands still."""

    def __init__(
        self, indicator_set: IndicatorSet, rows: Sequence[IndicatorScore], closed: Mapping[str, str]
    ) -> None:
        self._by_code = {i.code: i for i in indicator_set.indicators}
        self.start: dict[str, Standing] = {
            row.code: (row.numerator, row.denominator)
            for row in rows
            if row.applies and row.code not in closed and row.numerator is not None and row.denominator
        }
        self.moved: dict[str, dict[str, Effect]] = {}
        self.actions: list[Action] = []
        for action, moved in actions_of(indicator_set):
            kept = {code: e for code, e in moved.items() if code in self.start}
            if kept:
                self.moved[action.code] = kept
                self.actions.append(action)

    def indicator(self, code: str) -> Indicator:
        return self._by_code[code]

    def points(self, code: str, standing: Standing) -> float:
        """Points of an indicator at a standing; the numerator counts up to the denominator."""
        return points(self._by_code[code], *standing) or 0.0

    def loss(self, row: IndicatorScore) -> Loss:
        indicator = self._by_code[row.code]
        lost = None if row.points is None else max(0.0, row.max - row.points)
        standing = self.start.get(row.code)
        short = None if standing is None else max(0, _to_full(indicator, standing))
        return Loss(
            row.code,
            row.group,
            indicator.name,
            row.numerator,
            row.denominator,
            row.rate,
            row.points,
            row.max,
            row.applies,
            lost,
            short,
        )

    def after(self, at: Mapping[str, Standing], action: Action, n: int) -> dict[str, Standing]:
        """The standings of the touched indicators after `n` of an action (fewer than none: undone)."""
        found = {}
        for code, effect in self.moved[action.code].items():
            up, down = at[code]
            down += n * effect.denominator
            found[code] = (min(max(0, up + n * effect.numerator), down), down)
        return found

    def room(self, at: Mapping[str, Standing], action: Action) -> int:
        """How many of an action there can be at all: a late petition lacks in every numerator that it moves, so
        the fullest of them limits; and what lacks because it is late is not mended by a better rating."""
        found = self._lacking(at, action.code)
        return max(0, found - self._lacking(at, action.besides)) if action.besides in self.moved else found

    def _lacking(self, at: Mapping[str, Standing], action: str) -> int:
        moved = self.moved[action].items()
        rooms = [floor(at[code][1] - at[code][0]) for code, e in moved if e.numerator > 0]
        return max(0, min(rooms, default=0))

    def gain(self, at: Mapping[str, Standing], action: Action, n: int, only: str | None = None) -> float:
        """The points that `n` of an action add, as many as there is room for; on one indicator or on all."""
        n = min(n, self.room(at, action))
        then = self.after(at, action, n)
        return fsum(self.points(c, then[c]) - self.points(c, at[c]) for c in then if only in (None, c))

    def turns(self, at: Mapping[str, Standing], action: Action) -> list[int]:
        """Counts after which one of an action gives another amount: full marks or a full numerator."""
        room = self.room(at, action)
        found = {room} if room else set()
        for code, effect in self.moved[action.code].items():
            if effect.numerator > 0:
                short = _to_full(self._by_code[code], at[code])
                # Just before full marks too: the last one may give only a part.
                found |= {n for n in (short - 1, short) if 0 < n <= room}
        return sorted(found)

    def worth(self, action: Action, costs: Mapping[str, float]) -> Worth:
        """What one of an action is worth where things stand."""
        useful = 0
        for n in self.turns(self.start, action):
            if self.gain(self.start, action, n) > self.gain(self.start, action, useful) + _NEARLY:
                useful = n
        codes = self.moved[action.code]
        return Worth(
            action.code,
            action.name,
            action.name_en,
            action.when,
            self.gain(self.start, action, 1),
            abs(self.gain(self.start, action, -1)),
            useful,
            self.gain(self.start, action, useful),
            costs.get(action.code, 1.0),
            tuple(Part(code, g) for code in codes if (g := self.gain(self.start, action, 1, code))),
            action.note,
        )


def _to_full(indicator: Indicator, standing: Standing) -> int:
    """How many more in the numerator reach full marks."""
    return ceil(indicator.full_marks_at * standing[1] - standing[0] - _NEARLY)


def _ways(indicator_set: IndicatorSet, board: _Board, total: float, costs: Mapping[str, float]) -> tuple[Way, ...]:
    better = [b for b in indicator_set.bands if b.at_least > total + _NEARLY]
    if not better:
        return ()
    band = min(better, key=lambda b: b.at_least)
    now = [action for action in board.actions if action.when == "now"]
    scopes: tuple[tuple[Scope, list[Action]], ...] = (("this_period", now), ("period_like_this", board.actions))
    found = []
    for scope, actions in scopes:
        taken = _cheapest(board, actions, band.at_least - total, costs)
        steps, gained = _steps(board, actions, taken, costs)
        found.append(
            Way(
                scope,
                band.name,
                band.at_least,
                band.at_least - total,
                gained >= band.at_least - total - _NEARLY,
                total + gained,
                fsum(s.cost for s in steps),
                steps,
            )
        )
    return tuple(found)


def _cheapest(
    board: _Board,
    actions: Sequence[Action],
    wanted: float,
    costs: Mapping[str, float],
) -> dict[str, int]:
    """How many of each action. Every action's worth only falls as more of it
    is done, so taking what gives most for its cost until enough is reached is the cheapest, up to one action;
    counts that turn out not to be needed are given back at the end."""
    at = dict(board.start)
    taken: dict[str, int] = {}
    gained = 0.0
    for _ in range(_MOST_STEPS):
        if gained >= wanted - _NEARLY:
            break
        rated = [(board.gain(at, action, 1) / costs.get(action.code, 1.0), -n) for n, action in enumerate(actions)]
        best, place = max(rated, default=(0.0, 0))
        if best <= 0:
            break
        action = actions[-place]
        count = _enough(board, at, action, wanted - gained)
        gained += board.gain(at, action, count)
        at |= board.after(at, action, count)
        taken[action.code] = taken.get(action.code, 0) + count
    return _given_back(board, actions, taken, wanted)


def _enough(board: _Board, at: Mapping[str, Standing], action: Action, wanted: float) -> int:
    """How many to take now: until the worth of one changes, or until enough is reached."""
    turn = next(iter(board.turns(at, action)), 1)
    if board.gain(at, action, turn) < wanted - _NEARLY:
        return turn
    low, high = 1, turn
    while low < high:
        middle = (low + high) // 2
        if board.gain(at, action, middle) >= wanted - _NEARLY:
            high = middle
        else:
            low = middle + 1
    return low


def _given_back(board: _Board, actions: Sequence[Action], taken: dict[str, int], wanted: float) -> dict[str, int]:
    """The counts without what is not needed, where enough is reached at all."""

    def total(counts: Mapping[str, int]) -> float:
        return _steps(board, actions, counts, {})[1]

    if total(taken) < wanted - _NEARLY:
        return taken
    for code in list(taken):
        low, high = 0, taken[code]
        while low < high:
            middle = (low + high) // 2
            if total({**taken, code: middle}) >= wanted - _NEARLY:
                high = middle
            else:
                low = middle + 1
        taken = {**taken, code: low}
    return {code: n for code, n in taken.items() if n}


def _steps(
    board: _Board,
    actions: Sequence[Action],
    counts: Mapping[str, int],
    costs: Mapping[str, float],
) -> tuple[tuple[Step, ...], float]:
    """The steps in the order in which they were taken, and what they give together."""
    by_code = {action.code: action for action in actions}
    at = dict(board.start)
    steps = []
    for code, n in counts.items():
        action = by_code[code]
        gain = board.gain(at, action, n)
        at |= board.after(at, action, n)
        steps.append(Step(code, action.name, n, gain, n * costs.get(code, 1.0)))
    return tuple(steps), fsum(s.points for s in steps)


def _lost_for_good(row: IndicatorScore, closed: Mapping[str, str]) -> bool:
    return not row.applies or (row.code in closed and (row.points or 0.0) < row.max)


def _out_of_reach(indicator: Indicator, row: IndicatorScore, closed: Mapping[str, str]) -> OutOfReach:
    empty = row.denominator == 0
    reason = closed.get(row.code) or (
        "không phát sinh trong kỳ (0/0)" if empty else "chưa có số liệu hoặc không áp dụng cho đơn vị"
    )
    return OutOfReach(
        row.code, indicator.name, row.max, reason, row.max if empty and row.code not in closed else None
    )
