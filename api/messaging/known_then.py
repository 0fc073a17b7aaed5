"""Alerts as they were known over a past stretch of time: rows where nothing changed since, else the fold again."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from api.figures.context import FigureContext
from api.figures.replayed import known_facts
from api.messaging.reading import alert_of, routed_kinds
from domain.alerts import KINDS, RAISED, alert_id
from domain.conditions import Condition
from domain.duty_conditions import petition_conditions, procedure_conditions
from domain.facts import Fact, Facts, merge
from domain.fold import UNKNOWN_UNIT, fold_dossier
from domain.instants import MS_DAY, Millis
from domain.messages.history import Known, versions
from domain.messages.rules import MessageRules
from domain.messages.values import Alert
from domain.petition import replay_petition
from domain.reference import Reference
from sinks.positions import EVENTS
from sinks.queries import messages as rows_of

_PIECE = 2_000
"""Subjects that are replayed at a time."""
_RAISED_MS = 60 * MS_DAY
"""How far back raised alerts are read: what holds longer was said again."""


def known_between(ctx: FigureContext, rules: MessageRules, start: Millis, until: Millis) -> list[Known]:
    """All alerts of the kinds with a route that held, as was known then, at some instant of [start, until)."""
    kinds = routed_kinds(rules)
    folded = sorted(set(kinds) - set(RAISED))
    changed: dict[str, set[str]] = {}
    for kind, subject in rows_of.changed_between(ctx.everything, start, until, folded):
        changed.setdefault(KINDS[kind].subject, set()).add(subject)
    found = [
        Known(alert_of(row, fresh=True))
        for row in rows_of.held_between(ctx.everything, start, until, kinds)
        if row[1] in folded and row[2] not in changed.get(KINDS[row[1]].subject, ())
    ]
    imported = frozenset(rows_of.imported(ctx.everything, EVENTS, start))
    for subject_kind, subjects in sorted(changed.items()):
        again = _Again(ctx, subject_kind, set(folded), start, until, imported)
        found += [one for one in again.of(sorted(subjects)) if _within(one, start, until)]
    raised = _raised(ctx, sorted(set(kinds) & set(RAISED)), start, until)
    return [*found, *(one for one in raised if _within(one, start, until))]


def known_now(ctx: FigureContext, rules: MessageRules, start: Millis, until: Millis) -> list[Known]:
    """The same as is known today, as if it had been known when it began: for weeks before the log."""
    rows = rows_of.held_between(ctx.everything, start, until, routed_kinds(rules))
    alerts = (alert_of(row, fresh=True) for row in rows)
    return [Known(replace(one, known_at=min(one.known_at, one.start))) for one in alerts]


def _within(one: Known, start: Millis, until: Millis) -> bool:
    a = one.alert
    return one.replaced_at > start and a.start < until and (a.until is None or max(a.start, start) < a.until)


class _Again:
    """Subjects folded again at each moment at which something became known of them, or of the documents."""

    def __init__(
        self,
        ctx: FigureContext,
        subject_kind: str,
        kinds: set[str],
        start: Millis,
        until: Millis,
        imported: frozenset[Millis],
    ) -> None:
        self._ctx, self._kind, self._kinds = ctx, subject_kind, kinds
        self._start, self._until, self._imported = start, until, imported
        told = ctx.documents.told(ctx.everything).facts
        self._documents = {
            known
            for (kind, _), facts in told.items()
            if kind in ("calendar", "procedure", "alert_rules")
            for known, _ in facts
            if start <= known < until
        }
        self._references: dict[int, Reference] = {}

    def of(self, subjects: Sequence[str]) -> Iterator[Known]:
        """The versions of their alerts."""
        for n in range(0, len(subjects), _PIECE):
            facts = known_facts(self._ctx, self._kind, subjects[n : n + _PIECE], self._until)
            for subject, told in facts.items():
                yield from versions(self._points(subject, told))

    def _points(
        self, subject: str, told: Sequence[tuple[Millis, Fact]]
    ) -> Iterator[tuple[Millis, bool, list[Alert]]]:
        before = max((known for known, _ in told if known < self._start), default=None)
        after = {known for known, _ in told if known >= self._start} | self._documents
        first = min(known for known, _ in told)
        for known_at in sorted({*after, *([] if before is None else [before])}):
            if known_at >= first:
                facts = merge((), (fact for known, fact in told if known <= known_at))
                live = known_at not in self._imported
                yield known_at, live, list(self._alerts(subject, facts, known_at))

    def _alerts(self, subject: str, facts: Facts, known_at: Millis) -> Iterator[Alert]:
        unit, conditions = _FOLDS[self._kind](facts, self._reference(known_at))
        for c in conditions:
            if c.kind in self._kinds:
                level = KINDS[c.kind].level_of(c.start, c.due_at, c.evidence)
                yield Alert(
                    alert_id(c.kind, subject, c.episode),
                    c.kind,
                    level,
                    subject,
                    unit,
                    c.start,
                    c.due_at,
                    known_at,
                    until=c.until,
                )

    def _reference(self, known_at: Millis) -> Reference:
        """The documents as known then; the same object until one changed."""
        place = sum(known <= known_at for known in self._documents)
        if place not in self._references:
            latest = max((k for k in self._documents if k <= known_at), default=self._start - 1)
            self._references[place] = self._ctx.reference_at(latest + 1)
        return self._references[place]


def _of_dossier(facts: Facts, reference: Reference) -> tuple[str, Iterable[Condition]]:
    folded = fold_dossier(facts, reference)
    return folded.dimensions[0], folded.conditions


def _of_petition(facts: Facts, reference: Reference) -> tuple[str, Iterable[Condition]]:
    petition = replay_petition(facts)
    return petition.unit or UNKNOWN_UNIT, petition_conditions(petition, reference)


def _of_procedure(facts: Facts, reference: Reference) -> tuple[str, Iterable[Condition]]:
    return UNKNOWN_UNIT, procedure_conditions(facts, reference)


_FOLDS: dict[str, Callable[[Facts, Reference], tuple[str, Iterable[Condition]]]] = {
    "dossier": _of_dossier,
    "petition": _of_petition,
    "procedure": _of_procedure,
}


def _raised(ctx: FigureContext, kinds: Sequence[str], start: Millis, until: Millis) -> list[Known]:
    """What the notifier raised, statement by statement: each was known until the next about the same."""
    by_id: dict[str, list[tuple[Millis, bool, list[Alert]]]] = {}
    rows: list[tuple[Any, ...]] = rows_of.raised_acts(ctx.everything, start - _RAISED_MS, until, kinds)
    for row in rows:
        alert = alert_of(row, fresh=True)
        by_id.setdefault(alert.id, []).append((alert.known_at, True, [alert]))
    return [one for points in by_id.values() for one in versions(points)]
