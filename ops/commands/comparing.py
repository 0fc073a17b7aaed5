"""Commands that put figures side by side: ranking, change."""

from typing import Annotated, Any

import typer

from ops.commands.figures import SetOption
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

PeriodOption = Annotated[str, typer.Option(help="2026-08, 2026-Q3, 2026, 2026-07-15..2026-08-14, today or ytd.")]


def register(app: typer.Typer) -> None:
    """Adds this module's commands."""
    app.command()(ranking)
    app.command()(change)


def ranking(
    ctx: typer.Context,
    period: PeriodOption,
    unit: Annotated[str | None, typer.Option(help="The units under this one. Default: the province.")] = None,
    kind: Annotated[str | None, typer.Option(help="department, commune or other.")] = None,
    by: Annotated[str, typer.Option(help="Which total ranks: portal or rebased.")] = "portal",
    as_of: AsOfOption = None,
    known_at: KnownAtOption = None,
    indicator_set: SetOption = None,
    as_json: JsonOption = False,
    data: DataOption = None,
) -> None:
    """The league table: by kind and size of unit, ranks 1-2-2-4; too few dossiers are not ranked."""
    from ops.client import Client

    settings = settings_of(ctx, data)
    query = {"period": period, "unit": unit, "kind": kind, "by": by, "as_of": as_of, "known_at": known_at}
    found = Client(settings).get("/v1/rankings", **query, set=indicator_set or settings.indicator_set or None)
    if as_json:
        print_json(found)
        return
    print_facts({name: found[name] for name in ("period", "as_of", "set", "by", "fewest")})
    columns = ("rank", "unit", "name", "received", "total_portal", "total_rebased", "band", "reason")
    for group in found["groups"]:
        title = f"{group['kind']} · {group['size']} dossiers a month"
        print_table(columns, [[row[c] for c in columns] for row in group["units"]], title=title)


def change(
    ctx: typer.Context,
    unit: Annotated[str, typer.Argument(help="The unit's code, for example H44 or H44.100.")],
    period: PeriodOption,
    against: Annotated[str, typer.Option(help="day (the working day before), month or year.")] = "day",
    as_of: AsOfOption = None,
    known_at: KnownAtOption = None,
    indicator_set: SetOption = None,
    as_json: JsonOption = False,
    data: DataOption = None,
) -> None:
    """What changed since the working day, month or year before; never across two indicator sets."""
    from ops.client import Client, part

    settings = settings_of(ctx, data)
    query = {"period": period, "against": against, "as_of": as_of, "known_at": known_at}
    query["set"] = indicator_set or settings.indicator_set or None
    found = Client(settings).get(f"/v1/changes/{part(unit)}", **query)
    if as_json:
        print_json(found)
        return
    names = ("unit", "period", "as_of", "set", "before_period", "before_as_of", "before_set", "reason")
    print_facts({name: found[name] for name in names if found.get(name) is not None})
    rows: list[list[Any]] = [[name, *pair.values()] for name, pair in found["totals"].items()]
    rows += [[row["code"], *row["points"].values()] for row in (*found["groups"], *found["indicators"])]
    print_table(("points", "now", "before", "change"), rows)
