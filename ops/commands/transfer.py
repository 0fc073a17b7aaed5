"""Commands that bring events in: import, simulate."""

import typer


def register(app: typer.Typer) -> None:
    """Adds this module's commands."""
    del app
