"""The alert log behind a cursor: its acts, each once, as the ledger takes them."""

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from domain.blocks import split_block
from domain.errors import Gs766Error
from domain.instants import MS_DAY, Millis, parse_rfc3339
from domain.messages.ledger import Act, act_of
from sinks.positions import ALERTS
from sinks.queries.messages import act_records

MEMORY_MS = 60 * MS_DAY
"""How far back acts are read at the start: what holds longer has newer ones (reminders)."""
VERBS = frozenset(
    "held suppressed notify_intended notified escalated acknowledged unacknowledged promised silenced "
    "reason_given".split()
)
OF_PERSONS = frozenset("acknowledged unacknowledged promised silenced reason_given".split())
"""What persons did. All else the notifier wrote itself, and there is one of it at a time."""
_TO_A_WEBHOOK = b'"channel":"webhook:'
"""In an act's bytes: no message to a person. There are two for each alert and subscriber; a quote inside a text is
escaped, so that nothing else holds this."""


class _Wire(msgspec.Struct):
    type: str
    subject: str
    time: str
    data: dict[str, Any] = {}


_decode = msgspec.json.Decoder(_Wire).decode


class ActLog:
    """Reads on from where it stopped; the first time from sixty days ago."""

    def __init__(self, topic: str = ALERTS) -> None:
        self._topic = topic
        self._after = -1

    def read(self, client: Any, now: Millis, verbs: frozenset[str] = VERBS) -> Iterator[Act]:
        """What is new, in the order of the log; what is no act is passed over. Records without any of these verbs
        do not leave the store: an alert that is told leaves four acts, and a person's is rare among them."""
        since, types = now - MEMORY_MS, [f"alert.{verb}" for verb in sorted(verbs)]
        while rows := act_records(client, self._topic, self._after, since, types):
            for offset, value in rows:
                raw = value.encode() if isinstance(value, str) else value
                if raw:
                    yield from _acts(raw, verbs, [one.encode() for one in types])
                self._after = offset


class Silences:
    """Which alerts somebody silenced, by their acts as far as they were read."""

    def __init__(self) -> None:
        self._acts = ActLog()
        self._until: dict[str, Millis] = {}

    def read(self, client: Any, now: Millis) -> None:
        """Reads on from where it stopped."""
        for act in self._acts.read(client, now, frozenset({"silenced"})):
            if act.until is not None:
                self._until[act.alert] = max(act.until, self._until.get(act.alert, 0))

    def in_force(self, now: Millis) -> frozenset[str]:
        """The ids of the alerts that are silent at an instant; every silence has an end."""
        self._until = {alert: until for alert, until in self._until.items() if now < until}
        return frozenset(self._until)


def _acts(block: bytes, verbs: frozenset[str], types: Sequence[bytes]) -> Iterator[Act]:
    try:
        events = split_block(block)
    except Gs766Error:
        return
    for raw in events:
        if _TO_A_WEBHOOK in raw or not any(one in raw for one in types):
            continue
        try:
            event = _decode(raw)
            kind, _, verb = event.type.partition(".")
            if kind == "alert" and verb in verbs:
                yield act_of(event.subject, verb, parse_rfc3339(event.time), event.data)
        except (msgspec.DecodeError, Gs766Error, TypeError, ValueError):
            continue
