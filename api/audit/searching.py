"""Goes through the dossiers of units page by page for an audit's findings; of a plain dossier some bytes are kept.

What is kept: counts by unit, the findings of the units asked about (of their peers only how many), and of every
dossier a mark of 8 bytes and its code, so that those that are alike can be read once more.
"""

import hashlib
from array import array
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from api.audit.payments import Payments
from api.figures.context import FigureContext, Question
from domain.patterns import (
    Filing,
    FindingRules,
    Pattern,
    Place,
    Telling,
    Told,
    beginning,
    filing_of,
    patterns,
    refiled,
    two_codes,
)
from sinks.queries import audit, dossiers

PAGE = 2_000


class Looked(NamedTuple):
    """A dossier that a pattern was looked for in; for a kind that is about a unit, that unit's code."""

    code: str
    unit: str
    pattern: Pattern
    events: tuple[Told, ...] = ()
    """Those that show it; () where they are still to be read."""
    period: str = ""
    """Of a finding about a unit: what it is about, whatever payments are shown."""

    @property
    def id(self) -> str:
        """What names it: its kind, its dossier and the first event that shows it; or its kind, unit and period."""
        about = self.period or ":".join(map(str, self.pattern.places[0]))
        return hashlib.sha256(f"{self.pattern.kind}|{self.code}|{about}".encode()).hexdigest()[:24]


class Marked:
    """Codes of dossiers by a mark that says what they have in common: about forty bytes each."""

    def __init__(self) -> None:
        self._marks = array("Q")
        self._ends = array("Q")
        self._text = bytearray()

    def add(self, mark: int, code: str) -> None:
        """One dossier."""
        self._marks.append(mark)
        self._text += code.encode()
        self._ends.append(len(self._text))

    def shared(self) -> set[int]:
        """The marks that two dossiers have, or more."""
        found: set[int] = set()
        before = None
        for mark in sorted(self._marks):
            if mark == before:
                found.add(mark)
            before = mark
        return found

    def having(self, marks: Collection[int]) -> list[str]:
        """The codes with one of these marks, each once."""
        found = (self._code(n) for n, mark in enumerate(self._marks) if mark in marks) if marks else ()
        return list(dict.fromkeys(found))

    def _code(self, number: int) -> str:
        begin = self._ends[number - 1] if number else 0
        return self._text[begin : self._ends[number]].decode()


def mark_of(*parts: object) -> int:
    """Eight bytes that are the same for the same parts, and for others hardly ever."""
    return int.from_bytes(hashlib.blake2b(repr(parts).encode(), digest_size=8).digest(), "big")


@dataclass(slots=True)
class Search:
    """What was found in the dossiers of some units; `kept` of those asked about only."""

    rules: FindingRules
    kept: list[Looked] = field(default_factory=list)
    counted: Counter[tuple[str, str]] = field(default_factory=Counter)
    """Findings by (unit, kind)."""
    numbers: Counter[str] = field(default_factory=Counter)
    """Dossiers by unit."""
    payments: Payments = field(default_factory=Payments)

    def note(self, looked: Looked, own: Collection[str]) -> None:
        """One finding."""
        self.counted[looked.unit, looked.pattern.kind] += 1
        if looked.unit in own:
            self.kept.append(looked)


def search(
    ctx: FigureContext, q: Question, own: frozenset[str], units: frozenset[str], rules: FindingRules
) -> Search:
    """What there is in the dossiers of `units` that the period heard of; `own` are those asked about."""
    found, telling, alike = Search(rules), Telling(), _Alike(rules, ctx.opened)
    for code, unit, procedure, told in _told(ctx, q, units):
        found.numbers[unit] += 1
        telling.add(unit, told)
        found.payments.add(unit, code, told, q.start, q.until)
        alike.add(code, unit, procedure, told)
        for pattern in patterns(told, rules, ctx.calendar(told[0].at), q.until):
            if q.start <= pattern.at < q.until:
                found.note(Looked(code, unit, pattern), own)
    found.kept = [one for one in found.kept if telling.counts(one.unit, one.pattern.kind, rules)]
    for unit, kind in list(found.counted):
        if not telling.counts(unit, kind, rules):
            del found.counted[unit, kind]
    for looked in alike.found(ctx, q.until):
        if q.start <= looked.pattern.at < q.until:
            found.note(looked, own)
    return found


def shown(ctx: FigureContext, found: Sequence[Looked], until: int) -> list[Looked]:
    """The same findings with the events that show them."""
    codes = {one.code for one in found if not one.events}
    told = dict(audit.told(ctx.everything, sorted(codes), until)) if codes else {}
    return [
        one if one.events else one._replace(events=_of(told.get(one.code, ()), one.pattern.places))
        for one in found
    ]


def _of(told: Iterable[Told], places: Collection[Place]) -> tuple[Told, ...]:
    return tuple(e for e in told if e.place in places)


class _Alike:
    """Kinds that two dossiers show together: marks while all pass, then those that share one are read again."""

    def __init__(self, rules: FindingRules, opened: Callable[[str, str], str | None]) -> None:
        self._rules, self._opened = rules, opened
        self._begun, self._filed = Marked(), Marked()
        self._rejected: set[int] = set()

    def add(self, code: str, unit: str, procedure: str, told: Sequence[Told]) -> None:
        """One dossier."""
        if (first := beginning(told, self._rules)) is not None:
            self._begun.add(mark_of(unit, procedure, first), code)
        filing = filing_of(code, told, self._opened)
        for applicant in filing.applicants if filing is not None else ():
            self._filed.add(mark_of(unit, procedure, applicant), code)
        if filing is not None and filing.rejected is not None:
            self._rejected.add(mark_of(unit, procedure, filing.applicants[0]))

    def found(self, ctx: FigureContext, until: int) -> Iterator[Looked]:
        """What the dossiers that share a mark show."""
        twins = self._begun.having(self._begun.shared())
        for unit, group in _grouped(ctx, twins, until):
            at = {e.place: e for _, events in group for e in events}
            for code, pattern in two_codes(group, self._rules):
                yield Looked(code, unit, pattern, tuple(at[p] for p in pattern.places))
        again = self._filed.having(self._rejected)
        for unit, group in _grouped(ctx, again, until):
            filings = [f for code, told in group if (f := filing_of(code, told, self._opened)) is not None]
            at = {e.place: e for f in filings for e in (f.first, f.rejected) if e is not None}
            for code, pattern in refiled(_distinct(filings), self._rules):
                yield Looked(code, unit, pattern, tuple(at[p] for p in pattern.places))


def _distinct(filings: Iterable[Filing]) -> Iterable[Filing]:
    return {f.code: f for f in filings}.values()


def _grouped(
    ctx: FigureContext, codes: Sequence[str], until: int
) -> Iterator[tuple[str, list[tuple[str, tuple[Told, ...]]]]]:
    """(unit, its dossiers of one procedure with their events) of some dossiers."""
    groups: dict[tuple[str, str], list[str]] = defaultdict(list)
    for d in dossiers.timed(ctx.everything, codes):
        groups[d.unit, d.procedure].append(d.code)
    for (unit, _), some in sorted(groups.items()):
        if len(some) > 1:
            yield unit, list(audit.told(ctx.everything, some, until))


def _told(
    ctx: FigureContext, q: Question, units: frozenset[str]
) -> Iterator[tuple[str, str, str, tuple[Told, ...]]]:
    """(code, unit, procedure, its events before the question's end) of the dossiers that the period heard of."""
    reader = ctx.everything.within(units)
    for page in dossiers.pages(reader, audit.heard_of(q.start, q.until), size=PAGE):
        named = {d.code: d for d in page}
        for code, told in audit.told(ctx.everything, list(named), q.until):
            yield code, named[code].unit, named[code].procedure, told
