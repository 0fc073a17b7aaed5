"""The values of planning: what goes in (alerts, the province) and what comes out (messages, decisions)."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from domain.alerts import BY_THE_CLOCK, HORIZON_HOURS, Level
from domain.calendar import WorkingCalendar
from domain.instants import Millis
from domain.message import Message, Recipient
from domain.messages.rules import MessageRules
from domain.messages.wording import DEFAULT_NUMBERS

OVERDUE_KINDS = frozenset({"A03", "A04", "A05"})
DUE_KINDS = frozenset({"A01", "A03", "A04"})
"""Kinds that hold while a dossier is open: one whose due day is today makes the conditional slot."""
Reason = Literal["new", "reminder", "unacknowledged", "promise_broken", "digest", "outage", "vacant"]


@dataclass(frozen=True, slots=True)
class Alert:
    """One alert that holds. `fresh`: within the notifier's horizon, so that people are told (decisions 23);
    `missed`: before it, but since anybody was told anything: an outage lies between."""

    id: str
    kind: str
    level: Level
    subject: str
    unit: str
    start: Millis
    due_at: Millis | None
    known_at: Millis
    fresh: bool = True
    until: Millis | None = None
    missed: bool = False

    def ready(self, guard_ms: int) -> Millis:
        """From when people may be told: a verdict that facts caused holds for the guard first; what the clock
        alone causes, by its kind or because it was known before, does not."""
        if self.start > self.known_at or self.kind in BY_THE_CLOCK:
            return max(self.start, self.known_at)
        return self.known_at + guard_ms


@dataclass(frozen=True, slots=True)
class Province:
    """What planning rests on beside alerts and acts. `above`: of each unit itself and all above, nearest first;
    `data_to`: up to when figures are complete; `numbers`: the thresholds that texts name; `horizon_hours`: of
    working days, within which alerts are told one by one."""

    rules: MessageRules
    calendar: WorkingCalendar
    recipients: Sequence[Recipient]
    above: Mapping[str, Sequence[str]]
    names: Mapping[str, str]
    data_to: Millis | None = None
    numbers: Mapping[str, str] = field(default_factory=lambda: DEFAULT_NUMBERS)
    horizon_hours: int = HORIZON_HOURS


@dataclass(frozen=True, slots=True)
class Decision:
    """What is noted of one alert beside messages: held, suppressed or escalated, and why."""

    verb: Literal["held", "suppressed", "escalated"]
    alert: str
    key: str
    reason: str
    slot: Millis = 0
    account: str = ""
    post: str = ""
    until: Millis | None = None


@dataclass(frozen=True, slots=True)
class Planned:
    """A message, why each of its alerts is in it, and the channels that have not taken it yet."""

    message: Message
    reasons: Mapping[str, Reason]
    channels: tuple[str, ...]
    mark: str = ""


@dataclass(frozen=True, slots=True)
class Unreached:
    """A post that cannot be told although there is something to say: nobody holds it for the unit (`vacant`), or
    who does has no channel that works (`no_channel`). `instead`: the post above that is told, '' where none is."""

    post: str
    unit: str
    why: Literal["vacant", "no_channel"]
    instead: str = ""
    alerts: int = 0


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be done now; `unreached` are the posts that are told of nothing, in order."""

    messages: tuple[Planned, ...] = ()
    decisions: tuple[Decision, ...] = ()
    unreached: tuple[Unreached, ...] = ()


@dataclass(slots=True)
class Bundle:
    """What one account is told in one slot, before it has words."""

    to: Recipient
    slot: Millis
    mark: str
    alerts: dict[str, tuple[Alert, Reason]] = field(default_factory=dict)

    @property
    def key(self) -> str:
        """The same after any restart: account, unit and slot."""
        return digest_of("message", self.to.account, self.to.unit, str(self.slot), self.mark)

    def urgency(self) -> tuple[bool, str, str, Millis]:
        """What is red goes first where a ceiling bounds what may go."""
        red = any(alert.level == "red" for alert, _ in self.alerts.values())
        return (not red, self.to.account, self.to.unit, self.slot)


def digest_of(*words: str) -> str:
    """A deterministic key."""
    return hashlib.sha256("|".join(words).encode()).hexdigest()[:32]
