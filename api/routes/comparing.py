"""Routes that put figures side by side: the league table, and what changed. Thin on purpose."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query, Request, Response

from api.answers import figure
from api.params import strict_query
from api.problems import responses
from api.routes.figures import AsOf, Board, KnownAt, Parts, Period, SetName, Unit, UnitPath, instants

router = APIRouter(
    prefix="/v1",
    tags=["figures"],
    dependencies=[Depends(strict_query)],
    responses=responses("no-key", "forbidden", "not-found", "invalid-input", "unavailable"),
)
_UNCHANGED: dict[int | str, dict[str, Any]] = {304: {"description": "Unchanged since the ETag in If-None-Match."}}


@router.get("/rankings", summary="League table", responses=_UNCHANGED)
def get_rankings(
    request: Request,
    who: Board,
    services: Parts,
    period: Period,
    unit: Unit = None,
    kind: Annotated[
        Literal["department", "commune", "other"] | None, Query(description="Only units of this kind.")
    ] = None,
    by: Annotated[Literal["portal", "rebased"], Query(description="Which of the two totals ranks.")] = "portal",
    as_of: AsOf = None,
    known_at: KnownAt = None,
    set_name: SetName = None,
) -> Response:
    """`groups` by kind and size (dossiers in hand a month): `median`, and `units` with `rank` 1-2-2-4, both totals
    and the band. `rank` is null with `reason` where a unit has too few dossiers, or lacks a group that
    another unit of its kind has; the paper `report league` has the same tables.
    """
    as_of_ms, known_ms = instants(services, as_of, known_at)
    chosen = set_name or services.config.default_set
    return figure(
        request,
        services,
        who,
        lambda ctx: services.figures.rankings(ctx, period, unit, kind, by, as_of_ms, known_ms, chosen),
    )


@router.get("/changes/{unit}", summary="What changed", responses=_UNCHANGED)
def get_changes(
    request: Request,
    who: Board,
    services: Parts,
    unit: UnitPath,
    period: Period,
    against: Annotated[
        Literal["day", "month", "year"], Query(description="The working day, month or year before.")
    ] = "day",
    as_of: AsOf = None,
    known_at: KnownAt = None,
    set_name: SetName = None,
) -> Response:
    """Totals, groups and indicators now and before, with `change`; null where either is unknown. `comparable` is
    false with `reason` where another indicator set held: figures of two sets are never subtracted.
    """
    as_of_ms, known_ms = instants(services, as_of, known_at)
    chosen = set_name or services.config.default_set
    return figure(
        request,
        services,
        who,
        lambda ctx: services.figures.change(ctx, unit, period, against, as_of_ms, known_ms, chosen),
    )
