"""The plain driver: the same fold without Faust, one process over given partitions. Used by rebuilds and tests."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

from domain.errors import Unavailable
from eventlog.config import KafkaConfig, kafka_errors
from eventlog.producer import close_producer, open_producer
from stream.collector import collecting_rarely
from stream.partition import Batch
from stream.runner import Emit, PartitionRunner, WorkerConfig

ACK_TIMEOUT_MS = 30_000


@contextmanager
def emitting(config: KafkaConfig) -> Iterator[Emit]:
    """An `Emit` over kafka-python's producer; Unavailable when an acknowledgement does not come."""
    producer: Any = open_producer(config, ACK_TIMEOUT_MS)

    def emit(partition: int, values: Sequence[bytes]) -> None:
        with kafka_errors("writing changes"):
            futures = [producer.send(config.changes, value, partition=partition) for value in values]
            producer.flush(timeout=ACK_TIMEOUT_MS / 1000)
            for future in futures:
                if not future.succeeded():
                    raise Unavailable("Kafka did not acknowledge the changes") from future.exception

    try:
        yield emit
    finally:
        close_producer(producer, 5)


def fold_to_end(
    config: WorkerConfig,
    partitions: Iterable[int],
    stop: Callable[[], bool] | None = None,
    hear: Callable[[Batch], None] | None = None,
) -> None:
    """Folds the given partitions up to the present end of the log, then returns. `hear` gets every batch that was
    acknowledged, before it is committed."""
    with collecting_rarely(), emitting(config.kafka) as emit, ExitStack() as open_runners:
        for partition in partitions:
            runner = PartitionRunner(config, partition, emit, hear)
            open_runners.callback(runner.close)
            if not runner.catch_up(stop=stop):
                return
