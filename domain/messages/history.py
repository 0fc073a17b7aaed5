"""Alerts as they were known then: of each, its versions, and while which one was the last that was known.

What a fold gives of a subject's facts at one moment of knowledge after another is compared as its rows are
(`stream/partition`): a version begins where something about an alert changed, and ends where the next one begins.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from domain.instants import Millis
from domain.messages.values import Alert

FOREVER: Millis = 1 << 62


@dataclass(frozen=True, slots=True)
class Known:
    """An alert as it was known from its `known_at` until `replaced_at`. `live`: by live intake, so that what
    became known late is told all the same (decisions 23)."""

    alert: Alert
    replaced_at: Millis = FOREVER
    live: bool = True

    def holds(self, now: Millis) -> bool:
        """Whether it was known at an instant, and held then."""
        a = self.alert
        return a.known_at <= now < self.replaced_at and a.start <= now and (a.until is None or now < a.until)


def versions(points: Iterable[tuple[Millis, bool, Sequence[Alert]]]) -> tuple[Known, ...]:
    """The versions of one subject's alerts, from (known_at, live, all of its alerts as known then) in order of
    knowledge. An alert that is not among them any more is known no more; one that stands as it stood keeps the
    instant from which it was known."""
    standing: dict[str, Known] = {}
    found: list[Known] = []
    for known_at, live, alerts in points:
        now = {alert.id: alert for alert in alerts}
        for name, before in list(standing.items()):
            same = now.get(name)
            if same is None or replace(same, known_at=before.alert.known_at) != before.alert:
                found.append(replace(before, replaced_at=known_at))
                del standing[name]
        for name, alert in now.items():
            if name not in standing:
                standing[name] = Known(replace(alert, known_at=known_at), live=live)
    return (*found, *standing.values())
