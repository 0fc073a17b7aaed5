"""`gs766 verify`: whether the logs and the rows served are what was sealed; and the keys that sign."""

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ops import exits
from ops.commands.audit_words import CODES, WORDS
from ops.commands.shell import DataOption, JsonOption, print_json, say, settings_of

if TYPE_CHECKING:
    from ops.settings import Settings
    from sinks.sealing.config import SealConfig


def register(app: typer.Typer) -> None:
    """Adds this module's commands."""
    app.command()(verify)
    app.command()(seal)
    app.command()(evidence)


def verify(
    ctx: typer.Context,
    since: Annotated[
        str | None,
        typer.Option(help="Only what was sealed after this instant; what lies before rests on its root."),
    ] = None,
    sample: Annotated[
        int | None, typer.Option(min=1, help="Only so many records of every day, drawn at random.")
    ] = None,
    against: Annotated[
        list[Path] | None, typer.Option(help="Another's copy of the checkpoints; may be repeated.")
    ] = None,
    witness: Annotated[
        str | None, typer.Option(help="A witness's public key: it must have signed the checkpoints.")
    ] = None,
    resume: Annotated[
        bool,
        typer.Option(
            "--resume/--fresh", help="Go on where an interrupted run of yours stood, by the note it left."
        ),
    ] = False,
    from_cold: Annotated[
        str | None, typer.Option(metavar="ADDRESS", help="Read what this cold storage holds from there.")
    ] = None,
    no_seal: Annotated[bool, typer.Option(help="Leave alone what is not sealed yet.")] = False,
    as_json: JsonOption = False,
    data: DataOption = None,
) -> None:
    """Whether the log and the rows served are what was sealed. Exit 0 holds, 1 does not, 3 cannot tell.

    What came since the last checkpoint is sealed first, so that the rows served are compared to the end.
    """
    from domain.periods import parse_instant
    from ops.addresses import from_cold_storage
    from ops.configs import seal_config
    from ops.stack_file import read_stack
    from sinks.sealing.chain import CheckpointFile
    from sinks.sealing.verifying import verify as verified

    settings = settings_of(ctx, data)
    if from_cold:
        settings = from_cold_storage(settings, from_cold)
    config = seal_config(settings)
    if not no_seal and read_stack(settings.data) is not None:
        _seal_now(config)
    moment = parse_instant(since, settings.zone) if since else None
    copies = [CheckpointFile(path) for path in against or ()]
    with _progress() as progress:
        report = verified(
            config,
            since=moment,
            sample=sample,
            given=copies,
            witness=witness,
            resume=resume,
            progress=progress,
        )
    if as_json:
        print_json(report.to_json())
    else:
        for difference in report.differences:
            typer.echo(str(difference))
        counted = ", ".join(f"{number} {what}" for what, number in report.checked.items())
        typer.echo(f"checked: {counted or 'nothing'}")
        if report.checkpoint is not None:
            typer.echo(f"checkpoint {report.checkpoint}, SHA-256 {report.hash}")
        for one in report.not_covered:
            typer.echo(str(one))
        if report.reason:
            typer.echo(report.reason)
        typer.echo(WORDS[report.verdict])
    raise typer.Exit(CODES[report.verdict])


def seal(
    ctx: typer.Context,
    rotate_key: Annotated[
        bool, typer.Option(help="Make a new signing key; it signs after the next seal.")
    ] = False,
    accept_loss: Annotated[
        bool,
        typer.Option(help="After a restore that lost sealed records: go on from the last checkpoint it reaches."),
    ] = False,
    decision: Annotated[str, typer.Option(help="With --accept-loss: the number of the document.")] = "",
    after: Annotated[
        int | None, typer.Option(min=0, help="With --accept-loss: the last checkpoint that stands.")
    ] = None,
    data: DataOption = None,
) -> None:
    """Close the day and seal now; waits until it is done."""
    if accept_loss:
        _accept_loss(settings_of(ctx, data), decision, after)
        return
    from ops.configs import seal_config
    from ops.deeds import note_deed
    from ops.stack_file import require_stack
    from sinks.sealing.chain import CheckpointFile
    from sinks.sealing.keys import rotate

    settings = settings_of(ctx, data)
    config = seal_config(settings)
    require_stack(settings.data)
    if rotate_key:
        fresh = rotate(config.key_file).next
        note_deed(settings, "signing_key_rotated", "seal", public_key=fresh)
        say(f"a new key signs after the next seal: {fresh}")
    if not _seal_now(config):
        typer.echo("the sealer has not answered for a minute: see gs766 status", err=True)
        raise typer.Exit(exits.UNREACHABLE)
    last = CheckpointFile(config.checkpoints).last()
    if last is not None:
        typer.echo(f"checkpoint {last.checkpoint().number}, SHA-256 {last.hash}")


def _accept_loss(settings: "Settings", decision: str, after: int | None) -> None:
    """Cuts the chain back while the log is there and no sealer is; the decision becomes an act."""
    import os
    import uuid
    from dataclasses import replace
    from datetime import UTC, datetime

    from api.due_acts import DueActs
    from domain.errors import InvalidInput, Refused
    from domain.events import make_event
    from ops.backup.logs import running_log
    from ops.configs import PRIVATE, seal_config
    from ops.stack_file import read_stack
    from sinks.sealing.losses import accept_loss

    if not decision.strip() or len(decision) > 100:
        raise InvalidInput("--accept-loss takes --decision, the number of the document")
    if read_stack(settings.data) is not None:
        raise Refused("stop the stack first: the sealer must not run while its chain is cut back")
    now = datetime.now(UTC)
    with running_log(settings, os.environ, say) as kafka:
        there = replace(settings, kafka=replace(settings.kafka, bootstrap=kafka.bootstrap))
        loss = accept_loss(seal_config(there), f"{now:%Y%m%dT%H%M%S}", after)
    lost = {f"{log}/{partition}": list(span) for (log, partition), span in loss.offsets.items()}
    told = {"last_checkpoint": loss.checkpoint, "lost_checkpoints": loss.checkpoints, "lost_offsets": lost}
    at = int(now.timestamp() * 1000)
    data = {"evidence": {"decision": decision, **told}}
    act = make_event(
        "system.history_lost", "seal", at, data, source="/gs766/ops", id=uuid.uuid4().hex, recorded_at=at
    )
    DueActs(settings.folder(PRIVATE)).add([act])
    for path in loss.kept:
        say(f"the former chain is kept as evidence: {path}")
    typer.echo(f"the chain goes on after checkpoint {loss.checkpoint}; {loss.checkpoints} later ones are lost")


def evidence(
    ctx: typer.Context,
    code: Annotated[str | None, typer.Argument(help="The dossier's code, for a bundle of its history.")] = None,
    figure: Annotated[
        str | None, typer.Option(help="An indicator, with --unit and --period: PROCESSED_ON_TIME.")
    ] = None,
    portal: Annotated[
        str | None, typer.Option(help="An indicator as the national portal showed it, with --unit and --period.")
    ] = None,
    alert: Annotated[str | None, typer.Option(help="An alert's id: its chain and what it is about.")] = None,
    report: Annotated[str | None, typer.Option(help="An issued report's id: its files and their issue.")] = None,
    unit: Annotated[str | None, typer.Option(help="With --figure.")] = None,
    period: Annotated[str | None, typer.Option(help="With --figure.")] = None,
    as_of: Annotated[str | None, typer.Option(help="With --figure: an exclusive instant.")] = None,
    known_at: Annotated[str | None, typer.Option(help="With --figure: as it was known then.")] = None,
    out: Annotated[Path, typer.Option(help="The file to write.")] = Path("goi-chung-cu.zip"),
    data: DataOption = None,
) -> None:
    """A bundle of events with proofs, for strangers to check offline. A recorded act.

    Of a dossier (CODE), a figure (--figure), what the portal showed of one (--portal), an alert's chain (--alert)
    or an issued report (--report). A figure of more than 200 dossiers, petitions or procedures comes as a
    commitment to all of them and 200 that nobody can choose.
    """
    from ops.client import part

    wanted = {"dossiers": code, "figures": figure, "portal": portal, "alerts": alert, "reports": report}
    given = [(kind, name) for kind, name in wanted.items() if name is not None]
    if len(given) != 1:
        raise typer.BadParameter("give one of CODE, --figure, --portal, --alert and --report")
    ((kind, name),) = given
    query = {"unit": unit, "period": period, "as_of": as_of, "known_at": known_at}
    if kind in ("figures", "portal") and not (unit and period):
        raise typer.BadParameter("--figure and --portal need --unit and --period")
    if kind not in ("figures", "portal") and any(query.values()):
        raise typer.BadParameter("--unit, --period, --as-of and --known-at belong to --figure and --portal")
    if kind == "portal" and query.pop("as_of"):
        raise typer.BadParameter("--portal takes no --as-of: it is what was received")
    write_bundle(settings_of(ctx, data), f"{kind}/{part(name)}", query, out)


def write_bundle(settings: "Settings", path: str, query: dict[str, Any], out: Path) -> None:
    """Fetches a bundle, after sealing what came until now, and writes it."""
    from ops.client import Client
    from ops.configs import seal_config
    from ops.stack_file import read_stack

    if not settings.api and read_stack(settings.data) is not None:
        _seal_now(seal_config(settings))
    if path.startswith("figures/") and not settings.api:
        query = query | {"set": settings.indicator_set or None}
    bundle, _ = Client(settings, timeout=900.0).file("GET", f"/v1/audit/bundles/{path}", **query)
    out.write_bytes(bundle)
    say(f"{out}: check it with `python3 -I kiem_tra.py {out.name}`, kiem_tra.py being a copy you trust")


def _seal_now(config: "SealConfig") -> bool:
    """Asks the running sealer to close the day and sign; whether it did within a minute."""
    config.folder.mkdir(parents=True, exist_ok=True)
    config.close_request.touch()
    deadline = time.monotonic() + 60
    while config.close_request.exists():
        if time.monotonic() > deadline:
            config.close_request.unlink(missing_ok=True)
            return False
        time.sleep(0.05)
    return True


def _progress() -> Any:
    """Bars on a terminal; silent elsewhere."""
    import sys
    from contextlib import contextmanager

    from rich.console import Console
    from rich.progress import Progress

    @contextmanager
    def shown() -> Any:
        with Progress(console=Console(stderr=True), disable=not sys.stderr.isatty()) as progress:
            tasks: dict[str, Any] = {}

            def step(what: str, done: int, of: int) -> None:
                if what not in tasks:
                    tasks[what] = progress.add_task(what, total=of)
                progress.update(tasks[what], completed=done, total=of)

            yield step

    return shown()
