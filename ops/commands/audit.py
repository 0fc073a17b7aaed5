"""`gs766 audit`: an auditor's questions. What cannot be proven is answered so: cannot tell."""

from typing import Annotated

import typer

from ops import exits
from ops.commands.shell import DataOption, JsonOption, print_json, say, settings_of

QUESTIONS = (
    "who-knew",
    "as-shown",
    "figure",
    "moved-due",
    "backdated",
    "verify",
    "completeness",
    "too-early",
    "apologies",
    "controls",
)
"""The ten questions of an auditor (users.md §D)."""
_WHY = "this release does not answer it yet; `gs766 verify` tells whether the logs are what was sealed"


def register(app: typer.Typer) -> None:
    """Adds this module's commands."""
    app.command()(audit)


def audit(
    ctx: typer.Context,
    question: Annotated[str, typer.Argument(help=", ".join(QUESTIONS))],
    subject: Annotated[str | None, typer.Argument(help="A dossier, unit or report, as the question asks.")] = None,
    as_json: JsonOption = False,
    data: DataOption = None,
) -> None:
    """An auditor's question, with proof. Exit 3: without seals it cannot tell."""
    settings_of(ctx, data)
    if question not in QUESTIONS:
        raise typer.BadParameter(f"'{question}' is not one of {', '.join(QUESTIONS)}")
    del subject
    _cannot_tell(as_json)


def _cannot_tell(as_json: bool) -> None:
    if as_json:
        print_json({"verdict": "cannot_tell", "checked": {}, "differences": [], "reason": _WHY})
    else:
        say(f"cannot tell: {_WHY}")
    raise typer.Exit(exits.CANNOT_TELL)
