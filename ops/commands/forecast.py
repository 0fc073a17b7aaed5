"""`gs766 forecast UNIT`: what falls due in the coming days, and which open dossiers are at risk."""

from typing import Annotated

import typer

from ops.commands.lists import LimitOption, collected
from ops.commands.shell import DataOption, JsonOption, print_facts, print_json, print_rows, settings_of

PAGE = 1_000
_DAYS = ("day", "working", "due")
_DOSSIERS = (
    "dossier_code",
    "unit",
    "procedure",
    "step",
    "due_at",
    "age_working_hours",
    "left_working_hours",
    "basis",
    "on_time",
    "similar",
    "risk",
)
_ASKED = ("dossier_code", "basis", "of", "spent_working_hours", "dossiers", "still_there", "p50", "p75", "p90")


def register(app: typer.Typer) -> None:
    """Adds this module's commands."""
    app.command()(forecast)


def forecast(
    ctx: typer.Context,
    unit: Annotated[str | None, typer.Argument(help="A unit's code: it and what is below. Default: all.")] = None,
    limit: LimitOption = 100,
    why: Annotated[bool, typer.Option("--why", help="Also what each risk was counted from.")] = False,
    as_json: JsonOption = False,
    data: DataOption = None,
) -> None:
    """An estimate: due dates of the coming days beside the usual daily output, and the risk of open dossiers.

    The risk is counted, not modelled: of so many similar dossiers that had spent as much working time at the same
    step, how many needed more than this one has left. Where fewer than 30 tell it, by the procedure, then by the
    field (column basis), else null.
    """
    from ops.client import Client

    query = {"unit": unit, "limit": min(limit or PAGE, PAGE)}
    found = collected(Client(settings_of(ctx, data)), "/v1/forecast", query, "dossiers", limit)
    if as_json:
        print_json(found)
        return
    crunch = found["crunch"]
    print_facts(
        {
            "unit": found["unit"],
            "as_of": found["as_of"],
            "estimate": found["basis"],
            "usual_daily_output": found["usual_daily_output"],
            f"due in the next {crunch['days']} working days": crunch["due"],
            "crunch": crunch["holds"],
        }
    )
    print_rows(found["days"], _DAYS, title="days")
    print_rows(found["dossiers"], _DOSSIERS, title="dossiers")
    if why:
        asked = [{"dossier_code": d["dossier_code"], **one} for d in found["dossiers"] for one in d["asked"]]
        print_rows(asked, _ASKED, title="counted from (working hours)")
