"""Commands about events themselves: publish reference documents, print schemas."""

import json
from collections import Counter
from pathlib import Path
from typing import Annotated, Any

import typer

from domain.errors import InvalidInput
from ops import exits
from ops.commands.shell import DataOption, JsonOption, print_facts, print_json, say, settings_of

BATCH = 1_000


def register(app: typer.Typer) -> None:
    """Adds this module's commands."""
    app.command()(publish)
    app.command()(schemas)


def publish(
    ctx: typer.Context,
    files: Annotated[list[Path], typer.Argument(metavar="FILE…", help="TOML or JSON.")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check the files; send nothing.")] = False,
    as_json: JsonOption = False,
    data: DataOption = None,
) -> None:
    """Publish reference documents: units, procedures, a calendar, an indicator set, alert rules.

    A file holds tables named units, procedures, calendar, indicator_set, alert_rules, message_rules or target,
    or is a calendar, an indicator set, or CloudEvents as such. All files are checked before anything is sent;
    publishing the same again changes nothing.
    """
    from domain.events import encode_event
    from ops.client import Client
    from ops.publishing import events_of_file

    settings = settings_of(ctx, data)
    events = [event for path in files for event in events_of_file(path, settings.zone)]
    counts = dict(sorted(Counter(event.type for event in events).items()))
    rejected: list[dict[str, Any]] = []
    if not dry_run:
        client = Client(settings)
        for n in range(0, len(events), BATCH):
            batch = events[n : n + BATCH]
            answer = client.post("/v1/events", [json.loads(encode_event(event)) for event in batch])
            rejected += [row for row in answer["results"] if row["status"] == "rejected"]
    summary: dict[str, Any] = {"read": len(events), "rejected": len(rejected), "types": counts}
    if as_json:
        print_json({**summary, "dry_run": dry_run, "rejections": rejected})
    else:
        print_facts({"read": len(events), "rejected": len(rejected), **counts})
        for row in rejected[:20]:
            say(f"rejected {row.get('id')}: {row.get('reason')}")
    raise typer.Exit(exits.FAILS if rejected else exits.HOLDS)


def schemas(
    event_type: Annotated[str | None, typer.Argument(help="Only this type, for example dossier.accepted.")] = None,
    markdown: Annotated[bool, typer.Option("--markdown", help="The catalogue as text: docs/events.md.")] = False,
) -> None:
    """Print the JSON Schemas of all events, as /v1/schemas gives them. Nothing needs to run."""
    from api import schemas as catalogue

    if markdown:
        print(catalogue.markdown(), end="")
        return
    found = catalogue.schemas()
    if event_type is not None:
        if event_type not in found["types"]:
            raise InvalidInput(f"'{event_type}' is not an event type: gs766 schemas lists them")
        found = found["types"][event_type]
    print_json(found)
