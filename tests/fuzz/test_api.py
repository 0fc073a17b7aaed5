"""The HTTP interface under generated and hostile requests: every answer is below 500 and says what was wrong."""

import random
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import GenerationMode

from tests.support.attack import processes
from tests.support.effort import times
from tests.support.lifecycles import encoded, lifecycles
from tests.support.stack import RunningStack

VALUES = (
    "", " ", "0", "-1", "1", "5000", "5001", "99999999999999999999", "1e9", "NaN", "true", "null", "[]", "{}",
    "'", "\"", "\\", "'; DROP TABLE dossiers --", "' OR '1'='1", "%27%20OR%201=1", "${7*7}", "{{7*7}}", "%s%n",
    "%(codes)s", "\u0000", "\u001b[2J", "\u202e", "\U0001f4a9", "\ufffe", "é" * 200, "x" * 129, "x" * 1500,
    "../../etc/passwd", "http://127.0.0.1:1/", "H44", "H44.", "H44.100'", "h44", "?", "H44.100\n",
    "2026", "2026-13", "2026-00", "0000", "0001", "1900", "2200", "2201", "9999", "10000", "2026-Q5", "ytd",
    "1900-01-01..2200-12-31", "2200-12-31..1900-01-01", "2026-02-30..2026-03-01", "..", "2026-01-01..",
    "1899-12-31", "2200-12-31", "9999-12-31", "0001-01-01", "9999-12-31T23:59:59.999999-23:59",
    "0001-01-01T00:00:00+23:59", "2026-08-03T09:12:00+24:00", "2026-08-03T25:00", "20260803", "2026-W01-1",
    "1wd", "8wh", "-8wh", "99999999999wd", "999999999999999999999d", "0d", "1x",
    "A01", "PROCESSED_ON_TIME", "numerator", "timestamp", "open_late", "766-2023", "day", "online",
    "W10", "eyJhIjoxfQ", "WzEsMiwzXQ", "W1tbW1tbW1tbW1tb", "WzFlOTk5LDEsMV0",
    "Wzk5OTk5OTk5OTk5OTk5OTk5OTk5LDEsMV0", "today",
    "WzksOSw5OTk5OTk5OTk5OTk5OTk5OTk5OV0", "Wy0xLC0xLC0xXQ", "WyInOyBEUk9QIiwiYSJd", "Ww" * 400,
)  # fmt: skip


@pytest.fixture(scope="module")
def filled(stack: RunningStack) -> RunningStack:
    """The stack with some dossiers to speak of."""
    stack.post(encoded(lifecycles(30, seed=5, prefix="H44.9")))
    stack.settle()
    return stack


def operations(stack: RunningStack) -> Iterator[tuple[str, str, list[dict[str, Any]]]]:
    """(method, path, parameters) of every operation that the running app documents."""
    with stack.http() as client:
        document = client.get("/openapi.json").json()
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield method.upper(), path, operation.get("parameters", [])


def test_generated_requests_are_answered_below_500(filled: RunningStack) -> None:
    headers = {"Authorization": f"Bearer {filled.key}"}
    schema = schemathesis.openapi.from_url(f"{filled.stack.api}/openapi.json", headers=headers)
    failures: list[str] = []
    for found in schema.get_all_operations():
        operation = found.ok()  # type: ignore[union-attr]
        for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
            failures += _broken(operation, mode, headers, filled.stack.api)
    assert not failures, "\n".join(failures)


def _broken(operation: Any, mode: GenerationMode, headers: dict[str, str], base: str) -> list[str]:
    """What an operation answered with 500 and above."""
    failures: list[str] = []

    @settings(
        max_examples=times(2),
        database=None,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode))
    def ask(case: Any) -> None:
        sent = case.as_transport_kwargs(base_url=base, headers=headers)
        sent.pop("cookies", None)
        body = sent.pop("data", None)
        response = _read(client, **sent, content=body if isinstance(body, str | bytes) else None)
        if response.status_code >= 500:
            failures.append(f"{response.status_code} {operation.label} {case.query} {case.body!r:.200}")

    try:
        with httpx.Client(timeout=60) as client:
            ask()
    except Exception as error:
        # A GET without parameters cannot be asked wrongly: schemathesis says so by an error of Hypothesis.
        if type(error).__name__ not in ("Unsatisfiable", "InvalidArgument", "FailedHealthCheck"):
            raise
    return failures


def test_hostile_parameters_are_answered_below_500_and_errors_are_problems(filled: RunningStack) -> None:
    r = random.Random(4)
    found = [o for o in operations(filled) if o[0] == "GET" and o[2]]
    before = processes(filled)
    with filled.http() as client:
        for _ in range(times(600)):
            _, path, parameters = r.choice(found)
            answer = _ask(client, path, parameters, r)
            text = answer.text if answer.is_stream_consumed else "(goes on)"
            where = f"{answer.request.url} → {answer.status_code} {text[:300]}"
            assert answer.status_code < 500, where
            if answer.status_code >= 400:
                assert answer.headers["content-type"] == "application/problem+json", where
                assert answer.json()["detail"], where
    assert {n: pid for n, (pid, _) in processes(filled).items()} == {n: pid for n, (pid, _) in before.items()}


def _ask(client: httpx.Client, path: str, parameters: list[dict[str, Any]], r: random.Random) -> httpx.Response:
    """One request: required parameters that make sense or not, some of the others."""
    sensible = {"period": "ytd", "unit": "H44", "code": "H44", "part": "numerator"}
    query: dict[str, str] = {}
    for parameter in parameters:
        name = parameter["name"]
        value = sensible.get(name, r.choice(VALUES)) if r.random() < 0.5 else r.choice(VALUES)
        if parameter["in"] == "path":
            path = path.replace("{" + name + "}", quote(value.strip("."), safe="") or "x")
        elif parameter["in"] == "query" and (parameter.get("required") or r.random() < 0.3):
            query[name] = value
    return _read(client, method="GET", url=path, params=query)


def _read(client: httpx.Client, **asked: Any) -> httpx.Response:
    """The answer, read whole but for one that goes on as long as the client listens (`/v1/stream`)."""
    with client.stream(**asked) as answer:
        if not answer.headers.get("content-type", "").startswith("text/event-stream"):
            answer.read()
    return answer


def test_hostile_headers_and_methods_are_answered_below_500(filled: RunningStack) -> None:
    headers: tuple[Any, ...] = (
        {"Authorization": "Bearer"},
        {"Authorization": "Bearer gs766_" + "x" * 5000},
        {"Authorization": b"Bearer \xff\xfe"},
        {"Authorization": "Basic Og=="},
        {"If-None-Match": '"' + "x" * 5000},
        {"If-None-Match": b'\xff"'},
        {"Last-Event-ID": "x" * 500},
        {"Last-Event-ID": "999999999999999999999:0,0,0,0:0"},
        {"Content-Length": "0", "Content-Type": "x" * 3000},
        {"Accept": "\x01"},
        {"Range": "bytes=0-1"},
        {"Host": "evil.example"},
    )
    with httpx.Client(base_url=filled.stack.api, timeout=30) as client:
        for method, path, _ in operations(filled):
            for given_headers in (*headers, {}):
                if method == "GET":
                    with client.stream(
                        "GET", path.replace("{", "").replace("}", ""), headers=given_headers
                    ) as answer:
                        assert answer.status_code < 500, (path, given_headers)
        for method in ("PUT", "PATCH", "TRACE", "OPTIONS", "HEAD", "BREW"):
            for path in ("/v1/events", "/v1/units", "/", "//", "/v1/../etc", "/v1/%00", "/v1/" + "x" * 5000):
                assert client.request(method, path).status_code < 500, (method, path)


PAGES = (
    *("/kiem-tra", "/kiem-tra/goi", "/dau-hieu", "/khoa", "/canh-bao"),
    *("/canh-bao/{x}", "/v/{x}", "/don-vi/{x}", "/ho-so/{x}"),
)
"""Pages that the document of the API does not name."""
FIELDS = (
    "cau unit period kind code at until report dossier state alert indicator lang finding finding_kind reason "
    "about note key back done cursor level"
).split()


def test_hostile_questions_to_the_pages_are_answered_below_500(filled: RunningStack) -> None:
    r = random.Random(5)
    words = ("who-knew", "as-shown", "figure", "moved-due", "backdated", "completeness", "too-early", "apologies",
             "controls", "evidence", "nonsense")  # fmt: skip
    sensible = {"unit": "H44", "period": "ytd", "at": "2026-08-31", "kind": "forgotten", "reason": "explained"}
    with filled.http() as client:
        for n in range(times(150)):
            path = r.choice(PAGES).replace("{x}", quote(r.choice(VALUES).strip("."), safe="") or "x")
            chosen = {name: r.choice(VALUES) for name in r.sample(FIELDS, r.randrange(8))}
            given = {"cau": r.choice(words), **chosen} if n % 2 else {"cau": r.choice(words), **sensible, **chosen}
            answer = client.get(path, params=given)
            assert answer.status_code < 500, f"{answer.request.url} → {answer.status_code} {answer.text[:300]}"
            if n % 5 == 0:
                to = r.choice(("/dau-hieu/dong", "/khoa"))
                answer = client.post(to, data={**sensible, **chosen})
                assert answer.status_code < 500, f"{to} {chosen} → {answer.status_code} {answer.text[:300]}"
