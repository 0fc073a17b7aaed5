"""An issued paper made again: its record, its files, and whether each is the one that was issued."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from api.figures.context import FigureContext
from api.papers import issuing
from api.papers.issuing import Paper, Record
from api.papers.standing import Place, standing
from api.problems import NotFound
from api.services import Services
from dashboards.papers.files import FORMATS, render, renderers
from domain.instants import format_rfc3339
from sinks.queries import live


@dataclass(frozen=True, slots=True)
class Again:
    """`why` tells what may have made its files others, in sentences; meant for where one is."""

    record: Record
    paper: Paper
    why: list[str]

    def file(self, form: str) -> bytes:
        """The file as it comes out now."""
        return render(self.paper, form)

    def files(self) -> dict[str, tuple[bytes, bool]]:
        """Every file whose hash was recorded, and whether it comes out equal."""
        made = {form: self.file(form) for form in self.record.hashes if form in FORMATS[self.record.kind]}
        return {form: (content, sha(content) == self.record.hashes[form]) for form, content in made.items()}

    def reasons(self) -> list[str]:
        """Why it differs."""
        return self.why or ["the figures are the same; the file is not, and no version that is recorded tells why"]


def found_record(ctx: FigureContext, services: Services, report: str) -> tuple[FigureContext, Record]:
    """The record of an issued paper that the caller may see, and the context it was found in; else NotFound."""
    ctx = present(ctx, services)
    record = next((r for r in issuing.records(ctx) if r.id == report), None)
    if record is None or not may_see(ctx, record.unit):
        raise NotFound(f"there is no paper and no issued paper '{report[:60]}'")
    return ctx, record


def made_again(ctx: FigureContext, record: Record) -> Again:
    """The paper from its record; `ctx` as `found_record` gives it."""
    paper = issuing.again(ctx, record)
    why = issuing.reasons(record, paper, renderers(), log_id(ctx)) + issuing.moved(ctx, record)
    return Again(record, paper, why)


def present(ctx: FigureContext, services: Services) -> FigureContext:
    """The context with documents of issued papers in it, all that the rows have reached."""
    vector = services.moments.current().vector
    return standing(ctx, Place(ctx.now_ms, dict(enumerate(vector.events)), vector.acts), ctx.now_ms)


def may_see(ctx: FigureContext, unit: str) -> bool:
    """Whether a paper of that unit is the caller's to see."""
    return ctx.visible is None or unit in ctx.visible


def log_id(ctx: FigureContext) -> str:
    """The identity of the log that answers."""
    active = live.active_generation(ctx.client)
    return active[1] if active else ""


def described(ctx: FigureContext, record: Record) -> Mapping[str, Any]:
    """A record as it is told."""
    return {
        "id": record.id,
        "kind": record.kind,
        "unit": record.unit,
        "period": record.period,
        "as_of": ctx.text(record.as_of),
        "known_at": format_rfc3339(record.known_at),
        "issued_at": format_rfc3339(record.issued_at),
        "options": record.options,
        "versions": record.versions,
        "positions": record.positions,
        "hashes": record.hashes,
        "content_hash": record.content_hash,
    }


def sha(content: bytes) -> str:
    """SHA-256, hexadecimal."""
    return hashlib.sha256(content).hexdigest()
