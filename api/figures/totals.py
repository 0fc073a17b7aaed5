"""What is summed, and the sums of one cut with its re-openings."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from domain.algebra import Recalled
from domain.instants import Millis
from domain.measures import ATTRIBUTES
from sinks.queries.reader import Reader
from sinks.queries.sums import Key, Sums

_PLACES = {"unit": 0, "procedure": 1, "channel": 2}
Dimensions = tuple[str, str, str]
"""(unit, procedure, channel)."""


@dataclass(frozen=True, slots=True)
class Grain:
    """What is summed: [start, until) as known, per unit, procedure or channel, perhaps of one procedure only.
    `start` None means from the beginning of all time, so that P(m, S) is nothing."""

    start: Millis | None
    until: Millis
    family: str
    known_at: Millis | None = None
    by: tuple[str, ...] = ("unit",)
    procedure: str | None = None
    petitions: bool = True
    """Whether an end inside a day is made exact for petitions too; states of dossiers need none."""

    def key(self, dimensions: Dimensions) -> Key:
        """The cut that a dossier of these dimensions belongs to."""
        return tuple(dimensions[_PLACES[name]] for name in self.by)


@dataclass(slots=True)
class Totals:
    """The sums of one cut, and its recalls."""

    sums: Sums = field(default_factory=Sums)
    recalled: dict[str, int] = field(default_factory=dict)
    without_petitions: bool = False

    def add(self, other: "Totals") -> None:
        """Adds another's to these."""
        self.sums.add(other.sums)
        for name, value in other.recalled.items():
            self.recalled[name] = self.recalled.get(name, 0) + value
        self.without_petitions = self.without_petitions or other.without_petitions

    def as_recalled(self) -> Recalled:
        """The recalls as the algebra wants them."""
        r = self.recalled
        return Recalled(
            r.get("all", 0),
            r.get("ok", 0),
            r.get("good", 0),
            r.get("early", 0),
            r.get("undated", 0),
            {x: r.get(f"has:{x}", 0) for x in ATTRIBUTES},
        )


def sums_of(reader: Reader, whole: Mapping[Key, Sums]) -> dict[Key, Sums]:
    """The sums of the reader's units, as copies that may be added to."""
    return {
        key: Sums(dict(sums.before), dict(sums.until)) for key, sums in whole.items() if reader.includes(key[0])
    }
