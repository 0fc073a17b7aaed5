"""Runs the peers over a log, one after the other, and says of each whether its rows are the product's."""

import os
import subprocess
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

import msgspec
from kafka import KafkaAdminClient

from domain.errors import Unavailable
from eventlog.config import KafkaConfig, kafka_errors
from ops.bench.measure import Measure, rate
from ops.bench.peers.job import Answer, Job
from ops.bench.peers.rows import final_rows

ROOT = Path(__file__).resolve().parents[3]
PATIENCE_S = 3 * 3600


class Peer(NamedTuple):
    """An engine: its name, the module that folds in it, and under which guarantees."""

    name: str
    module: str
    conditions: str


PEERS = (
    Peer(
        "Quix Streams, the same fold",
        "ops.bench.peers.quix",
        "quixstreams 3.28: RocksDB and a changelog topic, at least once, checkpoints every 5 s; lacks: a document "
        "reaching dossiers folded before, one transaction of state and position",
    ),
    Peer(
        "Bytewax, the same fold",
        "ops.bench.peers.wax",
        "bytewax 0.21: state in memory, recovery in SQLite, epochs of 10 s, one worker; lacks: bounded memory, a "
        "document reaching dossiers folded before, one row for each version of a cell",
    ),
)


def contest(
    python: Path, kafka: KafkaConfig, folder: Path, log_id: str, ends: dict[int, int], events: int
) -> list[Measure]:
    """Every peer's rates; its rows are compared with those that the product has written to `changes`."""
    ours = final_rows(kafka, kafka.changes)
    found: list[Measure] = []
    for place, peer in enumerate(PEERS):
        output = f"bench-peer-{place}"
        job = Job(
            bootstrap=kafka.bootstrap,
            events=kafka.events,
            output=output,
            folder=str(folder / output),
            log_id=log_id,
            partitions=len(ends),
            ends=ends,
        )
        try:
            _make_topic(kafka, output, len(ends))
            answer = run(python, peer, job)
            same = _compared(ours, final_rows(kafka, output))
        except Unavailable as error:
            found += missing(str(error), [peer])
            continue
        said = f"{peer.conditions}; {answer.cpu / answer.seconds:.0%} of a core; {answer.state_mb:.0f} MB; {same}"
        found.append(rate(peer.name, events, answer.seconds, conditions=said))
        found.append(rate(f"{peer.name}, by CPU time", events, answer.cpu, conditions=said))
    return found


def missing(reason: str, peers: Sequence[Peer] = PEERS) -> list[Measure]:
    """The rows of peers that are not there, with the reason."""
    return [Measure(peer.name, None, "events/s", conditions=f"not measured: {reason}") for peer in peers]


def run(python: Path, peer: Peer, job: Job) -> Answer:
    """Folds the job in the peer; Unavailable when it fails, with the end of what it said."""
    environ = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "ignore"}
    done = subprocess.run(
        [str(python), "-m", peer.module],
        input=msgspec.json.encode(job),
        capture_output=True,
        env=environ,
        timeout=PATIENCE_S,
        check=False,
    )
    if done.returncode:
        said = done.stderr.decode("utf-8", "replace").strip()
        raise Unavailable(f"{peer.name} failed (exit {done.returncode}): {said[-1500:]}")
    return msgspec.json.decode(done.stdout.splitlines()[-1], type=Answer)


def _compared(ours: dict[str, tuple[int, str]], theirs: dict[str, tuple[int, str]]) -> str:
    """In words: the tables whose final rows are not the product's."""
    differ = [f"{name} ({theirs[name][0]} of {ours[name][0]} rows)" for name in ours if ours[name] != theirs[name]]
    whole = sum(count for count, _ in ours.values())
    return f"ITS ROWS DIFFER: {', '.join(differ)}" if differ else f"all {whole:,} final rows equal the product's"


def _make_topic(kafka: KafkaConfig, name: str, partitions: int) -> None:
    with kafka_errors(f"making {name}"), closing(KafkaAdminClient(**kafka.client())) as admin:
        admin.create_topics({name: {"num_partitions": partitions, "replication_factor": 1, "configs": {}}})
        admin.wait_for_topics([name])
