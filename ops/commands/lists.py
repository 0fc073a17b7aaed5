"""Commands that list: overdue, due, findings, dossier."""

from typing import Annotated, Any

import typer

from ops.commands.shell import (
    AsOfOption,
    DataOption,
    JsonOption,
    KnownAtOption,
    is_table,
    print_facts,
    print_json,
    print_rows,
    settings_of,
)

PAGE = 5_000
LimitOption = Annotated[int | None, typer.Option(min=1, help="At most so many rows. Default: all of them.")]
UnitOption = Annotated[str | None, typer.Option(help="A unit's code: it and what is below.")]
ProcedureOption = Annotated[str | None, typer.Option(help="Only this procedure.")]
COLUMNS = (
    "dossier_code",
    "unit",
    "procedure",
    "accepted_at",
    "due_at",
    "due_at_original",
    "state",
    "late_by_working_days",
    "apology",
)
_DUE_COLUMNS = (
    "dossier_code",
    "unit",
    "procedure",
    "accepted_at",
    "due_at",
    "status",
    "step",
    "office",
    "apology",
)
_DOSSIER_COLUMNS: dict[str, tuple[str, ...]] = {
    "verdicts": ("rule", "state", "reason", "due_at", "end_at", "late_by_working_days", "en"),
    "events": ("type", "occurred_at", "recorded_at", "known_at", "source", "partition", "offset", "index"),
    "conditions": ("kind", "start", "until", "holds"),
}
"""What of each table fits a terminal; `--json` has all."""


def register(app: typer.Typer) -> None:
    """Adds this module's commands."""
    app.command()(overdue)
    app.command()(due)
    app.command()(findings)
    app.command()(dossier)


def overdue(
    ctx: typer.Context,
    unit: Annotated[str | None, typer.Argument(help="A unit's code: it and what is below. Default: all.")] = None,
    as_of: AsOfOption = None,
    rule: Annotated[
        str | None, typer.Option(help="timestamp (the index compares hours) or date (form II.06a compares days).")
    ] = None,
    state: Annotated[
        str | None,
        typer.Option(help="open_late (default), open_not_due, finished_late, finished_on_time or undated."),
    ] = None,
    procedure: ProcedureOption = None,
    min_days: Annotated[int | None, typer.Option(min=0, help="Late by at least so many working days.")] = None,
    limit: LimitOption = None,
    as_json: JsonOption = False,
    data: DataOption = None,
) -> None:
    """Open dossiers that are late, with the totals of all dossiers accepted before the instant."""
    query = {
        "unit": unit,
        "as_of": as_of,
        "rule": rule,
        "state": state,
        "procedure": procedure,
        "min_days": min_days,
    }
    _list(ctx, data, "/v1/overdue", query, limit, as_json)


def due(
    ctx: typer.Context,
    unit: Annotated[str | None, typer.Argument(help="A unit's code: it and what is below. Default: all.")] = None,
    within: Annotated[str, typer.Option(help="How soon: 3wd (working days), 8wh (working hours) or 2d.")] = "3wd",
    procedure: ProcedureOption = None,
    as_of: AsOfOption = None,
    limit: LimitOption = None,
    as_json: JsonOption = False,
    data: DataOption = None,
) -> None:
    """Open dossiers that fall due soon."""
    query = {"unit": unit, "procedure": procedure, "within": within, "as_of": as_of}
    _list(ctx, data, "/v1/due", query, limit, as_json, _DUE_COLUMNS)


def findings(
    ctx: typer.Context,
    unit: Annotated[str | None, typer.Argument(help="A unit's code: it and what is below. Default: all.")] = None,
    kind: Annotated[str | None, typer.Option(help="Only findings of this kind.")] = None,
    limit: LimitOption = None,
    as_json: JsonOption = False,
    data: DataOption = None,
) -> None:
    """Contradictions and patterns in the data that somebody should look into; never a verdict on a person."""
    from ops.client import Client

    query = {"unit": unit, "kind": kind, "limit": _page(limit)}
    found = collected(Client(settings_of(ctx, data)), "/v1/findings", query, "findings", limit)
    if as_json:
        print_json(found)
        return
    print_facts({name: value for name, value in found.items() if name not in ("findings", "next")})
    print_rows(found["findings"])


def dossier(
    ctx: typer.Context,
    code: Annotated[str, typer.Argument(help="The dossier's code.")],
    as_of: AsOfOption = None,
    known_at: KnownAtOption = None,
    events: Annotated[bool, typer.Option("--events", help="Its events with their place in the log.")] = False,
    as_json: JsonOption = False,
    data: DataOption = None,
) -> None:
    """One dossier: its state, the verdict by every rule and why, and its events."""
    from ops.client import Client, part

    client = Client(settings_of(ctx, data))
    path = f"/v1/dossiers/{part(code)}"
    found = client.get(path, as_of=as_of, known_at=known_at)
    if events:
        listed = client.get(f"{path}/events")
        found["events"] = listed.get("events", listed) if isinstance(listed, dict) else listed
    if as_json:
        print_json(found)
        return
    tables = {name: value for name, value in found.items() if is_table(value)}
    print_facts({name: value for name, value in found.items() if name not in tables})
    for name, rows in tables.items():
        print()
        print_rows(rows, _DOSSIER_COLUMNS.get(name, ()), title=name)


def _list(
    ctx: typer.Context,
    data: Any,
    path: str,
    query: dict[str, Any],
    limit: int | None,
    as_json: bool,
    columns: tuple[str, ...] = COLUMNS,
) -> None:
    from ops.client import Client

    query["limit"] = _page(limit)
    found = collected(Client(settings_of(ctx, data)), path, query, "dossiers", limit)
    if as_json:
        print_json(found)
        return
    print_facts({name: value for name, value in found.items() if name not in ("dossiers", "next", "totals")})
    if isinstance(found.get("totals"), dict):
        print_facts(found["totals"])
    print_rows(found["dossiers"], columns)


def _page(limit: int | None) -> int:
    """How many rows to ask for at a time: at most what the API gives."""
    return min(limit or PAGE, PAGE)


def collected(client: Any, path: str, query: dict[str, Any], rows: str, limit: int | None) -> dict[str, Any]:
    """The first page's answer with the rows of all pages, up to `limit`; `next` is null when nothing is left."""
    whole: dict[str, Any] | None = None
    for page in client.pages(path, **query):
        if whole is None:
            whole = page
        else:
            whole[rows] += page[rows]
            whole["next"] = page.get("next")
        if limit is not None and len(whole[rows]) >= limit:
            whole[rows] = whole[rows][:limit]
            break
    assert whole is not None
    return whole
