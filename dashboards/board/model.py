"""What the board shows, as plain values: the views know these and nothing of queries."""

from dataclasses import dataclass, field
from typing import Protocol

from domain.instants import Millis, Zone


@dataclass(frozen=True, slots=True)
class Freshness:
    """How new the figures are. `stale_ms` is None while they count as fresh."""

    up_to: Millis | None
    stale_ms: int | None
    units_with_data: int
    units: int


@dataclass(frozen=True, slots=True)
class Indicator:
    """One indicator of a score; None where there is nothing (null is not zero). `rate` is 0–1."""

    code: str
    group: str
    name: str
    name_en: str
    numerator: float | None
    denominator: float | None
    rate: float | None
    points: float | None
    max: float
    applies: bool


@dataclass(frozen=True, slots=True)
class Group:
    """One of the six groups; `not_arisen` are the points of its indicators that do not apply."""

    code: str
    name: str
    name_en: str
    points: float | None
    max: float
    not_arisen: float = 0.0


@dataclass(frozen=True, slots=True)
class Score:
    """A scorecard as shown: both totals out of 100, unrounded."""

    unit: str
    unit_name: str
    period: str
    set: str
    generation: int | None
    complete_to: str
    total_portal: float
    total_rebased: float | None
    band: str
    groups: tuple[Group, ...]
    indicators: tuple[Indicator, ...]


@dataclass(frozen=True, slots=True)
class Numbers:
    """The three numbers of the board, and what stands beside them; None where it is not known."""

    due_today_open: int
    due_today: int | None
    overdue: int
    longest_days: int | None
    overdue_without_apology: int


@dataclass(frozen=True, slots=True)
class UnitRow:
    """A unit that has something to be done today."""

    code: str
    name: str
    overdue: int
    due_today: int


@dataclass(frozen=True, slots=True)
class Live:
    """Everything on the board at one instant, `at` by the installation's clock."""

    at: Millis
    clock: str
    freshness: Freshness
    score: Score
    numbers: Numbers
    units: tuple[UnitRow, ...]
    demo: bool = False


@dataclass(frozen=True, slots=True)
class OverdueRow:
    """One open and late dossier."""

    code: str
    procedure: str
    accepted_at: Millis | None
    due_at: Millis | None
    due_at_original: Millis | None
    late_by_working_days: float | None
    late_by_ms: int | None
    apology: bool


@dataclass(frozen=True, slots=True)
class UnitPage:
    """A unit's score and its overdue list; `total` counts what the list leaves out, too."""

    code: str
    name: str
    at: Millis
    score: Score | None
    due_today: int | None
    overdue: tuple[OverdueRow, ...]
    total: int


@dataclass(frozen=True, slots=True)
class Verdict:
    """The judgement of one rule family: its state, the sentence in both languages, and the figures behind it."""

    rule: str
    state: str
    late: bool
    reason: str
    vi: str
    en: str
    due_at: Millis | None
    end_at: Millis | None
    credit_ms: int
    supplements: int


@dataclass(frozen=True, slots=True)
class EventRow:
    """One event of a dossier with its three times and its place in the log."""

    type: str
    occurred_at: Millis | None
    recorded_at: Millis | None
    known_at: Millis
    source: str
    partition: int
    offset: int
    index: int
    id: str


@dataclass(frozen=True, slots=True)
class DossierPage:
    """A dossier as known at `at`."""

    code: str
    at: Millis
    unit: str
    unit_name: str
    procedure: str
    status: str
    channel: str
    accepted_at: Millis | None
    due_at: Millis | None
    due_at_original: Millis | None
    finished_at: Millis | None
    returned_at: Millis | None
    apology_at: Millis | None
    verdicts: tuple[Verdict, ...]
    events: tuple[EventRow, ...]
    findings: tuple[str, ...] = field(default=())


class BoardSource(Protocol):
    """Where the board's figures come from; its methods block and are called in threads.

    They raise Unavailable while the store does not answer. None: there is no such unit or dossier.
    """

    zone: Zone
    root: str

    def place(self) -> object:
        """A value that differs as soon as the figures may differ; cheap and never blocking: asked ten times
        a second. None: not known yet."""

    def live(self) -> Live:
        """The whole board."""

    def unit(self, code: str) -> UnitPage | None:
        """A unit's page."""

    def dossier(self, code: str) -> DossierPage | None:
        """A dossier's page."""
