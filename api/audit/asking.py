"""A question by its word, with all that any of them takes: for bundles, which answer and prove in one go."""

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from api import audit
from api.figures.context import FigureContext
from domain.errors import InvalidInput
from domain.instants import Millis


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """What was given; None where nothing was."""

    unit: str | None = None
    period: str | None = None
    code: str | None = None
    between: str | None = None
    as_of: Millis | None = None
    until: Millis | None = None
    over_hours: int = 24
    set_name: str | None = None
    chain: Any = ()
    """The checkpoints, for which keys signed when."""

    def need(self, name: str) -> str:
        """A text that the question cannot do without; InvalidInput names it."""
        found = getattr(self, name)
        if found is None:
            raise InvalidInput(f"this question needs {name}")
        return str(found)


def _who_knew(ctx: FigureContext, a: Asked) -> dict[str, Any] | None:
    return audit.who_knew(ctx, a.need("code"), ctx.now_ms if a.until is None else a.until)


def _changes(ctx: FigureContext, a: Asked) -> dict[str, Any]:
    first, _, second = a.need("between").partition(",")
    return audit.changes(ctx, a.need("unit"), a.need("period"), first, second, a.as_of, a.set_name)


def _backdated(ctx: FigureContext, a: Asked) -> dict[str, Any]:
    return audit.backdated(ctx, a.need("unit"), a.need("period"), a.as_of, a.over_hours)


def _controls(ctx: FigureContext, a: Asked) -> dict[str, Any]:
    return audit.controls(ctx, a.unit or ctx.root, a.need("period"), a.as_of, a.chain)


def _of_unit(name: str) -> Callable[[FigureContext, Asked], dict[str, Any]]:
    def ask(ctx: FigureContext, a: Asked) -> dict[str, Any]:
        found: dict[str, Any] = getattr(audit, name)(ctx, a.need("unit"), a.need("period"), a.as_of)
        return found

    return ask


WORDS: Mapping[str, Callable[[FigureContext, Asked], dict[str, Any] | None]] = {
    "who-knew": _who_knew,
    "changes": _changes,
    "moved-due": _of_unit("moved_due"),
    "backdated": _backdated,
    "too-early": _of_unit("too_early"),
    "apologies": _of_unit("apologies"),
    "completeness": _of_unit("completeness"),
    "controls": _controls,
}


def ask_word(ctx: FigureContext, word: str, asked: Asked) -> dict[str, Any] | None:
    """The answer; None where what it is about cannot be seen. `word` is one of WORDS."""
    return WORDS[word](ctx, asked)
