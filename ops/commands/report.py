"""`gs766 report`: papers as files, issuing them, and what was issued, made again."""

import sys
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
    print_rows,
    say,
    settings_of,
)

PeriodOption = Annotated[
    str | None,
    typer.Option(help="As for scorecard. Default: the last whole month; brief, league: the month so far."),
]
UnitOption = Annotated[str | None, typer.Option("--unit", help="The unit; its subtree counts. Default: the root.")]
OutOption = Annotated[
    Path | None,
    typer.Option("--out", help="The file; its ending chooses the format. Default: a name by itself; - is stdout."),
]
FormatOption = Annotated[str | None, typer.Option("--format", help="xlsx, html, pdf or json.")]
IssueOption = Annotated[bool, typer.Option("--issue", help="Issue it: recorded in the log, with the file's hash.")]
SetOption = Annotated[str | None, typer.Option("--set", help="The indicator set.")]


def register(app: typer.Typer) -> None:
    """Adds this module's commands."""
    group = typer.Typer(no_args_is_help=True, help="Papers: make, issue, and find again what was issued.")
    group.command("ii06a")(ii06a)
    group.command("league")(league)
    group.command("targets")(targets)
    group.command("publication")(publication)
    group.command("brief")(brief)
    group.command("list")(list_issued)
    group.command("show")(show)
    app.add_typer(group, name="report")


def ii06a(
    ctx: typer.Context,
    period: PeriodOption = None,
    unit: UnitOption = None,
    by: Annotated[str, typer.Option(help="Rows by unit or by field.")] = "unit",
    stopped: Annotated[str, typer.Option(help="Whether 'stopped' is an end, or open.")] = "end",
    first_day: Annotated[
        int, typer.Option(help="The day of the month on which periods begin; 1: the calendar's.")
    ] = 15,
    wide: Annotated[bool, typer.Option("--wide", help="Also the wider local form.")] = False,
    as_of: AsOfOption = None,
    known_at: KnownAtOption = None,
    out: OutOption = None,
    file_format: FormatOption = None,
    issue: IssueOption = False,
    data: DataOption = None,
) -> None:
    """Form II.06a/VPCP/KSTT as a workbook (by date; a month runs from the 15th before it to its 14th)."""
    options = {"by": by, "stopped": stopped, "first_day": first_day, "form": "wide" if wide else None}
    query = {"period": period, "unit": unit, "as_of": as_of, "known_at": known_at, **options}
    _make(ctx, data, "ii06a", query, out, file_format, issue)


def league(
    ctx: typer.Context,
    period: PeriodOption = None,
    unit: UnitOption = None,
    by: Annotated[
        str, typer.Option(help="Ranked by portal (the plain sum) or rebased (what applied).")
    ] = "portal",
    sizes_department: Annotated[
        str | None, typer.Option(help="Dossiers a month between peer groups: 300,1500.")
    ] = None,
    sizes_commune: Annotated[str | None, typer.Option(help="The same for communes: 700,1500.")] = None,
    indicator_set: SetOption = None,
    as_of: AsOfOption = None,
    known_at: KnownAtOption = None,
    out: OutOption = None,
    file_format: FormatOption = None,
    issue: IssueOption = False,
    data: DataOption = None,
) -> None:
    """Units ranked among peers of their size, departments and communes apart."""
    query = {"period": period, "unit": unit, "as_of": as_of, "known_at": known_at, "by": by, "set": indicator_set}
    query |= {"sizes_department": sizes_department, "sizes_commune": sizes_commune}
    _make(ctx, data, "league", query, out, file_format, issue)


def targets(
    ctx: typer.Context,
    period: Annotated[str, typer.Option(help="As for scorecard.")] = "ytd",
    unit: UnitOption = None,
    children: Annotated[bool, typer.Option("--children", help="Also the units right below.")] = False,
    indicator_set: SetOption = None,
    as_of: AsOfOption = None,
    known_at: KnownAtOption = None,
    out: OutOption = None,
    file_format: FormatOption = None,
    issue: IssueOption = False,
    data: DataOption = None,
) -> None:
    """Progress towards the targets: assigned, achieved, missing, needed a month, forecast."""
    query = {"period": period, "unit": unit, "as_of": as_of, "known_at": known_at, "set": indicator_set}
    query["children"] = "yes" if children else None
    _make(ctx, data, "targets", query, out, file_format, issue)


def publication(
    ctx: typer.Context,
    period: PeriodOption = None,
    unit: UnitOption = None,
    indicator_set: SetOption = None,
    as_of: AsOfOption = None,
    known_at: KnownAtOption = None,
    out: OutOption = None,
    file_format: FormatOption = None,
    issue: IssueOption = False,
    data: DataOption = None,
) -> None:
    """The monthly page for citizens: static HTML, or PDF."""
    query = {"period": period, "unit": unit, "as_of": as_of, "known_at": known_at, "set": indicator_set}
    _make(ctx, data, "publication", query, out, file_format, issue)


def brief(
    ctx: typer.Context,
    unit: UnitOption = None,
    period: PeriodOption = None,
    indicator_set: SetOption = None,
    as_of: AsOfOption = None,
    known_at: KnownAtOption = None,
    out: OutOption = None,
    file_format: FormatOption = None,
    issue: IssueOption = False,
    data: DataOption = None,
) -> None:
    """The morning brief: one A4 in six parts."""
    query = {"period": period, "unit": unit, "as_of": as_of, "known_at": known_at, "set": indicator_set}
    _make(ctx, data, "brief", query, out, file_format, issue)


def list_issued(
    ctx: typer.Context,
    kind: Annotated[str | None, typer.Option(help="Only these: ii06a, league, publication, brief.")] = None,
    as_json: JsonOption = False,
    data: DataOption = None,
) -> None:
    """The papers that were issued, the latest first."""
    from ops.client import Client

    answer = Client(settings_of(ctx, data)).get("/v1/reports", kind=kind)
    if as_json:
        print_json(answer)
        return
    print_rows(answer["reports"], ("id", "kind", "unit", "period", "as_of", "issued_at"))


def show(
    ctx: typer.Context,
    report: Annotated[str, typer.Argument(metavar="ID", help="The id that issuing printed.")],
    out: Annotated[Path | None, typer.Option("--out", help="Also write the file, made again.")] = None,
    as_json: JsonOption = False,
    data: DataOption = None,
) -> None:
    """An issued paper: made again from the recorded log positions. Exit 1 when a file comes out otherwise."""
    from ops.client import Client, part

    client = Client(settings_of(ctx, data))
    told = client.get(f"/v1/reports/{part(report)}", format="record")
    if as_json:
        print_json(told)
    else:
        print_facts({name: told[name] for name in ("id", "kind", "unit", "period", "as_of", "issued_at")})
        print_facts({"positions": told["positions"], "versions": told["versions"]})
        for name, same in told["reproduced"].items():
            print(f"{name}  {told['hashes'][name]}  {'the same bytes' if same else 'OTHER BYTES'}")
        for reason in told["reasons"]:
            print(f"because {reason}")
    if not all(told["reproduced"].values()):
        raise typer.Exit(1)
    if out is not None:
        content, _ = client.file("GET", f"/v1/reports/{part(report)}", format=_ending(out))
        _write(out, content)


def _make(
    ctx: typer.Context,
    data: Path | None,
    kind: str,
    query: dict[str, Any],
    out: Path | None,
    file_format: str | None,
    issue: bool,
) -> None:
    from ops.client import Client

    settings = settings_of(ctx, data)
    client = Client(settings, timeout=900.0)
    wanted = file_format or (None if out is None or str(out) == "-" else _ending(out))
    if "set" in query:
        query["set"] = query["set"] or settings.indicator_set or None
    path = f"/v1/reports/{kind}/issue" if issue else f"/v1/reports/{kind}"
    content, headers = client.file("POST" if issue else "GET", path, **query, format=wanted)
    name = headers.get("content-disposition", "").partition('filename="')[2].rstrip('"')
    target = out or Path(name or kind)
    _write(target, content)
    say(f"{target}: {len(content):,} bytes, code {headers.get('x-gs766-code', '')}")
    if issue:
        say(f"issued as {headers.get('x-gs766-report', '')}")


def _ending(out: Path) -> str | None:
    return out.suffix.lower().lstrip(".") or None


def _write(out: Path, content: bytes) -> None:
    if str(out) == "-":
        sys.stdout.buffer.write(content)
        sys.stdout.flush()
        return
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_bytes(content)
