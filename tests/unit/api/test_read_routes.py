"""Read routes: nothing in a query is ignored, answers are conditional, errors tell what to do."""

from typing import Any

import pytest
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from domain.instants import parse_rfc3339

CARD = "/v1/scorecards/H44?period=2026-08"


@pytest.mark.parametrize(
    ("path", "asked"),
    [
        ("/v1/units", ("units", ())),
        ("/v1/procedures", ("procedures", ())),
        ("/v1/live", ("live", ())),
        (CARD, ("scorecard", ("H44", "2026-08", None, None, None, False))),
        (CARD + "&children=true&set=2025", ("scorecard", ("H44", "2026-08", None, None, "2025", True))),
        (
            "/v1/indicators/B1?unit=H44&period=ytd&by=day",
            ("indicator", ("B1", "H44", "ytd", "day", None, None, None)),
        ),
        (
            "/v1/indicators/B1/dossiers?unit=H44&period=ytd&part=numerator&limit=5",
            ("indicator_dossiers", ("B1", "H44", "ytd", "numerator", None, None, 5, None)),
        ),
        ("/v1/dossiers/D", ("dossier", ("D", None, None))),
        ("/v1/dossiers/D/events", ("dossier_events", ("D",))),
        ("/v1/overdue", ("overdue", (None, None, None, None, "timestamp", "open_late", None, 100))),
        ("/v1/due?within=8wh", ("due", (None, None, "8wh", None, None, 100))),
        ("/v1/forecast?unit=H44&limit=5", ("forecast", ("H44", None, 5))),
        (
            "/v1/leverage?unit=H44&period=ytd&what_if=A=1/2,B=3/4&costs=late_dossier=2",
            ("leverage", ("H44", "ytd", None, None, None, ["A=1/2", "B=3/4"], ["late_dossier=2"])),
        ),
        (
            "/v1/reconciliation?unit=H44&period=2026-08&receipt=r",
            ("reconciliation", ("H44", "2026-08", None, None, None, "r")),
        ),
        (
            "/v1/reconciliation/dossiers?unit=H44&period=2026-08&cause=pauses",
            ("reconciliation_dossiers", ("H44", "2026-08", "pauses", None, None, None, None, 100)),
        ),
        (
            "/v1/targets?unit=H44&period=ytd&children=true",
            ("targets", ("H44", "ytd", None, None, None, True)),
        ),
        ("/v1/apologies?unit=H44&limit=7", ("apologies", ("H44", None, None, 7))),
        ("/v1/findings?kind=x", ("findings", (None, "x", None, 100))),
    ],
)
def test_each_route_asks_its_figure(local: TestClient, bench: Any, path: str, asked: Any) -> None:
    assert local.get(path).status_code == 200
    assert bench.figures.asked[-1] == asked


def test_indicator_sets_need_no_store(local: TestClient, bench: Any) -> None:
    assert local.get("/v1/indicator-sets").status_code == 200
    assert bench.figures.asked[-1][0] == "indicator_sets"


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("2026-08-31", "2026-09-01T00:00:00+07:00"),
        ("2026-08-31T17:00", "2026-08-31T17:00:00+07:00"),
        ("2026-08-31T17:00:00%2B07:00", "2026-08-31T17:00:00+07:00"),
        ("2026-08-31T17:00:00+07:00", "2026-08-31T17:00:00+07:00"),
        ("2026-08-31T10:00:00Z", "2026-08-31T17:00:00+07:00"),
    ],
)
def test_instants_are_read_in_the_provinces_zone(local: TestClient, bench: Any, text: str, instant: str) -> None:
    assert local.get(f"/v1/overdue?as_of={text}").status_code == 200
    assert bench.figures.asked[-1][1][3] == parse_rfc3339(instant)


def test_an_unknown_parameter_is_refused_with_the_nearest_name(local: TestClient) -> None:
    answer = local.get("/v1/overdue?min_day=3")
    assert answer.status_code == 422
    assert answer.json()["close_matches"] == ["min_days"]
    assert "did you mean min_days" in answer.json()["detail"]


@pytest.mark.parametrize(
    "query",
    [
        "unit=A&unit=B",
        "as_of=yesterday",
        "limit=0",
        "limit=x",
        "rule=none",
        "state=late",
        "min_days=-1",
        "as_of=9999-12-31",
    ],
)
def test_what_cannot_be_used_is_422(local: TestClient, query: str) -> None:
    answer = local.get(f"/v1/overdue?{query}")
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["detail"]


def test_a_period_is_asked_for(local: TestClient) -> None:
    answer = local.get("/v1/scorecards/H44")
    assert answer.status_code == 422
    assert answer.json()["field"] == "period"


def test_a_path_that_is_none_is_a_problem(local: TestClient) -> None:
    answer = local.get("/v1/nothing")
    assert (answer.status_code, answer.json()["type"]) == (404, "urn:gs766:problem:not-found")
    assert local.put("/v1/units").status_code == 405


def test_an_unchanged_figure_is_not_computed_again(local: TestClient, bench: Any) -> None:
    first = local.get(CARD)
    tag = first.headers["etag"]
    asked = len(bench.figures.asked)
    again = local.get(CARD, headers={"If-None-Match": tag})
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
    assert len(bench.figures.asked) == asked


def test_a_new_position_generation_query_or_second_changes_the_etag(local: TestClient, bench: Any) -> None:
    from api.vector import Vector

    tags = [local.get(CARD).headers["etag"]]
    bench.feed.vector = Vector(1, (11, 20), 5)
    tags.append(local.get(CARD).headers["etag"])
    bench.feed.vector = Vector(2, (11, 20), 5)
    tags.append(local.get(CARD).headers["etag"])
    tags.append(local.get(CARD + "&children=true").headers["etag"])
    bench.wall += 1000
    tags.append(local.get(CARD).headers["etag"])
    assert len(set(tags)) == len(tags)


def test_with_as_of_the_clock_does_not_change_the_etag(local: TestClient, bench: Any) -> None:
    tag = local.get(CARD + "&as_of=2026-08-10").headers["etag"]
    bench.wall += 3_600_000
    assert local.get(CARD + "&as_of=2026-08-10").headers["etag"] == tag


def test_keys_with_other_units_never_share_an_etag(remote: TestClient, bench: Any) -> None:
    path = "/v1/units"
    tags = {remote.get(path, headers=bench.key("read", units=units)).headers["etag"] for units in (("A",), ("B",))}
    assert len(tags) == 2


def test_the_schema_of_the_api_is_complete(local: TestClient) -> None:
    described = local.get("/openapi.json").json()
    routes = {path for path in described["paths"] if path.startswith("/v1")}
    assert {"/v1/events", "/v1/scorecards/{unit}", "/v1/overdue", "/v1/due", "/v1/stream", "/v1/health"} <= routes
    for path, methods in described["paths"].items():
        for method, operation in methods.items():
            assert operation.get("summary"), (path, method)
            assert operation.get("description"), (path, method)


_PATHS = ("/v1/overdue", "/v1/due", "/v1/units", "/v1/scorecards/H44", "/v1/findings", "/v1/schemas", "/v1/health")
_names = st.sampled_from(["unit", "as_of", "cursor", "limit", "period", "set", "within", "state", "type"])


@given(
    st.sampled_from(_PATHS), st.lists(st.tuples(_names | st.text(max_size=5), st.text(max_size=30)), max_size=4)
)
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@example("/v1/due", [("within", "\x1e")])
@example("/v1/due", [("within", "\\u0041")])
@example("/v1/due", [("\x85", "1\u2028")])
def test_no_query_makes_the_server_fail(local: TestClient, path: str, query: list[tuple[str, str]]) -> None:
    answer = local.get(path, params=query)
    assert answer.status_code in (200, 404, 422), answer.text
