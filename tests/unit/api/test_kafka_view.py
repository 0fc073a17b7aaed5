"""Health does not wait for a Kafka that stands still."""

import threading
from pathlib import Path

import pytest

from api import probes
from api.config import ApiConfig, StoreConfig
from api.feed import ACTS, EVENTS
from api.probes import KafkaView
from eventlog.config import KafkaConfig
from tests.support.waiting import until


class Reader:
    """Answers when it is let go on, as a stopped broker does after SIGCONT."""

    goes_on = threading.Event()

    def __init__(self, _config: KafkaConfig, _topic: str) -> None:
        self.goes_on.wait(30)

    def end_offsets(self) -> dict[int, int]:
        return {0: 7}

    def close(self) -> None:
        """Nothing is open."""


def test_a_broker_that_stands_still_is_told_at_once_and_forgotten_when_it_answers(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(probes, "LogReader", Reader)
    monkeypatch.setattr(probes, "read_log_id", lambda _config, _topic: "an id")
    monkeypatch.setattr(probes, "PATIENCE_SECONDS", 0.01)
    view = KafkaView(ApiConfig(KafkaConfig("127.0.0.1:1"), StoreConfig(), tmp_path))
    view.refresh(1_000)
    assert view.error == "it has not answered for 1 s"
    view.refresh(9_000)
    assert view.error == "it has not answered for 9 s"
    Reader.goes_on.set()

    def answered() -> bool:
        view.refresh(9_001)
        return view.error is None and view.ends == {EVENTS: {0: 7}, ACTS: {0: 7}}

    until(answered, "the answer")
    view.close()
