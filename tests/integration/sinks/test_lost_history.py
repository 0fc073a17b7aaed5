"""A log restored from a backup that is older than the last seals: refused, until a person accepts the loss."""

import threading
from dataclasses import replace
from pathlib import Path

import pytest

from domain.errors import Refused
from eventlog.config import KafkaConfig
from eventlog.topics import ensure_topics
from ops.backup.logs import LogFiller, RawLog, create_topics, end_bringing_back, log_topics
from sinks.sealing.chain import CheckpointFile
from sinks.sealing.losses import accept_loss
from sinks.sealing.sealer import run
from sinks.sealing.verifying import verify
from tests.support.sealing import add_dossiers, seal_all, seal_config


def restored(kafka: KafkaConfig, ends: dict[str, dict[int, int]]) -> KafkaConfig:
    """The same log up to some offsets, under another prefix: what `restore` makes of an older backup."""
    new = replace(kafka, prefix=f"{kafka.prefix}r-")
    create_topics(new, 1)
    with LogFiller(new) as filler:
        for name, topic in log_topics(kafka).items():
            with RawLog(kafka, topic) as log:
                for partition, end in ends[name].items():
                    filler.fill(log_topics(new)[name], partition, log.rows(partition, 0, end), lambda _: None)
    end_bringing_back(new, 1)
    return new


def test_a_loss_beyond_the_backup_is_refused_until_it_is_accepted_and_stays_evident(
    kafka: KafkaConfig, tmp_path: Path
) -> None:
    ensure_topics(kafka, 1_787_000_000_000, 1)
    add_dossiers(kafka, 0, 8, 1)
    config = seal_config(tmp_path, kafka, {"host": "127.0.0.1", "port": 1})
    seal_all(config)
    ends = {}
    for name, topic in log_topics(kafka).items():
        with RawLog(kafka, topic) as log:
            ends[name] = log.end_offsets()
    backed_up = [*CheckpointFile(config.checkpoints)]
    with pytest.raises(Refused, match="nothing is lost"):
        accept_loss(config, "a")
    add_dossiers(kafka, 8, 8, 1)
    seal_all(config)
    sealed = [*CheckpointFile(config.outside)]
    assert len(sealed) > len(backed_up)

    (tmp_path / "new").mkdir()
    lost = replace(config, kafka=restored(kafka, ends), folder=tmp_path / "new" / "seal")
    for signed in backed_up:
        CheckpointFile(lost.checkpoints).append(signed)
    with pytest.raises(Refused, match="cut short"):
        run(lost, threading.Event())
    assert len([*CheckpointFile(lost.checkpoints)]) == len(sealed), "it took the longer chain over"

    loss = accept_loss(lost, "a")
    assert (loss.checkpoint, loss.checkpoints) == (len(backed_up), len(sealed) - len(backed_up))
    assert loss.offsets["dossier-events", 0][0] == ends["dossier-events"][0]
    add_dossiers(lost.kafka, 90, 4, 1)
    seal_all(lost)
    assert verify(lost, store=False).verdict == "holds"
    evidence = [CheckpointFile(path) for path in loss.kept]
    assert [*evidence[0]] == sealed
    report = verify(lost, store=False, given=evidence[:1])
    assert (report.verdict, report.differences[0].where) == ("fails", "outside")
