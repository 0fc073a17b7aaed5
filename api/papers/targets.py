"""Target progress as a paper: the answer of `api.figures.targets`, of a unit and of the units right below it."""

from typing import Any

import msgspec

from api.figures.targets import targets
from api.papers.questions import PaperQuestion
from api.papers.standing import StandingContext


class UnitTargets(msgspec.Struct, frozen=True, kw_only=True):
    """One unit's rows as `/v1/targets` gives them: assigned, achieved, missing, needed, forecast, status."""

    unit: str
    name: str
    targets: tuple[dict[str, Any], ...]


class Targets(msgspec.Struct, frozen=True, kw_only=True):
    """The document of targets in force, when its year ends, and every unit."""

    title: str
    version: str
    year: int
    ends_at: str
    units: tuple[UnitTargets, ...]


def progress(ctx: StandingContext, q: PaperQuestion) -> Targets:
    """The paper; with the option `children` = yes the units right below stand on it too."""
    below = q.options.get("children") == "yes"
    found = targets(ctx, q.unit, q.period.label, q.as_of, ctx.known_ms, q.indicator_set.name, below)
    units = [found, *found["children"]]
    return Targets(
        title=str(found["targets_set"]["title"] or found["targets_set"]["name"]),
        version=str(found["targets_set"]["version"]),
        year=found["year"],
        ends_at=found["ends_at"],
        units=tuple(UnitTargets(unit=u["unit"], name=u["name"], targets=tuple(u["targets"])) for u in units),
    )
