"""A state goes on only with the log and the rules that it was folded from: anything else is refused in words."""

from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from domain.errors import Refused, Unavailable
from domain.events import Event, encode_event
from domain.instants import zone
from eventlog.config import KafkaConfig
from eventlog.producer import BulkWriter
from eventlog.topics import ensure_topics
from stream.driver import fold_to_end
from stream.runner import WorkerConfig, worker_config
from stream.state import StateStore
from tests.support.events import T0
from tests.support.lifecycles import lifecycles

Change = Callable[[WorkerConfig, KafkaConfig], WorkerConfig]


def log_of(kafka: KafkaConfig, events: list[Event]) -> None:
    """A log of one partition with these events."""
    ensure_topics(kafka, T0, 1)
    with BulkWriter(kafka, kafka.events, 1, block_events=5) as writer:
        for event in events:
            writer.add(event.subject, encode_event(event))
        writer.flush()


def cut_short(config: WorkerConfig, other: KafkaConfig) -> WorkerConfig:
    log_of(other, lifecycles(2))
    return replace(config, kafka=other)


def replaced(config: WorkerConfig, other: KafkaConfig) -> WorkerConfig:
    log_of(other, lifecycles(20, seed=2))
    return replace(config, kafka=other)


def of_another_log(config: WorkerConfig, _: KafkaConfig) -> WorkerConfig:
    return replace(config, log_id="another")


def by_other_rules(config: WorkerConfig, _: KafkaConfig) -> WorkerConfig:
    return replace(config, zone=zone("Europe/Amsterdam"))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (cut_short, "replaced or cut short; restore it"),
        (replaced, "replaced or cut short; restore it"),
        (of_another_log, "folded from another log"),
        (by_other_rules, "folded by other rules .* run gs766 rebuild"),
    ],
)
def test_a_state_of_another_log_or_other_rules_is_refused_and_stays_as_it_was(
    kafka: KafkaConfig, tmp_path: Path, change: Change, words: str
) -> None:
    log_of(kafka, lifecycles(10))
    config = worker_config(kafka, tmp_path, zone("Asia/Ho_Chi_Minh"), 1, 1)
    fold_to_end(config, [0])
    with pytest.raises(Refused, match=words):
        fold_to_end(change(config, replace(kafka, prefix=f"{kafka.prefix}other-")), [0])
    fold_to_end(config, [0])  # the refusal let the state go, unchanged


def test_a_state_that_another_worker_holds_is_left_to_it(kafka: KafkaConfig, tmp_path: Path) -> None:
    log_of(kafka, lifecycles(1))
    config = worker_config(kafka, tmp_path, zone("Asia/Ho_Chi_Minh"), 1, 1)
    with closing(StateStore(config.folder(0))), pytest.raises(Unavailable, match="in use by another worker"):
        fold_to_end(config, [0])
    fold_to_end(config, [0])
