"""Commands that keep the truth safe: backup, restore, restore-drill."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from domain.errors import InvalidInput, Unavailable
from ops.commands.rebuild import CODES
from ops.commands.shell import DataOption, JsonOption, print_facts, print_json, say, settings_of, shell_of

if TYPE_CHECKING:
    from ops.backup.verifying import Verdict
    from ops.settings import Settings

Step = Callable[[str, int, int | None], None]
VERIFY, SCRUB = "verify", "scrub"
WORDS = {"holds": "holds", "fails": "DOES NOT HOLD", "cannot_tell": "cannot tell"}
KeysOption = Annotated[
    Path | None,
    typer.Option("--keys", metavar="FOLDER", help="The folder with the copy of the keys; never the backup's."),
]


def register(app: typer.Typer) -> None:
    """Adds this module's commands."""
    app.command()(backup)
    app.command()(restore)
    app.command("restore-drill")(restore_drill)


def backup(
    ctx: typer.Context,
    folder: Annotated[
        str, typer.Argument(metavar="FOLDER", help="Where to; a former backup there is brought up to now.")
    ],
    verified: Annotated[Path | None, typer.Argument(metavar="", hidden=True)] = None,
    keys: KeysOption = None,
    as_json: JsonOption = False,
    data: DataOption = None,
) -> None:
    """Copy both logs and what cannot be rebuilt from them into FOLDER; `gs766 backup verify FOLDER` checks one,
    `gs766 backup scrub FOLDER` takes out of one what was erased since it was made.

    Later backups into the same folder add what is new. Works while the stack runs. Keys that hash identifiers are
    not in it: --keys copies them into a folder of their own, on another medium.
    """
    if verified is not None:
        if folder == SCRUB:
            _scrub(settings_of(ctx, data), verified, keys, as_json)
            return
        if folder != VERIFY:
            raise InvalidInput("give one folder: `gs766 backup FOLDER`, or `gs766 backup verify FOLDER`")
        _verify(verified, as_json)
    if folder in (VERIFY, SCRUB):
        raise InvalidInput(f"which backup? `gs766 backup {folder} FOLDER` (a folder of that name: ./{folder})")
    from ops.backup.taking import take_backup
    from ops.deeds import note_deed

    settings = settings_of(ctx, data)
    target = Path(folder).expanduser().absolute()
    with _disk_errors(), _progress() as step:
        taken = take_backup(settings, target, _folder(keys), shell_of(ctx).environ, say, step)
    manifest = taken.manifest
    note_deed(
        settings, "backup_taken", "backup", number=manifest.number, records=manifest.records, keys=bool(taken.keys)
    )
    facts = {
        "folder": str(target),
        "number": manifest.number,
        "made_at": manifest.made_at,
        "records": manifest.records,
        "new_records": taken.new_records,
        "new_bytes": taken.new_bytes,
        "files": len(manifest.segments) + len(manifest.files),
        "keys": taken.keys,
    }
    if as_json:
        print_json(facts)
    else:
        print_facts({name.replace("_", " "): value for name, value in facts.items()})
    if taken.keys is None:
        say("key files are not in it: copy them with --keys FOLDER onto another medium, see docs/backup.md")


def restore(
    ctx: typer.Context,
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="The backup.")],
    keys: KeysOption = None,
    as_json: JsonOption = False,
    data: DataOption = None,
) -> None:
    """Bring a backup back onto an empty data folder: the same log, offset by offset; then start it with `up`."""
    from ops.backup.restoring import restore_backup
    from ops.deeds import note_deed

    shell = shell_of(ctx)
    target = data or shell.data
    if target is None:
        raise InvalidInput("say where to: `gs766 restore FOLDER --data NEWDIR`, an empty or a new folder")
    with _disk_errors(), _progress() as step:
        done = restore_backup(_there(folder), target.expanduser(), _folder(keys), shell.environ, say, step)
    found = done.manifest
    note_deed(
        done.settings, "backup_restored", "backup",
        number=found.number, made_at=found.made_at, records=found.records,
    )  # fmt: skip
    facts = {
        "data": str(done.settings.data),
        "records": done.manifest.records,
        "log_ids": done.manifest.log_ids,
        "backup_made_at": done.manifest.made_at,
        "missing_keys": list(done.missing_keys),
    }
    if as_json:
        print_json(facts)
    else:
        print_facts({name.replace("_", " "): value for name, value in facts.items()})
    if done.missing_keys:
        say(
            f"the keys {', '.join(done.missing_keys)} are not in {done.settings.identifier_key_file}: bring that "
            "file back before the first event arrives, or the same person gets other hashes from now on"
        )
    say(f"start it with `gs766 up --data {done.settings.data}`: derived rows are then folded from the log")


def restore_drill(
    ctx: typer.Context,
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="The backup.")],
    keys: KeysOption = None,
    scratch: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Where the passing copy lies. Default: the system's temporary folder."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Prove that a backup can be restored: bring it back elsewhere, run it, compare every record and row.

    Nothing is sent to anybody, and nothing is left behind. Exit 0 when all agrees, 1 when not, 3 cannot tell.
    """
    from ops.backup.drill import run_drill

    with _disk_errors(), _progress() as step:
        verdict = run_drill(_there(folder), _folder(keys), _folder(scratch), shell_of(ctx).environ, say, step)
    _finish(verdict, as_json)


def _verify(folder: Path, as_json: bool) -> None:
    from ops.backup.verifying import verify_backup

    with _disk_errors(), _progress() as step:
        verdict = verify_backup(_there(folder), step)
    _finish(verdict, as_json)


def _scrub(settings: "Settings", folder: Path, keys: Path | None, as_json: bool) -> None:
    from ops.commands.erase import scrub

    with _disk_errors():
        facts = scrub(settings, [_there(folder)], [keys] if keys is not None else [])
    if as_json:
        print_json(facts)
    else:
        print_facts({name.replace("_", " "): value for name, value in facts.items()})


def _finish(verdict: "Verdict", as_json: bool) -> None:
    if as_json:
        print_json(verdict.to_json())
    else:
        for found in verdict.differences:
            print(f"{found.file}: {found.what}: expected {found.expected!r}, found {found.found!r}")
        print(f"checked: {', '.join(f'{n} {what}' for what, n in verdict.checked.items() if n) or 'nothing'}")
        print_facts({name.replace("_", " "): value for name, value in verdict.more.items()})
        if verdict.reason:
            print(verdict.reason)
        print(WORDS[verdict.verdict])
    raise typer.Exit(CODES[verdict.verdict])


def _folder(path: Path | None) -> Path | None:
    return None if path is None else path.expanduser().absolute()


def _there(folder: Path) -> Path:
    found = folder.expanduser().absolute()
    if not found.is_dir():
        raise InvalidInput(f"there is no folder {folder}")
    return found


@contextmanager
def _disk_errors() -> Iterator[None]:
    """A full or missing disk in a person's words."""
    try:
        yield
    except OSError as error:
        where = f" ({error.filename})" if error.filename else ""
        raise Unavailable(f"the disk does not take or give it{where}: {error.strerror or error}") from error


@contextmanager
def _progress() -> Iterator[Step]:
    """Bars on a terminal; silent elsewhere."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), disable=not sys.stderr.isatty()) as progress:
        tasks: dict[str, TaskID] = {}

        def step(what: str, n: int, total: int | None) -> None:
            if what not in tasks:
                tasks[what] = progress.add_task(what, total=total)
            progress.advance(tasks[what], n)

        yield step
