"""What was done about alerts so far, folded from the acts of the alert log: who was told, who took it.

The fold takes acts in the order of the log; the same act twice changes nothing. All that the planner remembers
stands here, so that a restart plans exactly what was left.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from domain.calendar import WorkingCalendar
from domain.instants import Day, Millis, Zone, parse_rfc3339
from domain.messages.rules import MessageRules

DECIDED = "decided"
"""Marks the reason by which the room decided."""
ANY_HOUR_MARK = "any_hour"
"""What is sent at any hour counts under no ceiling."""


OUTAGE = "outage"
"""Why an alert is held that began, or became known, while nobody could be told."""


@dataclass(frozen=True, slots=True)
class Act:
    """One act about an alert, as the ledger needs it. `slot`, `account` and `mark` are of a message's acts."""

    alert: str
    verb: str
    at: Millis
    key: str = ""
    channel: str = ""
    reason: str = ""
    until: Millis | None = None
    account: str = ""
    unit: str = ""
    slot: Millis = 0
    mark: str = ""


@dataclass(slots=True)
class Entry:
    """What was done about one alert."""

    told: dict[str, Millis] = field(default_factory=dict)
    """The slot of the last message that an account took."""
    pending: set[str] = field(default_factory=set)
    """Accounts that a message was meant for which nobody confirmed."""
    first_told: Millis | None = None
    acknowledged: Millis | None = None
    promised: tuple[Millis, Millis] | None = None
    """(when it was promised, until when)"""
    silenced: list[tuple[Millis, Millis]] = field(default_factory=list)
    raised: list[Millis] = field(default_factory=list)
    """The slot of each step of the chain that it climbed."""
    broken: Millis | None = None
    """The promise whose breaking raised it."""
    decided: bool = False
    """The room has decided about it (a second re-appointment): nobody is told any more."""
    held: bool = False
    missed: bool = False
    """Whether an outage lay over it: people get it in one digest."""
    seen: bool = False
    """Whether any act of a message is about it: the horizon does not count for it any more (decisions 23)."""

    def silence(self, now: Millis) -> Millis | None:
        """The end of a silence in force, None without one."""
        ends = [until for at, until in self.silenced if at <= now < until]
        return max(ends) if ends else None

    def quiet_end(self, calendar: WorkingCalendar, rules: MessageRules) -> Millis | None:
        """Until when an acknowledgement or a promise stops reminders (may be past); None: nobody took it."""
        if self.promised and (self.acknowledged is None or self.promised[0] >= self.acknowledged):
            return self.promised[1]
        if self.acknowledged is None:
            return None
        return calendar.add_working_days(self.acknowledged, rules.acknowledged_working_days)

    def broken_promise(self, now: Millis) -> Millis | None:
        """The date promised, if it has passed, nobody took the alert since, and nothing was raised for it."""
        if self.promised is None or self.promised[1] > now or self.promised[1] == self.broken:
            return None
        taken_since = self.acknowledged is not None and self.acknowledged >= self.promised[1]
        return None if taken_since else self.promised[1]


class Ledger:
    """Entries by alert, messages by key; filled by `fold`."""

    def __init__(self, zone: Zone, acts: Iterable[Act] = ()) -> None:
        self._zone = zone
        self._entries: dict[str, Entry] = {}
        self._days: dict[tuple[str, Day], set[str]] = {}
        self.intended: dict[str, set[str]] = {}
        """The alerts of each message that was meant to be sent."""
        self.sent: dict[str, set[str]] = {}
        """The channels on which each message was taken, or will never be."""
        self.marks: set[str] = set()
        """Keys of what was held, suppressed and escalated."""
        self.digested: set[tuple[str, str]] = set()
        """(account, unit) that had the digest of a first run."""
        for act in acts:
            self.fold(act)

    def entry(self, alert: str) -> Entry:
        """What was done about an alert; an empty entry where nothing was."""
        return self._entries.get(alert) or _NOTHING

    def entries(self) -> Mapping[str, Entry]:
        """All entries by alert."""
        return self._entries

    def messages(self, account: str, day: Day) -> set[str]:
        """The keys of the messages that an account was to have on a day, those of any hour left out."""
        return self._days.get((account, day), set())

    def fold(self, act: Act) -> None:
        """Takes one act; what a webhook was sent is told to no person."""
        if act.verb in _OF_MESSAGES and not act.account:
            return
        entry = self._entries.setdefault(act.alert, Entry())
        one = _FOLDS.get(act.verb)
        if one is not None:
            one(self, entry, act)

    def _held(self, entry: Entry, act: Act) -> None:
        entry.seen = entry.held = True
        entry.missed = entry.missed or act.reason == OUTAGE
        self.marks.add(act.key)

    def _suppressed(self, entry: Entry, act: Act) -> None:
        entry.seen = True
        self.marks.add(act.key)
        if act.reason == "cleared":
            entry.held = False
        if act.channel and act.account:  # This channel will never take it.
            entry.pending.discard(act.account)
            self.sent.setdefault(act.key, set()).add(act.channel)

    def _escalated(self, entry: Entry, act: Act) -> None:
        if act.key in self.marks:
            return
        self.marks.add(act.key)
        entry.seen = True
        entry.raised.append(act.slot)
        if act.reason == "promise_broken":
            entry.broken = act.until

    def _intended(self, entry: Entry, act: Act) -> None:
        entry.seen = True
        self.intended.setdefault(act.key, set()).add(act.alert)
        if entry.told.get(act.account, -1) < act.slot:
            entry.pending.add(act.account)
        self._count(act)

    def _notified(self, entry: Entry, act: Act) -> None:
        entry.seen, entry.held = True, False
        entry.pending.discard(act.account)
        entry.told[act.account] = max(act.slot, entry.told.get(act.account, 0))
        entry.first_told = min(act.at, entry.first_told or act.at)
        self.sent.setdefault(act.key, set()).add(act.channel)
        self._count(act)
        if act.reason == "digest":
            self.digested.add((act.account, act.unit))

    def _count(self, act: Act) -> None:
        if act.mark != ANY_HOUR_MARK:
            self._days.setdefault((act.account, self._zone.day(act.slot)), set()).add(act.key)

    def _acknowledged(self, entry: Entry, act: Act) -> None:
        entry.acknowledged = max(act.at, entry.acknowledged or 0)

    def _unacknowledged(self, entry: Entry, _: Act) -> None:
        entry.acknowledged = entry.promised = None

    def _promised(self, entry: Entry, act: Act) -> None:
        if act.until is not None:
            entry.promised = (act.at, act.until)

    def _reason_given(self, entry: Entry, act: Act) -> None:
        entry.decided = entry.decided or act.mark == DECIDED

    def _silenced(self, entry: Entry, act: Act) -> None:
        if act.until is not None and (act.at, act.until) not in entry.silenced:
            entry.silenced.append((act.at, act.until))


_NOTHING = Entry()
_OF_MESSAGES = ("notify_intended", "notified")
_FOLDS = {
    "held": Ledger._held,
    "suppressed": Ledger._suppressed,
    "escalated": Ledger._escalated,
    "notify_intended": Ledger._intended,
    "notified": Ledger._notified,
    "acknowledged": Ledger._acknowledged,
    "unacknowledged": Ledger._unacknowledged,
    "promised": Ledger._promised,
    "silenced": Ledger._silenced,
    "reason_given": Ledger._reason_given,
}


def act_of(alert: str, verb: str, at: Millis, data: Mapping[str, Any]) -> Act:
    """An act from an event's data; what of it is not of the expected form is left out."""
    evidence = data.get("evidence")
    more: Mapping[str, Any] = evidence if isinstance(evidence, dict) else {}
    slot = more.get("slot")
    return Act(
        alert,
        verb,
        at,
        key=str(data.get("key") or ""),
        channel=str(data.get("channel") or ""),
        reason=str(data.get("reason") or ""),
        until=parse_rfc3339(data["until"]) if data.get("until") else None,
        account=str(more.get("account") or ""),
        unit=str(more.get("for_unit") or ""),
        slot=slot if isinstance(slot, int) else 0,
        mark=str(more.get("mark") or ""),
    )
