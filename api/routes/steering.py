"""Routes on what to do about a figure: leverage and what-if, the portal's figures beside ours, targets.

Thin on purpose: parameters in, `api.figures` asked, its answer out. The shapes are documented here, because
papers and screens are made from them.
"""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query, Request, Response

from api.answers import figure
from api.params import strict_query
from api.problems import responses
from api.routes.figures import AsOf, Cursor, KnownAt, Limit, Parts, Period, Reader, SetName, UnitWanted, instants

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


@router.get("/reconciliation", summary="The portal's figures beside ours", responses=_UNCHANGED)
def get_reconciliation(
    request: Request,
    who: Reader,
    services: Parts,
    unit: UnitWanted,
    period: Period,
    as_of: AsOf = None,
    known_at: KnownAt = None,
    set_name: SetName = None,
    receipt: Annotated[
        str | None, Query(max_length=128, description="Id of a receipt. Default: the last.")
    ] = None,
) -> Response:
    """`differences`: per metric and kind (numerator, denominator, score) ours, the portal's, their `difference`
    (portal − ours), `causes` (amount by code, in the order of `causes` below) and `remainder`, which add to it
    exactly; `comparable` is false where a side does not know (`reason`); `explained`: the remainder is within 0.02
    point or 1 %. `causes`: what was presumed of the portal: `basis` fact (the log tells it) or supposed (applied
    only where it explains at least half of what is left), `told` false where the log cannot say, `dossiers`
    concerned, `opens`
    where /v1/reconciliation/dossiers lists them. `verdict`: holds, fails, or cannot_tell (`reason`) without a
    receipt. `receipts`: all versions known; `units`: those at or below this one with figures of the period.
    """
    as_of_ms, known_ms = instants(services, as_of, known_at)
    chosen = set_name or services.config.default_set
    return figure(
        request,
        services,
        who,
        lambda ctx: services.figures.reconciliation(ctx, unit, period, as_of_ms, known_ms, chosen, receipt),
    )


@router.get("/reconciliation/dossiers", summary="The dossiers behind a cause", responses=_UNCHANGED)
def get_reconciliation_dossiers(
    request: Request,
    who: Reader,
    services: Parts,
    unit: UnitWanted,
    period: Period,
    cause: Annotated[
        Literal["period_cut", "not_synced", "refused", "undated", "hour_or_date", "pauses"],
        Query(description="A cause that opens."),
    ],
    as_of: AsOf = None,
    known_at: KnownAt = None,
    set_name: SetName = None,
    cursor: Cursor = None,
    limit: Limit = 100,
) -> Response:
    """Those that the portal presumably counts in another way than we do, in order of code; lines as in a list of
    overdue dossiers."""
    as_of_ms, known_ms = instants(services, as_of, known_at)
    chosen = set_name or services.config.default_set
    return figure(
        request,
        services,
        who,
        lambda ctx: services.figures.reconciliation_dossiers(
            ctx, unit, period, cause, as_of_ms, known_ms, chosen, cursor, limit
        ),
    )


@router.get("/targets", summary="Progress towards targets", responses=_UNCHANGED)
def get_targets(
    request: Request,
    who: Reader,
    services: Parts,
    unit: UnitWanted,
    period: Period,
    as_of: AsOf = None,
    known_at: KnownAt = None,
    set_name: SetName = None,
    children: Annotated[bool, Query(description="Also the units right below.")] = False,
) -> Response:
    """`targets`, in the order of the published document (`targets_set`), each with: `basis`; `central` target of
    the `year` (`expired`: no newer one is known, the last goes on), `last_year`'s result and what is `assigned` by
    the rule; `achieved` (0–1, minutes or a count, see `unit_of_measure`) with numerator and denominator; `missing`
    dossiers at today's denominator; `needed_rate` and `needed_a_month` until `ends_at`; `best_month`, `forecast`
    (by the last three whole months) and `status`: reached, on_track, at_risk, hard (needs more than the best month
    so far), missed, no_target, no_data. `observation`: period, document and who recorded it, where the log
    cannot know the figure. `children`: the same of the units right below.
    """
    as_of_ms, known_ms = instants(services, as_of, known_at)
    chosen = set_name or services.config.default_set
    return figure(
        request,
        services,
        who,
        lambda ctx: services.figures.targets(ctx, unit, period, as_of_ms, known_ms, chosen, children),
    )


def _listed(text: str | None) -> list[str]:
    return [part.strip() for part in text.split(",")] if text else []
