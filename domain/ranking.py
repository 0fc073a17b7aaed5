"""Who is ranked among whom: the one rule of every league table (users.md §C).

Units of one kind and about one size stand in one table. A unit is listed and not ranked where too few dossiers
stand behind its rate, or where it lacks a group of the index that another unit of its kind has: its total would
not be comparable. A group that no unit of the kind has excludes nobody. The rule is the same for both totals.
"""

from collections.abc import Iterable, Mapping, Sequence

import msgspec

KINDS = ("department", "commune", "other")
"""The kinds that are ranked apart, in the order of tables; every other kind is 'other'."""
MONTH_MS = 2_629_746_000
"""A twelfth of a mean year: sizes are dossiers in hand a month, whatever the length of the period."""


class Contender(msgspec.Struct, frozen=True):
    """A unit as it stands for a rank: `total` is the one that ranks, None where nothing applies to it; `groups`
    are points by letter, None where nothing of the group applies."""

    code: str
    kind: str | None
    received: float
    total: float | None
    groups: Mapping[str, float | None]


class Place(msgspec.Struct, frozen=True):
    """A unit's place; `rank` is None exactly where `reason` says why it has none."""

    code: str
    rank: int | None
    reason: str | None


class PeerTable(msgspec.Struct, frozen=True):
    """Units of one kind with `lower` to below `upper` dossiers a month (None: no bound), the ranked ones first."""

    kind: str
    size: str
    lower: float
    upper: float | None
    places: tuple[Place, ...]


def ranks(totals: Iterable[float]) -> list[int]:
    """Ranks 1-2-2-4 of totals, the highest first, compared as they are shown: to two decimals."""
    shown = [round(total, 2) for total in totals]
    return [1 + sum(other > own for other in shown) for own in shown]


def peer_tables(
    contenders: Sequence[Contender], fewest: int, sizes: Mapping[str, Sequence[float]], months: float
) -> list[PeerTable]:
    """The tables that have any unit. `sizes` are the rising bounds between sizes by kind, in dossiers a month;
    a period of less than a month counts as one."""
    found = []
    for kind in KINDS:
        mine = [c for c in contenders if kind_of(c.kind) == kind]
        there = {letter for c in mine for letter, points in c.groups.items() if points is not None}
        for lower, upper in _bounds(sizes[kind]):
            peers = [c for c in mine if lower <= c.received / max(1.0, months) < (upper or float("inf"))]
            if peers:
                places = _placed(peers, fewest, there)
                found.append(PeerTable(kind, size_name(lower, upper), lower, upper, places))
    return found


def kind_of(kind: str | None) -> str:
    """The kind under which a unit is ranked."""
    return kind if kind in KINDS and kind is not None else "other"


def size_name(lower: float, upper: float | None) -> str:
    """A size in words of numbers: '500–1499', '≥ 1500'."""
    return f"≥ {lower:g}" if upper is None else f"{lower:g}–{upper - 1:g}"


def _bounds(sizes: Sequence[float]) -> list[tuple[float, float | None]]:
    return list(zip([0.0, *sizes], [*sizes, None], strict=True))


def _placed(peers: Sequence[Contender], fewest: int, there: set[str]) -> tuple[Place, ...]:
    reasons = {c.code: _reason(c, fewest, there) for c in peers}
    able = [c for c in peers if reasons[c.code] is None]
    found = [Place(c.code, rank, None) for c, rank in zip(able, ranks(c.total or 0.0 for c in able), strict=True)]
    rest = [Place(code, None, reason) for code, reason in reasons.items() if reason is not None]
    return (*sorted(found, key=lambda p: (p.rank or 0, p.code)), *sorted(rest, key=lambda p: p.code))


def _reason(c: Contender, fewest: int, there: set[str]) -> str | None:
    if c.received < fewest:
        return f"chưa đủ số liệu ({c.received:g} hồ sơ, cần {fewest})"
    lacking = [letter for letter in sorted(there) if c.groups.get(letter) is None]
    if lacking:
        return f"thiếu nhóm {', '.join(lacking)}"
    return "không có chỉ số nào áp dụng" if c.total is None else None
