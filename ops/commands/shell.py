"""What all commands share: the data folder, settings, and how answers and errors are printed."""

import json
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from ops.settings import DEFAULT_DATA, Settings, load

DataOption = Annotated[
    Path | None, typer.Option("--data", help="The data folder (environment GS766_DATA; default ./data).")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]
AsOfOption = Annotated[
    str | None,
    typer.Option(
        "--as-of",
        help="The instant asked about: 2026-08-31 (the end of that day) or 2026-08-31T17:00. Default: the clock.",
    ),
]
KnownAtOption = Annotated[
    str | None,
    typer.Option("--known-at", help="Only what the system knew at that instant. Default: all it knows now."),
]


_INSTANT = re.compile(r"^(\d{4}-\d\d-\d\d)T(\d\d:\d\d:\d\d)(?:\.\d+)?\+\d\d:\d\d$")
"""An instant in the province's offset: people read it without milliseconds and offset; UTC keeps its Z."""


@dataclass(frozen=True, slots=True)
class Shell:
    """The environment and the data folder given before the command, None when none was."""

    environ: Mapping[str, str]
    data: Path | None


def shell_of(ctx: typer.Context) -> Shell:
    """The shell of the running command."""
    found = ctx.find_root().obj
    assert isinstance(found, Shell)
    return found


def settings_of(ctx: typer.Context, data: Path | None, default_data: str = DEFAULT_DATA, **given: Any) -> Settings:
    """The settings of a command; `--data` after the command wins over `--data` before it."""
    shell = shell_of(ctx)
    return load(shell.environ, data or shell.data, default_data, **given)


def say(line: str) -> None:
    """A line for the person, on stderr: answers alone go to stdout."""
    print(f"gs766: {line}", file=sys.stderr, flush=True)


def print_json(answer: Any) -> None:
    """An answer as JSON on stdout, Vietnamese readable."""
    print(json.dumps(answer, ensure_ascii=False, indent=1))


def print_table(columns: Sequence[str], rows: Iterable[Sequence[Any]], title: str = "") -> None:
    """Rows as a table on stdout: full width when the output is a file, None as an en dash, numbers right."""
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    listed = [list(row) for row in rows]
    table = Table(title=title or None, box=box.SIMPLE_HEAD, title_justify="left", pad_edge=False)
    for n, column in enumerate(columns):
        numeric = bool(listed) and all(isinstance(row[n], int | float) or row[n] is None for row in listed)
        table.add_column(column, justify="right" if numeric else "left", overflow="fold")
    for row in listed:
        table.add_row(*(Text(_cell(value)) for value in row))
    console = Console(width=None if sys.stdout.isatty() else 200, highlight=False)
    console.print(table)


def print_facts(facts: Mapping[str, Any]) -> None:
    """Names and values, one a line, aligned."""
    width = max((len(name) for name in facts), default=0)
    for name, value in facts.items():
        print(f"{name:<{width}}  {_cell(value)}")


def is_table(value: Any) -> bool:
    """Whether a value of an answer is a list of objects, which is shown as a table."""
    return isinstance(value, list) and bool(value) and all(isinstance(row, dict) for row in value)


def print_rows(rows: Sequence[Mapping[str, Any]], columns: Sequence[str] = (), title: str = "") -> None:
    """Objects as a table; without given columns, those that the objects have. Nothing for no rows."""
    names = columns or tuple(dict.fromkeys(key for row in rows for key in row))
    if rows:
        print_table(names, [[row.get(name) for name in names] for row in rows], title=title)


def _cell(value: Any) -> str:
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.2f}"
    if isinstance(value, dict) and not any(isinstance(v, dict | list) for v in value.values()):
        return ", ".join(f"{name} {_cell(inner)}" for name, inner in value.items()) or "–"
    if isinstance(value, list) and not any(isinstance(v, dict | list) for v in value):
        return ", ".join(map(_cell, value)) or "–"
    if isinstance(value, dict | list):
        return json.dumps(value, ensure_ascii=False)
    return _INSTANT.sub(r"\1 \2", str(value))
