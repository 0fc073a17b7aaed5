"""The planner: from the alerts that hold, and what was done about them, to what is sent, held and suppressed.

`plan` is a pure function. What it returns, written as acts and folded into the ledger, makes it return nothing
more for the same instant: planning twice sends nothing twice, and a restart goes on where it was.
"""

from collections.abc import Iterable

from domain.instants import MS_DAY, Millis
from domain.message import Recipient
from domain.messages.composing import chairman_line, message_of, unacknowledged_ages
from domain.messages.ledger import ANY_HOUR_MARK, OUTAGE, Entry, Ledger
from domain.messages.reach import Reach
from domain.messages.rules import ANY_HOUR, AT_ONCE, BRIEF, NEXT, MessageRules, Route
from domain.messages.slots import Moment
from domain.messages.values import (
    OVERDUE_KINDS,
    Alert,
    Bundle,
    Decision,
    Plan,
    Planned,
    Province,
    Reason,
    digest_of,
)

_SPAN = {"week": 8 * MS_DAY, "month": 32 * MS_DAY, "every_day": 0}
_CEILED = "ceiling"
_STRONG = frozenset({"unacknowledged", "promise_broken"})
"""Reasons that are told before others of the same alert in the same message."""
_SOON = {ANY_HOUR, AT_ONCE}


def plan(now: Millis, alerts: Iterable[Alert], ledger: Ledger, province: Province, *, whole: bool = True) -> Plan:
    """What is to be sent and noted at `now`; `alerts` are all that hold (others count as cleared).

    `whole=False`: they are all that hold of `urgent_kinds`, which wait for no slot; the plan is about these only.
    """
    return _Planner(now, tuple(alerts), ledger, province).run(whole)


def urgent_kinds(rules: MessageRules) -> frozenset[str]:
    """The kinds that wait for no slot, and those that mute them."""
    kinds = {route.kind for route in rules.routes if _SOON & set(route.at)}
    return frozenset(kinds | {one.by for one in rules.inhibitions if kinds & set(one.mutes)})


class _Planner:
    """One round."""

    def __init__(self, now: Millis, alerts: tuple[Alert, ...], ledger: Ledger, province: Province) -> None:
        self.now, self.alerts, self.ledger, self.province = now, alerts, ledger, province
        self.rules = province.rules
        self.moment = Moment(now, province.calendar, province.rules)
        self.bundles: dict[tuple[str, str, Millis, str], Bundle] = {}
        self.decisions: dict[str, Decision] = {}
        self.routes: dict[str, list[Route]] = {}
        for route in self.rules.routes:
            self.routes.setdefault(route.kind, []).append(route)
        self.reach = Reach(self.alerts, province, self.moment)
        self._counted: dict[str, set[str]] = {}
        self._slots = {due: self.moment.slot(due_today=due) for due in (True, False)}
        self._clocks = {at: self.moment.clock(at) for at in (now, *self._slots.values()) if at is not None}
        self._keys: dict[tuple[str, str, Millis, str], str] = {}
        self._worked: dict[tuple[Millis, Millis], float] = {}

    def run(self, whole: bool) -> Plan:
        """Alert by alert, then bundle by bundle."""
        for alert in self.alerts:
            if alert.kind in self.routes and self._may_be_told(alert):
                self._consider(alert)
        if whole:
            self._cleared()
        urgent = sorted((b for b in self.bundles.values() if whole or b.mark), key=Bundle.urgency)
        planned = [done for done in map(self._planned, urgent) if done is not None]
        return Plan(tuple(planned), tuple(self.decisions.values()), self.reach.unreached)

    def _may_be_told(self, alert: Alert) -> bool:
        """Whether nothing forbids telling of it now: guard, data, inhibition, silence."""
        entry = self.ledger.entry(alert.id)
        if entry.decided or self.now < self._ready(alert):
            return False
        if alert.kind in OVERDUE_KINDS and alert.due_at is None:
            self._suppress(alert, "undated")
            return False
        by = self.reach.inhibitor(alert)
        if by is not None:
            if alert.fresh or alert.missed or entry.seen:
                self._suppress(alert, "inhibited", by)
            return False
        silence = entry.silence(self.now)
        if silence is not None:
            if alert.fresh or alert.missed or entry.seen:
                self._suppress(alert, "silenced", str(silence), until=silence)
            return False
        return True

    def _ready(self, alert: Alert) -> Millis:
        """From when people are told: a verdict that facts caused holds ten minutes first."""
        return alert.ready(self.rules.guard_minutes * 60_000)

    def _consider(self, alert: Alert) -> None:
        entry = self.ledger.entry(alert.id)
        if alert.missed and not entry.seen:
            self._decide(Decision("held", alert.id, digest_of("held", OUTAGE, alert.id), OUTAGE))
        elif self.moment.quiet:
            self._hold(alert, entry)
        for route in self.routes[alert.kind]:
            if self.moment.working_days_since(alert.start) >= route.after_working_days:
                for post in route.to:
                    people, vacant = self.reach.told(post, alert)
                    for to in people:
                        self._by_route(alert, entry, route, to, vacant=vacant)
        if alert.kind in self.rules.escalation.kinds:
            self._climb(alert, entry)

    def _hold(self, alert: Alert, entry: Entry) -> None:
        waits = any(not {ANY_HOUR, BRIEF} & set(route.at) for route in self.routes[alert.kind])
        if waits and alert.fresh and not entry.held and not entry.told:
            self._decide(Decision("held", alert.id, digest_of("held", alert.id, str(alert.start)), "quiet_hours"))

    def _by_route(self, alert: Alert, entry: Entry, route: Route, to: Recipient, *, vacant: bool) -> None:
        if self._digested(alert, entry, route, to):
            return
        slot = self._slot_of(alert, entry, route, to)
        if slot is None or (not self.moment.first_of(route.on) and ANY_HOUR not in route.at):
            return
        if not (alert.fresh or entry.seen or alert.start >= self.now - _SPAN[route.on]):
            return
        told = entry.told.get(to.account)
        mark = ANY_HOUR_MARK if ANY_HOUR in route.at else AT_ONCE if AT_ONCE in route.at else ""
        if told is None or (told == slot and self._unfinished(to, slot, mark)):
            self._put(alert, "vacant" if vacant else "new", to, slot, mark)
        elif told < slot and not self._taken(entry) and self._again(route, told):
            self._put(alert, "reminder", to, slot, mark)

    def _again(self, route: Route, told: Millis) -> bool:
        """Whether a reminder is due: at every slot that a route names, else after the days of the rules."""
        days = self.rules.reminder_working_days
        if not days:
            return False
        named = not {NEXT, AT_ONCE, ANY_HOUR} & set(route.at)
        return named or self.moment.working_days_since(told) >= days

    def _slot_of(self, alert: Alert, entry: Entry, route: Route, to: Recipient) -> Millis | None:
        """The slot in which a route would tell now; None: not now."""
        if ANY_HOUR in route.at:
            return self.moment.gathered()
        if not self._reachable(to):
            return None
        if BRIEF in route.at:
            return self.moment.brief()
        if self.moment.quiet:
            return None
        if AT_ONCE in route.at:
            first = self.moment.at(min(self.rules.slots))
            waits = self.now < first and (entry.held or self._ready(alert) < self.moment.opening)
            return None if waits else self.moment.gathered()
        slot = self._slots[to.unit in self.reach.open_today]
        if slot is None or NEXT in route.at or self._clocks[slot] in route.at:
            return slot
        return None

    def _reachable(self, to: Recipient) -> bool:
        """Whether the recipient's own hours allow it; what misses a slot goes later, until the next one."""
        return to.hours is None or to.hours[0] <= self._clocks[self.now] < to.hours[1]

    def _digested(self, alert: Alert, entry: Entry, route: Route, to: Recipient) -> bool:
        """Takes what lies before the horizon into the one digest of a first run or after an outage; true when it
        did."""
        if not self.rules.digest or {ANY_HOUR, BRIEF} & set(route.at) or not self._reachable(to):
            return False
        slot = self._slots[to.unit in self.reach.open_today]
        if slot is None:
            return False
        if alert.missed or entry.missed:
            if entry.told.get(to.account, slot) != slot:
                return False
            self._put(alert, "outage", to, slot, "")
            return True
        if alert.fresh or entry.seen or (to.account, to.unit) in self.ledger.digested:
            return False
        self._put(alert, "digest", to, slot, "")
        return True

    def _climb(self, alert: Alert, entry: Entry) -> None:
        """The chain: a step by working time without acknowledgement, or by a broken promise. Judged at the slot,
        not at `now`, so that a round later in the same slot comes to the same."""
        slot = self._slots[False]
        if slot is None or entry.first_told is None or entry.first_told >= slot:
            return  # what was first told in this slot climbs in a later one, even with a promise broken before
        steps = self.rules.escalation.steps
        level, reason = len(entry.raised), "unacknowledged"
        broken = entry.broken_promise(slot)
        if broken is not None:
            level, reason = level + 1, "promise_broken"
        elif not self._taken(entry):
            since = max(entry.first_told, entry.quiet_end(self.province.calendar, self.rules) or 0)
            worked = self._worked_days(since, slot)
            level = max(level, sum(step.after_working_days <= worked for step in steps))
        level = min(level, len(steps))
        for n in range(len(entry.raised), level):
            key = digest_of("escalated", alert.id, str(n + 1))
            post = steps[n].post
            self._decide(Decision("escalated", alert.id, key, reason, slot=slot, post=post, until=broken))
        self._tell_chain(alert, entry, level, slot)

    def _worked_days(self, since: Millis, slot: Millis) -> float:
        """Working days between two instants; those of one message are asked for once."""
        found = self._worked.get((since, slot))
        if found is None:
            found = Moment(slot, self.province.calendar, self.rules).worked_days(since)
            self._worked[(since, slot)] = found
        return found

    def _tell_chain(self, alert: Alert, entry: Entry, level: int, slot: Millis) -> None:
        """Those whom the chain has reached and who were not told since it reached them."""
        broken = entry.broken or entry.broken_promise(slot)
        why: Reason = "promise_broken" if broken else "unacknowledged"
        for n in range(0 if not self._taken(entry) else level, level):
            raised = entry.raised[n] if n < len(entry.raised) else slot
            for to in self.reach.told(self.rules.escalation.steps[n].post, alert)[0]:
                told = entry.told.get(to.account, -1)
                mine = self._slots[to.unit in self.reach.open_today]
                if mine is None or not self._reachable(to):
                    continue
                if told < raised or (told == mine and self._unfinished(to, mine, "")):
                    self._put(alert, why, to, mine, "")

    def _below(self, unit: str) -> list[Alert]:
        return [alert for alert in self.alerts if unit in self.reach.chain(alert.unit)]

    def _cleared(self) -> None:
        """What was held and holds no more is dropped, and that is noted."""
        holding = {alert.id for alert in self.alerts}
        for alert, entry in self.ledger.entries().items():
            if entry.held and alert not in holding:
                self._decide(Decision("suppressed", alert, digest_of("cleared", alert), "cleared"))

    def _put(self, alert: Alert, reason: Reason, to: Recipient, slot: Millis, mark: str) -> None:
        place = (to.account, to.unit, slot, mark)
        bundle = self.bundles.get(place) or self.bundles.setdefault(place, Bundle(to, slot, mark))
        before = bundle.alerts.get(alert.id)
        if before is None or reason in _STRONG or (reason == "vacant" and before[1] == "new"):
            bundle.alerts[alert.id] = (alert, reason)

    def _planned(self, bundle: Bundle) -> Planned | None:
        """The bundle as a message; None where it was sent, or may not be sent."""
        key, to = bundle.key, bundle.to
        taken = self.ledger.sent.get(key, set())
        channels = tuple(channel for channel in to.channels if channel not in taken)
        if not channels:
            return None
        if taken:  # Some channels took it: the others get the same alerts, no others.
            meant = self.ledger.intended.get(key, set())
            bundle.alerts = {name: one for name, one in bundle.alerts.items() if name in meant}
            if not bundle.alerts:
                return None
        elif self._over(bundle):
            for alert, _ in bundle.alerts.values():
                self._suppress(alert, _CEILED, to.account, str(self.moment.day), account=to.account)
            return None
        retried = bool(taken) or any(to.account in self.ledger.entry(name).pending for name in bundle.alerts)
        name = self.province.names.get(to.unit, to.unit)
        ages = unacknowledged_ages(self.moment, self.ledger, self._below(to.unit)) if to.post == "chairman" else ()
        message = message_of(
            key,
            to,
            bundle.slot,
            list(bundle.alerts.values()),
            chairman_line(ages, self.rules.chairman),
            self.moment,
            name,
            self.province.data_to,
            retried=retried,
            numbers=self.province.numbers,
            names=self.province.names,
        )
        if isinstance(message, str):
            for alert, _ in bundle.alerts.values():
                self._suppress(alert, "forbidden", to.account, str(bundle.slot), account=to.account)
            return None
        if bundle.mark != ANY_HOUR_MARK:
            self._counted.setdefault(to.account, set()).add(key)
        reasons = {name: reason for name, (_, reason) in bundle.alerts.items()}
        return Planned(message, reasons, channels, bundle.mark)

    def _over(self, bundle: Bundle) -> bool:
        """Whether the day's ceiling of the post is reached. What is told at once leaves one message for a slot,
        and reminders alone do not take the last one while a slot is still to come."""
        ceiling = self.rules.ceilings.get(bundle.to.post)
        if ceiling is None or bundle.mark == ANY_HOUR_MARK:
            return False
        account = bundle.to.account
        before = self.ledger.messages(account, self.moment.day) | self._counted.get(account, set())
        used = len(before - {bundle.key})
        if used >= ceiling:
            return True
        last = used == ceiling - 1 and ceiling > 1
        only_reminders = all(reason == "reminder" for _, reason in bundle.alerts.values())
        due_today = bundle.to.unit in self.reach.open_today
        later = self.moment.later_slot(bundle.slot, due_today=due_today)
        return last and (bundle.mark == AT_ONCE or (only_reminders and later))

    def _unfinished(self, to: Recipient, slot: Millis, mark: str) -> bool:
        """Whether some channels of this account have taken the slot's message and others have not."""
        place = (to.account, to.unit, slot, mark)
        key = self._keys.get(place) or self._keys.setdefault(place, Bundle(to, slot, mark).key)
        taken = self.ledger.sent.get(key, set())
        return bool(taken) and not set(to.channels) <= taken

    def _taken(self, entry: Entry) -> bool:
        """Whether an acknowledgement or a promise stops reminders now."""
        end = entry.quiet_end(self.province.calendar, self.rules)
        return end is not None and self.now < end

    def _suppress(
        self, alert: Alert, reason: str, *of: str, account: str = "", until: Millis | None = None
    ) -> None:
        key = digest_of("suppressed", reason, alert.id, *of)
        self._decide(Decision("suppressed", alert.id, key, reason, account=account, until=until))

    def _decide(self, decision: Decision) -> None:
        if decision.key not in self.ledger.marks:
            self.decisions[decision.key] = decision
