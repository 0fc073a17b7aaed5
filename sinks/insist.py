"""Doing something until it succeeds: what the writer does with a store or a Kafka that is away."""

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from clickhouse_driver import Client

from domain.errors import Unavailable
from sinks.clickhouse import StoreError
from sinks.writer_health import Health

log = logging.getLogger("gs766.writer")
T = TypeVar("T")


class Stopped(Exception):
    """The end was asked for while something was being tried again."""


@dataclass(frozen=True, slots=True)
class Insist:
    """The policy: the first pause and the longest, in seconds; who says that it is enough; where it shows."""

    pauses: tuple[float, float]
    end: threading.Event
    health: Health

    def __call__(self, what: str, action: Callable[[], T], client: Client | None = None) -> T:
        """The result of `action`, which may be called many times; `what` names it in health and log.

        StoreError, StoreUnavailable and Unavailable are waited out (`client` is disconnected, it connects anew);
        everything else is passed on. Raises Stopped when `end` is set meanwhile.
        """
        pause, longest = self.pauses
        while True:
            try:
                result = action()
            except (StoreError, Unavailable) as error:
                self.health.retrying(what, str(error))
                log.warning("%s: %s; trying again in %.1f s", what, error, pause)
                if client is not None:
                    client.disconnect()
                if self.end.wait(pause):
                    raise Stopped from error
                pause = min(pause * 2, longest)
            else:
                self.health.well(what)
                return result
