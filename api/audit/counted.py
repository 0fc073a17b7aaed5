"""What a figure counts that is no dossier, one by one: petitions, procedures, a service at a place.

Each row holds what is told of one of them, as the verifier reads it again from the events, and the subjects whose
events show it. Where "at least one dossier" is counted, one dossier is shown.
"""

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import msgspec

from api.figures.context import FigureContext, Question
from api.figures.indicators import own_part
from api.figures.petitions import petitions_of
from api.figures.procedures import Procedure, all_described, announced_of, applying, said_of_procedures
from api.figures.units import Tree
from domain.errors import InvalidInput
from domain.expressions import Expression, Largest, Name
from domain.indicator_sets import Indicator
from domain.procedures import procedure_key
from sinks.queries import dossiers
from sinks.queries.dossiers import Timed
from sinks.queries.reader import at
from sinks.sealing.offline import verify_bundle

_NO_DOSSIER: list[Any] = [[], None, [], [], [], None, [], True, False]
_AROUND = 60
"""Days around a period in which working days are stated: an announcement looks five of them ahead."""
_SHOWN = {
    "procedures:fee_synced": "acc_fee_synced",
    "procedures:paid_online": "acc_paid_online",
    "procedures:citizen_data": "acc_citizen_data",
    "procedures:with_online_dossier": "acc_online",
}
_BASES: dict[str, str | tuple[str, ...]] = {
    "petitions": "pet:",
    "announcements": ("fact:announced", "fact:publicised", "fact:to_publicise"),
    "contents": ("fact:procedures_public", "fact:procedures_full"),
    "services": ("procedures:online_service", "procedures:with_online_dossier"),
    "procedures": "procedures:",
    "communes": "fact:communes",
}


class Counted(NamedTuple):
    """One of what is counted: its code, what is told of it, its share, the (kind, subject) of its events."""

    code: str
    told: Any
    up: int
    down: int
    subjects: tuple[tuple[str, str], ...] = ()


def basis_of(mentioned: Iterable[str]) -> str | None:
    """Of what a figure of these quantities is a sum; None where it is not of one kind."""
    named = list(mentioned)
    return next((b for b, prefixes in _BASES.items() if all(n.startswith(prefixes) for n in named)), None)


def figure_of(ctx: FigureContext, q: Question, indicator: Indicator) -> dict[str, Any]:
    """What the verifier is told of a figure besides its rows and sums. InvalidInput where it is no sum over things
    of one kind."""
    basis, parts = _parts(q, indicator)
    bounds = {"start": q.start, "until": q.until, "family": q.family, "known_at": q.known_at}
    offset = int(ctx.zone.local(q.until).utcoffset().total_seconds() * 1000)  # type: ignore[union-attr]
    said = {"indicator": indicator.code, "unit": q.unit, "basis": basis, "parts": parts, "utc_offset_ms": offset}
    return said | bounds | _facts(ctx, q, basis)


def _parts(q: Question, indicator: Indicator) -> tuple[str, dict[str, list[tuple[int, str]]]]:
    """(of what it is a sum, numerator and denominator as signed quantities that the verifier counts by itself)."""
    figure = q.indicator_set.figure(indicator)
    known = verify_bundle.quantities(_NO_DOSSIER, 0, 1, q.family, 0)
    found = {
        name: list(_terms(own_part(part)))
        for name, part in (("numerator", figure.numerator), ("denominator", figure.denominator))
    }
    mentioned = [name for terms in found.values() for _, name in terms]
    if all(name in known for name in mentioned):
        return "dossiers", found
    basis = basis_of(mentioned)
    if basis is None:
        other = next(name for name in mentioned if name not in known)
        raise InvalidInput(f"{indicator.code} counts {other}, which is not a sum that can be opened")
    return basis, found


def _terms(part: Expression, sign: int = 1) -> Iterator[tuple[int, str]]:
    if isinstance(part, Name):
        yield sign, part.name
    elif isinstance(part, Largest):
        raise InvalidInput("a figure that takes the larger of two counts is not a sum over dossiers")
    else:
        for inner, term in part.terms:
            yield from _terms(term, sign * inner)


def _facts(ctx: FigureContext, q: Question, basis: str) -> dict[str, Any]:
    """What the verifier needs besides the rows: working days, required parts, the end that counts."""
    if basis == "announcements":
        calendar, zone = ctx.calendar(q.until, q.known_at), ctx.zone
        days = range(zone.day(q.start) - _AROUND, zone.day(q.until) + _AROUND)
        return {"working_days": [day for day in days if calendar.is_working_day(day)]}
    if basis == "communes":
        return {"before": min(q.as_of, ctx.now_ms)}
    if basis == "contents":
        return {"required_parts": sorted(q.indicator_set.required_parts), "until": min(q.as_of, ctx.now_ms)}
    return {}


def counted(ctx: FigureContext, q: Question, figure: dict[str, Any]) -> list[Counted]:
    """The rows of a figure, those that add nothing left out; `figure` is what `figure_of` gives."""
    basis = figure["basis"]
    if basis in ("petitions", "communes"):
        found = _petitions(ctx, q) if basis == "petitions" else _communes(ctx, q)
    else:
        found = _procedures(ctx, q, basis, figure)
    rows = []
    for row in found:
        if basis == "petitions":
            one = verify_bundle.petition_quantities(row.told, figure["start"], figure["until"])
        elif basis == "communes":
            one = verify_bundle.commune_quantities(row.told, figure["until"])
        else:
            one = verify_bundle.procedure_quantities(row.told, basis, figure)
        up, down = (sum(sign * one[n] for sign, n in figure["parts"][p]) for p in ("numerator", "denominator"))
        if (up, down) != (0, 0):
            rows.append(row._replace(up=up, down=down))
    return sorted(rows, key=lambda row: row.code)


def _petitions(ctx: FigureContext, q: Question) -> Iterator[Counted]:
    units = None if q.unit == ctx.root else ctx.tree_at(q.known_at, q.as_of).subtree(q.unit)
    for code, unit, p in petitions_of(ctx, q):
        if units is None or unit in units:
            told = [p.received_at, p.due_at, p.answered_at, p.unhappy]
            yield Counted(code, told, 0, 0, (("petition", code),))


def _communes(ctx: FigureContext, q: Question) -> Iterator[Counted]:
    tree = ctx.tree_at(q.known_at, q.as_of)
    for code in tree.subtree(q.unit):
        unit = tree.units.get(code)
        if unit is not None and unit.kind == "commune":
            told = {"kind": unit.kind, "copies_from": unit.copies_from, "closed_at": unit.closed_at}
            offices = _under(tree, code, q.unit)
            yield Counted(code, told | {"offices": offices}, 0, 0, tuple(("unit", u) for u in offices))


def _under(tree: Tree, code: str, top: str) -> list[str]:
    """The unit and those above it, up to the top; [] where it does not stand under it."""
    found = [code]
    while found[-1] != top:
        node = tree.units.get(found[-1])
        if node is None or node.parent is None:
            return []
        found.append(node.parent)
    return found


def _procedures(ctx: FigureContext, q: Question, basis: str, figure: dict[str, Any]) -> Iterator[Counted]:
    tree = ctx.tree_at(q.known_at, q.as_of)
    units = None if q.unit == ctx.root or basis in ("announcements", "contents") else tree.subtree(q.unit)
    spelled: dict[str, list[str]] = {}
    for code in ctx.histories("procedure", q.known_at):
        spelled.setdefault(procedure_key(code), []).append(code)
    histories = said_of_procedures(ctx, q.known_at)
    named = {name for part in figure["parts"].values() for _, name in part}
    examples = _Examples(ctx, q, tree, [_SHOWN[name] for name in sorted(named & _SHOWN.keys())])
    for code, p in all_described(ctx, figure["until"], q.known_at).items():
        places = applying(tree, p, units)
        if places is not None and not places:
            continue
        announced: tuple[bool | None, bool | None] = (None, None)
        if basis == "announcements":
            announced = announced_of(
                ctx.zone, ctx.calendar(q.until, q.known_at), histories[code], q.start, q.until
            )
        told = _told(code, p, announced)
        subjects = tuple(("procedure", spelling) for spelling in sorted(spelled[code]))
        for place in sorted(places or [""]) if basis == "services" else [min(places or [""])]:
            here, within = (place, places) if basis == "services" else ("", None)
            shown, more = examples.of(code, here or q.unit, within)
            kind = (("unit", place),) if place and place not in (told["by"] or ()) else ()
            name = f"{code}@{place}" if basis == "services" else code
            yield Counted(name, told | {"place": place, "examples": shown}, 0, 0, (*subjects, *kind, *more))


def _told(code: str, p: Procedure, announced: tuple[bool | None, bool | None]) -> dict[str, Any]:
    return {
        "procedure": code,
        "level": p.online_level,
        "fee": bool(p.fee),
        "citizen": p.applicant_kinds is None or "citizen" in p.applicant_kinds,
        "by": None if p.applied_by is None else sorted(p.applied_by),
        "parts": None if p.parts is None else sorted(p.parts),
        "publicised": p.publicised,
        "announced": announced[0],
        "due": announced[1],
    }


class _Examples:
    """For each procedure and unit one accepted dossier that shows a measure: the first by code."""

    def __init__(self, ctx: FigureContext, q: Question, tree: Tree, measures: list[str]) -> None:
        self._tree, self._unit, self._measures = tree, q.unit, measures
        self._found: dict[str, dict[str, dict[str, Timed]]] = {}
        if not measures:
            return
        for d in sorted(_known(ctx, q, tree)) if q.known_at is not None else _accepted(ctx, q):
            timeline = msgspec.json.decode(d.timeline)
            held = {name for name, _ in timeline[6]}
            for measure in measures:
                if verify_bundle.EXAMPLES[measure] in verify_bundle.attributes_held(held, timeline[7]) and (
                    timeline[0] and q.start <= timeline[0][0][0] < q.until
                ):
                    by_unit = self._found.setdefault(procedure_key(d.procedure), {})
                    by_unit.setdefault(d.unit, {}).setdefault(measure, d)

    def of(
        self, code: str, top: str, places: frozenset[str] | None
    ) -> tuple[dict[str, Any], tuple[tuple[str, str], ...]]:
        """(examples by measure, their subjects) among the units that stand under `top`; where places are given,
        those whose nearest place it is."""
        shown: dict[str, Any] = {}
        subjects: list[tuple[str, str]] = []
        for unit, by_measure in sorted(self._found.get(code, {}).items()):
            chain = self._chain(unit, top, places)
            for measure, d in by_measure.items():
                if chain and measure not in shown:
                    example = {"code": d.code, "timeline": msgspec.json.decode(d.timeline), "offices": chain}
                    shown[measure] = example
                    subjects += [("dossier", d.code), *(("unit", u) for u in chain[:-1])]
        return shown, tuple(subjects)

    def _chain(self, unit: str, top: str, places: frozenset[str] | None) -> list[str]:
        here: str | None = unit
        found = []
        while here is not None:
            found.append(here)
            if here == top:
                return found
            if places is not None and here in places:
                return []
            node = self._tree.units.get(here)
            here = None if node is None else node.parent
        return []


def _accepted(ctx: FigureContext, q: Question) -> Iterator[Timed]:
    where = f"accepted_at >= {at(q.start)} AND accepted_at < {at(q.until)}"
    for page in dossiers.pages(ctx.reader(q.unit), where):
        yield from page


def _known(ctx: FigureContext, q: Question, tree: Tree) -> Iterator[Timed]:
    if q.known_at is None:
        raise InvalidInput("this looks back only")
    reader = ctx.reader() if q.unit == ctx.root else ctx.everything.within(tree.subtree(q.unit))
    yield from dossiers.known(reader, q.known_at)
