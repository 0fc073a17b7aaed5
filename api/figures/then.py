"""Documents as they were known before an instant: folded again from their events, as the fold folds them.

The store keeps of a document only how it stands now; what had arrived by then is told by the log's own events.
Petitions likewise: they are few.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec

from domain.errors import Gs766Error
from domain.events import make_event
from domain.facts import Facts, effective, fact_of, merge
from domain.fold import UNKNOWN_UNIT
from domain.instants import Millis
from domain.petition import Petition, replay_petition
from sinks.queries import log
from sinks.queries.reader import Reader

History = list[tuple[str, Millis, str, dict[str, Any]]]
"""What was said of a subject: (type, occurred_at, event id, data) in canonical order."""
KINDS = ("unit", "procedure", "calendar", "indicator_set", "alert_rules", "target")


class Then:
    """The documents known before `known_at`, by kind and subject."""

    def __init__(self, reader: Reader, known_at: Millis) -> None:
        self._facts = _facts(reader, KINDS, known_at)

    def histories(self, kind: str) -> Mapping[str, History]:
        """The documents of a kind by subject."""
        return {
            subject: [(f.type, f.occurred_at, f.id, msgspec.json.decode(f.body)) for f in effective(facts)[0]]
            for (found, subject), facts in self._facts.items()
            if found == kind
        }

    def facts(self, kinds: Sequence[str]) -> dict[tuple[str, str], Facts]:
        """The facts of these kinds by (kind, subject)."""
        return {key: facts for key, facts in self._facts.items() if key[0] in kinds}


def petitions_then(reader: Reader, known_at: Millis) -> Iterator[tuple[str, Petition]]:
    """(unit, petition) of every petition as it was known before an instant; all units."""
    for facts in _facts(reader, ("petition",), known_at).values():
        petition = replay_petition(facts)
        yield petition.unit or UNKNOWN_UNIT, petition


def _facts(reader: Reader, kinds: Sequence[str], known_at: Millis) -> dict[tuple[str, str], Facts]:
    """Equal copies of broadcast documents are merged into one; what is no event is passed over, as the fold
    does."""
    found: dict[tuple[str, str], list[Any]] = {}
    for row in log.known_events(reader, kinds, known_at):
        try:
            event = make_event(
                row["type"],
                row["subject"],
                row["occurred_at"],
                msgspec.json.decode(row["data"]),
                source=row["source"],
                id=row["id"],
                recorded_at=row["recorded_at"],
            )
        except (Gs766Error, msgspec.DecodeError, TypeError, ValueError):
            continue
        found.setdefault((event.kind, event.subject), []).append(fact_of(event))
    return {key: merge((), facts) for key, facts in found.items()}
