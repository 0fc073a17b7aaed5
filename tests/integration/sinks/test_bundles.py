"""Evidence bundles: the copied verifier alone accepts them, and rejects them after any change."""

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from clickhouse_driver import Client
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.blocks import partition_of
from eventlog.config import KafkaConfig
from eventlog.topics import ensure_topics
from sinks.sealing.bundles import make_bundle
from sinks.sealing.chain import CheckpointFile
from sinks.sealing.config import SealConfig
from sinks.sealing.offline import verify_bundle
from sinks.sealing.proofs import Coordinates, Proofs
from tests.integration.sinks.test_sealing import NOW, PARTITIONS
from tests.support.sealing import add_dossiers, fill, seal_all, seal_config

CODE = "H44.100-7"


@pytest.fixture
def config(
    kafka: KafkaConfig, store_address: dict[str, Any], database: str, client: Client, tmp_path: Path
) -> SealConfig:
    """Twenty dossiers, sealed, the day closed."""
    ensure_topics(kafka, NOW, PARTITIONS)
    add_dossiers(kafka, 0, 20, PARTITIONS)
    sealed = seal_config(tmp_path, kafka, store_address, database)
    sealed.folder.mkdir(parents=True)
    sealed.close_request.touch()
    seal_all(sealed)
    fill(sealed, client)
    return sealed


def places(client: Client) -> list[Coordinates]:
    sql = "SELECT partition, offset, `index` FROM events FINAL WHERE subject = %(code)s"
    return [Coordinates("dossier-events", *row) for row in client.execute(sql, {"code": CODE})]


def bundle(config: SealConfig, events: list[Coordinates]) -> bytes:
    subject = ("dossier-events", partition_of(CODE, PARTITIONS), "dossier", CODE)
    return make_bundle(
        config,
        kind="dossier",
        about=CODE,
        made_at="2026-08-20T00:00:00Z",
        events=events,
        subjects=[subject],
        files={"bien_ban.html": "<p>Biên bản</p>".encode()},
    )


def run_alone(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """The verifier copied alone to an empty folder."""
    folder.mkdir()
    shutil.copy(str(verify_bundle.__file__), folder / "verify_bundle.py")
    command = [sys.executable, "-I", "verify_bundle.py", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True)


def test_a_bundle_holds_for_the_verifier_alone_and_after_no_change(
    config: SealConfig, client: Client, tmp_path: Path
) -> None:
    data = bundle(config, places(client))
    file = tmp_path / "bundle.zip"
    file.write_bytes(data)
    done = run_alone(tmp_path / "empty", str(file), "--outside", str(config.outside))
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.endswith("ĐẠT\n")
    assert "3 sự kiện đến hết" in done.stdout
    other = tmp_path / "other.jsonl"
    other.write_bytes(b"")
    assert run_alone(tmp_path / "second", str(file), "--outside", str(other)).returncode == 3

    # A bundle that leaves an event of the dossier out is not whole.
    with pytest.raises(verify_bundle.Wrong, match="not all here"):
        verify_bundle.check_bundle(bundle(config, places(client)[1:]))

    @settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(at=st.integers(0, len(data) - 1), flip=st.integers(1, 255))
    def any_change_is_noticed(at: int, flip: int) -> None:
        changed = bytearray(data)
        changed[at] ^= flip
        with pytest.raises(verify_bundle.Wrong):
            verify_bundle.check_bundle(bytes(changed))

    any_change_is_noticed()


def test_proofs_of_consistency_and_of_what_is_not_sealed(config: SealConfig, client: Client) -> None:
    add_dossiers(config.kafka, 100, 5, PARTITIONS)
    proofs = Proofs(config)
    seal_all(config)
    last = CheckpointFile(config.checkpoints).last()
    assert last is not None
    found = proofs.consistency(1, last.checkpoint().number)
    assert {(t["log"], t["partition"]) for t in found["trees"]} == {
        ("dossier-events", 0),
        ("dossier-events", 1),
        ("alert-log", 0),
    }
    (proof,) = list(proofs.events(places(client)[:1]))
    assert proof.event.startswith("{")
