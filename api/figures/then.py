"""Documents as they were known before an instant: folded again from their events, as the fold folds them.

The store keeps of a document only how it stands now; what had arrived by then is told by the log's own events.
They are read and decoded once for as long as the documents stay as they are: any instant is a choice among them.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from domain.errors import Gs766Error
from domain.events import make_event
from domain.facts import Fact, Facts, effective, fact_of, merge
from domain.instants import Millis
from sinks.queries import log
from sinks.queries.reader import Reader

History = list[tuple[str, Millis, str, dict[str, Any]]]
"""What was said of a subject: (type, occurred_at, event id, data) in canonical order."""
KINDS = ("unit", "procedure", "calendar", "indicator_set", "alert_rules", "message_rules", "target")


Key = tuple[str, str]
"""(kind, subject)."""


class Told:
    """Every event of the documents, by (kind, subject), with the instants at which they became known. Shared by
    requests, never changed but for what it remembers of documents that stood by then as they stand now."""

    def __init__(self, reader: Reader) -> None:
        self.facts: dict[Key, list[tuple[Millis, Fact]]] = _told(reader)
        self._latest = {key: max(known for known, _ in facts) for key, facts in self.facts.items()}
        self._whole: dict[Key, Facts] = {}
        self._histories: dict[Key, History] = {}

    def before(self, key: Key, known_at: Millis) -> Facts:
        """The facts of a document known before an instant, in canonical order; none where it was not known."""
        if self._latest[key] < known_at:
            if key not in self._whole:
                self._whole[key] = merge((), (fact for _, fact in self.facts[key]))
            return self._whole[key]
        return merge((), (fact for known, fact in self.facts[key] if known < known_at))

    def history(self, key: Key, known_at: Millis) -> History:
        """What had been said of a document then."""
        if self._latest[key] >= known_at:
            return _history(self.before(key, known_at))
        if key not in self._histories:
            self._histories[key] = _history(self.before(key, known_at))
        return self._histories[key]


class Then:
    """The documents known before `known_at`, by kind and subject."""

    def __init__(self, told: Told, known_at: Millis) -> None:
        self._told = told
        self._known_at = known_at
        self._by_kind: dict[str, Mapping[str, History]] = {}

    def histories(self, kind: str) -> Mapping[str, History]:
        """The documents of a kind by subject; not to be changed."""
        if kind not in self._by_kind:
            found = {key[1]: self._told.history(key, self._known_at) for key in self._told.facts if key[0] == kind}
            self._by_kind[kind] = {subject: history for subject, history in found.items() if history}
        return self._by_kind[kind]

    def facts(self, kinds: Sequence[str]) -> dict[Key, Facts]:
        """The facts of these kinds by (kind, subject)."""
        found = {key: self._told.before(key, self._known_at) for key in self._told.facts if key[0] in kinds}
        return {key: facts for key, facts in found.items() if facts}


def _history(facts: Facts) -> History:
    return [(f.type, f.occurred_at, f.id, msgspec.json.decode(f.body)) for f in effective(facts)[0]]


def _told(reader: Reader) -> dict[Key, list[tuple[Millis, Fact]]]:
    """Equal copies of broadcast documents are merged later; what is no event is passed over, as the fold does."""
    found: dict[Key, list[tuple[Millis, Fact]]] = {}
    for row in log.document_events(reader, KINDS):
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
        found.setdefault((event.kind, event.subject), []).append((row["known_at"], fact_of(event)))
    return found
