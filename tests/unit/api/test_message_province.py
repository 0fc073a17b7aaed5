"""Whom alerts of a unit concern: the unit and all above it, from the tree of units."""

import pytest

from api.figures.context import FigureContext
from api.figures.units import build_tree
from api.messaging.reading import province_of
from domain.calendar_vn import vietnam_calendar
from domain.instants import Zone
from domain.messages.ledger import Ledger
from domain.messages.planning import plan
from domain.messages.rules import decode_rules
from tests.support.conditions import reference
from tests.support.messages import alert, at, who

NOW = at("2026-11-10T07:15")


@pytest.mark.parametrize("seen", [("H44.1",), ("H44.1", "?")])
def test_an_announced_procedure_which_has_no_unit_is_told_to_the_officer_of_the_root(
    seen: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(FigureContext, "tree", build_tree("H44", {}, seen, NOW))
    monkeypatch.setattr(FigureContext, "calendar", lambda *_: vietnam_calendar("Asia/Ho_Chi_Minh"))
    monkeypatch.setattr(FigureContext, "reference", reference({}))
    ctx = FigureContext(None, 1, Zone(), "H44", NOW)
    people = (who("control", "officer", "H44"), who("other", "officer", "H44.1"))
    province = province_of(ctx, decode_rules({}), people, NOW)
    found = plan(NOW, [alert("A17", "2026-11-10T00:00", unit="?")], Ledger(Zone()), province)
    (one,) = found.messages
    assert one.message.account == "control"
    assert "?" not in one.message.text.splitlines()[0]
    assert found.unreached == ()
