"""A paper between its figures and its file: blocks of text and tables, which HTML and PDF both render."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal


@dataclass(frozen=True, slots=True)
class Title:
    """The paper's name in its first line, or a part's (level 2)."""

    text: str
    level: int = 1


@dataclass(frozen=True, slots=True)
class Text:
    """A paragraph; `style` small for notes, strong for what must be seen first."""

    text: str
    style: Literal["plain", "small", "strong"] = "plain"


@dataclass(frozen=True, slots=True)
class Table:
    """Rows under a header. `align` (left, right, center) and `widths` (shares of the width) go by column; the rows
    numbered in `strong` are bold."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    align: tuple[str, ...] = ()
    widths: tuple[float, ...] = ()
    strong: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Bullets:
    """A list."""

    items: tuple[str, ...]


Block = Title | Text | Table | Bullets


@dataclass(frozen=True, slots=True)
class Document:
    """A whole paper. `compact` is one dense page; `landscape` turns it."""

    title: str
    blocks: Sequence[Block] = field(default_factory=tuple)
    footer: str = ""
    compact: bool = False
    landscape: bool = False
