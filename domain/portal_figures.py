"""What the national portal published of a unit: rows read from tables and JSON, as they stand in events.

Nothing in a table stops the rest: a row that cannot be used is answered with its place and a reason. A blank
is unknown, never 0.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import msgspec

from domain.expressions import Number
from domain.indicator_sets import Indicator, IndicatorSet
from domain.scoring import IndicatorScore, score_indicator

KINDS = ("numerator", "denominator", "score", "max")
_METRIC = re.compile(r"[A-Z][A-Z0-9_]{1,63}")
_NAMES: dict[str, str] = {
    "unitcode": "unit_code", "unit": "unit_code", "madonvi": "unit_code", "donvi": "unit_code",
    "metric": "metric", "metriccode": "metric", "indicator": "metric", "machitieu": "metric", "chitieu": "metric",
    "numerator": "numerator", "tuso": "numerator",
    "denominator": "denominator", "mauso": "denominator",
    "score": "score", "point": "score", "points": "score", "diem": "score",
    "maxscore": "max", "max": "max", "maxpoint": "max", "diemtoida": "max",
}  # fmt: skip
"""Names of fields in lower case without separators, and what they mean."""
_WRAPPERS = ("rows", "data", "items", "content", "result", "results")
_LARGEST = 1e15


class Published(msgspec.Struct, frozen=True):
    """One published row; None where the portal showed nothing."""

    metric: str
    numerator: Number | None = None
    denominator: Number | None = None
    score: Number | None = None
    max: Number | None = None


class Unusable(msgspec.Struct, frozen=True):
    """A row that was not taken: its number from 1, what it named, and why."""

    row: int
    unit_code: str
    metric: str
    reason: str


Table = dict[str, dict[str, Published]]
"""Published rows by unit and metric."""


def rows_of_json(document: Any) -> Iterator[Mapping[str, Any]]:
    """The rows of a JSON answer: a list of rows; a list inside `data`, `rows` …; or units that hold metrics,
    `{"H44": {"PROCESSED_ON_TIME": {"numerator": …}}}`, each level perhaps a list instead."""
    if isinstance(document, list):
        for item in document:
            yield from rows_of_json(item)
    elif isinstance(document, dict):
        inner = next((document[name] for name in _WRAPPERS if isinstance(document.get(name), list | dict)), None)
        named = _renamed({k: v for k, v in document.items() if not isinstance(v, dict | list)})
        if inner is not None:
            yield from ({**named, **_renamed(row)} for row in rows_of_json(inner))
        elif "metric" in named:
            yield named
        else:
            yield from _nested(document, named)


def _nested(document: Mapping[str, Any], named: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for key, inner in document.items():
        if not isinstance(inner, dict | list):
            continue
        if _METRIC.fullmatch(key) and "_" in key and isinstance(inner, dict):
            yield {**named, "metric": key, **_renamed(inner)}
        else:
            unit = {"unit_code": key} if key.lower() not in ("metrics", "indicators", "units") else {}
            yield from ({**named, **unit, **row} for row in rows_of_json(inner))


def published(rows: Iterable[Mapping[str, Any]]) -> tuple[Table, tuple[Unusable, ...]]:
    """Rows of unit_code, metric, numerator, denominator, score, max_score (text or numbers) by unit and metric.
    Of repeated rows the first counts and the others are unusable."""
    found: Table = {}
    refused: list[Unusable] = []
    for number, row in enumerate(rows, 1):
        known = _renamed(row)
        unit, metric = _text(known.get("unit_code")), _text(known.get("metric"))
        try:
            one = _published(unit, metric, known)
            if metric in found.get(unit, {}):
                raise ValueError("the same unit and metric stood above: the first counts")
        except ValueError as error:
            refused.append(Unusable(number, unit[:64], metric[:64], str(error)))
            continue
        found.setdefault(unit, {})[metric] = one
    return found, tuple(refused)


def _published(unit: str, metric: str, known: Mapping[str, Any]) -> Published:
    if not unit or len(unit) > 128:
        raise ValueError("there is no unit_code")
    if not _METRIC.fullmatch(metric):
        raise ValueError("the metric is no code such as PROCESSED_ON_TIME")
    return Published(metric, *(_number(known.get(kind), kind) for kind in KINDS))


def as_figures(rows: Iterable[Published]) -> dict[str, Number | None]:
    """Rows as an event carries them; a row with nothing in it keeps its name."""
    found: dict[str, Number | None] = {}
    for row in rows:
        told = {f"{row.metric}.{kind}": getattr(row, kind) for kind in KINDS if getattr(row, kind) is not None}
        found |= told or {f"{row.metric}.score": None}
    return found


def of_figures(figures: Mapping[str, Number | None]) -> dict[str, Published]:
    """The rows of an event by metric; names that are none are passed over."""
    parts: dict[str, dict[str, Number | None]] = {}
    for name, value in figures.items():
        metric, _, kind = name.rpartition(".")
        if metric and kind in KINDS:
            parts.setdefault(metric, {})[kind] = _whole(value)
    return {metric: Published(metric, **told) for metric, told in parts.items()}


def scored(indicator_set: IndicatorSet, rows: Mapping[str, Published]) -> tuple[IndicatorScore, ...]:
    """A set's rows scored from published counts; an indicator without a row has no points and does not apply."""
    return tuple(
        score_indicator(i, rows[i.code].numerator, rows[i.code].denominator) if i.code in rows else _absent(i)
        for i in indicator_set.indicators
    )


def _absent(indicator: Indicator) -> IndicatorScore:
    return IndicatorScore(indicator.code, indicator.group, None, None, None, None, indicator.max, applies=False)


def _renamed(row: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in row.items():
        plain = re.sub(r"[\s_-]", "", str(name)).lower()
        if plain in _NAMES:
            found.setdefault(_NAMES[plain], value)
    return found


def _text(value: Any) -> str:
    return "" if value is None else str(value).strip()


def _number(value: Any, name: str) -> Number | None:
    """A figure, None when blank; digits, a decimal point or comma; separators of thousands are refused, since
    1.234 and 1,234 say different things in the two languages."""
    if isinstance(value, bool):
        raise ValueError(f"the {name} is not a number")
    if not isinstance(value, int | float):
        text = _text(value)
        if not text:
            return None
        if not re.fullmatch(r"-?\d+(?:[.,]\d{1,2}|\.\d+)?", text):
            raise ValueError(f"the {name} '{text[:40]}' is not a plain number: leave separators of thousands out")
        value = float(text.replace(",", ".")) if re.search(r"[.,]", text) else int(text)
    if not 0 <= value <= _LARGEST:  # refuses NaN too
        raise ValueError(f"the {name} is not a possible figure")
    return _whole(value)


def _whole(value: Number | None) -> Number | None:
    return int(value) if value is not None and value == int(value) else value
