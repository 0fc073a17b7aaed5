"""The API's process: the routes and the board under uvicorn, with a word when it listens."""

import asyncio
from collections.abc import Callable
from typing import Any

import uvicorn

from ops.configs import api_config
from ops.settings import Settings

CLOSE_SECONDS = 3
"""How long open streams may hold up the end."""


class _Server(uvicorn.Server):
    """Tells when it listens."""

    def __init__(self, config: uvicorn.Config, on_ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._on_ready = on_ready

    async def startup(self, sockets: Any = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._on_ready()


def serve(settings: Settings, on_ready: Callable[[str], None]) -> int:
    """Serves the API until SIGTERM or SIGINT; `on_ready` gets the address that this machine's commands use."""
    from api.app import create_app
    from dashboards.board.mount import mount_board
    from dashboards.papers.routes import mount_papers
    from ops.sheet_desk import SheetDesk

    served = api_config(settings)
    app = create_app(served)
    mount_papers(app)
    mount_board(app, served, SheetDesk(settings))
    config = uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        log_config=None,
        access_log=False,
        # Who asks from this machine is judged by the connection, not by what a header claims.
        proxy_headers=False,
        server_header=False,
        timeout_graceful_shutdown=CLOSE_SECONDS,
    )
    server = _Server(config, lambda: on_ready(address_of(settings, _bound_port(server))))
    asyncio.run(server.serve())
    return 0 if server.started else 1


def _bound_port(server: uvicorn.Server) -> int:
    """The port that the system gave where 0 was asked for."""
    port: int = server.servers[0].sockets[0].getsockname()[1]
    return port


def address_of(settings: Settings, port: int | None = None) -> str:
    """The API's address as seen from this machine."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(settings.host, settings.host)
    return f"http://{f'[{host}]' if ':' in host else host}:{port or settings.port}"
