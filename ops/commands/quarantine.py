"""`gs766 quarantine`: the recorded decision to skip a record at which a partition stopped."""

from datetime import UTC, datetime
from typing import Annotated

import typer

from ops.commands.shell import DataOption, say, settings_of


def register(app: typer.Typer) -> None:
    """Adds this module's command."""
    app.command()(quarantine)


def quarantine(
    ctx: typer.Context,
    partition: Annotated[int, typer.Argument(min=0, help="The partition that stopped, as status names it.")],
    offset: Annotated[int, typer.Argument(min=0, help="The offset of the record it stopped at.")],
    reason: Annotated[str, typer.Option(help="Why it may be skipped; a short code, kept for ever.")],
    by: Annotated[str, typer.Option(help="Who decided: a post, not a person's name.")],
    data: DataOption = None,
) -> None:
    """Skip a record of the log that the fold cannot take. The decision is an act in the alert log, the record
    stays in the log and stands among the dead letters; every rebuild skips it too.

    Only the record that its partition stopped at can be skipped: what was folded once stays folded.
    """
    from domain.instants import to_millis
    from ops.quarantining import quarantine as decide

    settings = settings_of(ctx, data)
    decide(settings, partition, offset, reason, by, to_millis(datetime.now(UTC)))
    say(f"record {offset} of partition {partition} will be skipped; the worker starts again")
