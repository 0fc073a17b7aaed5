"""What must stand before anything else runs: topics with the right settings, tables of this release."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

from domain.instants import to_millis
from ops.addresses import kafka_config, store_target
from ops.settings import Settings


def prepare(settings: Settings) -> None:
    """Makes or checks the topics and brings the tables up to this release; may be repeated at any time.

    Refused when a topic differs from what keeps the log safe, Unavailable when Kafka or the store is away.
    """
    with ThreadPoolExecutor(2) as pool:
        for task in [pool.submit(_topics, settings), pool.submit(_tables, settings)]:
            task.result()


def _topics(settings: Settings) -> None:
    from eventlog.topics import ensure_topics

    now = to_millis(datetime.now(UTC))
    ensure_topics(kafka_config(settings), now, settings.partitions)


def _tables(settings: Settings) -> None:
    from sinks.schema import migrate

    migrate(store_target(settings, "writer"), settings.clickhouse.database)
