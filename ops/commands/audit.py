"""`gs766 audit`: an auditor's questions. What cannot be proven is answered so: cannot tell."""

from pathlib import Path
from typing import Annotated, Any

import typer

from ops.commands.audit_words import CODES, show
from ops.commands.shell import AsOfOption, DataOption, JsonOption, print_json, settings_of

PeriodOption = Annotated[str, typer.Option(help="2026-08, 2026-Q3, 2026, 2026-07-15..2026-08-14, today or ytd.")]
BundleOption = Annotated[
    Path | None, typer.Option(help="Also write the answer with its events and proofs to this file, for strangers.")
]
UnitArgument = Annotated[str, typer.Argument(help="The unit's code; its subtree counts.")]


def register(app: typer.Typer) -> None:
    """Adds this module's commands."""
    group = typer.Typer(no_args_is_help=True, help="An auditor's questions: 0 holds, 1 does not, 3 cannot tell.")
    group.command("changes")(changes)
    group.command("verify")(verify)
    group.command("who-knew")(who_knew)
    group.command("moved-due")(moved_due)
    group.command("backdated")(backdated)
    group.command("too-early")(too_early)
    group.command("apologies")(apologies)
    group.command("reads")(reads)
    group.command("findings")(findings)
    group.command("close-finding")(close_finding)
    group.command("figure")(figure)
    group.command("as-shown")(as_shown)
    group.command("completeness")(completeness)
    group.command("controls")(controls)
    app.add_typer(group, name="audit")


def changes(
    ctx: typer.Context,
    unit: UnitArgument,
    period: PeriodOption,
    between: Annotated[str, typer.Option(help="Two instants of knowledge: 2026-08-31,2026-09-30.")],
    as_of: AsOfOption = None,
    indicator_set: Annotated[str | None, typer.Option("--set", help="The indicator set.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=5000, help="So many dossiers are listed.")] = 200,
    bundle: BundleOption = None,
    as_json: JsonOption = False,
    data: DataOption = None,
) -> None:
    """What changed between two instants of knowledge, and the events that changed it."""
    query = {"unit": unit, "period": period, "between": between, "as_of": as_of, "limit": limit}
    _ask(ctx, "changes", query | {"set": indicator_set}, as_json, data, bundle)


def who_knew(
    ctx: typer.Context,
    code: Annotated[str, typer.Argument(help="The dossier's code.")],
    until: Annotated[str | None, typer.Option(help="What was known and done before this instant.")] = None,
    bundle: BundleOption = None,
    as_json: JsonOption = False,
    data: DataOption = None,
) -> None:
    """The alerts of a dossier, what was done about each, and what is missing. Sent is not known."""
    from ops.client import part

    _ask(ctx, f"who-knew/{part(code)}", {"until": until}, as_json, data, bundle)


def moved_due(
    ctx: typer.Context,
    unit: UnitArgument,
    period: PeriodOption = "ytd",
    as_of: AsOfOption = None,
    bundle: BundleOption = None,
    as_json: JsonOption = False,
    data: DataOption = None,
) -> None:
    """Due dates moved late, without an apology in time, or twice; the verdict by both dates."""
    _ask(ctx, "moved-due", {"unit": unit, "period": period, "as_of": as_of}, as_json, data, bundle)


def too_early(
    ctx: typer.Context,
    unit: UnitArgument,
    period: PeriodOption = "ytd",
    as_of: AsOfOption = None,
    bundle: BundleOption = None,
    as_json: JsonOption = False,
    data: DataOption = None,
) -> None:
    """Dossiers reported finished, and taken back afterwards."""
    _ask(ctx, "too-early", {"unit": unit, "period": period, "as_of": as_of}, as_json, data, bundle)


def apologies(
    ctx: typer.Context,
    unit: UnitArgument,
    period: PeriodOption = "ytd",
    as_of: AsOfOption = None,
    bundle: BundleOption = None,
    as_json: JsonOption = False,
    data: DataOption = None,
) -> None:
    """Late dossiers without an apology (Mẫu 04), or with one sent too late."""
    _ask(ctx, "apologies", {"unit": unit, "period": period, "as_of": as_of}, as_json, data, bundle)


def backdated(
    ctx: typer.Context,
    unit: UnitArgument,
    period: PeriodOption = "ytd",
    over_hours: Annotated[int, typer.Option(min=0, help="Recorded within these hours is in order.")] = 24,
    as_of: AsOfOption = None,
    bundle: BundleOption = None,
    as_json: JsonOption = False,
    data: DataOption = None,
) -> None:
    """Ends that are on time as stated and late as recorded; the lag beside the unit's peers."""
    query = {"unit": unit, "period": period, "as_of": as_of, "over_hours": over_hours}
    _ask(ctx, "backdated", query, as_json, data, bundle)


def completeness(
    ctx: typer.Context,
    unit: UnitArgument,
    period: PeriodOption = "ytd",
    as_of: AsOfOption = None,
    bundle: BundleOption = None,
    as_json: JsonOption = False,
    data: DataOption = None,
) -> None:
    """Source, log, tables and portal by day; refused events, silent hours."""
    _ask(ctx, "completeness", {"unit": unit, "period": period, "as_of": as_of}, as_json, data, bundle)


def controls(
    ctx: typer.Context,
    unit: Annotated[
        str | None, typer.Argument(help="Whose figures a change moved; default: the province.")
    ] = None,
    period: PeriodOption = "ytd",
    as_of: AsOfOption = None,
    bundle: BundleOption = None,
    as_json: JsonOption = False,
    data: DataOption = None,
) -> None:
    """Silences, suppressions, rules, calendars and targets with author and effect, keys, exports, reads."""
    query = {"unit": unit or settings_of(ctx, data).root, "period": period, "as_of": as_of}
    _ask(ctx, "controls", query, as_json, data, bundle)


def figure(
    ctx: typer.Context,
    report: Annotated[str, typer.Argument(help="The id of an issued report.")],
    bundle: BundleOption = None,
    as_json: JsonOption = False,
    data: DataOption = None,
) -> None:
    """An issued report, recomputed against its sealed hash; its figures then and now, and what changed them."""
    from ops.client import part
    from ops.commands.seals import write_bundle

    if bundle is not None:
        write_bundle(settings_of(ctx, data), f"reports/{part(report)}", {}, bundle)
    _ask(ctx, f"figure/{part(report)}", {}, as_json, data, None)


def as_shown(
    ctx: typer.Context,
    at: Annotated[str, typer.Option(help="The instant: as known at it, and as of it.")],
    report: Annotated[str | None, typer.Option(help="An issued report, made again to its sealed hash.")] = None,
    dossier: Annotated[str | None, typer.Option(help="A dossier's code.")] = None,
    unit: Annotated[str | None, typer.Option(help="A unit: its scorecard, or with --state its list.")] = None,
    period: Annotated[str | None, typer.Option(help="Of the scorecard; default: the year so far.")] = None,
    state: Annotated[str | None, typer.Option(help="Of the list: open_late, open_not_due, undated …")] = None,
    as_of: Annotated[str | None, typer.Option(help="As of this instant instead, as known at the other.")] = None,
    bundle: BundleOption = None,
    as_json: JsonOption = False,
    data: DataOption = None,
) -> None:
    """What was shown at an instant: a scorecard, a list, a dossier, a report; with none named the last brief."""
    from ops.client import part
    from ops.commands.seals import write_bundle

    if bundle is not None:
        named = f"reports/{part(report)}" if report else f"dossiers/{part(dossier)}" if dossier else ""
        if not named:
            raise typer.BadParameter(
                "--bundle goes with --report or --dossier; for figures: gs766 evidence --figure"
            )
        write_bundle(settings_of(ctx, data), named, {}, bundle)
    query = {"at": at, "report": report, "dossier": dossier, "unit": unit, "period": period, "state": state}
    _ask(ctx, "as-shown", query | {"as_of": as_of}, as_json, data, None)


def findings(
    ctx: typer.Context,
    unit: UnitArgument,
    period: PeriodOption = "ytd",
    kind: Annotated[str | None, typer.Option(help="Only this kind.")] = None,
    peers: Annotated[bool, typer.Option(help="Also look at the unit's peers: slower.")] = True,
    as_of: AsOfOption = None,
    limit: Annotated[int, typer.Option(min=1, max=5000, help="So many findings are listed.")] = 200,
    as_json: JsonOption = False,
    data: DataOption = None,
) -> None:
    """Patterns that a person must look into (domain.md §8), with their events, beside the unit's peers."""
    query = {
        "unit": unit,
        "period": period,
        "kind": kind,
        "peers": str(peers).lower(),
        "as_of": as_of,
        "limit": limit,
    }
    _ask(ctx, "findings", query, as_json, data, None)


def close_finding(
    ctx: typer.Context,
    finding: Annotated[str, typer.Argument(metavar="ID", help="As `audit findings` shows it.")],
    kind: Annotated[str, typer.Option(help="The finding's kind.")],
    reason: Annotated[str, typer.Option(help="A coded reason: verified, explained, source_error …")],
    dossier: Annotated[str | None, typer.Option(help="The dossier's code.")] = None,
    unit: Annotated[str | None, typer.Option(help="With --period, for a finding about a unit.")] = None,
    period: Annotated[str | None, typer.Option(help="With --unit.")] = None,
    note: Annotated[str | None, typer.Option(help="Words, kept outside the log; no personal data.")] = None,
    data: DataOption = None,
) -> None:
    """Close a finding, having looked into it. An act that stays; figures do not change."""
    from ops.client import Client, part

    about = {"dossier_code": dossier, "unit": unit, "period": period, "note": note}
    body = {"kind": kind, "reason": reason} | {name: value for name, value in about.items() if value}
    print_json(Client(settings_of(ctx, data)).post(f"/v1/audit/findings/{part(finding)}/close", body))


def reads(
    ctx: typer.Context,
    who: Annotated[str | None, typer.Option(help="Only by this key (gs766 keys list), or `loopback`.")] = None,
    dossier: Annotated[str | None, typer.Option(help="Only reads of this dossier, or of a list by name.")] = None,
    between: Annotated[str | None, typer.Option(help="Two instants: 2026-08-01,2026-08-31.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=5000, help="So many reads are listed.")] = 200,
    as_json: JsonOption = False,
    data: DataOption = None,
) -> None:
    """Who read which dossiers, lists and exports, and asked which SQL. Asking this is recorded as well."""
    _ask(ctx, "reads", {"who": who, "dossier": dossier, "between": between, "limit": limit}, as_json, data, None)


def verify(
    ctx: typer.Context,
    since: Annotated[str | None, typer.Option(help="Only what was sealed after this instant.")] = None,
    as_json: JsonOption = False,
    data: DataOption = None,
) -> None:
    """The same as gs766 verify: whether the log and the rows served are what was sealed."""
    from ops.commands.seals import verify as verified

    verified(ctx, since=since, as_json=as_json, data=data)


def _ask(
    ctx: typer.Context, word: str, query: dict[str, Any], as_json: bool, data: Path | None, bundle: Path | None
) -> None:
    from ops.client import Client

    settings = settings_of(ctx, data)
    if "set" in query:
        query["set"] = query["set"] or settings.indicator_set or None
    answer = Client(settings, timeout=900.0).get(f"/v1/audit/{word}", **query)
    if bundle is not None:
        from urllib.parse import unquote

        from ops.commands.seals import write_bundle

        name, _, code = word.partition("/")
        wanted = {n: v for n, v in query.items() if n != "limit"} | ({"code": unquote(code)} if code else {})
        write_bundle(settings, f"answers/{name}", wanted, bundle)
    _end(answer, as_json)


def _end(answer: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print_json(answer)
    else:
        show(answer)
    raise typer.Exit(CODES[answer["verdict"]])
