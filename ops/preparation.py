"""What must stand before anything else runs: topics with the right settings, tables of this release."""

import logging
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from domain.errors import Refused, Unavailable
from domain.instants import to_millis
from ops.addresses import kafka_config, store_target
from ops.settings import Settings, record

if TYPE_CHECKING:
    from stream.runner import WorkerConfig

log = logging.getLogger(__name__)


def prepare(settings: Settings) -> None:
    """Makes or checks the topics and brings the tables up to this release; may be repeated at any time.

    Refused when a topic differs from what keeps the log safe, Unavailable when Kafka or the store is away.
    """
    record(settings)
    with ThreadPoolExecutor(2) as pool:
        for task in [pool.submit(_topics, settings), pool.submit(_tables, settings)]:
            task.result()
    _generation(settings)


def check_rules(store: str | Mapping[str, Any], config: "WorkerConfig") -> None:
    """Refused when the generation that a worker is to fill was begun by other rules or on another log.

    Its state says so too, but not when that was lost: folded anew by today's rules it would go on adding rows to
    those of other ones. A store that is away is not waited for: what is folded meanwhile stays in Kafka.
    """
    from sinks import generations
    from sinks.clickhouse import connect

    try:
        with connect(store) as client:
            known = generations.generation(client, config.generation)
    except Unavailable as error:
        log.warning("the rules of generation %s are not compared with the store's: %s", config.generation, error)
        return
    if known and not known.is_of(config.fingerprint, config.log_id):
        raise Refused(
            f"the rows of generation {config.generation} were folded by other rules or from another log "
            f"({known.fingerprint}; now {config.fingerprint}): run gs766 rebuild"
        )


def _topics(settings: Settings) -> None:
    from eventlog.topics import ensure_topics

    now = to_millis(datetime.now(UTC))
    ensure_topics(kafka_config(settings), now, settings.partitions)


def _tables(settings: Settings) -> None:
    from sinks.schema import migrate

    migrate(store_target(settings, "writer"), settings.clickhouse.database)


def _generation(settings: Settings) -> None:
    """Begins and activates the first generation; says when the active one was folded by other rules."""
    from ops.configs import worker_config
    from ops.switching import settle
    from sinks import generations
    from sinks.clickhouse import connect

    settle(settings)
    config = worker_config(settings)
    now = to_millis(datetime.now(UTC))
    with connect(store_target(settings, "writer")) as client:
        known = generations.generation(client, config.generation)
        if known is None:
            generations.begin(client, config.generation, config.fingerprint, config.log_id, now)
            if generations.active_generation(client) is None:
                generations.activate(client, config.generation, now)
        elif not known.is_of(config.fingerprint, config.log_id):
            log.warning(
                "the rows of generation %s were folded by other rules or from another log: run gs766 rebuild",
                config.generation,
            )
