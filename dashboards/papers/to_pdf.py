"""A document as PDF: text that can be searched and copied, the font inside, the same bytes every time.

`invariant` takes clock and chance out of reportlab; the font is Roboto from a package of the lock, never one of
the machine's, and its subset is named by what is in it.
"""

import io
import threading
from functools import cache
from html import escape as _escape
from typing import Any
from unicodedata import normalize

from dashboards.papers.document import Block, Bullets, Document, Table, Text, Title

_FONT, _BOLD = "GS766", "GS766-Bold"
_MM = 72 / 25.4
_WRITING = threading.Lock()
"""reportlab keeps the subset of a font in the font, between documents: one document at a time."""


def escape(text: str) -> str:
    """Text for a paragraph. Composed letters: the font has ế, and no way to put the two marks on an e."""
    return _escape(normalize("NFC", text))


def to_pdf(document: Document) -> bytes:
    """The file."""
    with _WRITING:
        return _written(document)


def _written(document: Document) -> bytes:
    from reportlab.lib.pagesizes import A4, landscape
    from reportlab.platypus import SimpleDocTemplate

    _register()
    out = io.BytesIO()
    margin = (10 if document.compact else 16) * _MM
    template = SimpleDocTemplate(
        out,
        pagesize=landscape(A4) if document.landscape else A4,
        leftMargin=margin,
        rightMargin=margin,
        topMargin=margin,
        bottomMargin=margin + 10 * _MM,
        title=document.title,
        author="Giám Sát 766",
        lang="vi-VN",
        invariant=1,
    )
    styles = _styles(document.compact)
    story: list[Any] = []
    for block in document.blocks:
        story += _flowables(block, styles, template.width, document.compact)

    def footer(canvas: Any, page: Any) -> None:
        from reportlab.platypus import Paragraph

        text = Paragraph(escape(f"{document.footer} Trang {page.page}"), styles["footer"])
        _, height = text.wrap(template.width, 20 * _MM)
        text.drawOn(canvas, margin, margin + 8 * _MM - height)

    template.build(story, onFirstPage=footer, onLaterPages=footer)
    return out.getvalue()


def _register() -> None:
    """Fresh fonts for every document, so that none carries over the subset of the one before."""
    import font_roboto
    from reportlab.pdfbase import pdfmetrics
    from reportlab.pdfbase.ttfonts import TTFont

    for name, file in ((_FONT, "Roboto"), (_BOLD, "RobotoBold")):
        pdfmetrics.registerFont(TTFont(name, font_roboto.font_files[file]))
    pdfmetrics.registerFontFamily(_FONT, normal=_FONT, bold=_BOLD, italic=_FONT, boldItalic=_BOLD)


@cache
def _styles(compact: bool) -> dict[str, Any]:
    from reportlab.lib.enums import TA_CENTER, TA_RIGHT
    from reportlab.lib.styles import ParagraphStyle

    size = 8.5 if compact else 10.0
    plain = ParagraphStyle("plain", fontName=_FONT, fontSize=size, leading=size * 1.3, spaceAfter=size * 0.3)
    cell = ParagraphStyle("cell", plain, fontSize=size - 0.5, leading=(size - 0.5) * 1.22, spaceAfter=0)
    return {
        "plain": plain,
        "small": ParagraphStyle(
            "small", plain, fontSize=size - 1.5, leading=(size - 1.5) * 1.25, textColor="#555555"
        ),
        "strong": ParagraphStyle("strong", plain, fontName=_BOLD),
        "h1": ParagraphStyle("h1", plain, fontName=_BOLD, fontSize=size * 1.6, leading=size * 1.9),
        "h2": ParagraphStyle(
            "h2",
            plain,
            fontName=_BOLD,
            fontSize=size * 1.15,
            leading=size * 1.5,
            spaceBefore=size * 0.5,
            keepWithNext=1,
            textColor="#8a1c1c",
        ),
        "left": cell,
        "right": ParagraphStyle("right", cell, alignment=TA_RIGHT),
        "center": ParagraphStyle("center", cell, alignment=TA_CENTER),
        "footer": ParagraphStyle("footer", plain, fontSize=6.5, leading=8, textColor="#555555"),
    }


def _flowables(block: Block, styles: dict[str, Any], width: float, compact: bool) -> list[Any]:
    from reportlab.platypus import Paragraph, Spacer

    if isinstance(block, Title):
        return [Paragraph(escape(block.text), styles[f"h{block.level}"])]
    if isinstance(block, Text):
        return [Paragraph(escape(block.text), styles[block.style])]
    if isinstance(block, Bullets):
        return [Paragraph(escape(f"– {item}"), styles["plain"]) for item in block.items]
    return [_table(block, styles, width), Spacer(1, 3 if compact else 6)]


def _table(table: Table, styles: dict[str, Any], width: float) -> Any:
    from reportlab.platypus import LongTable, Paragraph

    sides = table.align or ("left",) * len(table.columns)
    shares = table.widths or (1.0,) * len(table.columns)

    def row(cells: tuple[str, ...], *, bold: bool) -> list[Any]:
        return [
            Paragraph(f"<b>{escape(text)}</b>" if bold else escape(text), styles[side])
            for text, side in zip(cells, sides, strict=True)
        ]

    rows = [row(table.columns, bold=True)]
    rows += [row(cells, bold=n in table.strong) for n, cells in enumerate(table.rows)]
    found = LongTable(rows, colWidths=[width * s / sum(shares) for s in shares], repeatRows=1)
    found.setStyle(
        [
            ("GRID", (0, 0), (-1, -1), 0.4, "#b5b5b5"),
            ("BACKGROUND", (0, 0), (-1, 0), "#f0eeea"),
            ("VALIGN", (0, 0), (-1, -1), "TOP"),
            ("TOPPADDING", (0, 0), (-1, -1), 1.5),
            ("BOTTOMPADDING", (0, 0), (-1, -1), 2),
            ("LEFTPADDING", (0, 0), (-1, -1), 3),
            ("RIGHTPADDING", (0, 0), (-1, -1), 3),
        ]
    )
    return found
