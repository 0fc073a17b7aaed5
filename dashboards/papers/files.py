"""Which paper comes in which format, under which media type, rendered by what."""

from collections.abc import Callable, Mapping
from importlib.metadata import version
from typing import Any

import msgspec

from api.papers.issuing import Paper
from api.papers.questions import plain
from dashboards.papers import brief, league, publication, targets, workbook
from dashboards.papers.document import Document
from dashboards.papers.to_html import to_html
from dashboards.papers.to_pdf import to_pdf
from domain.errors import InvalidInput

MEDIA = {
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "html": "text/html; charset=utf-8",
    "pdf": "application/pdf",
    "json": "application/json",
}
FORMATS: Mapping[str, tuple[str, ...]] = {
    "ii06a": ("xlsx",),
    "league": ("pdf", "html"),
    "publication": ("html", "pdf"),
    "brief": ("pdf", "html"),
    "targets": ("pdf", "html"),
}
"""The files of each paper, its usual one first. JSON gives any paper's figures."""
RENDERER = "2"
"""Raised when our own layout changes: a paper made again under another layout has other bytes, and says so."""
_DOCUMENTS: dict[str, Callable[[Any, Any], Document]] = {
    "league": league.document,
    "publication": publication.document,
    "brief": brief.document,
    "targets": targets.document,
}


def chosen(kind: str, wanted: str | None) -> str:
    """The format asked for, or the paper's usual one. InvalidInput for one that it does not come in."""
    known = (*FORMATS[kind], "json")
    if wanted is not None and wanted not in known:
        raise InvalidInput(f"{kind} comes as {', '.join(known)}; not as '{wanted[:20]}'")
    return wanted or known[0]


def render(paper: Paper, form: str) -> bytes:
    """The paper's file."""
    if form == "json":
        said = {"heading": plain(paper.heading), "body": plain(paper.body)}
        return msgspec.json.format(msgspec.json.encode(said, order="sorted"), indent=1) + b"\n"
    if form == "xlsx":
        return workbook.workbook(paper.heading, paper.body)  # type: ignore[arg-type]
    document = _DOCUMENTS[paper.heading.kind](paper.heading, paper.body)
    return to_html(document) if form == "html" else to_pdf(document)


def renderers() -> dict[str, str]:
    """The versions of what makes files: a paper with other bytes may owe them to one of these."""
    return {
        "layout": RENDERER,
        "reportlab": version("reportlab"),
        "xlsxwriter": version("xlsxwriter"),
        "font": f"roboto {version('font-roboto')}",
    }
