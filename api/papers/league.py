"""The league table as a paper: departments and communes apart, each among peers of its size, ranked 1-2-2-4.

Its figures, peers and ranks are those of `gs766 ranking` (`api.figures.rankings`); both totals are shown.
"""

from typing import Any

import msgspec

from api.figures.rankings import rankings
from api.papers.questions import PaperQuestion
from api.papers.standing import StandingContext
from domain.errors import InvalidInput
from domain.ranking import KINDS

TITLES = {"department": "Sở, ban, ngành", "commune": "Xã, phường", "other": "Đơn vị khác"}


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
    """The table of the units under a unit."""
    by: Any = q.options.get("by", "portal")
    sizes = {kind: bounds for kind in KINDS if (bounds := sizes_of(q, kind)) is not None}
    found = rankings(ctx, q.period.label, q.unit, None, by, q.as_of, ctx.known_ms, q.indicator_set.name, sizes)
    letters = [g.code for g in q.indicator_set.groups]
    rows = [row for group in found["groups"] for row in group["units"]]
    members = q.indicator_set.members
    return League(
        ranked_by=by,
        fewest=found["fewest"],
        groups=tuple((g.code, g.name, float(sum(i.max for i in members(g.code)))) for g in q.indicator_set.groups),
        missing=tuple(x for x in letters if all(row["groups"][x] is None for row in rows)),
        tables=tuple(_table(group, letters) for group in found["groups"]),
    )


def sizes_of(q: PaperQuestion, kind: str) -> tuple[float, ...] | None:
    """The bounds between peer groups of a kind where the question gives any, as 'sizes_department=300,1500'."""
    text = q.options.get(f"sizes_{kind}")
    if text is None:
        return None
    try:
        found: tuple[float, ...] = tuple(float(part) for part in text.split(","))
    except ValueError:
        found = ()
    if len(found) != 2 or not 0 < found[0] < found[1]:
        raise InvalidInput(
            f"sizes_{kind} is two rising numbers of dossiers a month, as 700,1500; not '{text[:40]}'"
        )
    return found


def _table(group: dict[str, Any], letters: list[str]) -> Table:
    return Table(
        kind=group["kind"],
        title=TITLES[group["kind"]],
        size=group["size"],
        lower=group["lower"],
        upper=group["upper"],
        rows=tuple(_standing(row, letters) for row in group["units"]),
    )


def _standing(row: dict[str, Any], letters: list[str]) -> Standing:
    return Standing(
        unit=row["unit"],
        name=row["name"],
        rank=row["rank"],
        reason=row["reason"],
        total_portal=row["total_portal"],
        total_rebased=row["total_rebased"],
        band=row["band"],
        groups=tuple(row["groups"][x] for x in letters),
        received=int(row["received"] or 0),
        late=int(row["late"] or 0),
    )
