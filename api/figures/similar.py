"""What similar finished dossiers took, by step, by procedure and by field, for the dossiers of one page."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from api.figures.context import FigureContext
from api.figures.procedures import all_described
from domain.dossier import Pause
from domain.forecast import ENOUGH, YEAR_DAYS, Similar, Took, visits
from domain.instants import MS_DAY, Millis
from sinks.queries import durations
from sinks.queries.durations import Finished

SAMPLE, LEAST_SAMPLE, PAGE_SAMPLE = 500, 100, 20_000
"""Of each procedure (or field) and kind of unit at most so many finished dossiers are looked at,
the last ones; of a page with many procedures fewer, so that about PAGE_SAMPLE are."""


class SimilarDossiers:
    """What similar dossiers took, for the dossiers of a page: over all units of a kind, whoever asks: counts."""

    def __init__(self, ctx: FigureContext, page: Sequence[tuple[Any, ...]]) -> None:
        self._ctx, self._calendar = ctx, ctx.calendar(ctx.now_ms)
        self._kinds = {code: unit.kind or "" for code, unit in ctx.tree.units.items()}
        self._fields = {
            code: one.field for code, one in all_described(ctx, ctx.now_ms).items() if one.field is not None
        }
        self._visits = {
            code: visits(one for one in said if one[0] <= ctx.now_ms)
            for code, said in durations.steps(ctx.everything, [row[0] for row in page]).items()
        }
        mine = sorted({row[2] for row in page if row[2]})
        self._by_step, self._whole = self._of_procedures(mine)
        self._of_fields: dict[str, dict[str, list[Took]]] = {}

    def step(self, code: str) -> str | None:
        """The step at which an open dossier is, by what was said of it until now."""
        here = self._visits.get(code)
        return here[-1].step if here else None

    def bases(
        self, code: str, unit: str, procedure: str, accepted: Millis, pauses: Sequence[Pause]
    ) -> list[Similar]:
        """The bases for a dossier, the nearest first, up to the first that tells enough; a step or a field that is
        not known is none."""
        kind, age = self._kinds.get(unit, ""), self.spent(accepted, pauses)
        found: list[Similar] = []
        here = self._visits.get(code)
        if here:
            took = self._by_step.get((procedure, here[-1].step, kind), ())
            found.append(Similar("step", here[-1].step, self.spent(here[-1].start, pauses), tuple(took)))
            if len(found[0].still) >= ENOUGH:
                return found
        found.append(Similar("procedure", procedure, age, tuple(self._whole.get((procedure, kind), ()))))
        field = self._fields.get(procedure)
        if field is not None and len(found[-1].still) < ENOUGH:
            found.append(Similar("field", field, age, tuple(self._in_field(field).get(kind, ()))))
        return found

    def between(self, start: Millis, end: Millis) -> int:
        """Working time from one instant to another; none where it lies before."""
        return max(0, self._calendar.working_ms_between(start, end))

    def spent(self, since: Millis, pauses: Sequence[Pause]) -> int:
        """Working time from an instant until now, completed supplements taken out."""
        out = sum(self.between(max(since, p.start), max(since, p.done or 0)) for p in pauses)
        return max(0, self.between(since, self._ctx.now_ms) - out)

    def _of_procedures(
        self, procedures: Sequence[str]
    ) -> tuple[dict[tuple[str, str, str], list[Took]], dict[tuple[str, str], list[Took]]]:
        """What was taken by (procedure, step, kind of unit) and by (procedure, kind of unit)."""
        rows = self._finished({code: code for code in procedures})
        said = durations.steps(self._ctx.everything, [row.code for row in rows])
        by_step: dict[tuple[str, str, str], list[Took]] = defaultdict(list)
        whole: dict[tuple[str, str], list[Took]] = defaultdict(list)
        for row in rows:
            taken = self.between(row.accepted_at, row.ended_at)
            whole[row.group, row.kind].append(Took(taken, taken))
            for one in visits(said.get(row.code, ()), row.ended_at):
                stayed = self.between(one.start, one.until or row.ended_at)
                needed = self.between(one.start, row.ended_at)
                by_step[row.group, one.step, row.kind].append(Took(stayed, needed))
        return by_step, whole

    def _in_field(self, field: str) -> dict[str, list[Took]]:
        """What was taken by kind of unit, of all procedures of a field together; asked once."""
        found = self._of_fields.get(field)
        if found is None:
            found = self._of_fields[field] = defaultdict(list)
            for row in self._finished({p: name for p, name in self._fields.items() if name == field}):
                taken = self.between(row.accepted_at, row.ended_at)
                found[row.kind].append(Took(taken, taken))
        return found

    def _finished(self, groups: Mapping[str, str]) -> list[Finished]:
        now = self._ctx.now_ms
        many = max(1, len(set(groups.values())))
        most = max(LEAST_SAMPLE, min(SAMPLE, PAGE_SAMPLE // many))
        since = now - YEAR_DAYS * MS_DAY
        return durations.finished(self._ctx.everything, groups, self._kinds, since, now, most)
