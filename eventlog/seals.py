"""The topic of signed checkpoints: a copy for whoever follows Kafka; the files are what counts."""

from typing import Any

from kafka import KafkaAdminClient, KafkaProducer
from kafka.errors import TopicAlreadyExistsError

from domain.errors import Refused
from eventlog.config import KafkaConfig, kafka_errors
from eventlog.reader import LogReader


class SealTopic:
    """One partition, kept for ever, made at the first use."""

    def __init__(self, config: KafkaConfig) -> None:
        self._config = config
        self._producer: Any = None

    def last(self) -> bytes | None:
        """The newest value; None when there is none yet."""
        self._make()
        with LogReader(self._config, self._config.checkpoints) as reader:
            end = reader.end_offsets([0])[0]
            found = reader.read_one(0, end - 1) if end else None
        return found.value if found is not None else None

    def publish(self, *values: bytes) -> None:
        """Acknowledged in order when it returns; Unavailable or Refused as Kafka answers."""
        with kafka_errors("publishing a checkpoint"):
            if self._producer is None:
                self._producer = KafkaProducer(**self._config.client(), acks="all", enable_idempotence=True)
            sent = [self._producer.send(self._config.checkpoints, value, partition=0) for value in values]
            for one in sent:
                one.get(30)

    def close(self) -> None:
        """Ends the connection."""
        producer, self._producer = self._producer, None
        if producer is not None:
            producer.close(5)

    def _make(self) -> None:
        name = self._config.checkpoints
        with kafka_errors("preparing the topic of checkpoints"):
            admin = KafkaAdminClient(**self._config.client())
            try:
                if name not in admin.list_topics():
                    brokers = len(admin.describe_cluster()["brokers"])
                    spec = {
                        "num_partitions": 1,
                        "replication_factor": 3 if brokers >= 3 else 1,
                        "configs": {"retention.ms": "-1", "retention.bytes": "-1", "cleanup.policy": "delete"},
                    }
                    admin.create_topics({name: spec})
                    admin.wait_for_topics([name])
            except TopicAlreadyExistsError:
                pass
            except KeyError as error:
                raise Refused(f"Kafka does not tell its brokers: {error}") from error
            finally:
                admin.close()
