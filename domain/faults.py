"""A19: a part of the system that is red, from when it became so until it was healthy for some minutes.

A blip (a part that is started again) raises nothing: it must be red for half a minute. Pure: the caller brings
what is red now, and keeps what comes back.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from domain.instants import Millis
from domain.raised import Raised, episode_of

CONFIRM_MS = 30_000


@dataclass(frozen=True, slots=True)
class Fault:
    """One part's trouble: red since when, red last when, and what it said."""

    since: Millis
    last: Millis
    reason: str


Faults = Mapping[str, Fault]


def seen(known: Faults, red: Mapping[str, str], now: Millis, healthy_ms: int) -> dict[str, Fault]:
    """The faults after a look: those red now, and those that were and are not healthy for long enough yet. A fault
    that never was confirmed is forgotten as soon as it is green. A clock that went back begins anew."""
    found = {}
    for part, fault in known.items():
        if fault.last <= now < fault.last + healthy_ms and (part in red or fault.last - fault.since >= CONFIRM_MS):
            found[part] = fault
    for part, reason in red.items():
        fault = found.get(part, Fault(now, now, reason))
        found[part] = replace(fault, last=now, reason=reason)
    return found


def raised(faults: Faults, root: str) -> Iterator[Raised]:
    """The alerts that hold: of confirmed faults. One that is over (and was forgotten) is ended by the caller."""
    for part, fault in faults.items():
        if fault.last - fault.since >= CONFIRM_MS:
            yield Raised(
                "A19", part, episode_of(fault.since), root, fault.since, evidence={"reason": fault.reason}
            )
