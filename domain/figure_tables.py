"""Reading tables of figures as people keep them: names of columns, and numbers in both spellings.

A point and a comma may each be the decimal sign or stand between thousands. Counts are whole numbers, so one sign
before exactly three digits is a separator of thousands, and the reader is told how it was read.
"""

import re
import unicodedata
from collections.abc import Sequence

from domain.errors import InvalidInput
from domain.expressions import Number

COLUMNS: dict[str, tuple[str, ...]] = {
    "unit_code": ("unitcode", "unit", "madonvi", "donvi", "macoquan", "coquan"),
    "metric": ("metric", "metriccode", "indicator", "indicatorcode", "machitieu", "chitieu", "machiso", "chiso"),
    "numerator": ("numerator", "tuso"),
    "denominator": ("denominator", "mauso"),
    "period": ("period", "ky", "kybaocao", "thang"),
}
"""The columns that are read, and how tables call them (no case, no accents, no signs)."""
LARGEST = 1e15
_NOTHING = frozenset({"", "-", "–", "—", "n/a", "na", "null", "none"})
_PLAIN = re.compile(r"[+-]?\d+")
_SEPARATED = re.compile(r"[+-]?\d{1,3}(?:([.,])\d{3})(?:\1\d{3})*")
_MIXED = re.compile(r"([+-]?\d{1,3}(?:([.,])\d{3})+)(?!\2)[.,](\d+)")
_DECIMAL = re.compile(r"[+-]?\d*[.,]\d+(?:[eE][+-]?\d+)?|[+-]?\d+[eE][+-]?\d+")


def column_names(header: Sequence[str], *, strict: bool = True) -> dict[int, str]:
    """Place → our name, for the columns that are read; InvalidInput when two are called the same, unless not
    `strict`: then the first counts."""
    found: dict[int, str] = {}
    for place, text in enumerate(header):
        name = next((ours for ours, called in COLUMNS.items() if _key(text) in called), None)
        if name is None:
            continue
        if name in found.values():
            if not strict:
                continue
            raise InvalidInput(f"the table has two columns for {name}: remove or rename one")
        found[place] = name
    return found


def read_number(value: object) -> tuple[Number | None, str | None]:
    """(a count, how it was read where that may be doubted); None when blank. ValueError ends the sentence
    'the numerator …'."""
    if isinstance(value, bool):
        raise ValueError(f"'{value}' is not a number")
    note = None
    if value is None or isinstance(value, int | float):
        found = value
    else:
        text = str(value).strip().strip("\u00a0\u202f'\"").strip()
        if text.lower() in _NOTHING:
            return None, None
        found = _read(text)
        if _SEPARATED.fullmatch(text) and isinstance(found, int):
            note = f"'{text}' was read as {found}"
    if found is None:
        return None, None
    if found < 0:
        raise ValueError("is negative")
    if not found <= LARGEST:  # holds for NaN too
        raise ValueError("is not a possible count")
    return found, note


def _read(text: str) -> Number:
    plain = re.sub(r"(?<=\d)[\u00a0\u202f\u2009 ](?=\d{3}(?!\d))", "", text)
    if _PLAIN.fullmatch(plain):
        return int(plain[:400])
    if _SEPARATED.fullmatch(plain) and not plain.lstrip("+-").startswith("0"):
        return int(re.sub(r"[.,]", "", plain))
    if mixed := _MIXED.fullmatch(plain):
        return _whole(float(re.sub(r"[.,]", "", mixed[1]) + "." + mixed[3]))
    if _DECIMAL.fullmatch(plain):
        return _whole(float(plain.replace(",", ".")))
    if plain.lower().lstrip("+-") in ("nan", "inf", "infinity"):
        return float(plain)
    what = "is a percentage, not a count" if plain.endswith("%") else "is not a number"
    raise ValueError(f"'{text[:60]}' {what}")


def _whole(number: float) -> Number:
    return int(number) if number.is_integer() and abs(number) <= LARGEST else number


def _key(text: object) -> str:
    """A header without case, accents and signs."""
    plain = unicodedata.normalize("NFKD", str(text)).replace("đ", "d").replace("Đ", "d")
    return "".join(c for c in plain.casefold() if c.isascii() and c.isalnum())
