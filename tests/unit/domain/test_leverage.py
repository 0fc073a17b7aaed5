"""What an action is worth, checked with the published August 2026 figures and against counting by brute force."""

import itertools
from collections.abc import Mapping

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.actions import NUMERATOR, actions_of
from domain.errors import InvalidInput
from domain.indicator_documents import decode_set, packaged_sets
from domain.indicator_sets import IndicatorSet
from domain.leverage import Leverage, leverage
from domain.scoring import IndicatorScore, score_indicator
from domain.what_if import parse_changes, what_if

SET = next(s for s in packaged_sets() if s.name == "2026")
# The province's published counts of August 2026 (all procedures).
AUGUST: Mapping[str, tuple[int | None, int | None]] = {
    "PROCESSED_ON_TIME": (144625, 184513),
    "FORMALITY_PAYMENT_INTEGRATED": (56, 310),
    "FORMALITY_PAID_ONLINE": (93, 310),
    "DOSSIER_PAID_ONLINE": (82913, 98459),
    "DOSSIER_RECEIVING_SATISFACTION": (144574, 184513),
    "PETITION_PROCESSING_ON_TIME": (182, 247),
    "PETITION_HANDLING_SATISFACTION": (137, 247),
    "ORIGINAL_RESULT_AVAILABLE": (133274, 184513),
    "SO_HOA_GIAY_TO_GIAI_QUYET": (21233, 184513),
    "REUSED_DIGITIZED_DATA": (3160, 184513),
    "SYNCED_WITH_DVCQG_PERSONAL_STORAGE": (0, 184513),
    "CITIZEN_DATA_CONNECTED_DOSSIER": (85644, 184513),
    "CITIZEN_DATA_CONNECTED_FORMALITY": (297, 1301),
    "ELECTRONIC_CERTIFIED_COPY": (None, None),
    "PUBLISH_ON_TIME": (0, 0),
    "PUBLIC_UPDATE_ON_TIME": (0, 0),
    "PUBLIC_CONTENT_FULL": (87, 89),
    "DOSSIER_SYNC": (138744, 138744),
    "FORMALITY_ONLINE_SERVICE": (52, 56),
    "ONLINE_SERVICE_WITH_DOSSIER": (406, 1968),
    "DOSSIER_SUBMITTED_ONLINE": (150956, 152595),
}


def scored(
    figures: Mapping[str, tuple[int | None, int | None]], chosen: IndicatorSet = SET
) -> tuple[IndicatorScore, ...]:
    return tuple(score_indicator(i, *figures.get(i.code, (None, None))) for i in chosen.indicators)


@pytest.fixture(scope="module")
def august() -> Leverage:
    return leverage(SET, scored(AUGUST))


def test_the_worth_of_one_action_in_august_2026(august: Leverage) -> None:
    worth = {w.action: w for w in august.actions}
    assert worth["late_dossier"].loss == pytest.approx(20 / 184513 + 6 / 0.9 / 184513)
    assert round(worth["late_dossier"].loss, 6) == 0.000145
    assert round(worth["late_petition"].loss, 4) == 0.0486
    assert round(worth["late_petition"].loss / worth["late_dossier"].loss) == 336
    assert worth["late_petition"].useful == 247 - 182, "only late ones can be kept on time"
    assert worth["unhappy_petition"].useful == 182 - 137, "the late ones are not counted here again"


def test_digitising_80_percent_gives_2_74_points_more() -> None:
    rows = scored(AUGUST)
    changed = what_if(SET, rows, parse_changes([f"SO_HOA_GIAY_TO_GIAI_QUYET={round(0.8 * 184513)}/184513"]))
    assert round(changed.change, 2) == 2.74
    assert round(changed.total_portal - changed.change, 2) == 59.91
    assert changed.band == "Trung bình"


def test_what_did_not_arise_is_out_of_reach_and_says_what_one_would_give(august: Leverage) -> None:
    found = {o.code: o for o in august.out_of_reach}
    assert set(found) == {"PUBLISH_ON_TIME", "PUBLIC_UPDATE_ON_TIME"}
    assert sum(o.max for o in august.out_of_reach) == 10, "ten of the 18 points of transparency"
    assert found["PUBLISH_ON_TIME"].one_gives == 6
    none_lost = {x.code for x in august.indicators if x.lost is None}
    assert none_lost == set(found), "null is not a loss"


def test_a_way_without_what_is_late_already_uses_only_what_can_still_be_done(august: Leverage) -> None:
    this, like = august.ways
    ahead = {a.code for a, _ in actions_of(SET) if a.when == "ahead"}
    assert this.scope == "this_period"
    assert not ahead & {s.action for s in this.steps}
    assert like.reached
    assert this.reached
    assert like.cost < this.cost
    assert 70 <= like.total_after < 70.01
    assert like.steps[0].action == "late_petition"


def test_a_cost_changes_the_way() -> None:
    dear = leverage(SET, scored(AUGUST), costs={"late_petition": 100_000.0, "service_with_dossier": 100_000.0})
    assert "late_petition" not in {s.action for s in dear.ways[1].steps}
    assert dear.ways[1].reached


def test_figures_of_another_are_not_moved() -> None:
    found = leverage(SET, scored(AUGUST), beyond={"PUBLIC_CONTENT_FULL": "theo tỉnh"})
    assert "full_content" not in {w.action for w in found.actions}
    assert {o.code: o.reason for o in found.out_of_reach}["PUBLIC_CONTENT_FULL"] == "theo tỉnh"


def test_every_indicator_of_every_packaged_set_is_moved_by_a_named_action() -> None:
    for chosen in packaged_sets():
        reached = {c for a, moved in actions_of(chosen) if not a.code.startswith(NUMERATOR) for c in moved}
        assert reached == {i.code for i in chosen.indicators}


def test_an_indicator_that_no_action_knows_gets_one_of_its_own() -> None:
    document = {
        "name": "x",
        "inherits": "2026",
        "indicators": [{"code": "PUBLISH_ON_TIME", "numerator": "observed:other", "denominator": "observed:all"}],
    }
    found = leverage(decode_set(document), scored({"PUBLISH_ON_TIME": (1, 4)}))
    assert "numerator:PUBLISH_ON_TIME" in {w.action for w in found.actions}


counts = st.integers(0, 12).flatmap(lambda d: st.tuples(st.integers(0, d), st.just(d)))
SMALL = decode_set(
    {
        "name": "small",
        "total": 32,
        "bands": [
            {"code": "top", "name": "top", "at_least": 28},
            {"code": "mid", "name": "mid", "at_least": 14},
            {"code": "low", "name": "low", "at_least": 0},
        ],
        "groups": [{"code": "B", "name": "B"}, {"code": "E", "name": "E"}],
        "indicators": [
            {
                "code": "B1",
                "group": "B",
                "name": "b",
                "max": 20,
                "numerator": "done_ok + open - open_late",
                "denominator": "received",
            },
            {
                "code": "E1",
                "group": "E",
                "name": "e",
                "max": 6,
                "full_marks_at": 0.9,
                "numerator": "satisfied",
                "denominator": "received",
            },
            {
                "code": "E2",
                "group": "E",
                "name": "e",
                "max": 6,
                "numerator": "attr:digitised",
                "denominator": "attr:all",
            },
        ],
    }
)


@settings(max_examples=150)
@given(st.tuples(counts, counts, counts), st.lists(st.sampled_from([0.5, 1.0, 3.0]), min_size=3, max_size=3))
def test_no_way_found_by_trying_everything_is_cheaper_by_more_than_one_action(
    figures: tuple[tuple[int, int], ...], prices: list[float]
) -> None:
    (b, received), (e, _), (d, _) = figures
    known = {
        "B1": (b, received),
        "E1": (min(e, b), received),  # who is late is not satisfied
        "E2": (min(d, received), received),
    }
    names = ("late_dossier", "unhappy_dossier", "digitised_dossier")
    costs = dict(zip(names, prices, strict=True))
    found = leverage(SMALL, scored(known, SMALL), costs)
    if not found.ways:
        return
    way = found.ways[1]
    missing = [known[c][1] - known[c][0] for c in ("B1", "E1", "E2")]
    missing[1] -= missing[0]  # a bad rating alone: the late ones lack in both
    best = None
    for k in itertools.product(*(range(m + 1) for m in missing)):
        after = {
            "B1": (known["B1"][0] + k[0], received),
            "E1": (known["E1"][0] + k[0] + k[1], received),
            "E2": (known["E2"][0] + k[2], received),
        }
        if sum(r.points or 0 for r in scored(after, SMALL)) >= way.at_least - 1e-9:
            price = sum(n * p for n, p in zip(k, prices, strict=True))
            best = price if best is None else min(best, price)
    assert way.reached == (best is not None)
    if best is not None:
        assert way.total_after >= way.at_least - 1e-9
        assert way.cost <= best + max(prices) + 1e-9


@pytest.mark.parametrize("text", ["", "X", "X=1", "X=a/b", "x=1/2", "X=-1/2", "X=1/2/3"])
def test_a_change_that_cannot_be_read_is_shown(text: str) -> None:
    with pytest.raises(InvalidInput, match="CODE=numerator/denominator"):
        parse_changes([text])


def test_an_impossible_change_is_refused() -> None:
    rows = scored(AUGUST)
    with pytest.raises(InvalidInput, match="greater than the denominator"):
        what_if(SET, rows, {"PROCESSED_ON_TIME": (5, 4)})
    with pytest.raises(InvalidInput, match="no indicator NOTHING"):
        what_if(SET, rows, {"NOTHING": (1, 4)})
    with pytest.raises(InvalidInput, match="twice"):
        parse_changes(["A=1/2", "A=1/3"])
