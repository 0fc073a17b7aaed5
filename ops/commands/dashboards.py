"""`gs766 dashboards`: the Grafana dashboards, which are code here."""

import os
from typing import Annotated

import typer

from domain.errors import InvalidInput
from ops.commands.shell import DataOption, say, settings_of


def register(app: typer.Typer) -> None:
    """Adds this module's commands."""
    dashboards = typer.Typer(help="The Grafana dashboards, which are code here.", no_args_is_help=True)
    dashboards.callback()(_group)
    dashboards.command()(push)
    app.add_typer(dashboards, name="dashboards")


def _group() -> None:
    """Keeps `push` a command of its own."""


def push(
    ctx: typer.Context,
    url: Annotated[str, typer.Option(help="Grafana's address.")] = "http://127.0.0.1:3000",
    token: Annotated[
        str | None, typer.Option(help="A service account token; or in the environment, GS766_GRAFANA_TOKEN.")
    ] = None,
    datasource: Annotated[
        bool, typer.Option(help="Also make the data source, for the store that runs on this data folder.")
    ] = True,
    data: DataOption = None,
) -> None:
    """Make or replace folder, data source and dashboards in a running Grafana; prints their addresses."""
    try:
        import grafana_client  # noqa: F401
    except ImportError as error:
        raise InvalidInput(
            "grafana-client is not installed: use ./gs766, or pip install 'giamsat766[grafana]'"
        ) from error
    from dashboards.grafana.push import StoreAddress
    from dashboards.grafana.push import push as send

    settings = settings_of(ctx, data)
    store = None
    if datasource:
        from ops.addresses import store_target
        from ops.stack_file import require_stack

        reader = store_target(settings, "reader")
        port = require_stack(settings.data).store_http_port or 8123
        store = StoreAddress(reader["host"], port, reader["password"], reader["user"], reader["database"])
    for address in send(url, token or os.environ.get("GS766_GRAFANA_TOKEN", ""), store):
        say(address)
