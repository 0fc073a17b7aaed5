"""Read routes over an auditor's questions. Thin on purpose: parameters in, `api.audit` asked, its answer out."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response

from api import audit, seals
from api.access import Principal, require
from api.answers import figure, json
from api.params import instant, strict_query
from api.problems import Problem, responses
from api.routes.figures import AsOf, Code, Limit, Period, SetName, UnitWanted
from api.services import Services, services_of
from domain.instants import Millis

router = APIRouter(
    prefix="/v1/audit",
    tags=["audit"],
    dependencies=[Depends(strict_query)],
    responses=responses("no-key", "forbidden", "not-found", "invalid-input", "unavailable"),
)
Reader = Annotated[Principal, Depends(require("read"))]
Parts = Annotated[Services, Depends(services_of)]
Between = Annotated[
    str, Query(max_length=90, description="Two instants of knowledge, the earlier first: 2026-08-31,2026-09-30.")
]


@router.get("/changes", summary="What changed between two instants of knowledge, and by which events")
def get_changes_known(
    request: Request,
    who: Reader,
    services: Parts,
    unit: UnitWanted,
    period: Period,
    between: Between,
    as_of: AsOf = None,
    set_name: SetName = None,
    limit: Limit = 200,
) -> Response:
    """Each changed numerator and denominator of the scorecard, the dossiers that changed it, and the event of each
    with coordinates and `known_at`. `verdict` holds where these explain every change exactly."""
    first, second = _pair(services, between)
    until = instant(as_of, services.zone, "as_of")
    chosen = set_name or services.config.default_set
    return figure(
        request,
        services,
        who,
        lambda ctx: audit.changes(ctx, unit, period, first, second, until, chosen, limit),
        cached=False,
    )


def _pair(services: Services, between: str) -> tuple[Millis, Millis]:
    found = [instant(text, services.zone, "between") for text in between.split(",")]
    if len(found) != 2 or found[0] is None or found[1] is None:
        raise Problem(
            "invalid-input", "between takes two instants with a comma: 2026-08-31,2026-09-30", field="between"
        )
    return found[0], found[1]


@router.get("/moved-due", summary="Due dates that were moved")
def get_moved_due(
    request: Request, who: Reader, services: Parts, unit: UnitWanted, period: Period, as_of: AsOf = None
) -> Response:
    """Moved in the period: old and new, after the old one had passed or not, the apology, both verdicts."""
    until = instant(as_of, services.zone, "as_of")
    return figure(request, services, who, lambda ctx: audit.moved_due(ctx, unit, period, until), cached=False)


@router.get("/apologies", summary="Late dossiers and their apologies")
def get_late_without_apology(
    request: Request, who: Reader, services: Parts, unit: UnitWanted, period: Period, as_of: AsOf = None
) -> Response:
    """Late dossiers of the period that have no letter (Mẫu 04), or had it too late."""
    until = instant(as_of, services.zone, "as_of")
    return figure(request, services, who, lambda ctx: audit.apologies(ctx, unit, period, until), cached=False)


@router.get("/too-early", summary="Reported finished, and not")
def get_ends_taken_back(
    request: Request, who: Reader, services: Parts, unit: UnitWanted, period: Period, as_of: AsOf = None
) -> Response:
    """Ends that were taken back in the period, with the verdict they had and the one that stands."""
    until = instant(as_of, services.zone, "as_of")
    return figure(request, services, who, lambda ctx: audit.too_early(ctx, unit, period, until), cached=False)


@router.get("/backdated", summary="Events recorded long after they are said to have happened")
def get_backdated(
    request: Request,
    who: Reader,
    services: Parts,
    unit: UnitWanted,
    period: Period,
    as_of: AsOf = None,
    over_hours: Annotated[
        int, Query(ge=0, le=8760, description="What is recorded within these hours is not.")
    ] = 24,
) -> Response:
    """The lag of the unit and of its peers; ends on time as stated, late as recorded."""
    until = instant(as_of, services.zone, "as_of")
    return figure(
        request, services, who, lambda ctx: audit.backdated(ctx, unit, period, until, over_hours), cached=False
    )


@router.get("/who-knew/{code}", summary="Who knew of a dossier's alerts, and when")
def get_who_knew(request: Request, who: Reader, services: Parts, code: Code, until: AsOf = None) -> Response:
    """Each alert that held before `until`, the acts known by then, and what is missing. Sent is not known."""
    moment = instant(until, services.zone, "until")
    return figure(
        request,
        services,
        who,
        lambda ctx: audit.who_knew(ctx, code, ctx.now_ms if moment is None else moment),
        cached=False,
    )


@router.get("/completeness", summary="Source, log, tables and portal by day")
def get_completeness(
    request: Request, who: Reader, services: Parts, unit: UnitWanted, period: Period, as_of: AsOf = None
) -> Response:
    """What the log got, what rows and cells hold, what was refused, silent hours, and what the portal told."""
    until = instant(as_of, services.zone, "as_of")
    return figure(request, services, who, lambda ctx: audit.completeness(ctx, unit, period, until), cached=False)


@router.get("/controls", summary="Silences, rules, keys, exports and reads")
def get_controls(
    request: Request, who: Reader, services: Parts, unit: UnitWanted, period: Period, as_of: AsOf = None
) -> Response:
    """Who changed what the figures rest on, what each change moved, and what was kept back, with its reason."""
    until, chain = instant(as_of, services.zone, "as_of"), seals.chain(services)
    return figure(
        request, services, who, lambda ctx: audit.controls(ctx, unit, period, until, chain), cached=False
    )


@router.get("/verify", summary="Whether log and rows are what was sealed, by sample")
def get_verify(
    who: Reader,
    services: Parts,
    sample: Annotated[int, Query(ge=1, le=200, description="Records of every day, drawn at random.")] = 5,
) -> Response:
    """Some records of every day, in Kafka and in the store, against the newest signed root, and the chain against
    its outside copy. The whole log: `gs766 verify`."""
    return json(seals.verified(services, who, sample))
