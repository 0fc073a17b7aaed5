"""Assembles the API: the one place that knows the concrete parts; the order of routes can be read here."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import replace

from fastapi import FastAPI, Request, Response
from fastapi.routing import APIRoute

from api import figures as figure_services
from api import problem_answers
from api.acts import Acts
from api.alerts import receipt_routes, recipient_routes
from api.alerts import routes as alert_routes
from api.config import ApiConfig, fixed_clock
from api.context import Contexts
from api.due_acts import DueActs
from api.feed import Moments, StoreFeed
from api.keys import KeyStore
from api.messaging import routes as message_routes
from api.pool import open_pool
from api.probes import Prober
from api.reads import record_reading
from api.routes import (
    audit,
    bundles,
    comparing,
    figures,
    intake,
    patterns,
    portal,
    questions,
    reads,
    steering,
    system,
)
from api.services import Services
from api.stream import Hub
from domain.errors import Unavailable
from domain.instants import Millis, zone
from domain.periods import parse_instant
from eventlog.writer import LogWriter, WriterSettings
from producers.edge import Edge
from producers.keys import IdentifierKeys
from producers.memory import Memory
from sinks.queries.live import dossiers_now
from sinks.queries.reader import Reader

WATCHERS = 3
"""Connections of the watcher, health, and positions for requests."""
Open = Callable[[ApiConfig], Services]
_DESCRIPTION = """
Event-sourced monitoring of administrative dossiers (QĐ 766/QĐ-TTg).

Send a key as `Authorization: Bearer gs766_…`; from the server itself reading needs none. Errors are
`application/problem+json` and say what to do. Times are RFC 3339; a date as an instant means the end of that day
in the province's zone. Every figure names its generation and positions, and can be asked *as of* an instant and
*as known at* an instant. Lists come in pages: give `next` back as `cursor`.
"""


def wall() -> Millis:
    """The present."""
    return time.time_ns() // 1_000_000


def open_services(config: ApiConfig) -> Services:
    """The real parts: store pool, log writer with its spool, key file, prober."""
    keys = KeyStore(config.private)
    pool = open_pool(config.store)
    # Apart from the figures' connections: a slow question must not make health red or the stream late.
    watch_pool = open_pool(replace(config.store, pool=WATCHERS))
    feed = StoreFeed(watch_pool, config.partitions)
    log = LogWriter(
        WriterSettings(
            config.kafka, config.kafka.events, config.partitions, spool=config.spool, quota=config.spool_quota
        )
    )
    prober = Prober(config, feed)
    moments = Moments(feed.moment, lambda: time.monotonic_ns() // 1_000_000)

    def units_of_dossiers(codes: Sequence[str]) -> Mapping[str, str]:
        with suppress(Unavailable), pool.client() as client:
            reader = Reader(client, moments.current().vector.generation)
            return {code: unit for code, unit, *_ in dossiers_now(reader, codes)}
        return {}

    imports = Memory(config.imports)
    identifiers = IdentifierKeys(config.identifier_keys, zone(config.zone), wall)

    def close() -> None:
        prober.close()
        imports.close()
        log.close()
        pool.close()
        watch_pool.close()
        keys.close()

    return Services(
        config=config,
        zone=zone(config.zone),
        keys=keys,
        log=log,
        acts=Acts(log, config.kafka.alerts, keys, DueActs(config.private), identifiers.all_keys, config.visitors),
        moments=moments,
        hub=Hub(feed, watch_ms=config.watch_ms, max_clients=config.max_streams, on_moment=moments.learn),
        figures=figure_services,
        context=Contexts(pool),
        probe=prober,
        units_of_dossiers=units_of_dossiers,
        edge=Edge(identifiers, applicants=config.applicants),
        imports=imports,
        close=close,
    )


def create_app(config: ApiConfig, open_parts: Open = open_services) -> FastAPI:
    """The API as an ASGI app; the parts are opened when it starts and closed when it ends.

    Raises InvalidInput for a clock or a zone that is none. Further routers may be included before it starts:
    they reach the parts by `api.services.services_of`.
    """
    province = zone(config.zone)
    fixed = fixed_clock(config)
    if fixed is not None:
        parse_instant(fixed, province)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        services = await asyncio.to_thread(open_parts, config)
        app.state.services = services
        if config.development_key:
            services.keys.ensure_development_key(config.development_key, services.wall())
        services.acts.flush_keys()
        watcher = asyncio.create_task(services.hub.run())
        try:
            yield
        finally:
            services.hub.close()
            watcher.cancel()
            with suppress(asyncio.CancelledError):
                await watcher
            await asyncio.to_thread(services.close)

    app = FastAPI(
        title="Giám Sát 766",
        version="1",
        description=_DESCRIPTION,
        lifespan=lifespan,
        redirect_slashes=False,
        # The pages that draw a description fetch their scripts from outside addresses.
        docs_url=None,
        redoc_url=None,
        generate_unique_id_function=lambda route: route.name,
    )
    problem_answers.install(app)
    app.middleware("http")(_measure)
    app.include_router(intake.router)
    app.include_router(portal.router)
    app.include_router(figures.router)
    app.include_router(steering.router)
    app.include_router(audit.router)
    app.include_router(bundles.router)
    app.include_router(questions.router)
    app.include_router(reads.router)
    app.include_router(patterns.router)
    app.include_router(comparing.router)
    app.include_router(alert_routes.router)
    app.include_router(message_routes.router)
    app.include_router(recipient_routes.router)
    app.include_router(receipt_routes.router)
    app.include_router(system.router)
    return app


async def _measure(request: Request, call_next: Callable[[Request], "asyncio.Future[Response]"]) -> Response:
    """Counts requests by route and status class, and records who read what."""
    began = time.perf_counter()
    response = await call_next(request)
    services: Services | None = getattr(request.app.state, "services", None)
    if services is not None:
        route = request.scope.get("route")
        name = route.path if isinstance(route, APIRoute) else "other"
        services.counters.add("gs766_requests_total", route=name, status=f"{response.status_code // 100}xx")
        services.counters.add("gs766_request_seconds_sum", time.perf_counter() - began, route=name)
        if response.status_code < 400:
            await asyncio.to_thread(record_reading, request, services)
    return response
