"""What integration tests share: one broker a run, and topics of their own for each test."""

import os
import uuid
from collections.abc import Iterator

import pytest

from eventlog.config import KafkaConfig
from ops.kafka_local import local_broker


@pytest.fixture(scope="session")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The bootstrap address of a broker that lives as long as the run."""
    with local_broker(tmp_path_factory.mktemp("kafka"), environ=os.environ) as running:
        yield running.bootstrap


@pytest.fixture
def kafka(broker: str) -> KafkaConfig:
    """That broker under a prefix of the test's own, so that its topics are new."""
    return KafkaConfig(broker, prefix=f"t{uuid.uuid4().hex[:8]}-")
