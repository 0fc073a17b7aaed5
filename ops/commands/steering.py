"""Commands on what to do about a figure: leverage, targets; and the portal's figures as they come in."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ops import exits
from ops.commands.shell import (
    AsOfOption,
    DataOption,
    JsonOption,
    KnownAtOption,
    print_facts,
    print_json,
    print_rows,
    print_table,
    say,
    settings_of,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

BATCH = 500
PeriodOption = Annotated[str, typer.Option(help="2026-08, 2026-Q3, 2026, 2026-07-15..2026-08-14, today or ytd.")]


def register(app: typer.Typer) -> None:
    """Adds this module's commands."""
    app.command()(leverage)
    app.command()(targets)
    app.command("portal-figures")(portal_figures)


def leverage(
    ctx: typer.Context,
    unit: Annotated[str, typer.Argument(help="The unit's code, for example H44 or H44.100.")],
    period: PeriodOption = "ytd",
    table: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Use this table of published figures (CSV or JSON) instead of the stack; nothing runs.",
        ),
    ] = None,
    set_indicator: Annotated[
        list[str] | None,
        typer.Option(
            "--set-indicator", metavar="CODE=n/d", help="What if this indicator stood at n of d? May be repeated."
        ),
    ] = None,
    cost: Annotated[
        list[str] | None,
        typer.Option(
            metavar="ACTION=cost", help="What one action costs you; 1 each unless told. May be repeated."
        ),
    ] = None,
    as_of: AsOfOption = None,
    known_at: KnownAtOption = None,
    indicator_set: Annotated[str | None, typer.Option("--set", help="The indicator set.")] = None,
    as_json: JsonOption = False,
    data: DataOption = None,
) -> None:
    """Where a unit loses points, what one action is worth, and the cheapest way to the next band."""
    settings = settings_of(ctx, data)
    changes, costs = tuple(set_indicator or ()), tuple(cost or ())
    if table is not None:
        found = _of_table(table, unit, changes, costs, indicator_set or settings.indicator_set or "2026")
    else:
        from ops.client import Client

        query = {"unit": unit, "period": period, "as_of": as_of, "known_at": known_at}
        query["set"] = indicator_set or settings.indicator_set or None
        query |= {"what_if": ",".join(changes) or None, "costs": ",".join(costs) or None}
        found = Client(settings).get("/v1/leverage", **query)
    if as_json:
        print_json(found)
    else:
        _print_leverage(found)


def _of_table(
    file: Path, unit: str, changes: "Sequence[str]", costs: "Sequence[str]", set_name: str
) -> dict[str, Any]:
    from api.figures.leverage import answer, parse_costs
    from domain.errors import InvalidInput
    from domain.portal_figures import scored
    from domain.what_if import parse_changes
    from ops.commands.figures import find_set
    from ops.portal_figures import read_table

    chosen = find_set(set_name)
    units, refused = read_table(file)
    for row in refused:
        say(f"{file}: row {row.row} ({row.unit_code} {row.metric}) is left out: {row.reason}")
    if unit not in units:
        raise InvalidInput(f"{file} has no row of {unit}; it has {', '.join(list(units)[:20]) or 'none'}")
    absent = {i.code: f"không có trong {file.name}" for i in chosen.indicators if i.code not in units[unit]}
    if absent:
        say(f"{len(absent)} indicators of {unit} are not in {file}: the totals are of the others only")
    rows = scored(chosen, units[unit])
    found = answer(chosen, rows, parse_costs(costs), absent, parse_changes(changes))
    return {
        "unit": unit,
        "set": chosen.name,
        "table": str(file),
        "absent": list(absent),
        **found,
        "carry_over": None,
    }


def _print_leverage(found: dict[str, Any]) -> None:
    head = ("unit", "period", "set", "total_portal", "total_rebased", "max_applicable", "band")
    print_facts({name: found[name] for name in head if name in found})
    lost = [row for row in found["indicators"] if row["lost"]]
    _table("points lost", lost, ("code", "numerator", "denominator", "points", "max", "lost", "to_full"))
    worth = [{**row, "gain": _small(row["gain"]), "loss": _small(row["loss"])} for row in found["actions"]]
    _table("one action", worth, ("action", "name", "when", "gain", "loss", "useful", "gain_all"))
    for way in found["ways"]:
        reached = "reached" if way["reached"] else "NOT reached"
        title = f"to {way['band']} ({way['at_least']:g}), {way['scope']}: {reached}"
        title += f", {way['missing']:.2f} points missing, cost {way['cost']:g}"
        _table(title, way["steps"], ("action", "name", "count", "points", "cost"))
    _table("out of reach", found["out_of_reach"], ("code", "name", "max", "reason", "one_gives"))
    if found.get("carry_over"):
        print()
        print_facts({**found["carry_over"], "points_each": _small(found["carry_over"]["points_each"])})
    if found.get("what_if"):
        told = found["what_if"]
        print()
        print_facts({f"what if: {k}": told[k] for k in ("total_portal", "total_rebased", "band", "change")})


def _table(title: str, rows: "Sequence[Mapping[str, Any]]", columns: tuple[str, ...]) -> None:
    if rows:
        print_table(columns, [[row.get(c) for c in columns] for row in rows], title=title)


def _small(value: float | None) -> str | None:
    """Points so small that two decimals would hide them."""
    return None if value is None else f"{value:.6f}"


def targets(
    ctx: typer.Context,
    unit: Annotated[str, typer.Argument(help="The unit's code, for example H44 or H44.100.")],
    period: PeriodOption = "ytd",
    as_of: AsOfOption = None,
    known_at: KnownAtOption = None,
    children: Annotated[bool, typer.Option("--children", help="The units directly below, too.")] = False,
    as_json: JsonOption = False,
    data: DataOption = None,
) -> None:
    """How far a unit is with its targets: assigned, achieved, dossiers missing, needed a month, forecast."""
    from ops.client import Client

    query = {"unit": unit, "period": period, "as_of": as_of, "known_at": known_at, "children": children}
    found = Client(settings_of(ctx, data)).get("/v1/targets", **query)
    if as_json:
        print_json(found)
        return
    chosen = found["targets_set"]
    head = {name: found[name] for name in ("period", "as_of", "year", "ends_at")}
    print_facts({**head, "targets": f"{chosen['name']}/{chosen['version']} {chosen['title']}"})
    columns = ("code", "name", "central", "last_year", "assigned", "achieved", "missing", "needed_a_month")
    for one in (found, *found["children"]):
        rows = [[row[c] for c in columns] + [row["forecast"], row["status"]] for row in one["targets"]]
        print_table((*columns, "forecast", "status"), rows, title=f"{one['unit']} {one['name']}")


def portal_figures(
    ctx: typer.Context,
    files: Annotated[
        list[Path],
        typer.Argument(
            metavar="FILE…",
            help="CSV (unit_code, metric, numerator, denominator, score, max_score) or the same in JSON.",
        ),
    ],
    period: Annotated[str, typer.Option(help="The period that the figures are of: 2026-08, 2026-Q3, 2026.")],
    published: Annotated[
        str | None, typer.Option(metavar="DATE", help="The day on which the portal showed them. Default: today.")
    ] = None,
    until: Annotated[
        str | None, typer.Option(metavar="T", help="Up to when the portal had counted, where it says so.")
    ] = None,
    document: Annotated[str | None, typer.Option(help="The document or page that they stand in.")] = None,
    by: Annotated[str | None, typer.Option(help="Who took them down: a post or an account, no name.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Read and check; send nothing.")] = False,
    as_json: JsonOption = False,
    data: DataOption = None,
) -> None:
    """Bring in what the national portal published, through the log, for reconcile --portal.

    Several receipts of one period are versions: the last one counts, and any other can be asked for by
    --known-at. The same file again on the same day changes nothing. Exit 1 when no row could be used.
    """
    import time

    from domain.events import encode_event
    from ops.client import Client
    from ops.portal_figures import read_table, receipts

    settings = settings_of(ctx, data)
    sent: list[dict[str, Any]] = []
    refused: list[dict[str, Any]] = []
    rows = 0
    for file in files:
        table, unusable = read_table(file)
        rows += sum(map(len, table.values()))
        refused += [{"file": str(file), "row": u.row, "unit": u.unit_code, "reason": u.reason} for u in unusable]
        made = receipts(
            table,
            period,
            settings.zone,
            time.time_ns() // 1_000_000,
            published_on=published,
            until=until,
            document=document,
            recorded_by=by,
        )
        sent += [json.loads(encode_event(event)) for event in made]
    if not dry_run:
        client = Client(settings)
        for n in range(0, len(sent), BATCH):
            answer = client.post("/v1/events", sent[n : n + BATCH])
            refused += [
                {"file": "", "row": None, "unit": sent[n + r["index"]]["subject"], "reason": r["reason"]}
                for r in answer["results"]
                if r["status"] == "rejected"
            ]
    summary: dict[str, Any] = {"period": period, "rows": rows, "units": len(sent), "rejected": len(refused)}
    if as_json:
        print_json({**summary, "dry_run": dry_run, "rejections": refused})
    else:
        print_facts(summary)
        print_rows(refused[:20])
    raise typer.Exit(exits.FAILS if refused and not rows else exits.HOLDS)
