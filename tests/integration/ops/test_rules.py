"""A worker and the rows of other rules: refused whatever its state remembers."""

from pathlib import Path

import pytest

from domain.errors import Refused
from domain.instants import Zone
from eventlog.config import KafkaConfig
from ops.preparation import check_rules
from sinks import generations
from sinks.clickhouse import connect
from sinks.schema import migrate
from stream.runner import WorkerConfig
from tests.support.ready_store import embedded_address


def test_a_worker_does_not_go_on_with_rows_of_other_rules_though_its_state_was_lost(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    config = WorkerConfig(KafkaConfig("127.0.0.1:1"), tmp_path / "state", Zone("Asia/Ho_Chi_Minh"), 2, "log")
    with embedded_address(tmp_path) as writer:
        target = {**writer, "database": "gs766"}
        migrate(writer)
        check_rules(target, config)
        with connect(target) as client:
            generations.begin(client, 1, "log=log;rules=1;zone=Asia/Ho_Chi_Minh", "log", 0)
            generations.begin(client, 2, config.fingerprint, "log", 0)
            check_rules(target, config)
            generations.begin(client, 3, "log=log;rules=1;zone=Asia/Ho_Chi_Minh", "log", 0)
        with pytest.raises(Refused, match=r"generation 3 .* other rules .*rules=1.* run gs766 rebuild"):
            check_rules(target, WorkerConfig(config.kafka, config.state_folder, config.zone, 3, "log"))
    check_rules(target, config)
    assert "not compared with the store" in caplog.text
