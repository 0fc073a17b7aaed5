"""Reconcile beside a log's copy that is still being written."""

from pathlib import Path
from typing import Any

from domain.instants import Zone
from ops.reconciling import reconcile
from sinks.positions import COMPLETE, EVENTS, Position, write_positions
from stream.partition import FoldConfig
from tests.integration.api.folded_store import embedded_store, fold_into, record

ZONE = Zone("Asia/Ho_Chi_Minh")
NOW = 1_785_000_000_000
_COLUMNS = "topic, partition, offset, appended_at, known_at, origin, value"


class Late:
    """The writer's client, in whose store the log's last records come with the third look for its end."""

    def __init__(self, client: Any, rows: list[Any]) -> None:
        self._client, self._rows, self.looks = client, rows, 0

    def execute(self, sql: str, *args: Any, **more: Any) -> Any:
        if "SELECT max(offset) FROM records" in sql:
            self.looks += 1
            if self.looks == 3:
                self._client.execute(f"INSERT INTO records ({_COLUMNS}) VALUES", self._rows)
        return self._client.execute(sql, *args, **more)

    def execute_iter(self, *args: Any, **more: Any) -> Any:
        return self._client.execute_iter(*args, **more)


def test_records_that_come_after_their_figures_are_waited_for(tmp_path: Path) -> None:
    data = {"unit": "H44.1", "procedure": "2.000815", "channel": "online"}
    records = [record(n, NOW + n, "dossier.accepted", f"D{n}", NOW, data) for n in range(4)]
    with embedded_store(tmp_path) as connect:
        client = connect("writer")
        fold_into(client, tmp_path, records, ZONE)
        rows = client.execute(f"SELECT {_COLUMNS} FROM records WHERE offset >= 2")
        client.execute("ALTER TABLE records DELETE WHERE offset >= 2 SETTINGS mutations_sync = 2")
        reached = Position(COMPLETE, EVENTS, 0, 1, to_offset=3, known_at=NOW, clock=NOW, log_id="log")
        write_positions(client, [reached], 1, NOW)
        late = Late(client, rows)
        report = reconcile(late, 1, lambda p: FoldConfig(p, 1, ZONE, 1, "log", "test"), 1)
    assert late.looks >= 3
    assert (report.verdict, report.reason) == ("holds", "")
