"""Messages to people, round by round: read, plan, note, send. A restart goes on where the alert log stands.

`notify_intended` is written before a message leaves and `notified` after a channel took it, alert by alert, under
the planner's key: after a `kill -9` between the two the message goes out once more and says so. What the planner
holds, suppresses or escalates is written before anything is sent.
"""

import logging
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, replace
from typing import Any, Protocol

from api.alerts.outcomes import outcome
from api.figures.context import FigureContext
from api.figures.kept import Kept
from api.messaging.acts import OF_PERSONS, ActLog
from api.messaging.events import event_of
from api.messaging.reading import holding, province_of, rules_in_force
from api.messaging.rounds import Rounds, known_to
from api.pool import StorePool
from domain.instants import Millis, Zone
from domain.message import Message, Recipient
from domain.messages.ledger import Act, Ledger
from domain.messages.planning import plan, urgent_kinds
from domain.messages.recording import decided, intended, notified, undeliverable
from domain.messages.slots import Moment
from domain.messages.values import Alert, Plan, Planned, Province, Unreached
from domain.messages.wording import REPEATED
from sinks.positions import COMPLETE
from sinks.queries import live

log = logging.getLogger(__name__)
ROUND_MS = 60_000
"""Without a new slot the store is asked again after so long."""
SHARE = 20
"""And for all that holds not before twenty times the processor time that reading and planning it took: hundreds of
thousands of alerts take seconds. Kinds that wait for no slot are read every round."""
ROUND_S = 5.0
"""So long a round sends at most before the next one plans."""
FIRST_RETRY_S, LAST_RETRY_S = 5.0, 300.0
THREADS = 8
TROUBLE_ATTEMPTS = 4
Write = Callable[[Sequence[tuple[str, bytes]]], None]
"""Writes encoded events by subject to the alert log; returns when all are acknowledged."""


class Ways(Protocol):
    """The part of `Channels` that is used here."""

    def send(self, message: Message, channel: str) -> str | None:
        """None when the far side took it, else why not."""


@dataclass(slots=True)
class Pending:
    """A message on one channel: the last plan of it, the next attempt, and whether one may have arrived."""

    planned: Planned
    channel: str
    due: float = 0.0
    attempt: int = 0
    unanswered: bool = False
    running: Future[str | None] | None = None


class Sender:
    """Plans in, acts out: everything about messages but where alerts come from."""

    def __init__(self, zone: Zone, ways: Ways, write: Write, threads: int = THREADS) -> None:
        self.ledger = Ledger(zone)
        self._ways, self._write = ways, write
        self._threads, self._workers = threads, ThreadPoolExecutor(threads, "message")
        self._pending: dict[tuple[str, str], Pending] = {}
        self._about: dict[str, Alert] = {}
        self._unsaid: list[tuple[str, bytes]] = []
        """Arrived, and not yet recorded so."""

    def take(self, acts: Iterable[Act]) -> None:
        """Folds acts of the alert log."""
        for act in acts:
            self.ledger.fold(act)

    def carry_out(self, now: Millis, found: Plan, alerts: Sequence[Alert], *, whole: bool = True) -> None:
        """Writes what was decided, and lines up what is to be sent; what is meant is written as it starts.
        `whole`: as the plan was made."""
        self._remember(found, alerts)
        acts = [decided(now, decision) for decision in found.decisions]
        self._note(acts)
        self._line_up(found, whole)

    def pump(self, now: Millis, seconds: float = 0.0) -> int:
        """Sends what is due for at most so long; returns how many messages were confirmed on a channel. No more is
        under way at once than there are threads: what a `kill -9` makes go out again."""
        confirmed, end = 0, time.monotonic() + seconds
        while True:
            confirmed += self._settle(now)
            running = self._start(now)
            if not running or time.monotonic() >= end:
                return confirmed
            wait(running, timeout=max(0.0, end - time.monotonic()), return_when=FIRST_COMPLETED)

    def _start(self, now: Millis) -> list[Future[str | None]]:
        """Starts what is due while a thread is free, after writing that it is meant; what is under way then."""
        running = [one.running for one in self._pending.values() if one.running is not None]
        due = [one for one in self._pending.values() if one.running is None and time.monotonic() >= one.due]
        some = due[: max(0, self._threads - len(running))]
        acts = {act.key + act.alert: act for one in some for act in intended(now, one.planned)}
        known = self.ledger.intended
        self._note([act for act in acts.values() if act.alert not in known.get(act.key, set())])
        for one in some:
            one.attempt += 1
            one.running = self._workers.submit(self._ways.send, _marked(one), one.channel)
            running.append(one.running)
        return running

    def _note(self, acts: Sequence[Act]) -> None:
        if acts:
            self._write([event_of(act, self._about.get(act.alert)) for act in acts])
            self.take(acts)

    @property
    def waiting(self) -> int:
        """Deliveries under way or to be tried again."""
        return len(self._pending)

    @property
    def stuck(self) -> dict[str, int]:
        """By channel, how many messages were not taken at several attempts."""
        tried = [one.channel for one in list(self._pending.values()) if one.attempt >= TROUBLE_ATTEMPTS]
        return {channel: tried.count(channel) for channel in sorted(set(tried))}

    def close(self) -> None:
        """Lets running deliveries end."""
        self._workers.shutdown(wait=True, cancel_futures=True)

    def _remember(self, found: Plan, alerts: Sequence[Alert]) -> None:
        """Keeps what acts say of the alerts that are planned or under way; the others may be very many."""
        before = self._about
        waiting = {name for one in self._pending.values() for name in one.planned.message.alerts}
        needed = {name for one in found.messages for name in one.message.alerts}
        needed.update(decision.alert for decision in found.decisions)
        self._about = {name: before[name] for name in waiting if name in before}
        self._about.update((alert.id, alert) for alert in alerts if alert.id in needed)

    def _line_up(self, found: Plan, whole: bool) -> None:
        """What the plan holds no more is not tried again: its alerts have cleared, or stand in a later message."""
        wanted = {(one.message.key, channel): one for one in found.messages for channel in one.channels}
        for place, pending in list(self._pending.items()):
            judged = whole or pending.planned.mark
            if judged and place not in wanted and pending.running is None:
                del self._pending[place]
        for place, planned in wanted.items():
            pending = self._pending.setdefault(place, Pending(planned, place[1]))
            if pending.running is None and not self.ledger.sent.get(place[0]):
                pending.planned = planned

    def _settle(self, now: Millis) -> int:
        confirmed = 0
        for place, one in list(self._pending.items()):
            if one.running is None or not one.running.done():
                continue
            reason = _reason(one.running)
            one.running = None
            if reason is None:
                self._say(list(notified(now, one.planned, one.channel)))
                confirmed += 1
                del self._pending[place]
            elif outcome(reason) == "permanent":
                self._say([undeliverable(act) for act in notified(now, one.planned, one.channel)])
                del self._pending[place]
            else:
                one.unanswered = one.unanswered or outcome(reason) == "unanswered"
                self._not_arrived(place)
                one.due = time.monotonic() + min(LAST_RETRY_S, FIRST_RETRY_S * 2 ** (one.attempt - 1))
        if self._unsaid:
            self._write(self._unsaid)
            self._unsaid = []
        return confirmed

    def _not_arrived(self, place: tuple[str, str]) -> None:
        """What no channel may have taken yet is no repeat when it goes again; after a restart nobody knows."""
        same = [one for (key, _), one in self._pending.items() if key == place[0]]
        if not any(one.unanswered or one.running is not None for one in same):
            message = self._pending[place].planned.message
            if not message.retried:
                for alert in message.alerts:
                    self.ledger.entry(alert).pending.discard(message.account)

    def _say(self, acts: Sequence[Act]) -> None:
        self._unsaid += [event_of(act, self._about.get(act.alert)) for act in acts]
        self.take(acts)


class Messages:
    """The notifier's step: one round is `tick(now)`."""

    def __init__(
        self,
        pool: StorePool,
        recipients: Callable[[Millis], tuple[Recipient, ...]],
        ways: Ways,
        write: Write,
        province: Zone,
        root: str,
        rounds: Rounds,
        vacant: Callable[[tuple[Unreached, ...], Millis], None] = lambda *_: None,
    ) -> None:
        self._pool, self._recipients, self._rounds = pool, recipients, rounds
        self._zone, self._root = province, root
        self._kept, self._acts = Kept(), ActLog()
        self._sender = Sender(province, ways, write)
        self._last: tuple[Millis, Any, Millis] | None = None
        self._whole_again: Millis = 0
        self._vacant = vacant
        self._unreached: tuple[Unreached, ...] | None = None

    def recall(self, now: Millis) -> None:
        """Reads back what was done; call it when the store holds the whole alert log."""
        with self._pool.client() as client:
            self._sender.take(self._acts.read(client, now))

    def tick(self, now: Millis) -> int:
        """Plans when a slot has come or a minute has passed, and sends what is due."""
        people = self._recipients(now)
        if people:
            self._plan(now, people)
        else:
            self._note_unreached((), now)
        return self._sender.pump(now, ROUND_S)

    def troubles(self) -> dict[str, str]:
        """Channels that do not take messages."""
        said = [f"{channel}: {count} messages wait" for channel, count in self._sender.stuck.items()]
        return {"messages": ", ".join(said)} if said else {}

    def close(self) -> None:
        """Lets running deliveries end."""
        self._sender.close()

    def _plan(self, now: Millis, people: tuple[Recipient, ...]) -> None:
        with self._pool.client() as client:
            active = live.active_generation(client)
            if active is None:
                return
            ctx = FigureContext(client, active[0], self._zone, self._root, now, kept=self._kept)
            rules, _ = rules_in_force(ctx, now)
            moment = Moment(now, ctx.calendar(now), rules)
            place = (people, rules, moment.slot(due_today=True), moment.brief(), moment.quiet)
            at, before, gathered = self._last or (now, None, None)
            same = place == before and now >= at
            if same and now - at < ROUND_MS and moment.gathered() == gathered:
                return
            whole, begun = not (same and now < self._whole_again), time.thread_time()
            self._sender.take(self._acts.read(client, now, OF_PERSONS))
            positions = live.positions(client)
            only = None if whole else urgent_kinds(rules)
            alerts = holding(ctx, rules, only, self._rounds.told_to)
            province = self._province(ctx, rules, people, positions)
        found = plan(now, alerts, self._sender.ledger, province, whole=whole)
        if whole:
            self._whole_again = now + max(ROUND_MS, round(SHARE * 1000 * (time.thread_time() - begun)))
            self._note_unreached(found.unreached, now)
        self._sender.carry_out(now, found, alerts, whole=whole)
        if whole:
            self._rounds.over(known_to(positions, active[0], now))
        self._last = (now, place, moment.gathered())

    def _note_unreached(self, found: tuple[Unreached, ...], now: Millis) -> None:
        """Says which posts could not be told, where that is news: to the log, and to whoever shows it."""
        if found == self._unreached:
            return
        before = {(one.post, one.unit, one.why) for one in self._unreached or ()}
        for one in found:
            if (one.post, one.unit, one.why) not in before:
                log.warning(
                    "%s: the post %s of unit %s; %s",
                    "nobody holds" if one.why == "vacant" else "no channel works for who holds",
                    one.post,
                    one.unit,
                    f"{one.instead} is told instead" if one.instead else "its alerts reach nobody",
                )
        self._vacant(found, now)
        self._unreached = found

    def _province(
        self, ctx: FigureContext, rules: Any, people: tuple[Recipient, ...], positions: Sequence[tuple[Any, ...]]
    ) -> Province:
        known = [r[6] for r in positions if r[0] == COMPLETE and r[3] == ctx.generation]
        return province_of(ctx, rules, people, max(known, default=None))


def _marked(one: Pending) -> Message:
    """The message; after an attempt without an answer it says that it may be the second."""
    message = one.planned.message
    if not one.unanswered or message.retried:
        return message
    return replace(message, retried=True, text=f"{message.text}\n{REPEATED}")


def _reason(future: Future[str | None]) -> str | None:
    error = future.exception()
    return future.result() if error is None else f"{type(error).__name__}: {error}"
