"""What the API tells of seals: the chain and proofs, for whom each may be shown."""

from typing import Any

import msgspec

from api.access import Principal
from api.figures.context import FigureContext
from api.problems import NotFound
from api.services import Services
from domain.errors import InvalidInput, Refused
from domain.instants import Millis
from domain.seals import Signed
from sinks.queries import at_positions
from sinks.sealing.chain import CheckpointFile
from sinks.sealing.config import SealConfig
from sinks.sealing.proofs import EventProof, Proofs, read_coordinates
from sinks.sealing.verifying import verify

LOG = "dossier-events"


def config_of(services: Services) -> SealConfig:
    """Where seals are kept; Refused where this API was not told."""
    found = services.config.seal
    if found is None:
        raise Refused("this API does not know where seals are kept: it was started without a seal folder")
    return found


def _shown(signed: Signed) -> dict[str, Any]:
    return {"number": signed.checkpoint().number, "hash": signed.hash, **msgspec.to_builtins(signed)}


def checkpoints(services: Services, after: int, limit: int) -> dict[str, Any]:
    """Some checkpoints beyond a number, and where to go on."""
    found: list[dict[str, Any]] = []
    for signed in CheckpointFile(config_of(services).checkpoints).after(after):
        found.append(_shown(signed))
        if len(found) == limit:
            break
    return {"checkpoints": found, "next": found[-1]["number"] if len(found) == limit else None}


def checkpoint(services: Services, number: str) -> dict[str, Any]:
    """One checkpoint; InvalidInput when there is none of that number."""
    proofs = Proofs(config_of(services))
    if number == "last":
        return _shown(proofs.newest())
    if not (number.isascii() and number.isdigit()):
        raise InvalidInput(f"'{number}' is no number of a checkpoint: give one, or `last`")
    return _shown(proofs.checkpoint(int(number)))


def consistency(services: Services, old: int, new: int) -> dict[str, Any]:
    """Both checkpoints and the proofs between them."""
    return Proofs(config_of(services)).consistency(old, new)


def proof(services: Services, who: Principal, event: str) -> EventProof:
    """A proof of an event; NotFound when its dossier is not the caller's to see."""
    (found,) = Proofs(config_of(services)).events([read_coordinates(event)])
    if who.units and services.config.root not in who.units:
        named = msgspec.json.decode(found.event)
        kind, subject = str(named.get("type", "")).partition(".")[0], str(named.get("subject", ""))
        unit = services.units_of_dossiers([subject]).get(subject) if kind == "dossier" else None
        if unit is None or not services.sees(who)(unit):
            raise NotFound("there is nothing under that name, or it lies outside your units")
    return found


def with_seal(services: Services, ctx: FigureContext, found: dict[str, Any] | None, at: Millis) -> dict[str, Any]:
    """An answer about an instant with the checkpoint that seals all that was known by then. Without one nothing
    vouches for it: `holds` becomes `cannot_tell`. NotFound for no answer."""
    if found is None:
        raise NotFound("there is nothing under that name, or it lies outside your units")
    config = services.config.seal
    last = CheckpointFile(config.checkpoints).last() if config is not None else None
    wanted = at_positions.at_instant(ctx.everything, at)
    heads = {t.partition: t.offset for t in last.checkpoint().trees if t.log == LOG} if last is not None else {}
    if last is not None and all(heads.get(p, 0) > n for p, n in wanted.items()):
        checkpoint = last.checkpoint()
        return found | {"sealed": {"checkpoint": checkpoint.number, "hash": last.hash, "time": checkpoint.time}}
    why = "; ".join(t for t in (found["reason"], "what was known by then is not sealed yet: gs766 seal") if t)
    told = "cannot_tell" if found["verdict"] == "holds" else found["verdict"]
    return found | {"sealed": None, "verdict": told, "reason": why}


def chain(services: Services) -> CheckpointFile:
    """Every checkpoint, oldest first."""
    return CheckpointFile(config_of(services).checkpoints)


def verified(services: Services, who: Principal, sample: int) -> dict[str, Any]:
    """Verification by sample, in the shape of an auditor's answer; NotFound for a key bound to units."""
    if who.units and services.config.root not in who.units:
        raise NotFound("the log is the province's: ask with a key that is not bound to units")
    found = verify(config_of(services), sample=sample)
    return {"question": "verify", **found.to_json()}
