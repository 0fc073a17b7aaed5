"""Commands over derived rows: rebuild, reconcile."""

from typing import Annotated, Any

import typer

from domain.errors import InvalidInput
from ops.commands.shell import AsOfOption, DataOption, JsonOption, KnownAtOption, print_json, settings_of

CODES = {"holds": 0, "fails": 1, "cannot_tell": 3}


def register(app: typer.Typer) -> None:
    """Adds this module's commands."""
    app.command()(rebuild)
    app.command()(reconcile)


def rebuild(
    ctx: typer.Context,
    from_cold: Annotated[
        str | None, typer.Option(metavar="ADDRESS", help="Read what this cold storage holds from there.")
    ] = None,
    as_json: JsonOption = False,
    data: DataOption = None,
) -> None:
    """Build all derived rows anew from the log, beside the live ones; compare; switch; drop the old ones.

    Exit 1 when the new rows do not agree with the log: then nothing is switched.
    """
    from ops.addresses import from_cold_storage
    from ops.rebuilding import rebuild as run
    from ops.running import running_stack

    settings = settings_of(ctx, data)
    if from_cold:
        settings = from_cold_storage(settings, from_cold)
    with running_stack(settings, _say), _progress() as step:
        report = run(settings, _say, step)
    _finish(report, as_json)


def reconcile(
    ctx: typer.Context,
    unit: Annotated[
        str | None, typer.Argument(help="With --portal: the unit's code. Default: the whole province.")
    ] = None,
    portal: Annotated[
        bool, typer.Option("--portal", help="Compare our figures with those that the national portal published.")
    ] = False,
    period: Annotated[str | None, typer.Option(help="With --portal: the period, for example 2026-08.")] = None,
    as_of: AsOfOption = None,
    known_at: KnownAtOption = None,
    indicator_set: Annotated[str | None, typer.Option("--set", help="With --portal: our indicator set.")] = None,
    cause: Annotated[
        str | None, typer.Option(help="With --portal: list the dossiers behind this cause instead.")
    ] = None,
    show: Annotated[int, typer.Option(help="How many differences to print at most.")] = 20,
    as_json: JsonOption = False,
    data: DataOption = None,
) -> None:
    """Replay the log and compare every derived row with it, column by column.

    With --portal: compare our figures with the published ones (gs766 portal-figures brings them in), each
    difference by cause; an explained difference holds. Exit 0 when all agree, 1 with the differences named, 3
    when it cannot tell.
    """
    asked = (unit, period, as_of, known_at, indicator_set, cause)
    if portal:
        from ops.commands.portal import compare

        raise typer.Exit(compare(settings_of(ctx, data), *asked, show=show, as_json=as_json))
    if any(asked):
        raise InvalidInput(
            "a unit, a period and their options go with --portal: gs766 reconcile --portal --period P"
        )
    from ops.rebuilding import reconcile_active
    from ops.running import running_stack

    settings = settings_of(ctx, data)
    with running_stack(settings, _say), _progress() as step:
        report = reconcile_active(settings, step)
    _finish(report, as_json, show)


def _say(line: str) -> None:
    typer.echo(line, err=True)


def _progress() -> Any:
    """Counts work on a terminal; silent elsewhere."""
    import sys
    from contextlib import contextmanager

    from rich.console import Console
    from rich.progress import MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    @contextmanager
    def shown() -> Any:
        console = Console(stderr=True)
        columns = (SpinnerColumn(), TextColumn("{task.description}"), MofNCompleteColumn(), TimeElapsedColumn())
        with Progress(*columns, console=console, disable=not sys.stderr.isatty()) as progress:
            tasks: dict[str, Any] = {}

            def step(what: str, n: int) -> None:
                if what not in tasks:
                    tasks[what] = progress.add_task(what, total=None)
                progress.advance(tasks[what], n)

            yield step

    return shown()


def _finish(report: Any, as_json: bool, show: int = 20) -> None:
    if as_json:
        print_json(report.to_json())
    else:
        for difference in report.differences[:show]:
            where = ", ".join(f"{k}={v}" for k, v in difference.key.items())
            column = f" {difference.column}" if difference.column else ""
            said = f"expected {difference.expected!r}, found {difference.found!r}"
            typer.echo(f"{difference.table} [{where}]{column}: {said}")
        if len(report.differences) > show:
            typer.echo(f"… and {len(report.differences) - show} more")
        counted = ", ".join(f"{n} {table}" for table, n in report.checked.items() if n)
        typer.echo(f"checked: {counted or 'nothing'}")
        if report.reason or report.unsure:
            typer.echo(report.reason or f"{report.unsure} rows changed faster than they were read: run it again")
        typer.echo({"holds": "holds", "fails": "DOES NOT HOLD", "cannot_tell": "cannot tell"}[report.verdict])
    raise typer.Exit(CODES[report.verdict])
