"""`gs766 alerts`: what holds; `alerts config`: the rules of messages; `alerts simulate`: what they would send."""

from pathlib import Path
from typing import Annotated, Any

import typer

from ops.commands.lists import LimitOption, UnitOption
from ops.commands.shell import DataOption, JsonOption, print_facts, print_json, print_rows, settings_of

_ALERT_COLUMNS = ("id", "kind", "level", "title_en", "subject", "unit", "from", "until", "due_at")
_MESSAGE_COLUMNS = ("at", "account", "unit", "channels", "kinds", "reasons", "sms")
_DIFFERENT = ("only", "slot", "account", "unit", "alerts", "alerts_sent_only", "alerts_simulated_only")
_PLAIN = (
    "name version slots slot_if_due_today brief quiet guard_minutes at_once_minutes reminder_working_days "
    "acknowledged_working_days digest chairman ceilings"
).split()


def register(app: typer.Typer) -> None:
    """Adds this module's commands."""
    group = typer.Typer(invoke_without_command=True)
    group.callback()(alerts)
    group.command()(simulate)
    group.command()(config)
    app.add_typer(group, name="alerts")


def alerts(
    ctx: typer.Context,
    state: Annotated[str | None, typer.Option(help="holding (default), cleared or all.")] = None,
    kind: Annotated[str | None, typer.Option(help="A kind, for example A02.")] = None,
    unit: UnitOption = None,
    level: Annotated[str | None, typer.Option(help="A level: red, amber, violet, grey or green.")] = None,
    older_than: Annotated[str | None, typer.Option(help="Began so long ago or longer: 3wd, 2d, 36h.")] = None,
    newer_than: Annotated[str | None, typer.Option(help="Began less than so long ago.")] = None,
    disputed: Annotated[bool, typer.Option("--disputed", help="With a dispute that nobody has closed.")] = False,
    clock: Annotated[
        str | None, typer.Option(help="What now is: wall, or log (the latest event). Default: the stack's clock.")
    ] = None,
    limit: LimitOption = None,
    as_json: JsonOption = False,
    data: DataOption = None,
) -> None:
    """Alerts that hold now, by kind, unit, level and age."""
    if ctx.invoked_subcommand is not None:
        return
    from ops.client import Client
    from ops.commands.lists import collected

    query = {"state": state, "kind": kind, "unit": unit, "level": level, "older_than": older_than}
    query |= {"newer_than": newer_than, "disputed": "true" if disputed else None, "clock": clock}
    found = collected(Client(settings_of(ctx, data)), "/v1/alerts", query, "alerts", limit)
    if as_json:
        print_json(found)
        return
    print_facts({name: value for name, value in found.items() if name not in ("alerts", "next")})
    print_rows(found["alerts"], _ALERT_COLUMNS)


def simulate(
    ctx: typer.Context,
    week: Annotated[str, typer.Option(help="A past ISO week, such as 2026-W48.")],
    config: Annotated[
        Path | None,
        typer.Option(help="Try these rules (a file with table message_rules) instead of those in force."),
    ] = None,
    known_now: Annotated[
        bool, typer.Option("--known-now", help="With what is known today: for weeks before the log began.")
    ] = False,
    as_json: JsonOption = False,
    data: DataOption = None,
) -> None:
    """What would have been sent to whom over a past week, beside what really was. Nothing is sent.

    Alerts count as they were known at each instant, not as they are known now.
    """
    from ops.client import Client

    settings = settings_of(ctx, data)
    path, known = "/v1/messages/simulation", "now" if known_now else None
    rules = None if config is None else _rules_of(config, settings)
    client = Client(settings)
    found = (
        client.get(path, week=week, known=known)
        if rules is None
        else client.post(path, rules, week=week, **({"known": known} if known else {}))
    )
    if as_json:
        print_json(found)
        return
    print_facts({name: found[name] for name in ("week", "from", "until", "rules", "knowledge", "begins_with")})
    print_rows(found["messages"], _MESSAGE_COLUMNS, title="messages")
    print_rows([{"account": account, "messages": n} for account, n in found["totals"].items()], title="totals")
    print_rows(found["noted"], title="noted")
    beside = found["compared"]
    print_facts({name: value for name, value in beside.items() if name != "listed"})
    print_rows(beside["listed"], _DIFFERENT, title="differs from what was really sent")
    print_rows(found["unreached"], title="posts that nobody can be told at")


def config(
    ctx: typer.Context,
    file: Annotated[Path | None, typer.Argument(metavar="FILE", help="Check this file; publish nothing.")] = None,
    as_json: JsonOption = False,
    data: DataOption = None,
) -> None:
    """The rules of messages in force; with FILE, whether it could be published, and what it would come to."""
    from ops.client import Client

    settings = settings_of(ctx, data)
    if file is None:
        found = Client(settings).get("/v1/messages/rules")
    else:
        import msgspec

        from domain.messages.rules import decode_rules

        rules = msgspec.to_builtins(decode_rules(_rules_of(file, settings)))
        found = {"version": f"{file} (checked, not published)", "rules": rules}
    if as_json:
        print_json(found)
        return
    rules = found["rules"]
    print_facts({"in force" if file is None else "file": found["version"], **{n: rules[n] for n in _PLAIN}})
    print_rows(rules["routes"], title="routes")
    print_rows(rules["escalation"]["steps"], title=f"escalation of {', '.join(rules['escalation']['kinds'])}")
    print_rows(rules["inhibitions"], title="inhibitions")
    if "thresholds" in found:
        plain = {n: v for n, v in found["thresholds"].items() if n != "findings"}
        print_facts({"thresholds of alerts (alert_rules)": found["thresholds_version"], **plain})


def _rules_of(file: Path, settings: Any) -> dict[str, Any]:
    """The document of message rules in a file that could be published whole; InvalidInput names file and field."""
    from domain.errors import InvalidInput
    from domain.event_data import Document
    from ops.publishing import events_of_file

    for event in events_of_file(file, settings.zone):
        if event.type == "message_rules.published" and isinstance(event.data, Document):
            return event.data.document
    raise InvalidInput(f"{file}: there is no table message_rules; docs/operating.md shows one")
