"""Whom a unit's alerts reach: posts nearest above it, what mutes it, which units have something due today."""

from collections.abc import Sequence

from domain.message import Recipient
from domain.messages.slots import Moment
from domain.messages.values import DUE_KINDS, Alert, Province


class Reach:
    """The units of one round; answers are kept."""

    def __init__(self, alerts: Sequence[Alert], province: Province, moment: Moment) -> None:
        self.province, self._moment = province, moment
        self.unreached: set[tuple[str, str]] = set()
        """(post, unit) that nobody holds although there is something to tell."""
        self._posts: dict[str, dict[str, list[Recipient]]] = {}
        now = moment.now
        for one in province.recipients:
            if (one.since is None or one.since <= now) and (one.until is None or now < one.until) and one.channels:
                self._posts.setdefault(one.post, {}).setdefault(one.unit, []).append(one)
        self._nearest: dict[tuple[str, str], list[Recipient]] = {}
        self._muted_by = self._inhibitions(alerts)
        self.open_today = self._units_open_today(alerts)
        """The units, and all above them, with something open that is due today."""

    def chain(self, unit: str) -> Sequence[str]:
        """The unit and all above it, nearest first."""
        return self.province.above.get(unit, (unit,))

    def recipients(self, post: str, unit: str) -> list[Recipient]:
        """Those who hold the post nearest above a unit: its own, else the next above."""
        found = self._nearest.get((post, unit))
        if found is None:
            held = self._posts.get(post, {})
            chain = self.chain(unit)
            found = next((held[code] for code in chain if code in held), [])
            self._nearest[(post, unit)] = found
        if not found:
            self.unreached.add((post, unit))
        return found

    def inhibitor(self, alert: Alert) -> str | None:
        """The alert that mutes this one, None where none does."""
        holding = self._muted_by.get(alert.kind)
        if not holding:
            return None
        chain = self.chain(alert.unit)
        return next((by for unit, by in holding if unit in chain), None)

    def _inhibitions(self, alerts: Sequence[Alert]) -> dict[str, list[tuple[str, str]]]:
        """Of each muted kind the (unit, alert) that mute it."""
        found: dict[str, list[tuple[str, str]]] = {}
        for rule in self.province.rules.inhibitions:
            holding = [(alert.unit, alert.id) for alert in alerts if alert.kind == rule.by]
            for kind in rule.mutes:
                found.setdefault(kind, []).extend(holding)
        return found

    def _units_open_today(self, alerts: Sequence[Alert]) -> frozenset[str]:
        zone = self.province.calendar.zone
        first, last = zone.midnight(self._moment.day), zone.midnight(self._moment.day + 1)
        units = {
            alert.unit
            for alert in alerts
            if alert.kind in DUE_KINDS and alert.due_at is not None and first <= alert.due_at < last
        }
        return frozenset(code for unit in units for code in self.chain(unit))
