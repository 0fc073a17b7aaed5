"""Reads a mapping from TOML and refuses what cannot work, naming the file, the key and what to do."""

import re
import tomllib
from collections.abc import Iterable
from difflib import get_close_matches
from pathlib import Path
from typing import Any, cast

from domain.errors import InvalidInput
from domain.event_types import EVENT_TYPES
from domain.instants import Zone, zone
from producers.edge import INTERNAL_KINDS
from producers.fields import field_names
from producers.mapping import IGNORE, PERS, Condition, CsvOptions, Mapping, Operator, Per, Rule, Value
from producers.text import column_name, fold_text
from producers.times import DATE_ONLY, DateOnly, TimeReader

_TOP = frozenset({"source", "zone", "empty", "decimal", "csv", "times", "rows", "cases", "maps", "event"})
_VALUE = frozenset(
    {
        "column",
        "columns",
        "value",
        "map",
        "default",
        "prefix",
        "extract",
        "optional",
        "formats",
        "date_only",
        "whole_days",
        "zone",
        "scale",
    }
)
_RULE = frozenset({"type", "per", "time", "data", "when", "unless", "subject"})
_CONDITION = frozenset({"column", "equals", "in", "not_in", "matches", "empty"})
Table = dict[str, Any]


def load_mapping(path: Path, province: Zone) -> Mapping:
    """The mapping in a file; `province` is the zone of naive times unless the file names another.

    Raises InvalidInput: the file does not exist, is not TOML, or says something that cannot work.
    """
    try:
        content = tomllib.loads(path.read_text("utf-8-sig"))
    except OSError as error:
        raise InvalidInput(f"the mapping {path} cannot be read: {error.strerror or error}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InvalidInput(f"the mapping {path} is not TOML: {error}") from error
    return parse_mapping(content, province, name=path.name)


def parse_mapping(content: Table, province: Zone, *, name: str = "mapping") -> Mapping:
    """A mapping from the decoded content of its file; InvalidInput as `load_mapping`."""
    return _Parser(name, content, province).mapping()


def close_matches(word: str, known: Iterable[str]) -> tuple[str, ...]:
    """Up to three known words that look like the given one, accents and case ignored."""
    by_folded = {fold_text(k): k for k in known}
    return tuple(by_folded[m] for m in get_close_matches(fold_text(word), by_folded, n=3, cutoff=0.6))


def bare(column: str) -> str:
    """A column without the `case:` that CSV exports of process logs put before a case's attributes."""
    return column.removeprefix("case:")


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """'; did you mean …?' or nothing."""
    close = close_matches(word, known)
    return f"; did you mean {' or '.join(repr(c) for c in close)}?" if close else ""


class _Parser:
    """One pass over the tables; keeps the file's name and defaults for messages and values."""

    def __init__(self, name: str, content: Table, province: Zone) -> None:
        self._name = name
        self._content = content
        self._maps: dict[str, dict[str, str]] = {}
        self._times = TimeReader(("iso",), province)

    def mapping(self) -> Mapping:
        top = self._content
        self._known(top, _TOP, "")
        rows, cases, csv = (self._table(top, key) for key in ("rows", "cases", "csv"))
        self._known(rows, frozenset({"subject", "prefix", "recorded", "identical", "identity"}), "rows")
        self._known(cases, frozenset({"subject"}), "cases")
        self._times = self._time_reader(self._table(top, "times"), "times", top.get("zone"))
        self._maps = {key: self._map(table, f"maps.{key}") for key, table in self._table(top, "maps").items()}
        source = self._text(
            top.get("source"), "source", "name where the events come from, for example '/h44/excel'"
        )
        rules = tuple(self._rule(r, n) for n, r in enumerate(self._list(top.get("event", []), "event"), start=1))
        if not rules:
            raise self._error("event", "there is none: add at least one [[event]] that says what a row means")
        identical = rows.get("identical", "keep")
        if identical not in ("keep", "drop"):
            raise self._error("rows.identical", "must be 'keep' or 'drop'")
        if "subject" not in rows:
            raise self._error("rows.subject", "is missing: name the column that holds the dossier's code")
        return Mapping(
            name=self._name,
            source=source,
            subject=self._value(rows["subject"], "rows.subject"),
            rules=rules,
            times=self._times,
            recorded=self._value(rows["recorded"], "rows.recorded") if "recorded" in rows else None,
            identity=tuple(self._value(v, "rows.identity") for v in self._many(rows.get("identity", []))),
            case_subject=column_name(str(cases.get("subject", ""))),
            prefix=str(rows.get("prefix", "")),
            decimal=self._one_character(top.get("decimal", "."), "decimal"),
            empty=frozenset(str(e) for e in self._list(top.get("empty", []), "empty")),
            drop_identical=identical == "drop",
            csv=self._csv(csv),
        )

    def _csv(self, table: Table) -> CsvOptions:
        self._known(table, frozenset({"delimiter", "encoding", "header_row"}), "csv")
        encoding = str(table.get("encoding", ""))
        try:
            "".encode(encoding or "utf-8")
        except LookupError as error:
            raise self._error(
                "csv.encoding", f"'{encoding}' is not an encoding such as utf-8 or cp1258"
            ) from error
        header = table.get("header_row", 1)
        if not isinstance(header, int) or not 1 <= header <= 1000:
            raise self._error("csv.header_row", "must be the number of the header's line, 1 or more")
        delimiter = table.get("delimiter", "")
        return CsvOptions(self._one_character(delimiter, "csv.delimiter") if delimiter else "", encoding, header)

    def _rule(self, raw: Any, number: int) -> Rule:
        where = f"event {number}"
        table = self._as_table(raw, where)
        self._known(table, _RULE, where)
        per = table.get("per", "row")
        if per not in PERS:
            raise self._error(f"{where}.per", f"must be one of {', '.join(PERS)}")
        if "type" not in table or "time" not in table:
            raise self._error(where, "needs a 'type' and a 'time'")
        type_value, types = self._type(table["type"], f"{where}.type")
        data = {
            key: self._value(v, f"{where}.data.{key}")
            for key, v in self._as_table(table.get("data", {}), f"{where}.data").items()
        }
        known = field_names(types)
        for key in data:
            if key not in known:
                hint = did_you_mean(key, known) or f"; it has {', '.join(sorted(known)) or 'no fields'}"
                raise self._error(f"{where}.data.{key}", f"no event of this rule has the field '{key}'{hint}")
        rule = Rule(
            where=where,
            per=cast(Per, per),
            type=type_value,
            types=types,
            time=self._value(table["time"], f"{where}.time"),
            data=data,
            when=tuple(self._conditions(table.get("when", []), f"{where}.when")),
            unless=frozenset(self._full_type(t, f"{where}.unless") for t in self._many(table.get("unless", []))),
            subject=self._value(table["subject"], f"{where}.subject") if "subject" in table else None,
        )
        if per == "case" and (wrong := sorted(c for c in rule.columns() if not c.startswith("case."))):
            raise self._error(
                where, f"is per case, so its columns begin with 'case.': write 'case.{bare(wrong[0])}'"
            )
        if per != "case" and rule.unless:
            raise self._error(f"{where}.unless", "works only with per = 'case'")
        return rule

    def _type(self, raw: Any, where: str) -> tuple[Value, frozenset[str]]:
        """A fixed type, or a column with a map from its words to types ('ignore' makes no event)."""
        if isinstance(raw, str):
            full = self._full_type(raw, where)
            return Value(where, constant=full), frozenset({full})
        value = self._value(raw, where)
        if value.map is None:
            raise self._error(where, "needs a 'map' from the column's words to event types")
        words = {k: v if v in ("", IGNORE) else self._full_type(v, where) for k, v in value.map.items()}
        default = IGNORE if value.default is None else str(value.default)
        default = default if default == IGNORE else self._full_type(default, where)
        types = frozenset({*words.values(), default}) - {"", IGNORE}
        if not types:
            raise self._error(where, "maps everything to 'ignore': no event would come of it")
        return Value(where, value.columns, map=words, default=default, extract=value.extract), types

    def _full_type(self, name: Any, where: str) -> str:
        full = str(name) if "." in str(name) else f"dossier.{name}"
        if full not in EVENT_TYPES or full.partition(".")[0] in INTERNAL_KINDS:
            short = [t.removeprefix("dossier.") for t in EVENT_TYPES]
            raise self._error(where, f"'{name}' is not an event type{did_you_mean(str(name), short)}")
        return full

    def _value(self, raw: Any, where: str) -> Value:
        if isinstance(raw, str):
            return Value(where, columns=(column_name(raw),), times=self._times)
        table = self._as_table(raw, where, "a column's name or a table such as { column = 'x' }")
        self._known(table, _VALUE, where)
        columns = tuple(column_name(str(c)) for c in self._many(table.get("columns", table.get("column", []))))
        if bool(columns) == ("value" in table):
            raise self._error(where, "needs either 'column' (or 'columns') or 'value'")
        reader = self._times
        if {"formats", "date_only", "whole_days", "zone"} & set(table):
            reader = self._time_reader(
                {k: table[k] for k in ("formats", "date_only", "whole_days") if k in table},
                where,
                table.get("zone"),
            )
        scale = table.get("scale", 1)
        if not isinstance(scale, int | float) or isinstance(scale, bool) or scale <= 0:
            raise self._error(f"{where}.scale", "must be a number above 0")
        optional = table.get("optional", False)
        if not isinstance(optional, bool):
            raise self._error(f"{where}.optional", "must be true or false")
        return Value(
            where,
            columns,
            optional=optional,
            constant=table.get("value"),
            map=self._map_of(table["map"], f"{where}.map") if "map" in table else None,
            default=table.get("default"),
            prefix=str(table.get("prefix", "")),
            extract=self._pattern(table["extract"], f"{where}.extract") if "extract" in table else None,
            times=reader,
            scale=scale,
        )

    def _map_of(self, raw: Any, where: str) -> dict[str, str]:
        if isinstance(raw, str):
            if raw not in self._maps:
                raise self._error(where, f"there is no [maps.{raw}]{did_you_mean(raw, self._maps)}")
            return self._maps[raw]
        return self._map(raw, where)

    def _map(self, raw: Any, where: str) -> dict[str, str]:
        return {fold_text(str(k)): str(v) for k, v in self._as_table(raw, where).items()}

    def _conditions(self, raw: Any, where: str) -> Iterable[Condition]:
        for item in raw if isinstance(raw, list) else [raw]:
            table = self._as_table(item, where)
            self._known(table, _CONDITION, where)
            operators = [k for k in table if k != "column"]
            if "column" not in table or len(operators) != 1:
                raise self._error(where, "needs 'column' and one of equals, in, not_in, matches, empty")
            operator = cast(Operator, operators[0])
            column, operand = column_name(str(table["column"])), table[operator]
            if operator == "matches":
                yield Condition(column, operator, pattern=self._pattern(operand, where))
            elif operator == "empty":
                if not isinstance(operand, bool):
                    raise self._error(f"{where}.empty", "must be true or false")
                yield Condition(column, operator, wanted=operand)
            else:
                yield Condition(column, operator, frozenset(fold_text(str(t)) for t in self._many(operand)))

    def _time_reader(self, table: Table, where: str, zone_name: Any) -> TimeReader:
        self._known(table, frozenset({"formats", "date_only", "hours", "whole_days"}), where)
        hours = self._list(table.get("hours", list(self._times.hours)), f"{where}.hours")
        date_only = table.get("date_only", self._times.date_only)
        whole_days = table.get("whole_days", self._times.whole_days)
        if not isinstance(whole_days, bool):
            raise self._error(f"{where}.whole_days", "must be true or false")
        if date_only not in DATE_ONLY or len(hours) != 2:
            raise self._error(where, f"date_only is one of {', '.join(DATE_ONLY)}; hours are two clock times")
        formats = tuple(str(f) for f in self._many(table.get("formats", list(self._times.formats))))
        try:
            where_zone = self._times.zone if zone_name is None else zone(str(zone_name))
            return TimeReader(
                formats, where_zone, cast(DateOnly, date_only), (str(hours[0]), str(hours[1])), whole_days
            )
        except InvalidInput as error:
            raise self._error(where, str(error)) from error

    def _pattern(self, raw: Any, where: str) -> re.Pattern[str]:
        try:
            return re.compile(str(raw))
        except re.error as error:
            raise self._error(where, f"is not a regular expression: {error}") from error

    def _known(self, table: Table, known: frozenset[str], where: str) -> None:
        for key in table:
            if key not in known:
                hint = did_you_mean(key, known) or f"; known are {', '.join(sorted(known))}"
                raise self._error(
                    ".".join(p for p in (where, key) if p), f"is not a word of the mapping language{hint}"
                )

    def _table(self, content: Table, key: str) -> Table:
        return self._as_table(content.get(key, {}), key)

    def _as_table(self, raw: Any, where: str, wanted: str = "a table") -> Table:
        if not isinstance(raw, dict):
            raise self._error(where, f"must be {wanted}")
        return raw

    def _list(self, raw: Any, where: str) -> list[Any]:
        if not isinstance(raw, list):
            raise self._error(where, "must be a list")
        return raw

    def _many(self, raw: Any) -> list[Any]:
        return raw if isinstance(raw, list) else [raw]

    def _text(self, raw: Any, where: str, what: str) -> str:
        if not isinstance(raw, str) or not raw.strip():
            raise self._error(where, f"is missing: {what}")
        return raw.strip()

    def _one_character(self, raw: Any, where: str) -> str:
        if not isinstance(raw, str) or len(raw) != 1 or not raw.isascii():
            raise self._error(where, "must be one character")
        return raw

    def _error(self, where: str, what: str) -> InvalidInput:
        return InvalidInput(f"{self._name}: {where}: {what}")
