"""`gs766 witness`: a second authority that signs checkpoints again, and never two histories of one log."""

from pathlib import Path
from typing import Annotated

import typer

from ops.commands.shell import say


def register(app: typer.Typer) -> None:
    """Adds this module's command."""
    app.command()(witness)


def witness(
    folder: Annotated[Path, typer.Option(help="Its own folder: the key, and a file a log that only grows.")],
    name: Annotated[str, typer.Option(help="Whose signature it is, as bundles show it.")],
    trust: Annotated[
        list[str] | None,
        typer.Option(help="A signing key (hexadecimal) of which a first checkpoint is taken; repeatable."),
    ] = None,
    trust_first: Annotated[
        bool, typer.Option(help="Without --trust: take whatever comes first under a log's id.")
    ] = False,
    host: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="The port; 0 takes a free one.")] = 8766,
) -> None:
    """A witness for another authority's log, on its own machine and with its own key. Runs until it is ended.

    The sealer there is given this address (seal_push). Its operator publishes the key that is printed: with it
    `gs766 verify --witness KEY` and the offline verifier check the signatures. Behind a proxy for TLS.
    """
    from sinks.sealing.witness import Witness
    from sinks.sealing.witness_http import serve

    if not trust and not trust_first:
        raise typer.BadParameter("give --trust KEY (gs766 verify shows it there), or --trust-first")
    server = serve(Witness(folder, name, trust or ()), host, port)
    say(f"witness key {server.RequestHandlerClass.holder.key}")  # type: ignore[attr-defined]
    say(f"listening on http://{host}:{server.server_address[1]}")
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        say("ended")
    finally:
        server.server_close()
