"""Commands that run things: up, down, status, part, test."""

from typing import Annotated

import typer

from ops.commands.shell import DataOption, JsonOption, print_json, say, settings_of, shell_of

PartsOption = list[str] | None
THROUGH = {"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []}


def register(app: typer.Typer) -> None:
    """Adds this module's commands."""
    app.command()(up)
    app.command()(down)
    app.command()(status)
    app.command()(part)
    app.command(context_settings=THROUGH)(test)


def up(
    ctx: typer.Context,
    data: DataOption = None,
    clock: Annotated[
        str | None, typer.Option(help="wall (default), log (the latest event), or an instant such as 2026-08-31.")
    ] = None,
    port: Annotated[int | None, typer.Option(help="The API's port. Default: 8766, or the next free one.")] = None,
    host: Annotated[str | None, typer.Option(help="The address the API listens on. Default: 127.0.0.1.")] = None,
    time_zone: Annotated[
        str | None, typer.Option(help="The province's time zone, fixed at the first start (Asia/Ho_Chi_Minh).")
    ] = None,
    root: Annotated[
        str | None, typer.Option(help="The code of the unit at the top, fixed at the first start (H44).")
    ] = None,
    demo: Annotated[
        bool, typer.Option("--demo", help="Stream a simulated province into ./demo-data (or --data).")
    ] = False,
    only: Annotated[PartsOption, typer.Option(help="Run only these parts; comma-separated or repeated.")] = None,
    without: Annotated[
        PartsOption, typer.Option("--except", help="Run all but these parts; comma-separated or repeated.")
    ] = None,
) -> None:
    """Start everything and keep it running; Ctrl-C stops it.

    Prints the board's address and a development key when all parts are ready.
    """
    from ops.settings import DEFAULT_DATA, DEMO_DATA
    from ops.up import run_stack

    given = {"clock": clock, "port": port, "host": host, "time_zone": time_zone, "root": root}
    settings = settings_of(ctx, data, DEMO_DATA if demo else DEFAULT_DATA, **given)
    environ = shell_of(ctx).environ
    raise typer.Exit(run_stack(settings, environ, only=_names(only), without=_names(without), demo=demo))


def down(ctx: typer.Context, data: DataOption = None) -> None:
    """Stop the stack that runs on the data folder, and wait until it has ended."""
    from ops.up import stop_stack

    settings = settings_of(ctx, data)
    say("stopped" if stop_stack(settings.data) else f"nothing runs on {settings.data}")


def status(ctx: typer.Context, data: DataOption = None, as_json: JsonOption = False) -> None:
    """Show each part, how far it lags, and positions. Exit 1 when something is red."""
    from ops.status import print_status, read_status

    found = read_status(settings_of(ctx, data))
    if as_json:
        print_json(found)
    else:
        print_status(found)
    raise typer.Exit(1 if found["status"] == "red" else 0)


def part(
    ctx: typer.Context,
    name: Annotated[
        str, typer.Argument(help="broker, store, migrate, writer, worker, api, notifier: what a container runs.")
    ],
    data: DataOption = None,
) -> None:
    """Run one part in the foreground, as a container does; everything else comes from GS766_* variables.

    An existing Kafka: GS766_KAFKA_BOOTSTRAP, GS766_KAFKA_SECURITY_PROTOCOL, GS766_KAFKA_SASL_USERNAME …
    An existing ClickHouse: GS766_CLICKHOUSE_HOST, GS766_CLICKHOUSE_WRITER_PASSWORD …
    """
    from ops.part import run_part

    shell = shell_of(ctx)
    raise typer.Exit(run_part(name, shell.environ, data or shell.data))


def test(ctx: typer.Context) -> None:
    """Install what the tests need and run the whole suite; further arguments go to pytest."""
    from ops.testing import run_tests

    raise typer.Exit(run_tests(ctx.args, shell_of(ctx).environ))


def _names(given: PartsOption) -> tuple[str, ...]:
    return tuple(name.strip() for text in given or () for name in text.split(",") if name.strip())
