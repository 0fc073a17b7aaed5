"""A store that an older release of the engine wrote, opened by the one that is installed.

pip install --no-deps --target OLD chdb-core==26.5.0
OLD_CHDB=OLD .venv/bin/python -m pytest tests/integration/embedded/test_upgrade.py
"""

import os
from pathlib import Path

import pytest
from clickhouse_driver import Client

from domain.instants import Zone
from sinks.clickhouse import connect
from sinks.migrations.m0002_rows import TARGETS
from sinks.schema import migrate
from tests.integration.api.folded_store import fold_into, record
from tests.support.ready_store import embedded_address

OLD = os.environ.get("OLD_CHDB", "")
NOW = 1_785_000_000_000
SAID = {"unit": "H44.1", "procedure": "2.000815", "channel": "online", "due_at": "2026-08-30T17:00:00+07:00"}


def contents(client: Client) -> dict[str, list[str]]:
    tables = (*TARGETS, "records", "events")
    return {t: sorted(map(repr, client.execute(f"SELECT * FROM {t} FINAL"))) for t in tables}


@pytest.mark.skipif(not OLD, reason="OLD_CHDB names no folder with an older chdb-core")
def test_a_store_of_an_older_engine_is_read_written_and_merged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    story = [
        record(
            n, NOW + n * 1000, f"dossier.{verb}", f"D{n // 2}", NOW + n * 500, SAID if verb == "accepted" else {}
        )
        for n, verb in enumerate(("accepted", "finished") * 100)
    ]
    monkeypatch.setenv("PYTHONPATH", OLD)
    with embedded_address(tmp_path) as writer:
        migrate(writer)
        with connect(writer, database="gs766") as client:
            [(engine,)] = client.execute("SELECT version()")
            fold_into(client, tmp_path, story, Zone("Asia/Ho_Chi_Minh"), batch_size=50)
            written = contents(client)
    monkeypatch.delenv("PYTHONPATH")
    with embedded_address(tmp_path) as writer:
        assert migrate(writer) == ()
        with connect(writer, database="gs766") as client:
            assert client.execute("SELECT version()") != [(engine,)]
            assert contents(client) == written
            client.execute("INSERT INTO dossiers SELECT * FROM dossiers LIMIT 5")
            for table in TARGETS:
                client.execute(f"OPTIMIZE TABLE {table} FINAL")
            assert contents(client) == written
