"""The mapping language: how columns or XES attributes become events. This file holds its words, nothing runs here.

`producers/mapping_file.py` reads them from TOML, `producers/rules.py` applies them, docs/mappings.md explains.
"""

import re
from collections.abc import Mapping as MappingOf
from dataclasses import dataclass, field
from typing import Any, Literal

from producers.times import TimeReader

IGNORE = "ignore"
CASE_PREFIX = "case."
Per = Literal["row", "case", "first", "last"]
PERS: tuple[Per, ...] = ("row", "case", "first", "last")


@dataclass(frozen=True, slots=True)
class Value:
    """Where a value comes from. The first non-empty of `columns` is cut by `extract` (its first group), looked
    up in `map`, and prefixed; `default` serves what is empty or not in the map. Without columns: `constant`.

    `where` is the place in the mapping file, for messages. `scale` multiplies numbers (cents: 100).
    A file may lack all columns of an `optional` value, and all but one of any other.
    """

    where: str
    columns: tuple[str, ...] = ()
    constant: Any = None
    map: MappingOf[str, str] | None = None
    default: Any = None
    prefix: str = ""
    extract: re.Pattern[str] | None = None
    times: TimeReader | None = None
    scale: float = 1
    optional: bool = False


Operator = Literal["equals", "in", "not_in", "matches", "empty"]


@dataclass(frozen=True, slots=True)
class Condition:
    """A test of one column: its text equals, is (not) one of, matches a regular expression, or is (not) empty."""

    column: str
    operator: Operator
    texts: frozenset[str] = frozenset()
    pattern: re.Pattern[str] | None = None
    wanted: bool = True


@dataclass(frozen=True, slots=True)
class Rule:
    """One kind of event to make: for each row, once a case, or from a case's first or last row that fits.

    `types` are all event types that `type` can give. `unless`: not if the case has an event of these types.
    """

    where: str
    per: Per
    type: Value
    types: frozenset[str]
    time: Value
    data: MappingOf[str, Value]
    when: tuple[Condition, ...] = ()
    unless: frozenset[str] = frozenset()
    subject: Value | None = None

    def values(self) -> tuple[Value, ...]:
        """All values that the rule reads."""
        return (self.type, self.time, *self.data.values(), *([self.subject] if self.subject else []))

    def columns(self) -> frozenset[str]:
        """All columns that the rule reads."""
        return frozenset(c for v in self.values() for c in v.columns) | {c.column for c in self.when}


@dataclass(frozen=True, slots=True)
class CsvOptions:
    """How text files are read; an empty `delimiter` or `encoding` is found out from the file."""

    delimiter: str = ""
    encoding: str = ""
    header_row: int = 1


@dataclass(frozen=True, slots=True)
class Mapping:
    """A whole mapping. `subject` and `case_subject` are the columns of the dossier's code in the rows and in
    the case file; `identity` further columns that tell rows apart; `empty` the words that mean nothing;
    `decimal` the decimal mark of numbers."""

    name: str
    source: str
    subject: Value
    rules: tuple[Rule, ...]
    times: TimeReader
    recorded: Value | None = None
    identity: tuple[Value, ...] = ()
    case_subject: str = ""
    prefix: str = ""
    decimal: str = "."
    empty: frozenset[str] = frozenset()
    drop_identical: bool = False
    csv: CsvOptions = field(default_factory=CsvOptions)

    def used(self) -> frozenset[str]:
        """All columns that the mapping reads, `case.` ones included."""
        columns = frozenset(self.subject.columns).union(*(r.columns() for r in self.rules))
        return columns.union(*(v.columns for v in (self.recorded, *self.identity) if v))

    def lacks(self, absent: frozenset[str]) -> frozenset[str]:
        """Those of the absent columns without which the mapping cannot do: a condition's, or a value's last."""
        values = [self.subject, *self.identity, *([self.recorded] if self.recorded else [])]
        values += [v for r in self.rules for v in r.values()]
        needed = {c.column for r in self.rules for c in r.when}
        for value in values:
            if not value.optional and absent.issuperset(value.columns):
                needed.update(value.columns)
        return absent & needed

    def case_columns(self) -> frozenset[str]:
        """Attributes of the case that are read, without their prefix."""
        return frozenset(c.removeprefix(CASE_PREFIX) for c in self.used() if c.startswith(CASE_PREFIX))

    def row_columns(self) -> frozenset[str]:
        """Columns of the rows themselves that are read."""
        return frozenset(c for c in self.used() if not c.startswith(CASE_PREFIX))

    def rules_per(self, *per: Per) -> tuple[Rule, ...]:
        """The rules of these kinds, in the file's order."""
        return tuple(r for r in self.rules if r.per in per)
