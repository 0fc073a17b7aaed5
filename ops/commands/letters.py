"""Commands on the duty to apologise: the draft of Mẫu 04, recording that it went out, and who still owes one."""

import hashlib
from pathlib import Path
from typing import Annotated, Any

import typer

from ops import exits
from ops.commands.lists import LimitOption, collected
from ops.commands.shell import (
    AsOfOption,
    DataOption,
    JsonOption,
    print_facts,
    print_json,
    print_rows,
    say,
    settings_of,
)

SOURCE = "/gs766/letters"
_SHOWN = (
    "dossier_code unit unit_name procedure accepted_at due_at last_day reason new_due_at new_due_proposed "
    "reappointment allowed"
).split()


def register(app: typer.Typer) -> None:
    """Adds this module's commands."""
    app.command()(apology)
    app.command()(apologies)


def apology(
    ctx: typer.Context,
    code: Annotated[str, typer.Argument(help="The dossier's code.")],
    reason: Annotated[
        str | None, typer.Option(help="One line, without personal data. Default: dots to write on.")
    ] = None,
    new_date: Annotated[
        str | None, typer.Option(metavar="DATE", help="The new appointment, a working day. Default: a proposal.")
    ] = None,
    out: Annotated[Path | None, typer.Option(metavar="FILE.docx", help="Write the draft here.")] = None,
    record: Annotated[
        bool, typer.Option("--record", help="The letter has gone out: record apology_sent. Needs --number.")
    ] = False,
    number: Annotated[str | None, typer.Option(help="The number of the letter that went out.")] = None,
    source: Annotated[str, typer.Option(help="The source that the event is recorded under.")] = SOURCE,
    as_json: JsonOption = False,
    data: DataOption = None,
) -> None:
    """The apology with a new appointment (Mẫu 04) of a dossier: a draft as a Word file, and its recording.

    Warns when it is too late already (the last day is the working day before the due day) and when the dossier was
    re-appointed before. Recording the same number again changes nothing. The due date itself moves when the
    one-stop system sends due_date_moved.
    """
    from domain.errors import InvalidInput
    from ops.client import Client, part

    if record and not number:
        raise InvalidInput("--record needs --number, the number of the letter that went out")
    if number and not record:
        raise InvalidInput("--number is recorded with --record only: the draft leaves it blank")
    client = Client(settings_of(ctx, data))
    path = f"/v1/dossiers/{part(code)}/apology-letter"
    asked = {"reason": reason, "new_date": new_date}
    told = client.get(path, **asked, format="json")
    for warning in told["warnings"]:
        say(f"{warning['vi']} ({warning['en']})")
    if out is not None:
        content, _ = client.file("GET", path, **asked)
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_bytes(content)
        say(f"{out}: {len(content):,} bytes")
    if record:
        told["recorded"] = _recorded(client, event_of(told, str(number), source))
    if as_json:
        print_json(told)
    else:
        print_facts({name: told[name] for name in _SHOWN} | {k: told[k] for k in ("recorded",) if k in told})


def event_of(told: dict[str, Any], number: str, source: str) -> dict[str, Any]:
    """The event apology_sent at the API's clock; its id follows from dossier and number, so twice counts once."""
    identity = hashlib.sha256(f"{told['dossier_code']}|{number}".encode()).hexdigest()[:24]
    data = {"document_number": number}
    if told["new_due_at"]:
        data["new_due_at"] = told["new_due_at"]
    return {
        "specversion": "1.0",
        "id": f"apology-{identity}",
        "source": source,
        "type": "dossier.apology_sent",
        "time": told["as_of"],
        "subject": told["dossier_code"],
        "data": data,
    }


def _recorded(client: Any, event: dict[str, Any]) -> str:
    """Sends the event unless the log holds it: the same id at another time would be a contradiction."""
    from ops.client import part

    listed = client.get(f"/v1/dossiers/{part(event['subject'])}/events")
    known = next((e for e in listed if (e["id"], e["source"]) == (event["id"], event["source"])), None)
    if known is not None:
        say(f"this letter is recorded already, at {known['occurred_at']}: nothing was sent")
        return "duplicate"
    (row,) = client.post("/v1/events", event)["results"]
    if row["status"] == "rejected":
        say(f"the letter was NOT recorded: {row.get('reason')}")
        raise typer.Exit(exits.FAILS)
    return str(row["status"])


def apologies(
    ctx: typer.Context,
    unit: Annotated[str | None, typer.Argument(help="A unit's code: it and what is below. Default: all.")] = None,
    as_of: AsOfOption = None,
    limit: LimitOption = None,
    as_json: JsonOption = False,
    data: DataOption = None,
) -> None:
    """Who owes an apology: dossiers whose last day to send it this is, and late ones without it, by unit."""
    from ops.client import Client

    client = Client(settings_of(ctx, data))
    query = {"unit": unit, "as_of": as_of, "limit": min(limit or 5_000, 5_000)}
    found = collected(client, "/v1/apologies", query, "dossiers", limit)
    if as_json:
        print_json(found)
        return
    print_facts({"unit": found["unit"], "as_of": found["as_of"], **found["totals"]})
    print_rows(found["units"], ("unit", "name", "last_day", "late_open", "late_ended", "owed"))
    print_rows(found["dossiers"], ("dossier_code", "unit", "procedure", "owes", "due_at", "since"))
