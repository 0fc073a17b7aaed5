"""The league table: departments and communes apart, each among peers of its size, ranked 1-2-2-4.

A unit is not ranked when too few dossiers stand behind its rate, or when a group that others of its table have is
missing: its total would not be comparable. Both totals are shown; `by` says which one ranks.
"""

from collections.abc import Sequence
from typing import Any

import msgspec

from api.figures.scorecards import scorecard
from api.papers.questions import PaperQuestion
from api.papers.standing import StandingContext
from domain.errors import InvalidInput
from domain.fold import UNKNOWN_UNIT

FEWEST = 30
"""Dossiers in the denominator below which a rate says little (users.md §C)."""
SIZES = {"department": (300.0, 1500.0), "commune": (700.0, 1500.0)}
"""Dossiers a month that separate small, middle and large peers; settings, as 'sizes_department=300,1500'."""
SIZE_NAMES = ("nhỏ", "vừa", "lớn")
TITLES = {"department": "Sở, ban, ngành", "commune": "Xã, phường", "other": "Đơn vị khác"}
RANK_BY = ("portal", "rebased")
_MONTH_MS = 2_629_746_000


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """One unit's row. `rank` is None with a `reason` when it is not ranked."""

    unit: str
    name: str
    rank: int | None
    reason: str | None
    total_portal: float
    total_rebased: float | None
    band: str
    groups: tuple[float | None, ...]
    received: int
    late: int


class Table(msgspec.Struct, frozen=True, kw_only=True):
    """One kind of unit in one peer group."""

    kind: str
    title: str
    size: str
    lower: float
    upper: float | None
    rows: tuple[Standing, ...]


class League(msgspec.Struct, frozen=True, kw_only=True):
    """All tables; `groups` are the letters and maxima of the columns, `missing` the groups that no unit has."""

    ranked_by: str
    fewest: int
    groups: tuple[tuple[str, str, float], ...]
    missing: tuple[str, ...]
    tables: tuple[Table, ...]


def league(ctx: StandingContext, q: PaperQuestion) -> League:
    """The table of the units directly under a unit."""
    ranked_by = q.options.get("by", "portal")
    if ranked_by not in RANK_BY:
        raise InvalidInput(f"by is one of {', '.join(RANK_BY)}, not '{ranked_by[:40]}'")
    card = scorecard(ctx, q.unit, q.period.label, q.as_of, ctx.known_ms, q.indicator_set.name, children=True)
    children = [c for c in card["children"] if c["unit"] != UNKNOWN_UNIT]
    months = max(1.0, (q.until - q.start) / _MONTH_MS)
    letters = [g["code"] for g in card["groups"]]
    missing = tuple(g for n, g in enumerate(letters) if all(c["groups"][n]["points"] is None for c in children))
    tables = []
    for kind, title in TITLES.items():
        mine = [c for c in children if _kind(c) == kind]
        bounds = sizes_of(q, kind)
        for n, size in enumerate(SIZE_NAMES):
            low = bounds[n - 1] if n else 0.0
            high = bounds[n] if n < len(bounds) else None
            peers = [
                c for c in mine if low <= _received(c) / months and (not high or _received(c) / months < high)
            ]
            if peers:
                rows = ranked(peers, letters, missing, ranked_by)
                tables.append(Table(kind=kind, title=title, size=size, lower=low, upper=high, rows=rows))
    groups = tuple((g["code"], g["name"], float(g["max"])) for g in card["groups"])
    return League(ranked_by=ranked_by, fewest=FEWEST, groups=groups, missing=missing, tables=tuple(tables))


def sizes_of(q: PaperQuestion, kind: str) -> tuple[float, ...]:
    """The bounds between peer groups of a kind."""
    text = q.options.get(f"sizes_{kind}")
    if text is None:
        return SIZES.get(kind, SIZES["commune"])
    try:
        found = tuple(float(part) for part in text.split(","))
    except ValueError:
        found = ()
    if len(found) != 2 or not 0 < found[0] < found[1]:
        raise InvalidInput(
            f"sizes_{kind} is two rising numbers of dossiers a month, as 700,1500; not '{text[:40]}'"
        )
    return found


def ranked(
    cards: Sequence[dict[str, Any]], letters: Sequence[str], missing: Sequence[str], by: str
) -> tuple[Standing, ...]:
    """The cards in order of rank, equal totals (as shown, to two decimals) sharing one: 1-2-2-4; those that are
    not ranked follow, by name."""
    rows = [_standing(c, letters, missing) for c in cards]

    def shown(row: Standing) -> float:
        found = row.total_portal if by == "portal" else row.total_rebased
        return round(found or 0.0, 2)

    able = sorted((r for r in rows if r.reason is None), key=lambda r: (-shown(r), r.name, r.unit))
    placed = [msgspec.structs.replace(r, rank=1 + sum(shown(other) > shown(r) for other in able)) for r in able]
    return (*placed, *sorted((r for r in rows if r.reason is not None), key=lambda r: (r.name, r.unit)))


def _standing(card: dict[str, Any], letters: Sequence[str], missing: Sequence[str]) -> Standing:
    points = [g["points"] for g in card["groups"]]
    received = _received(card)
    absent = [x for x, p in zip(letters, points, strict=True) if p is None and x not in missing]
    reason = None
    if received < FEWEST:
        reason = f"chưa đủ số liệu ({received} hồ sơ, cần {FEWEST})"
    elif absent:
        reason = f"thiếu nhóm {', '.join(absent)}"
    elif card["total_rebased"] is None:
        reason = "không có chỉ số nào áp dụng"
    return Standing(
        unit=card["unit"],
        name=card["name"],
        rank=None,
        reason=reason,
        total_portal=card["total_portal"],
        total_rebased=card["total_rebased"],
        band=card["band"],
        groups=tuple(points),
        received=received,
        late=int(card["volumes"].get("done_late") or 0) + int(card["volumes"].get("open_late") or 0),
    )


def _received(card: dict[str, Any]) -> int:
    return int(card["volumes"].get("received") or 0)


def _kind(card: dict[str, Any]) -> str:
    return card["kind"] if card["kind"] in TITLES else "other"
