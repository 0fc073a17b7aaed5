"""`gs766 alert ID`: one alert with everything that was done about it, and doing something about it."""

from typing import Annotated, Any

import typer

from ops.commands.shell import DataOption, JsonOption, print_facts, print_json, print_rows, settings_of

VERBS = ("ack", "unack", "reason", "promise", "dispute", "resolve", "comment", "silence")
REASONS = ("partner", "citizen", "on_site", "done_not_updated", "software", "staff", "duplicate", "other")
_HEAD = (
    "id kind title level state dossier_code unit procedure from until due_at acknowledged_by promised_until "
    "promise_broken disputes"
).split()
_CHAIN = (
    "act",
    "at",
    "known_at",
    "actor",
    "account",
    "channel",
    "reason",
    "until",
    "note",
    "note_id",
    "partition",
    "offset",
)
_FACTS = ("type", "source", "occurred_at", "recorded_at", "known_at", "place")


def register(app: typer.Typer) -> None:
    """Adds this module's commands."""
    app.command()(alert)


def alert(
    ctx: typer.Context,
    alert_id: Annotated[str, typer.Argument(metavar="ID", help="As gs766 alerts shows it.")],
    act: Annotated[str | None, typer.Option("--do", help=f"Act on it: {', '.join(VERBS)}.")] = None,
    until: Annotated[str | None, typer.Option(metavar="T", help="promise, silence: until when.")] = None,
    reason: Annotated[
        str | None, typer.Option(help=f"A coded reason: {', '.join(REASONS)}, or a province's own.")
    ] = None,
    note: Annotated[str | None, typer.Option(help="Words, kept outside the log; no personal data.")] = None,
    ticket: Annotated[str | None, typer.Option(help="resolve: the dispute that is closed.")] = None,
    outcome: Annotated[
        str | None, typer.Option(help="resolve: corrected, stands, source_at_fault or withdrawn.")
    ] = None,
    as_json: JsonOption = False,
    data: DataOption = None,
) -> None:
    """One alert: its evidence, and who was told, who acknowledged, promised or disputed it, and when.

    A dispute is answered at once with the last facts received, from where and when; it opens a ticket, which
    somebody else closes by `--do resolve --ticket T --outcome O --note WHY`.
    """
    from domain.errors import InvalidInput
    from ops.client import Client, part

    said = {"until": until, "reason": reason, "note": note, "ticket": ticket, "outcome": outcome}
    if act is None and any(said.values()):
        raise InvalidInput("--until, --reason, --note, --ticket and --outcome belong to an act: name it with --do")
    if act is not None and act not in VERBS:
        raise InvalidInput(f"'{act}' is nothing that can be done about an alert: there are {', '.join(VERBS)}")
    client = Client(settings_of(ctx, data))
    path = f"/v1/alerts/{part(alert_id)}"
    if act is None:
        found = client.get(path)
    else:
        found = client.post(f"{path}/{act}", {name: value for name, value in said.items() if value})
    if as_json:
        print_json(found)
    elif act is None:
        print_facts({name: found[name] for name in _HEAD})
        print_facts({f"evidence {name}": value for name, value in found["evidence"].items()})
        print_rows([_act_row(row) for row in found["acts"]], _CHAIN, title="chain")
    else:
        _print_act(found)


def _act_row(row: dict[str, Any]) -> dict[str, Any]:
    """An act of the chain; of a message the account that was told."""
    account = (row["evidence"] or {}).get("account")
    return {**row, "note_id": (row["note_hash"] or "")[:12] or None, "account": account}


def _print_act(found: dict[str, Any]) -> None:
    print_facts({name: found[name] for name in ("act", "id", "alert", "coordinates", "ticket") if name in found})
    told = found.get("received")
    if told is None:
        return
    print(told["vi"])
    rows = []
    for fact in told["last"]:
        place = "/".join(str(fact["coordinates"][name]) for name in ("partition", "offset", "index"))
        rows.append({**fact, "place": place})
    print_rows(rows, _FACTS, title="received last")
    print_rows(told["sources"], title="sources")
