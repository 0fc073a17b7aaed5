"""Settings made into the configs of the packages: the one place that knows both."""

from typing import TYPE_CHECKING

from ops.addresses import kafka_config
from ops.generation import read_generations
from ops.settings import Settings

if TYPE_CHECKING:
    from stream.runner import WorkerConfig


def worker_config(settings: Settings) -> "WorkerConfig":
    """The fold's: it fills the generation that is being built, else the active one."""
    from eventlog.topics import read_log_id
    from stream.runner import WorkerConfig

    kafka = kafka_config(settings)
    generations = read_generations(settings.data)
    return WorkerConfig(
        kafka=kafka,
        state_folder=settings.folder("state"),
        zone=settings.zone,
        generation=generations.building or generations.active,
        log_id=read_log_id(kafka, kafka.events),
        partitions=settings.partitions,
    )
