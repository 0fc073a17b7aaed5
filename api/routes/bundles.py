"""Evidence bundles for strangers: a ZIP each, checked offline by one file. Taking one is a recorded act."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query, Response

from api import bundles, seals
from api.access import Principal, require
from api.audit.asking import WORDS, Asked, ask_word
from api.params import instant, strict_query
from api.problems import NotFound, responses
from api.routes.figures import AsOf, KnownAt, Period, SetName, UnitWanted
from api.services import Services, services_of

router = APIRouter(
    prefix="/v1/audit/bundles",
    tags=["audit"],
    dependencies=[Depends(strict_query)],
    responses=responses("no-key", "forbidden", "not-found", "invalid-input", "conflict", "unavailable"),
)
Reader = Annotated[Principal, Depends(require("read"))]
Parts = Annotated[Services, Depends(services_of)]
ZIP: dict[int | str, dict[str, Any]] = {200: {"content": {"application/zip": {}}}}


def zipped(services: Services, who: Principal, about: str, data: bytes) -> Response:
    """The file, its taking recorded."""
    services.acts.record("exported", about, who, services.wall())
    headers = {"Content-Disposition": 'attachment; filename="goi-chung-cu.zip"', "Cache-Control": "no-store"}
    return Response(data, 200, headers, "application/zip")


@router.get("/dossiers/{code}", summary="Evidence bundle of a dossier", responses=ZIP)
def get_dossier_bundle(who: Reader, services: Parts, code: Annotated[str, Path(max_length=128)]) -> Response:
    """All its events with proofs, and that none is missing up to the last close."""
    return zipped(services, who, code, bundles.dossier_bundle(services, who, code))


@router.get("/figures/{code}", summary="Evidence bundle of a figure", responses=ZIP)
def get_figure_bundle(
    who: Reader,
    services: Parts,
    code: Annotated[str, Path(max_length=64, examples=["PROCESSED_ON_TIME"])],
    unit: UnitWanted,
    period: Period,
    as_of: AsOf = None,
    known_at: KnownAt = None,
    set_name: SetName = None,
) -> Response:
    """A numerator and a denominator with the dossiers, petitions or procedures they are sums of; of more than 200,
    a commitment to all and 200 that nobody could choose."""
    until, known = instant(as_of, services.zone, "as_of"), instant(known_at, services.zone, "known_at")
    chosen = set_name or services.config.default_set
    data = bundles.figure_bundle(services, who, code, unit, period, until, known, chosen)
    return zipped(services, who, f"figure:{code}", data)


@router.get("/portal/{code}", summary="Evidence bundle of what the portal showed", responses=ZIP)
def get_portal_bundle(
    who: Reader,
    services: Parts,
    code: Annotated[str, Path(max_length=64, examples=["PROCESSED_ON_TIME"])],
    unit: UnitWanted,
    period: Period,
    known_at: KnownAt = None,
) -> Response:
    """The last receipt of the national portal's figures of a unit and period, as the log holds it."""
    known = instant(known_at, services.zone, "known_at")
    return zipped(services, who, f"portal:{code}", bundles.portal_bundle(services, who, code, unit, period, known))


@router.get("/alerts/{alert}", summary="Evidence bundle of an alert's chain", responses=ZIP)
def get_alert_bundle(
    who: Reader, services: Parts, alert: Annotated[str, Path(pattern="^[0-9a-f]{24}$")]
) -> Response:
    """The alert, every act about it, and the whole history of the dossier or petition it is about."""
    return zipped(services, who, f"alert:{alert}", bundles.alert_bundle(services, who, alert))


@router.get("/answers/{word}", summary="Evidence bundle of an auditor's answer", responses=ZIP)
def get_answer_bundle(
    who: Reader,
    services: Parts,
    word: Annotated[str, Path(max_length=20, description=", ".join(WORDS))],
    unit: Annotated[str | None, Query(max_length=128)] = None,
    period: Annotated[str | None, Query(max_length=40)] = None,
    code: Annotated[str | None, Query(max_length=128)] = None,
    between: Annotated[str | None, Query(max_length=90)] = None,
    as_of: AsOf = None,
    until: AsOf = None,
    over_hours: Annotated[int, Query(ge=0, le=8760)] = 24,
    set_name: SetName = None,
) -> Response:
    """The answer with every event that it names, proven; the dossiers among its differences with all theirs."""
    if word not in WORDS:
        raise NotFound(f"there is no bundle of '{word}'; there are: {', '.join(WORDS)}")
    asked = Asked(
        unit=unit,
        period=period,
        code=code,
        between=between,
        as_of=instant(as_of, services.zone, "as_of"),
        until=instant(until, services.zone, "until"),
        over_hours=over_hours,
        set_name=set_name or services.config.default_set,
        chain=seals.chain(services),
    )
    with services.context(services, who) as ctx:
        answer = ask_word(ctx, word, asked)
        if answer is None:
            raise NotFound("there is nothing under that name, or it lies outside your units")
        data = bundles.answer_bundle(services, ctx.everything, word, answer)
    return zipped(services, who, f"audit:{word}", data)
