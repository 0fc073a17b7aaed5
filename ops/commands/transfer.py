"""Commands that bring events in: import, simulate."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ops import exits
from ops.commands.shell import DataOption, JsonOption, print_facts, print_json, print_rows, say, settings_of

if TYPE_CHECKING:
    from producers.report import ImportReport


def register(app: typer.Typer) -> None:
    """Adds this module's commands."""
    app.command("import")(import_files)
    app.command()(simulate)


def import_files(
    ctx: typer.Context,
    kind: Annotated[str, typer.Argument(metavar="KIND", help="jsonl (CloudEvents), csv, xes, xlsx or portal.")],
    files: Annotated[list[Path], typer.Argument(metavar="FILE…", help="Plain or compressed (.gz).")],
    mapping: Annotated[
        Path | None,
        typer.Option(metavar="FILE.toml", help="What columns mean; see docs/mappings.md. xlsx: made if missing."),
    ] = None,
    wait: Annotated[bool, typer.Option("--wait", help="Return when all of it is queryable.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Read and check everything, write nothing.")] = False,
    rejected_dir: Annotated[
        Path | None, typer.Option(help="Where FILE.rejected.jsonl goes. Default: beside the input.")
    ] = None,
    status: Annotated[
        list[str] | None,
        typer.Option(
            metavar="WORD=STATE", help="xlsx: what a word for a state means, e.g. 'Chờ thuế=processing'."
        ),
    ] = None,
    unit: Annotated[str, typer.Option(help="xlsx: the unit of rows that name none.")] = "",
    source: Annotated[str, typer.Option(help="xlsx, portal: where the records come from, e.g. /h44/excel.")] = "",
    date_order: Annotated[str, typer.Option(help="xlsx: dmy or mdy, where the file does not tell.")] = "",
    exported_at: Annotated[
        str | None,
        typer.Option(help="xlsx, portal: when the file was exported. Default: when it was last written."),
    ] = None,
    as_json: JsonOption = False,
    data: DataOption = None,
) -> None:
    """Bring history in through the log. Importing the same again changes nothing.

    Prints what was read, accepted and rejected, with reasons; rejected lines are named in FILE.rejected.jsonl
    without their values. Exit 1 when nothing could be accepted or a file was broken.
    """
    from ops.importing import import_into_log

    settings = settings_of(ctx, data)
    if kind == "xlsx":
        from ops.commands.sheets import run

        code = run(
            settings,
            files,
            mapping,
            status=status or (),
            given={"unit": unit, "source": source, "date_order": date_order or None},
            exported_at=exported_at,
            wait=wait,
            dry_run=dry_run,
            rejected_dir=rejected_dir,
            as_json=as_json,
        )
        raise typer.Exit(code)
    if kind == "portal":
        from ops.portal_importing import import_portal_files

        report = import_portal_files(
            settings,
            files,
            source=source,
            exported_at=exported_at,
            wait=wait,
            dry_run=dry_run,
            rejected_dir=rejected_dir,
        )
    else:
        report = import_into_log(
            settings, kind, files, mapping, wait=wait, dry_run=dry_run, rejected_dir=rejected_dir
        )
    if as_json:
        print_json(report.as_json())
    else:
        _print_report(report)
    raise typer.Exit(exits.FAILS if report.all_rejected or report.incomplete else exits.HOLDS)


def simulate(
    ctx: typer.Context,
    month: Annotated[str, typer.Option(metavar="YYYY-MM", help="The month.")],
    dossiers: Annotated[
        int | None, typer.Option(min=0, help="How many dossiers are in hand in the month.")
    ] = None,
    seed: Annotated[int, typer.Option(help="The same seed gives the same events.")] = 1,
    figures: Annotated[
        Path | None,
        typer.Option(
            metavar="TABLE.csv",
            help="Instead: events with exactly these published figures (score-table's columns).",
        ),
    ] = None,
    rate: Annotated[
        float | None,
        typer.Option(min=0.001, help="Events a second, live. Default: as fast as it goes."),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(metavar="FILE.jsonl", help="Write CloudEvents there (.gz: compressed)."),
    ] = None,
    distortions: Annotated[
        float, typer.Option(min=0, max=1, help="The share of dossiers with something that an audit must catch.")
    ] = 0.0,
    tail: Annotated[bool, typer.Option("--tail", help="Also what happens to them after the month.")] = False,
    wait: Annotated[bool, typer.Option("--wait", help="Return when all of it is queryable.")] = False,
    as_json: JsonOption = False,
    data: DataOption = None,
) -> None:
    """Make a month of a province with real proportions: into a file, or into the log of the running stack."""
    from domain.errors import InvalidInput
    from ops.simulating import made_to_measure, simulate_into
    from producers.simulator import simulate as simulated

    settings = settings_of(ctx, data)
    if (dossiers is None) == (figures is None):
        raise InvalidInput("give either --dossiers, how many to make, or --figures, a table to make events for")
    if figures is not None:
        events = made_to_measure(settings, figures, month)
    else:
        assert dossiers is not None
        events = simulated(
            dossiers, month, seed, distortions=distortions, zone=settings.zone, root=settings.root, tail=tail
        )
    done = simulate_into(settings, events, out=out, rate=rate, wait=wait)
    if as_json:
        print_json(done)
    else:
        print_facts(done)


def _print_report(report: "ImportReport") -> None:
    from producers.report import REASONS

    counts: dict[str, Any] = {
        name: getattr(report, name)
        for name in ("read", "accepted", "duplicates", "rejected", "ignored", "dossiers", "events")
    }
    if report.date_only:
        counts["times without an hour"] = report.date_only
    if report.rejected_files:
        counts["rejected lines in"] = list(report.rejected_files)
    print_facts(counts)
    for title, found, words in (
        ("rejected because", report.reasons, REASONS),
        ("findings", report.findings, {}),
        ("columns not kept", report.dropped_fields, {}),
        ("words without a meaning in the mapping", report.unmapped, {}),
    ):
        rows = [{title: words.get(name, name), "count": count} for name, count in found.items()]
        if rows:
            print()
            print_rows(rows)
    for line in (*report.warnings, report.incomplete):
        if line:
            say(line)
    if report.dry_run:
        say("dry run: nothing was written")
