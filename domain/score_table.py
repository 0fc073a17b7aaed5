"""Scores a table of published figures without any data in the system: what `score-table` answers.

A table comes from a portal, a spreadsheet or a hand: nothing in it stops the work, every row gets an answer
and, where there is no plain score, a reason.
"""

import math
from collections.abc import Iterable, Mapping

import msgspec

from domain.expressions import Number
from domain.figure_tables import read_number
from domain.indicator_sets import Group, Indicator, IndicatorSet, Null
from domain.scoring import points, rate

_NO_FIGURES: dict[Null, str] = {
    "empty": "no figures",
    "zero": "no figures: the portal gives 0",
    "full": "no figures: the portal gives full marks",
}
_NOTHING: dict[Null, str] = {
    "empty": "nothing to count (0 of 0): no score, which is not a score of 0",
    "zero": "nothing to count (0 of 0): the portal gives 0",
    "full": "nothing to count (0 of 0): the portal gives full marks",
}


class ScoreRow(msgspec.Struct, frozen=True):
    """One row of the answer; null where there is nothing, and `reason` in words where that needs saying."""

    unit_code: str
    metric: str
    numerator: Number | None = None
    denominator: Number | None = None
    rate: float | None = None
    score: float | None = None
    max: float | None = None
    reason: str | None = None


def score_table(rows: Iterable[Mapping[str, object]], indicator_set: IndicatorSet) -> tuple[ScoreRow, ...]:
    """Scores rows of unit_code, metric, numerator, denominator (text or numbers), in their order; rows that name
    a `period` are grouped by it too. A row that cannot be read at all says why under `unreadable`.

    A row whose metric is a group's gets the plain sum of its unit's rows: a row without a score counts 0, and
    one that is missing, repeated or unusable is named in `reason`. Never raises on what the rows hold.
    """
    listed = [(_text(row.get("unit_code")), _text(row.get("metric")), row) for row in rows]
    groups = {g.metric: g for g in indicator_set.groups if g.metric}
    scored: dict[tuple[str, str, str], list[ScoreRow]] = {}
    answers: list[ScoreRow | None] = []
    for unit, metric, row in listed:
        answer = None if _code(metric) in groups else _score_row(unit, metric, row, indicator_set)
        answers.append(answer)
        if answer is not None:
            scored.setdefault((unit, _text(row.get("period")), _code(metric)), []).append(answer)
    return tuple(
        answer
        or _score_group(unit, metric, _text(row.get("period")), groups[_code(metric)], scored, indicator_set)
        for answer, (unit, metric, row) in zip(answers, listed, strict=True)
    )


def _score_row(unit: str, metric: str, row: Mapping[str, object], indicator_set: IndicatorSet) -> ScoreRow:
    if row.get("unreadable"):
        return ScoreRow(unit, metric, reason=_text(row["unreadable"]))
    indicator = indicator_set.indicator(_code(metric))
    if indicator is None:
        why = f"'{metric}' is no indicator or group of the set {indicator_set.name}" if metric else "no metric"
        return ScoreRow(unit, metric, reason=why)
    numbers: list[Number | None] = []
    notes: list[str] = []
    for column in ("numerator", "denominator"):
        try:
            number, note = read_number(row.get(column))
            numbers.append(number)
            notes += [note] if note else []
        except ValueError as error:
            return ScoreRow(unit, metric, max=indicator.max, reason=f"the {column} {error}")
    numerator, denominator = numbers
    if denominator == 0 and numerator:
        return ScoreRow(
            unit,
            metric,
            numerator,
            denominator,
            max=indicator.max,
            reason=f"{numerator} of 0 is not a rate: the denominator is wrong or missing",
        )
    return ScoreRow(
        unit,
        metric,
        numerator,
        denominator,
        rate(numerator, denominator),
        points(indicator, numerator, denominator) if (numerator is None) == (denominator is None) else None,
        indicator.max,
        "; ".join([*filter(None, [_reason(indicator, numerator, denominator)]), *notes]) or None,
    )


def _reason(indicator: Indicator, numerator: Number | None, denominator: Number | None) -> str | None:
    """Why a usable row has no score, or one that its numbers alone do not explain."""
    if (numerator is None) != (denominator is None):
        return f"the {'numerator' if numerator is None else 'denominator'} is missing"
    if numerator is None or denominator is None:
        return _NO_FIGURES[indicator.when_unknown]
    if denominator == 0:
        return _NOTHING[indicator.when_empty]
    if numerator > denominator:
        return f"the numerator {numerator} is greater than the denominator {denominator}"
    return None


def _score_group(
    unit: str,
    metric: str,
    period: str,
    group: Group,
    scored: Mapping[tuple[str, str, str], list[ScoreRow]],
    indicator_set: IndicatorSet,
) -> ScoreRow:
    """The plain sum of a unit's rows of a group; of repeated rows the first counts."""
    members = indicator_set.members(group.code)
    found = {m.code: scored.get((unit, period, m.code), []) for m in members}
    reasons = [
        _naming("missing", [code for code, rows in found.items() if not rows]),
        _naming("repeated, the first counts", [code for code, rows in found.items() if len(rows) > 1]),
        _naming("unusable, counted 0", [code for code, rows in found.items() if rows and _unusable(rows[0])]),
    ]
    firsts = [rows[0] for rows in found.values() if rows]
    return ScoreRow(
        unit,
        metric,
        score=math.fsum(row.score for row in firsts if row.score is not None) if firsts else None,
        max=math.fsum(m.max for m in members),
        reason="; ".join(reason for reason in reasons if reason) or None,
    )


def _unusable(row: ScoreRow) -> bool:
    """Whether a row has no score although something stood in it."""
    return row.score is None and row.reason not in (_NO_FIGURES["empty"], _NOTHING["empty"])


def _naming(what: str, codes: list[str]) -> str:
    return f"{what}: {', '.join(codes)}" if codes else ""


def _code(metric: str) -> str:
    """A metric as sets spell it: `processed on time` is PROCESSED_ON_TIME."""
    return "_".join(metric.upper().replace("-", " ").split())


def _text(value: object) -> str:
    return "" if value is None else str(value).strip()
