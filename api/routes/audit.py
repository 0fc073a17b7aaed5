"""Read routes over seals: checkpoints, proofs, consistency.

Checkpoints and proofs of consistency hold hashes only, so every reader may have them; a proof of an event holds
the event, and is given only to whom its dossier is shown.
"""

from typing import Annotated

import msgspec
from fastapi import APIRouter, Depends, Path, Query, Response

from api import seals
from api.access import Principal, require
from api.answers import json
from api.params import strict_query
from api.problems import responses
from api.services import Services, services_of

router = APIRouter(
    prefix="/v1/audit",
    tags=["audit"],
    dependencies=[Depends(strict_query)],
    responses=responses("no-key", "forbidden", "not-found", "invalid-input", "conflict", "unavailable"),
)
Reader = Annotated[Principal, Depends(require("read"))]
Parts = Annotated[Services, Depends(services_of)]


@router.get("/checkpoints", summary="Signed checkpoints")
def get_checkpoints(
    _: Reader,
    services: Parts,
    after: Annotated[int, Query(ge=0, le=1 << 62, description="Only those with a greater number.")] = 0,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> Response:
    """The chain of signed checkpoints, oldest first, as text that verifies byte for byte; keep a copy outside."""
    return json(seals.checkpoints(services, after, limit))


@router.get("/checkpoints/{number}", summary="One checkpoint")
def get_checkpoint(
    _: Reader, services: Parts, number: Annotated[str, Path(max_length=20, description="Its number, or `last`.")]
) -> Response:
    """A checkpoint: its exact text, its signature, its hash."""
    return json(seals.checkpoint(services, number))


@router.get("/proof/{event}", summary="Proof that an event is in the log")
def get_proof(
    who: Reader,
    services: Parts,
    event: Annotated[str, Path(max_length=100, examples=["dossier-events:0:17:3"])],
) -> Response:
    """The event's exact text, its leaf and the path to the root in the newest checkpoint."""
    return json(msgspec.to_builtins(seals.proof(services, who, event)))


@router.get("/consistency", summary="Proof that one checkpoint continues another")
def get_consistency(
    _: Reader,
    services: Parts,
    old: Annotated[int, Query(alias="from", ge=1, le=1 << 62)],
    new: Annotated[int, Query(alias="to", ge=1, le=1 << 62)],
) -> Response:
    """Both checkpoints, and for each tree the proof that the older is the beginning of the newer."""
    return json(seals.consistency(services, old, new))
