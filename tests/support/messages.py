"""A small province for planning messages: two communes, their people, and a log of acts in a list."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from domain.calendar_vn import vietnam_calendar
from domain.instants import Millis
from domain.message import Recipient
from domain.messages.ledger import Act, Ledger
from domain.messages.planning import plan
from domain.messages.recording import acts_of
from domain.messages.rules import MessageRules, decode_rules
from domain.messages.values import Alert, Plan, Planned, Province
from domain.periods import parse_instant

CALENDAR = vietnam_calendar()
ZONE = CALENDAR.zone
ABOVE = {
    "H44": ("H44",),
    "H44.1": ("H44.1", "H44"),
    "H44.1.2": ("H44.1.2", "H44.1", "H44"),
    "H44.2": ("H44.2", "H44"),
}
NAMES = {"H44": "UBND tỉnh", "H44.1": "UBND xã Mẫu A", "H44.2": "UBND xã Mẫu B"}


def at(text: str) -> Millis:
    """'2026-11-23T07:15' in the province."""
    return parse_instant(text, ZONE)


def who(account: str, post: str, unit: str, *channels: str, hours: tuple[str, str] | None = None) -> Recipient:
    return Recipient(account, post, unit, channels or ("email",), hours, None, None)


PEOPLE = (
    who("officer-1", "officer", "H44.1"),
    who("head-1", "head", "H44.1"),
    who("officer-2", "officer", "H44.2"),
    who("head-2", "head", "H44.2"),
    who("room", "room", "H44"),
    who("chief", "chief", "H44"),
    who("chairman", "chairman", "H44"),
    who("it", "it", "H44"),
)


def alert(kind: str, start: str, name: str = "", **more: Any) -> Alert:
    """An alert of H44.1 that the clock caused, unless told otherwise; `due` and `known` as texts."""
    given: dict[str, Any] = {"unit": "H44.1", "level": "red", "fresh": True, **more}
    due, known = given.pop("due", None), given.pop("known", None)
    began = at(start)
    name = name or f"{kind}-{start}"
    return Alert(
        id=name,
        kind=kind,
        subject=f"D-{name}",
        start=began,
        due_at=at(due) if due else None,
        known_at=at(known) if known else began - 1,
        **given,
    )


def province(rules: MessageRules | None = None, people: Iterable[Recipient] = PEOPLE) -> Province:
    return Province(rules or decode_rules({}), CALENDAR, tuple(people), ABOVE, NAMES)


@dataclass
class Town:
    """Rounds one after another; what a round brings is folded as if every channel took it."""

    rules: MessageRules | None = None
    people: tuple[Recipient, ...] = PEOPLE
    acts: list[Act] = field(default_factory=list)

    def look(self, when: str | Millis, *alerts: Alert) -> Plan:
        """A round without its acts."""
        now = at(when) if isinstance(when, str) else when
        return plan(now, alerts, Ledger(ZONE, self.acts), province(self.rules, self.people))

    def round(self, when: str | Millis, *alerts: Alert) -> Plan:
        """A round and its acts."""
        now = at(when) if isinstance(when, str) else when
        found = self.look(now, *alerts)
        self.acts += acts_of(now, found)
        return found

    def told(self, when: str | Millis, *alerts: Alert) -> dict[str, tuple[str, ...]]:
        """Who is told of which alerts in a round."""
        return {one.message.account: one.message.alerts for one in self.round(when, *alerts).messages}

    def act(self, when: str, verb: str, alert: Alert, until: str | None = None) -> None:
        """What a person does about an alert."""
        self.acts.append(Act(alert.id, verb, at(when), until=at(until) if until else None))


def noted(found: Plan) -> set[tuple[str, str]]:
    """(verb, reason) of what a round notes."""
    return {(one.verb, one.reason) for one in found.decisions}


def to(found: Plan, account: str) -> Planned:
    """The one message to an account."""
    (one,) = [m for m in found.messages if m.message.account == account]
    return one
