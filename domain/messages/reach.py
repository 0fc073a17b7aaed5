"""Whom a unit's alerts reach: posts nearest above it, what mutes it, which units have something due today."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

from domain.message import POSTS, Recipient
from domain.messages.slots import Moment
from domain.messages.values import DUE_KINDS, Alert, Province, Unreached

CHAIN = tuple(post for post in POSTS if post not in ("chairman", "it"))


class Reach:
    """The units of one round; answers are kept."""

    def __init__(self, alerts: Sequence[Alert], province: Province, moment: Moment) -> None:
        self.province, self._moment = province, moment
        self._posts: dict[str, dict[str, list[Recipient]]] = {}
        self._mute: set[tuple[str, str]] = set()
        """(post, unit) whose holders have no channel that works."""
        self._missing: dict[tuple[str, str], tuple[Unreached, set[str]]] = {}
        now = moment.now
        for one in province.recipients:
            if (one.since is None or one.since <= now) and (one.until is None or now < one.until):
                if one.channels:
                    self._posts.setdefault(one.post, {}).setdefault(one.unit, []).append(one)
                else:
                    self._mute.add((one.post, one.unit))
        self._nearest: dict[tuple[str, str], list[Recipient]] = {}
        self._muted_by = self._inhibitions(alerts)
        self.open_today = self._units_open_today(alerts)
        """The units, and all above them, with something open that is due today."""

    def chain(self, unit: str) -> Sequence[str]:
        """The unit and all above it, nearest first."""
        return self.province.above.get(unit, (unit,))

    @property
    def unreached(self) -> tuple[Unreached, ...]:
        """The posts that could not be told, with how many alerts each."""
        found = (replace(one, alerts=len(alerts)) for one, alerts in self._missing.values())
        return tuple(sorted(found, key=lambda one: (one.unit, one.post)))

    def told(self, post: str, alert: Alert) -> tuple[list[Recipient], bool]:
        """Those who hold the post nearest above the alert's unit; where nobody does who can be told, the next post
        of the chain that somebody holds, and true."""
        unit = alert.unit
        found = self._holders(post, unit)
        if found and not self._mute_below(post, unit, found):
            return found, False
        instead = post if found else next((up for up in _above(post) if self._holders(up, unit)), "")
        why: Literal["vacant", "no_channel"] = "no_channel" if self._mute_below(post, unit, found) else "vacant"
        place = self._missing.setdefault((post, unit), (Unreached(post, unit, why, instead), set()))
        place[1].add(alert.id)
        return (found, False) if found else (self._holders(instead, unit), bool(instead))

    def _holders(self, post: str, unit: str) -> list[Recipient]:
        found = self._nearest.get((post, unit))
        if found is None:
            held = self._posts.get(post, {})
            found = next((held[code] for code in self.chain(unit) if code in held), [])
            self._nearest[(post, unit)] = found
        return found

    def _mute_below(self, post: str, unit: str, found: Sequence[Recipient]) -> bool:
        """Whether somebody nearer than those found holds the post, and cannot be told."""
        if not self._mute:
            return False
        end = found[0].unit if found else None
        for code in self.chain(unit):
            if code == end:
                return False
            if (post, code) in self._mute:
                return True
        return False

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


def _above(post: str) -> tuple[str, ...]:
    """The posts that stand in for one, nearest first: the chain above it (the chairman reads the brief only); for
    the technicians the room."""
    if post == "it":
        return ("room", "chief")
    place = CHAIN.index(post) + 1 if post in CHAIN else len(CHAIN)
    return CHAIN[place:]
