"""The read log as a question: who read what. Reading it is recorded as well."""

from concurrent.futures import wait
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response

from api import audit
from api.access import Principal, require
from api.alerts.private import PrivateStore
from api.answers import figure
from api.params import instant, strict_query
from api.problems import Problem, responses
from api.routes.figures import Limit
from api.services import Services, services_of

router = APIRouter(
    prefix="/v1/audit",
    tags=["audit"],
    dependencies=[Depends(strict_query)],
    responses=responses("no-key", "forbidden", "invalid-input", "unavailable"),
)
Admin = Annotated[Principal, Depends(require("admin"))]
Parts = Annotated[Services, Depends(services_of)]
PATIENCE_S = 5.0
Code = Annotated[str | None, Query(max_length=128)]


@router.get("/reads", summary="Who read what")
def get_reads(
    request: Request,
    admin: Admin,
    services: Parts,
    who: Code = None,
    dossier: Code = None,
    between: Annotated[str | None, Query(max_length=90, description="Two instants with a comma.")] = None,
    limit: Limit = 200,
) -> Response:
    """Recorded reads of dossiers, lists, exports and SQL questions, newest first: by the key `who`, of a `dossier`
    (or a list's name). It takes an admin key of the whole province: a read belongs to no unit."""
    if admin.units:
        raise Problem("forbidden", "reads belong to no unit: this takes a key of the whole province")
    low, high = _pair(services, between) if between else (None, None)
    wait(services.acts.flush_keys(), PATIENCE_S)
    missing = services.acts.pending
    words = PrivateStore(services.config.private).words("sql")
    return figure(
        request,
        services,
        admin,
        lambda ctx: audit.reads(ctx, who, dossier, (low, high), limit, missing, words),
        cached=False,
    )


def _pair(services: Services, between: str) -> tuple[int | None, int | None]:
    found = between.split(",")
    if len(found) != 2:
        raise Problem(
            "invalid-input", "between takes two instants with a comma: 2026-08-01,2026-08-31", field="between"
        )
    return instant(found[0], services.zone, "between"), instant(found[1], services.zone, "between")
