"""`gs766`: the command line. Each command stands in `ops/commands/`; heavy imports happen inside commands."""

import logging
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated

import typer

from domain.errors import Gs766Error
from ops import exits
from ops.commands import (
    alert,
    alerts,
    audit,
    backup,
    bench,
    cold,
    comparing,
    dashboards,
    erase,
    events,
    figures,
    forecast,
    keys,
    letters,
    lists,
    quarantine,
    query,
    rebuild,
    recipients,
    report,
    run,
    seals,
    steering,
    transfer,
    watch,
    witness,
)
from ops.commands.shell import Shell, say
from ops.lifeline import unwound_by_signals

app = typer.Typer(
    name="gs766",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help="Giám Sát 766: watches administrative dossiers and computes the index of QĐ 766.\n\n"
    "Exit codes: 0 holds, 1 does not hold, 2 usage or bad input, 3 cannot tell, 4 the stack is not reachable.",
)
for module in (
    run,
    transfer,
    figures,
    comparing,
    steering,
    lists,
    forecast,
    alert,
    alerts,
    letters,
    events,
    keys,
    erase,
    query,
    rebuild,
    dashboards,
    backup,
    cold,
    bench,
    audit,
    seals,
    quarantine,
    recipients,
    report,
    watch,
    witness,
):
    module.register(app)


@app.callback()
def root(
    ctx: typer.Context,
    data: Annotated[
        Path | None,
        typer.Option(help="The data folder (also after the command; environment GS766_DATA; default ./data)."),
    ] = None,
) -> None:
    """Options before the command."""
    ctx.obj = Shell(environ=ctx.obj if isinstance(ctx.obj, Mapping) else dict(os.environ), data=data)


def main(arguments: Sequence[str] | None = None, environ: Mapping[str, str] | None = None) -> None:
    """Runs one command and exits with its code. A person's mistake is one line, never a traceback."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    environ = dict(os.environ if environ is None else environ)
    try:
        with unwound_by_signals():
            app(args=given, obj=environ, prog_name="gs766")
    except Gs766Error as error:
        say(str(error))
        sys.exit(exits.exit_code(error))
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenPipeError:
        # The reader of our output (head, less) has left: not an error, and nothing more can be said.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
    except Exception as error:
        sys.exit(_unexpected(error, _data_folder(given, environ)))


def _data_folder(given: Sequence[str], environ: Mapping[str, str]) -> Path:
    """The data folder that a command line names, wherever in it."""
    for n, word in enumerate(given):
        if word.startswith("--data="):
            return Path(word.partition("=")[2])
        if word == "--data" and n + 1 < len(given):
            return Path(given[n + 1])
    return Path(environ.get("GS766_DATA") or "data")


def _unexpected(error: Exception, data: Path) -> int:
    """Our own bug: the traceback goes into the log of the data folder, one line to the person."""
    folder = data / "logs"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handler = logging.FileHandler(folder / "commands.log", encoding="utf-8")
    except OSError:
        raise error from None
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    logger = logging.Logger("gs766")
    logger.addHandler(handler)
    logger.error("unexpected", exc_info=error)
    handler.close()
    say(f"unexpected {type(error).__name__}: {error}; details stand in {folder / 'commands.log'}")
    return exits.FAILS


if __name__ == "__main__":
    main()
