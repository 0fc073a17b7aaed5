"""Routes on what to do about a figure: leverage and what-if.

Thin on purpose: parameters in, `api.figures` asked, its answer out. The shapes are documented here, because
papers and screens are made from them.
"""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request, Response

from api.answers import figure
from api.params import strict_query
from api.problems import responses
from api.routes.figures import AsOf, KnownAt, Parts, Period, Reader, SetName, UnitWanted, instants

router = APIRouter(
    prefix="/v1",
    tags=["steering"],
    dependencies=[Depends(strict_query)],
    responses=responses("no-key", "forbidden", "not-found", "invalid-input", "unavailable"),
)
Changes = Annotated[
    str | None,
    Query(
        max_length=1_500,
        description="CODE=numerator/denominator, several separated by commas.",
        examples=["SO_HOA_GIAY_TO_GIAI_QUYET=147610/184513"],
    ),
]
Costs = Annotated[
    str | None,
    Query(max_length=1_500, description="What one action costs, action=number, several separated by commas."),
]
_UNCHANGED: dict[int | str, dict[str, Any]] = {304: {"description": "Unchanged since the ETag in If-None-Match."}}


@router.get("/leverage", summary="Points lost, and what an action is worth", responses=_UNCHANGED)
def get_leverage(
    request: Request,
    who: Reader,
    services: Parts,
    unit: UnitWanted,
    period: Period,
    as_of: AsOf = None,
    known_at: KnownAt = None,
    set_name: SetName = None,
    what_if: Changes = None,
    costs: Costs = None,
) -> Response:
    """`indicators` (largest loss first): points, max, `lost` (null where it does not apply), `to_full` (how many
    more in the numerator). `actions`: `gain` of one more, `loss` of one fewer, `useful` (how many give
    anything), `gain_all`, `when` (`now`: what is in hand; `ahead`: only what is to come). `ways`: the cheapest
    steps to the next band, with what can still be done in this period and in a period like it. `out_of_reach`:
    points that no action moves, and why. `carry_over`: what can be saved today and by the month's end, and what
    late open dossiers cost in the next. `what_if`: the totals with other figures.
    """
    as_of_ms, known_ms = instants(services, as_of, known_at)
    chosen = set_name or services.config.default_set
    return figure(
        request,
        services,
        who,
        lambda ctx: services.figures.leverage(
            ctx, unit, period, as_of_ms, known_ms, chosen, _listed(what_if), _listed(costs)
        ),
    )


def _listed(text: str | None) -> list[str]:
    return [part.strip() for part in text.split(",")] if text else []
