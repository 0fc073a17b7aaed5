"""The command that measures: bench."""

from pathlib import Path
from typing import Annotated

import typer

from ops.commands.shell import JsonOption, print_json, print_table, say, shell_of


def register(app: typer.Typer) -> None:
    """Adds this module's commands."""
    app.command()(bench)


def bench(
    ctx: typer.Context,
    names: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[NAME…]",
            help="stream, end-to-end, freshness, alerts, alert-burst, store, rebuild, import, growth, state, "
            "flush, seal, findings, start. Default: all of them.",
        ),
    ] = None,
    events: Annotated[int | None, typer.Option(min=1, help="How many events, about.")] = None,
    dossiers: Annotated[int | None, typer.Option(min=1, help="How many dossiers, instead of events.")] = None,
    rate: Annotated[
        float | None,
        typer.Option(min=0, help="freshness: events a second beside the probes. Default: 100 and 1,000."),
    ] = None,
    seconds: Annotated[
        float | None, typer.Option(min=0, help="freshness, store, start: how long is measured (or waited).")
    ] = None,
    profile: Annotated[
        bool, typer.Option("--profile", help="stream: also print the fold's top functions.")
    ] = False,
    peers: Annotated[
        bool,
        typer.Option(
            "--peers", help="stream: install the other engines (once, into the cache folder) and measure them too."
        ),
    ] = False,
    as_json: JsonOption = False,
    data: Annotated[
        Path | None,
        typer.Option(
            "--data", help="store: ask the stack that runs there, read only, instead of a simulated month."
        ),
    ] = None,
) -> None:
    """Measure this product on this machine, each figure beside its physical limit, taken in the same run.

    Everything runs on temporary data folders of its own: no measurement ever writes into yours.
    """
    from ops.bench.run import Sizes, run_benches

    show = (lambda text: typer.echo(text, err=True)) if profile else None
    sizes = Sizes(
        events, dossiers, rate, seconds, None if data is None else data.absolute(), show, say if peers else None
    )
    found = run_benches(names or (), shell_of(ctx).environ, sizes, say)
    if as_json:
        print_json([m.to_json() for m in found])
        return
    rows = [m.to_json() for m in found]
    columns = ("name", "value", "unit", "ratio", "peer")
    print_table(columns, [[_shown(row[c]) for c in columns] for row in rows])
    for conditions in dict.fromkeys(m.conditions for m in found):
        names = [m.name for m in found if m.conditions == conditions]
        say(f"{names[0]}{f' and {len(names) - 1} more' if names[1:] else ''}: {conditions}")


def _shown(value: object) -> object:
    """Figures as text with thousands apart: two fixed decimals would hide small ones."""
    if isinstance(value, float):
        return f"{value:,.0f}" if value >= 1000 else f"{value:g}"
    return value
