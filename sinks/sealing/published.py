"""Where checkpoints are published besides the files: a topic, and a table for queries and screens."""

import logging
import time
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any

import msgspec

from domain.errors import Gs766Error
from domain.seals import Signed
from eventlog.seals import SealTopic
from sinks.clickhouse import clean_errors, connect
from sinks.sealing.chain import CheckpointFile, encode_line
from sinks.sealing.config import SealConfig
from sinks.sealing.witnessed import Cosigned, keep_cosignature

log = logging.getLogger("gs766.sealer")

_AT_ONCE = 500
_PAUSE = 5.0
"""Seconds before a store that did not answer is asked again: it is a copy for reading, not what counts."""


class Published:
    """Keeps topic and table up with the chain; what fails is made good at the next occasion."""

    def __init__(self, config: SealConfig, topic: SealTopic) -> None:
        self._config = config
        self._topic = topic
        self._in_topic: int | None = None
        self._in_store: int | None = None
        self._client: Any = None
        self._store_again = 0.0

    def catch_up(self, chain: CheckpointFile, new: Sequence[Signed] = ()) -> None:
        """Publishes what is missing. `new` are the newest of the chain, which then need not be read from it."""
        last = new[-1] if new else chain.last()
        if last is None:
            return
        number = last.checkpoint().number
        new = new or [last]
        try:
            self._to_topic(chain, new, number)
        except Gs766Error as error:
            log.warning("checkpoint %s is not in its topic yet: %s", number, error)
            self._in_topic = None
        if time.monotonic() < self._store_again:
            return
        try:
            self._to_store(chain, new, number)
        except Gs766Error as error:
            log.warning("checkpoint %s is not in the store yet: %s", number, error)
            self._forget_store()
            self._store_again = time.monotonic() + _PAUSE

    def _to_topic(self, chain: CheckpointFile, new: Sequence[Signed], number: int) -> None:
        if self._in_topic is None:
            value = self._topic.last()
            self._in_topic = msgspec.json.decode(value, type=Signed).checkpoint().number if value else 0
        for some in _chunked(_missing(chain, new, number, self._in_topic)):
            self._topic.publish(*map(encode_line, some))
        self._in_topic = number

    def _to_store(self, chain: CheckpointFile, new: Sequence[Signed], number: int) -> None:
        with clean_errors():
            if self._client is None:
                self._client = connect(self._config.store, database=self._config.database)
            if self._in_store is None:
                self._in_store = int(self._client.execute("SELECT max(number) FROM checkpoints")[0][0])
            for some in _chunked(_missing(chain, new, number, self._in_store)):
                rows = [(s.checkpoint().number, s.checkpoint().time, s.hash, s.body, s.signature) for s in some]
                self._client.execute("INSERT INTO checkpoints (number, time, hash, body, signature) VALUES", rows)
        self._in_store = number

    def cosigned(self, found: Cosigned, signed: Signed) -> None:
        """Keeps a witness's signature, if it is one."""
        if not found.covers(signed.body) or found.number != signed.checkpoint().number:
            log.warning("the signature of %s over checkpoint %s is not right", found.witness, found.number)
            return
        keep_cosignature(self._config.folder, found)

    def _forget_store(self) -> None:
        self._in_store = None
        client, self._client = self._client, None
        if client is not None:
            client.disconnect()

    def close(self) -> None:
        """Ends the connections."""
        self._topic.close()
        self._forget_store()


def _missing(chain: CheckpointFile, new: Sequence[Signed], number: int, there: int) -> Iterable[Signed]:
    """The checkpoints up to `number` that come after those that are there."""
    if number - len(new) <= there <= number:
        return new[len(new) - (number - there) :]
    return chain.after(there)


def _chunked(signed: Iterable[Signed]) -> Iterator[tuple[Signed, ...]]:
    """Some hundred at a time: a copy that begins anew may have to take thousands."""
    rest = iter(signed)
    while some := tuple(islice(rest, _AT_ONCE)):
        yield some
