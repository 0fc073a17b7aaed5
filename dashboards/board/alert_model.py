"""Alerts as the board shows them, and where they come from: lists, one alert with its chain, acts, links."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from api.access import Principal
from domain.alerts import Level
from domain.instants import Millis, Zone

ALERTS_PATH = "/canh-bao"
STATES = ("holding", "cleared", "all")
LEVELS = ("red", "amber", "violet", "grey", "green")


@dataclass(frozen=True, slots=True)
class Filter:
    """What a list is asked for; '' for all."""

    unit: str = ""
    kind: str = ""
    level: str = ""
    state: str = "holding"
    disputed: bool = False
    cursor: str = ""


@dataclass(frozen=True, slots=True)
class AlertRow:
    """One alert of a list. `until` is when it cleared or will; `promised` the last date promised."""

    id: str
    kind: str
    level: Level
    title: str
    title_en: str
    state: str
    subject: str
    subject_kind: str
    unit: str
    unit_name: str
    start: Millis
    until: Millis | None
    due: Millis | None
    taken: bool
    promised: Millis | None
    promise_broken: bool
    open_disputes: int
    inhibited: bool = False


@dataclass(frozen=True, slots=True)
class VacantPost:
    """A post that cannot be told: nobody holds it, or (`mute`) no channel works for who does. `instead` is the
    post that is told in its place, '' for none."""

    post: str
    unit: str
    unit_name: str
    mute: bool
    instead: str
    alerts: int
    since: Millis


@dataclass(frozen=True, slots=True)
class AlertList:
    """A page of alerts; `total` counts all that match, `next` leads on. `vacant`: posts of the units that may be
    seen whose alerts go elsewhere, or nowhere."""

    at: Millis
    rows: tuple[AlertRow, ...]
    total: int
    next: str = ""
    vacant: tuple[VacantPost, ...] = ()


@dataclass(frozen=True, slots=True)
class ActRow:
    """One act: who knew, did or said what, when, and where it stands in the log."""

    act: str
    at: Millis
    known_at: Millis
    actor: str
    channel: str
    reason: str
    note: str
    until: Millis | None
    outcome: str
    place: str


@dataclass(frozen=True, slots=True)
class Ticket:
    """A dispute; `outcome` '' while nobody has answered it."""

    id: str
    at: Millis
    by: str
    outcome: str


@dataclass(frozen=True, slots=True)
class AlertPage:
    """One alert with its chain."""

    at: Millis
    row: AlertRow
    acts: tuple[ActRow, ...]
    tickets: tuple[Ticket, ...] = ()
    evidence: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of an act: of a dispute the sentence about what was received last."""

    received: str = ""


class AlertSource(Protocol):
    """Blocks, is called in threads, and sees only what the viewer's key sees.

    Raises a Gs766Error with a sentence for the person: not allowed, not possible, the store is away.
    """

    zone: Zone

    def alerts(self, viewer: Principal, asked: Filter) -> AlertList:
        """The latest beginning first."""

    def listed(self, viewer: Principal, asked: Filter) -> None:
        """Records that somebody opened a list that names dossiers."""

    def alert(self, viewer: Principal, alert: str) -> AlertPage | None:
        """One alert; None where it is not to be seen."""

    def act(self, viewer: Principal, alert: str, verb: str, said: Mapping[str, str]) -> Answer:
        """Does something about it, once the alert log has it."""

    def opened(self, viewer: Principal, token: str) -> str | None:
        """Records that the viewer opened the link of a message; the path it leads to, None for no such link."""
