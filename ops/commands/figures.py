"""Commands that give figures: scorecard, score-table."""

from pathlib import Path
from typing import Annotated, Any

import typer

from ops.commands.shell import (
    AsOfOption,
    DataOption,
    JsonOption,
    KnownAtOption,
    print_facts,
    print_json,
    print_table,
    settings_of,
)

SetOption = Annotated[
    str | None, typer.Option("--set", help="The indicator set. Default: the one valid at the end of the period.")
]


def register(app: typer.Typer) -> None:
    """Adds this module's commands."""
    app.command()(scorecard)
    app.command("score-table")(score_table)


def scorecard(
    ctx: typer.Context,
    unit: Annotated[str, typer.Argument(help="The unit's code, for example H44 or H44.100.")],
    period: Annotated[
        str, typer.Option(help="2026-08, 2026-Q3, 2026, 2026-07-15..2026-08-14 (both days), today or ytd.")
    ],
    as_of: AsOfOption = None,
    known_at: KnownAtOption = None,
    indicator_set: SetOption = None,
    children: Annotated[bool, typer.Option("--children", help="The units directly below, too.")] = False,
    as_json: JsonOption = False,
    data: DataOption = None,
) -> None:
    """A unit's points in a period: six groups, all indicators, the two totals and the band."""
    from ops.client import Client, part

    settings = settings_of(ctx, data)
    query = {"period": period, "as_of": as_of, "known_at": known_at, "children": children}
    query["set"] = indicator_set or settings.indicator_set or None
    card = Client(settings).get(f"/v1/scorecards/{part(unit)}", **query)
    if as_json:
        print_json(card)
        return
    _print_card(card)
    for child in card.get("children") or ():
        print()
        _print_card(child)


def score_table(
    file: Annotated[
        Path, typer.Argument(metavar="FILE.csv", help="Columns unit_code, metric, numerator, denominator; UTF-8.")
    ],
    indicator_set: Annotated[str, typer.Option("--set", help="Its name, or a TOML file.")] = "2026",
    as_json: JsonOption = False,
    data: DataOption = None,
) -> None:
    """Score a table of published figures without any data in the system.

    A row whose metric is GROUP_… gets the sum of its unit's rows; a row without a score says why. Nothing needs
    to run.
    """
    from msgspec import to_builtins

    from domain.score_table import score_table as scored

    del data
    rows = read_csv(file)
    answer = to_builtins(scored(rows, find_set(indicator_set)))
    if as_json:
        print_json(answer)
        return
    columns = ("unit_code", "metric", "numerator", "denominator", "rate", "score", "max", "reason")
    print_table(columns, [[row[c] for c in columns] for row in answer])


def _print_card(card: dict[str, Any]) -> None:
    print_facts(
        {
            "unit": card["unit"],
            "period": _words(card["period"]),
            "as of": card.get("as_of"),
            "known at": card.get("known_at"),
            "set": card.get("set"),
            "forecast": card.get("forecast") or False,
            "total as the portal computes": card["total_portal"],
            "total re-based on what applied": card["total_rebased"],
            "maximum that applied": card["max_applicable"],
            "band": _words(card["band"]),
            "undated dossiers": card.get("undated"),
            "generation": card.get("generation"),
        }
    )
    rows: list[tuple[Any, ...]] = []
    for group in card["groups"]:
        rows.append((group["code"], "", None, None, None, group["points"], group["max"]))
        for found in card["indicators"]:
            if found["group"] == group["code"]:
                rate = None if found["rate"] is None else f"{found['rate']:.2%}"
                figures = (found["numerator"], found["denominator"], rate, found["points"], found["max"])
                rows.append(("", found["code"], *figures))
    print_table(("group", "indicator", "numerator", "denominator", "rate", "points", "max"), rows)


def _words(value: Any) -> Any:
    """A coded value by its name: an object's `label` or `name` where it has one."""
    if isinstance(value, dict):
        return value.get("label") or value.get("name") or value.get("code") or value
    return value


def read_csv(file: Path) -> list[dict[str, object]]:
    """The rows of a table of figures by our names of columns; `-` is standard input. A row that does not fit the
    header says so under `unreadable`. InvalidInput names what is wrong with the file."""
    import csv
    import io
    import sys

    from domain.errors import InvalidInput
    from domain.figure_tables import column_names

    try:
        raw = sys.stdin.buffer.read() if str(file) == "-" else file.read_bytes()
        text = raw.decode("utf-16" if raw[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig")
    except OSError as error:
        raise InvalidInput(f"{file} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise InvalidInput(f"{file} is not UTF-8 text: save it as CSV UTF-8") from error
    seen: list[str] = []
    first = next((line for line in text.splitlines() if line.strip(" ,;\t|")), "")
    for delimiter in sorted(",;\t|", key=first.count, reverse=True):
        try:
            reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
            lines = [[_bare(c) for c in row] for row in reader if any(map(str.strip, row))]
        except csv.Error as error:
            raise InvalidInput(f"{file} is not readable as CSV: {error}") from error
        for n, header in enumerate(lines[:_HEADER_WITHIN]):
            if any(name == "metric" for name in column_names(header, strict=False).values()):
                names = column_names(header)
                return [_row_of(row, header, names, delimiter) for row in lines[n + 1 :]]
        seen = seen or (lines[0] if lines else [])
    raise InvalidInput(f"{file} has no column metric; it has {', '.join(seen) or 'none'}")


_HEADER_WITHIN = 20
"""So many rows may stand above the header: titles, and Excel's own 'sep=;'."""


def _bare(cell: str) -> str:
    """A cell without the formula that keeps Excel from reading its text as a number: ="00123"."""
    return cell[2:-1] if len(cell) > 2 and cell.startswith('="') and cell.endswith('"') else cell


def _row_of(row: list[str], header: list[str], names: dict[int, str], delimiter: str) -> dict[str, object]:
    found: dict[str, object] = {name: row[place] for place, name in names.items() if place < len(row)}
    if len(row) > len(header) and any(cell.strip() for cell in row[len(header) :]):
        more = f"the row has {len(row)} cells, the header {len(header)}"
        hint = ": a number with a decimal comma must stand in quotes" if delimiter == "," else ""
        return {**found, "unreadable": more + hint}
    missing = [name for name in ("numerator", "denominator") if name not in names.values()]
    if missing and not str(found.get("metric", "")).upper().startswith("GROUP_"):
        found["unreadable"] = f"the table has no column {' and no column '.join(missing)}"
    return found


def find_set(name: str) -> Any:
    """The packaged indicator set of that name, or the one in a TOML file."""
    import tomllib

    from domain.errors import InvalidInput
    from domain.indicator_documents import decode_set, packaged_sets

    known = {found.name: found for found in packaged_sets()}
    if name in known:
        return known[name]
    path = Path(name)
    if path.suffix != ".toml" or not path.exists():
        raise InvalidInput(f"there is no indicator set '{name}': give {', '.join(known)} or a TOML file")
    try:
        return decode_set(tomllib.loads(path.read_text(encoding="utf-8")))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InvalidInput(f"{path} is not readable as TOML: {error}") from error
