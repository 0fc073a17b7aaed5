"""`gs766 erase`: a note, or a year's identifier keys, under a decision; the logs and their proofs stay."""

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from domain.instants import Millis
from ops.commands.shell import DataOption, JsonOption, print_facts, print_json, say, settings_of

if TYPE_CHECKING:
    from ops.settings import Settings

DecisionOption = Annotated[str, typer.Option(help="The number of the document that orders it; kept for ever.")]
YesOption = Annotated[bool, typer.Option("--yes", help="Do not ask.")]
BackupOption = Annotated[
    list[Path] | None, typer.Option("--backup", help="A backup to scrub as well; may be repeated.")
]
KeysOption = Annotated[
    list[Path] | None, typer.Option("--keys", help="A copy of the keys to scrub as well; may be repeated.")
]


def register(app: typer.Typer) -> None:
    """Adds this module's commands."""
    group = typer.Typer(no_args_is_help=True, help="Erase persons' traces under a decision; proofs stay valid.")
    group.command("note")(erase_note)
    group.command("year-key")(erase_year_key)
    app.add_typer(group, name="erase")


def erase_note(
    ctx: typer.Context,
    note: Annotated[str, typer.Argument(help="Its hash, or the first 8 characters, as gs766 alert ID shows it.")],
    decision: DecisionOption,
    backup: BackupOption = None,
    keys: KeysOption = None,
    yes: YesOption = False,
    as_json: JsonOption = False,
    data: DataOption = None,
) -> None:
    """Erase the words and the salt of a note. The log keeps that there was one, its hash, and the decision."""
    from ops.erasing import erase_note as erase

    settings = settings_of(ctx, data)
    if not yes:
        typer.confirm(f"Erase the words of note {note}? This cannot be undone", abort=True)
    done = erase(settings, note, decision, _now())
    _finish(settings, {"erased": "note", "id": done.hash, "alert": done.alert}, backup, keys, as_json)


def erase_year_key(
    ctx: typer.Context,
    year: Annotated[int, typer.Argument(help="The year whose identifiers are erased.")],
    decision: DecisionOption,
    backup: BackupOption = None,
    keys: KeysOption = None,
    yes: YesOption = False,
    as_json: JsonOption = False,
    data: DataOption = None,
) -> None:
    """Destroy the keys of a year: no hash of that year can be linked to a person again, not by guessing either."""
    from ops.erasing import erase_year as erase

    settings = settings_of(ctx, data)
    if not yes:
        typer.confirm(f"Destroy the identifier keys of {year}? This cannot be undone", abort=True)
    done = erase(settings, year, decision, _now())
    _finish(settings, {"erased": "year-key", "year": year, "keys": list(done)}, backup, keys, as_json)


def scrub(settings: "Settings", backups: list[Path], keys: list[Path]) -> dict[str, Any]:
    """Applies the installation's list of erasures to copies; what was found in each."""
    from ops.backup.scrubbing import scrub_backup, scrub_keys
    from ops.deeds import note_deed
    from ops.erasing import list_of, read_erasures

    erasures = read_erasures(list_of(settings))
    notes = {str(folder): scrub_backup(folder.expanduser().absolute(), erasures) for folder in backups}
    found = {str(folder): scrub_keys(folder.expanduser().absolute(), erasures) for folder in keys}
    if notes or found:
        counts = {"notes": sum(notes.values()), "keys": sum(found.values()), "copies": len(notes) + len(found)}
        note_deed(settings, "backup_scrubbed", "backup", erasures=len(erasures), **counts)
    return {"erasures": len(erasures), "notes_erased_in": notes, "keys_erased_in": found}


def _finish(
    settings: "Settings",
    facts: dict[str, Any],
    backups: list[Path] | None,
    keys: list[Path] | None,
    as_json: bool,
) -> None:
    facts |= scrub(settings, backups or [], keys or []) | {"recorded": _recorded(settings)}
    if as_json:
        print_json(facts)
    else:
        print_facts({name.replace("_", " "): value for name, value in facts.items()})
    if not facts["recorded"]:
        say("the act waits in the private store: the API writes it into the log when it runs next")
    say("other backups and copies of keys still hold it: gs766 backup scrub FOLDER [--keys FOLDER]")


def _recorded(settings: "Settings") -> bool:
    """Whether the running API has written the act into the log."""
    from api.due_acts import DueActs
    from ops.client import Client
    from ops.configs import PRIVATE
    from ops.stack_file import read_stack

    if read_stack(settings.data) is None:
        return False
    Client(settings).health()
    waiting = DueActs(settings.folder(PRIVATE))
    for _ in range(50):
        if not waiting.unrecorded():
            return True
        time.sleep(0.1)
    return False


def _now() -> Millis:
    return time.time_ns() // 1_000_000
