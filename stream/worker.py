"""The Faust worker: group membership, assignment and delivery. What is folded, and from where, the runner knows.

Faust's traps that shape this file: an exception in an agent acknowledges the event (harmless: positions are
ours); a blocked loop loses the membership (folding goes to a thread, in slices of a second); a send error must
end the process; below WARNING its own prints vanish.
"""

import asyncio
import logging
import os
import ssl
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any

import faust
from faust.types import TP

from domain.errors import Gs766Error, Refused, Unavailable
from eventlog.config import KafkaConfig
from stream.collector import collecting_rarely
from stream.foreign_headers import deliver_past_any_header
from stream.membership import Membership
from stream.runner import PartitionRunner, WorkerConfig

log = logging.getLogger(__name__)
TAKE = 200
TAKE_WITHIN_S = 0.01
IDLE_CHECK_S = 1.0
OPEN_PATIENCE_S = 15.0
"""How long a state may be held by another worker, or by a thread of our own; then a new process tries."""
OPEN_PAUSE_S = 0.1
ACK_TIMEOUT_S = 30.0
END_PATIENCE_S = 3.0
REFUSED_EXIT = 5
"""Tells the supervisor that starting again would not help until a person has looked."""


@dataclass(frozen=True, slots=True)
class Delivered:
    """A log record as Faust delivers it."""

    offset: int
    timestamp_ms: int
    value: bytes


@dataclass(slots=True)
class Assigned:
    """A partition that the group gave to this worker; `runner` is set when its state is open."""

    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    ready: asyncio.Event = field(default_factory=asyncio.Event)
    runner: PartitionRunner | None = None
    revoked: bool = False
    task: asyncio.Task[None] | None = None


class Worker:
    """Joins Faust's assignments and deliveries to the runners of the partitions."""

    def __init__(self, config: WorkerConfig) -> None:
        self.config = config
        self.assigned: dict[int, Assigned] = {}
        self.app: Any = _app(config)
        self._source = self.app.topic(
            config.kafka.events, value_type=bytes, key_type=bytes, value_serializer="raw", key_serializer="raw"
        )
        self._out = self.app.topic(
            config.kafka.changes, value_type=bytes, key_type=bytes, value_serializer="raw", key_serializer="raw"
        )
        self.app.agent(self._source, name="fold")(self._consume)
        self.app.on_partitions_assigned.connect(self._on_assigned)
        self.app.on_partitions_revoked.connect(self._on_revoked)

    async def _consume(self, stream: Any) -> None:
        async for events in stream.take_events(TAKE, within=TAKE_WITHIN_S):
            by_partition: dict[int, list[Delivered]] = {}
            for event in events:
                m = event.message
                record = Delivered(m.offset, round(m.timestamp * 1000), m.value or b"")
                by_partition.setdefault(m.partition, []).append(record)
            for partition, records in by_partition.items():
                await self._deliver(partition, records)

    async def _deliver(self, partition: int, records: Sequence[Delivered]) -> None:
        place = self.assigned.get(partition)
        if place is None:
            return
        await place.ready.wait()
        async with place.lock:
            # A gap longer than what was delivered is closed by the follower, slice by slice.
            if place.revoked or place.runner is None or records[0].offset > place.runner.next_offset:
                return
            await self._in_thread(place.runner.handle, records)

    async def _follow(self, partition: int, place: Assigned) -> None:
        """Opens the state (the previous owner may still hold it), catches up, then looks once a second
        whether anything was missed."""
        try:
            place.runner = await self._open(partition, place)
            place.ready.set()
            while not place.revoked and place.runner is not None:
                async with place.lock:
                    done = 0 if place.revoked else await self._in_thread(_slice, place.runner)
                if not done:
                    await asyncio.sleep(IDLE_CHECK_S)
        finally:
            place.ready.set()
            if place.runner is not None:
                runner, place.runner = place.runner, None
                # Whoever gives the partition up may cancel us here: a close that waits for a thread would be
                # dropped, and the state stay locked, against ourselves, for as long as the process lives.
                await _to_its_end(runner.close)

    async def _open(self, partition: int, place: Assigned) -> PartitionRunner | None:
        waited = 0.0
        while not place.revoked:
            opening = asyncio.ensure_future(asyncio.to_thread(PartitionRunner, self.config, partition, self._emit))
            try:
                return await asyncio.shield(opening)
            except asyncio.CancelledError:
                # The thread goes on: what it opens would hold the state's lock, against ourselves, for ever.
                opening.add_done_callback(_close_unused)
                raise
            except Unavailable as error:
                if waited >= OPEN_PATIENCE_S:
                    self._die(error)
                waited += OPEN_PAUSE_S
                await asyncio.sleep(OPEN_PAUSE_S)
            except Exception as error:
                self._die(error)
        return None

    async def _in_thread(self, function: Any, *args: Any) -> Any:
        """A call in a thread, to its end: its caller holds the partition's lock, and the state must not be closed
        under a fold that still runs."""
        try:
            return await _to_its_end(function, *args)
        except Exception as error:
            self._die(error)

    def _die(self, error: Exception) -> None:
        """Ends the process at once: nothing was committed that was not acknowledged, a restart goes on."""
        if isinstance(error, Gs766Error):
            log.error("%s", error)
        else:
            log.error("the worker ends", exc_info=error)
        logging.shutdown()
        os._exit(REFUSED_EXIT if isinstance(error, Refused) else 1)

    def _emit(self, partition: int, values: Sequence[bytes]) -> None:
        """Called from a fold's thread: sends in order, returns when all are acknowledged."""

        async def send_all() -> None:
            sent = [await self._out.send(value=value, partition=partition) for value in values]
            for acknowledged in sent:
                await acknowledged

        asyncio.run_coroutine_threadsafe(send_all(), self.app.loop).result(ACK_TIMEOUT_S)

    async def _on_assigned(self, _app: Any, assigned: set[TP], **_: Any) -> None:
        for tp in assigned:
            if tp.topic != self.config.kafka.events or tp.partition in self.assigned:
                continue
            place = self.assigned[tp.partition] = Assigned()
            place.task = asyncio.create_task(self._follow(tp.partition, place))

    async def _on_revoked(self, _app: Any, revoked: set[TP], **_: Any) -> None:
        await self.release([tp.partition for tp in revoked if tp.topic == self.config.kafka.events])

    async def release(self, partitions: Sequence[int]) -> None:
        """Gives partitions up: the running slice ends, the state is closed cleanly."""
        places = [place for p in partitions if (place := self.assigned.pop(p, None)) is not None]
        for place in places:
            place.revoked = True
        await asyncio.gather(*(self._give_up(place) for place in places))  # the group waits for the slowest only

    def leave(self) -> None:
        """Has the group told at the end that this worker will not come back: a member with a name is else waited
        for. aiokafka tells it of members without one only."""
        with suppress(AttributeError):
            self.app.consumer._thread._consumer._coordinator._group_instance_id = None

    async def _give_up(self, place: Assigned) -> None:
        if place.task is not None:
            async with place.lock:
                place.task.cancel()
            await asyncio.wait([place.task])


async def _to_its_end(function: Any, *args: Any) -> Any:
    """A call in a thread, which a cancelled caller waits for too."""
    running = asyncio.ensure_future(asyncio.to_thread(function, *args))
    try:
        return await asyncio.shield(running)
    except asyncio.CancelledError:
        await asyncio.wait([running])
        raise


def _close_unused(opening: "asyncio.Future[PartitionRunner]") -> None:
    if not opening.cancelled() and opening.exception() is None:
        opening.result().close()


def _slice(runner: PartitionRunner) -> int:
    return runner.catch_up_slice(runner.end_offset())


def _app(config: WorkerConfig) -> Any:
    kafka = config.kafka
    group = f"{kafka.prefix}gs766-fold-g{config.generation}"
    return faust.App(
        group,
        broker=[f"kafka://{address}" for address in kafka.bootstrap.split(",")],
        broker_credentials=_credentials(kafka),
        store="memory://",
        web_enabled=False,
        topic_disable_leader=True,
        topic_allow_declare=False,
        topic_partitions=config.partitions,
        stream_wait_empty=False,
        consumer_group_instance_id=config.member or None,
        broker_session_timeout=10,
        broker_heartbeat_interval=2,
        broker_commit_interval=1.0,
        consumer_auto_offset_reset="latest",
        consumer_max_fetch_size=4 << 20,
        producer_linger=0,
        producer_acks=-1,
        producer_max_request_size=8 << 20,
        datadir=str(config.state_folder / "faust"),
    )


def _credentials(kafka: KafkaConfig) -> Any:
    if kafka.security_protocol == "PLAINTEXT":
        return None
    context = None
    if kafka.security_protocol.endswith("SSL"):
        context = ssl.create_default_context(cafile=kafka.ssl_cafile)
        if kafka.ssl_certfile:
            context.load_cert_chain(kafka.ssl_certfile, kafka.ssl_keyfile)
    if kafka.security_protocol == "SSL":
        return faust.SSLCredentials(context)
    return faust.SASLCredentials(
        username=kafka.sasl_username,
        password=kafka.sasl_password,
        mechanism=kafka.sasl_mechanism or "PLAIN",
        ssl_context=context,
    )


class _Process(faust.Worker):  # type: ignore[misc]  # faust has no types
    """Faust's process, whose end cannot hang.

    Asked to end while partitions are being assigned, Faust may wait for its agents for ever. By then our states
    are closed and everything acknowledged, so that leaving is safe.
    """

    worker: Worker

    async def _stop_on_signal(self, number: Any) -> None:
        await self.worker.release([*self.worker.assigned])
        self.worker.leave()
        try:
            await asyncio.wait_for(super()._stop_on_signal(number), END_PATIENCE_S)
        except TimeoutError:
            logging.shutdown()
            os._exit(0)


def run(config: WorkerConfig) -> None:
    """Runs one worker until SIGTERM or SIGINT; partitions move by themselves when another one joins."""
    deliver_past_any_header()
    config.state_folder.mkdir(parents=True, exist_ok=True)
    membership = Membership(config.state_folder / "members")
    worker = Worker(replace(config, member=config.member or membership.name))
    process = _Process(worker.app, loglevel="WARN", quiet=True, redirect_stdouts=False)
    process.worker = worker
    process.spinner = None
    with collecting_rarely():
        process.execute_from_commandline()
    membership.close()
