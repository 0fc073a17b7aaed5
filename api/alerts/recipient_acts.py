"""A recipient as kept, and the acts that tell who changed one: account, post and kinds of channels, no address."""

import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from domain.events import Event, make_event
from domain.instants import Millis, format_rfc3339
from domain.message import Recipient

SOURCE = "/gs766/recipients"
COMMAND_LINE = "command_line"
"""Who changed one at the machine itself, where no key says it."""
VERBS = ("added", "changed", "removed")
TYPES = tuple(f"system.recipient_{verb}" for verb in VERBS)


@dataclass(frozen=True, slots=True)
class Entry:
    """A recipient as kept: with addresses, which are printed nowhere by accident."""

    account: str
    post: str
    unit: str
    addresses: tuple[tuple[str, str], ...] = field(repr=False)
    """(kind, checked address), best first."""
    hours: str = ""
    """'07:00-17:00', or '' for the province's hours."""
    since: Millis | None = None
    until: Millis | None = None

    @property
    def channels(self) -> tuple[tuple[str, str, str], ...]:
        """(name, kind, address); the second of a kind is named `email-2`."""
        seen: dict[str, int] = {}
        found = []
        for kind, address in self.addresses:
            seen[kind] = seen.get(kind, 0) + 1
            found.append((kind if seen[kind] == 1 else f"{kind}-{seen[kind]}", kind, address))
        return tuple(found)

    @property
    def warnings(self) -> tuple[str, ...]:
        """What should not stay so."""
        if len({kind for kind, _ in self.addresses}) < 2:
            return ("one channel only: when it fails, nobody is told",)
        return ()

    def recipient(self) -> Recipient:
        """The same without addresses."""
        start, _, end = self.hours.partition("-")
        hours = (start, end) if self.hours else None
        names = tuple(name for name, _, _ in self.channels)
        return Recipient(self.account, self.post, self.unit, names, hours, self.since, self.until)


def changes(before: Iterable[Entry], after: Iterable[Entry], now: Millis, by: str) -> Iterator[Event]:
    """The acts that tell how entries of an account became others; none where nothing changed."""
    old, new = ({(e.account, e.post, e.unit): e for e in entries} for entries in (before, after))
    for key in sorted(old.keys() | new.keys()):
        was, is_now = old.get(key), new.get(key)
        if was == is_now:
            continue
        verb = "added" if was is None else "removed" if is_now is None else "changed"
        shown = is_now or was
        assert shown is not None
        data = {"actor": by, "unit": shown.unit, "evidence": _evidence(was, is_now, shown)}
        yield make_event(
            f"system.recipient_{verb}",
            shown.account,
            now,
            data,
            source=SOURCE,
            id=uuid.uuid4().hex,
            recorded_at=now,
        )


def _evidence(was: Entry | None, is_now: Entry | None, shown: Entry) -> dict[str, Any]:
    """Post, names of channels, hours and dates as they are after the act (before a removal), and what of them the
    act changed: of channels which were added, removed, or lead elsewhere."""
    old, new = ({name: address for name, _, address in e.channels} if e else {} for e in (was, is_now))
    found: dict[str, Any] = {
        "account": shown.account,
        "post": shown.post,
        "channels": [n for n, *_ in shown.channels],
    }
    moved = {
        name: "added" if name not in old else "removed" if name not in new else "changed"
        for name in sorted(old.keys() | new.keys())
        if old.get(name) != new.get(name)
    }
    if was is not None and is_now is not None:
        found["changed"] = [n for n in ("hours", "since", "until") if getattr(was, n) != getattr(is_now, n)]
        if moved:
            found["channels_changed"] = moved
    told = {"hours": shown.hours, "since": _text(shown.since), "until": _text(shown.until)}
    return found | {name: value for name, value in told.items() if value}


def _text(at: Millis | None) -> str | None:
    return None if at is None else format_rfc3339(at)
