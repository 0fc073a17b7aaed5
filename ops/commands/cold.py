"""`gs766 cold`: sealed segments of the logs on a disk or in object storage, so that Kafka may be kept short."""

import time
from typing import Annotated

import typer

from domain.errors import InvalidInput
from ops.commands.backup import _disk_errors, _progress
from ops.commands.seals import _progress as _sealing_progress
from ops.commands.shell import DataOption, JsonOption, print_facts, print_json, say, settings_of, shell_of

DAY_MS = 86_400_000


def register(app: typer.Typer) -> None:
    """Adds this module's commands."""
    group = typer.Typer(no_args_is_help=True, help="Cold storage of the logs; see docs/backup.md.")
    group.command("export")(export)
    group.command("trim")(trim)
    app.add_typer(group, name="cold")


def export(
    ctx: typer.Context,
    to: Annotated[str, typer.Option(help="A folder, or s3://bucket/prefix (needs requirements/s3.lock).")],
    as_json: JsonOption = False,
    data: DataOption = None,
) -> None:
    """Write what is sealed of both logs as compressed segments; a later export adds what is new since.

    Each segment is read back and compared; the manifest comes last. Nothing is deleted anywhere.
    """
    from ops.cold.exporting import export as exported
    from ops.deeds import note_deed

    settings = settings_of(ctx, data)
    with _disk_errors(), _progress() as step:
        done = exported(settings, to, shell_of(ctx).environ, say, step)
    told = {"checkpoint": done.manifest.checkpoint, "new_records": done.new_records}
    note_deed(settings, "cold_exported", "cold", **told)
    facts = {
        "to": to,
        "checkpoint": done.manifest.checkpoint,
        "records": sum(s.records for s in done.manifest.segments),
        "bytes": sum(s.bytes for s in done.manifest.segments),
        "new_segments": done.new_segments,
        "new_records": done.new_records,
        "new_bytes": done.new_bytes,
    }
    if as_json:
        print_json(facts)
    else:
        print_facts({name.replace("_", " "): value for name, value in facts.items()})
    say(f"prove it: gs766 verify --from-cold {to}")


def trim(
    ctx: typer.Context,
    keep_days: Annotated[int, typer.Option(min=1, help="Kafka keeps what was appended in these last days.")],
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    as_json: JsonOption = False,
    data: DataOption = None,
) -> None:
    """Delete from Kafka what the cold storage in `kafka.cold` provably holds and is older than so many days.

    The copy is first read whole and held against the seals. It cannot be undone: then that copy is the log.
    """
    from ops.cold.trimming import trim as trimmed
    from ops.configs import seal_config
    from ops.deeds import note_deed

    settings = settings_of(ctx, data)
    if not settings.kafka.cold:
        raise InvalidInput("kafka.cold is not set in settings.toml: set it, start the stack anew, then trim")
    if not yes:
        typer.confirm(
            f"Delete from Kafka what is older than {keep_days} days? Then {settings.kafka.cold} is the only copy",
            abort=True,
        )
    before = time.time_ns() // 1_000_000 - keep_days * DAY_MS
    with _sealing_progress() as progress:
        done = trimmed(seal_config(settings), before, progress)
    kept = {f"{log}/{partition}": offset for (log, partition), offset in done.items()}
    note_deed(settings, "cold_trimmed", "cold", kept_from=kept, keep_days=keep_days)
    facts = {f"{log} {partition}": offset for (log, partition), offset in done.items()}
    if as_json:
        print_json({"kept_from": facts})
    else:
        print_facts(facts or {"nothing": "is that old"})
