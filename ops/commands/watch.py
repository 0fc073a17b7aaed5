"""The command that watches a folder for exports and imports each as it comes."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from domain.errors import Unavailable
from ops import exits
from ops.commands.shell import DataOption, say, settings_of


def register(app: typer.Typer) -> None:
    """Adds this module's commands."""
    app.command()(watch)


def watch(
    ctx: typer.Context,
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Where exports are put.")],
    mapping: Annotated[
        Path | None, typer.Option(metavar="FILE.toml", help="How spreadsheets are read; see docs/mappings.md.")
    ] = None,
    every: Annotated[float, typer.Option(min=0.2, help="Seconds between two looks.")] = 5.0,
    once: Annotated[
        bool, typer.Option("--once", help="Import what lies there and is complete, then end.")
    ] = False,
    data: DataOption = None,
) -> None:
    """Import every spreadsheet and file of portal records that is put into a folder, once it is complete.

    Files go to FOLDER/done or FOLDER/rejected with a report beside them. Killed at any moment, it goes on where
    it was: the same file twice is no event. Ctrl-C ends it after the file at work, twice at once.
    """
    from ops.watching import FolderWatch, importer

    settings = settings_of(ctx, data)
    watched = FolderWatch(folder, importer(settings, mapping))
    stop = threading.Event()
    rounds = 0
    with _ended_after_the_file_at_work(stop):
        while not stop.is_set():
            try:
                for moved in watched.poll(stop.is_set):
                    say(
                        f"{'imported' if moved.usable else 'REJECTED'}: {moved.path.name} (report: {moved.report})"
                    )
            except Unavailable as error:
                say(f"waiting: {error}")
                if once:
                    raise
            rounds += 1
            if once and rounds > 1:
                break
            stop.wait(every)
    if stop.is_set():
        say("stopped watching")
    raise typer.Exit(exits.HOLDS)


@contextmanager
def _ended_after_the_file_at_work(stop: threading.Event) -> Iterator[None]:
    """Inside the block the first Ctrl-C only asks: an import that it interrupts would keep what it had read and
    count as done."""

    def ask(number: int, frame: object) -> None:
        del frame
        signal.signal(number, previous)
        stop.set()

    previous = signal.signal(signal.SIGINT, ask)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, previous)
