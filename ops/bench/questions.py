"""The questions of a province's day: how each is asked over HTTP, and which statements of the store it comes to.

The statements alone, one after the other on a bare connection, are what no answer with the same statements can be
faster than on one connection: the physical limit that `bench store` puts beside every answer.
"""

import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from statistics import median
from typing import Any

import httpx

from api import figures
from api.figures.context import FigureContext
from domain.errors import Unavailable

ROUNDS = 5
Arguments = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Question:
    """`kind` is a function of `api.figures`; `draw` gives its arguments, new ones at each call."""

    name: str
    kind: str
    draw: Callable[[random.Random], Arguments]

    def over_http(self, client: httpx.Client, rng: random.Random) -> None:
        """One question; Unavailable unless it is answered."""
        arguments = self.draw(rng)
        path = {
            "scorecard": f"/v1/scorecards/{arguments.get('unit')}",
            "dossier": f"/v1/dossiers/{arguments.get('code')}",
            "overdue": "/v1/overdue",
        }[self.kind]
        named = {
            k: str(v).lower() if isinstance(v, bool) else str(v)
            for k, v in arguments.items()
            if v is not None and not (k == "code" or (k == "unit" and self.kind == "scorecard"))
        }
        answer = client.get(path, params=named)
        if answer.status_code != 200:
            raise Unavailable(f"{path} answered {answer.status_code}: {answer.text[:300]}")

    def bare(self, context: Callable[[Any], FigureContext], client: Any) -> tuple[float, int]:
        """(seconds of its statements alone, how many): medians over some draws, documents known already."""
        spent, counts = [], []
        for number in range(ROUNDS):
            recording = Recording(client)
            getattr(figures, self.kind)(context(recording), **self.draw(random.Random(number)))
            begun = time.perf_counter()
            for sql, params, options in recording.statements:
                client.execute(sql, params, **options)
            spent.append(time.perf_counter() - begun)
            counts.append(len(recording.statements))
        return median(spent), round(median(counts))


@dataclass(slots=True)
class Recording:
    """A store client that notes what it is asked."""

    client: Any
    statements: list[tuple[str, Any, dict[str, Any]]] = field(default_factory=list)

    def execute(self, sql: str, params: Any = None, **options: Any) -> Any:
        """Passes it on."""
        self.statements.append((sql, params, options))
        return self.client.execute(sql, params, **options)


def questions(
    root: str, units: tuple[str, ...], codes: tuple[str, ...], when: Mapping[str, str]
) -> list[Question]:
    """All questions; `when` names a month, its quarter, and a day and an instant at which the log was there."""
    month, quarter = when["month"], when["quarter"]

    def card(unit: str | None, period: str, **more: Any) -> Callable[[random.Random], Arguments]:
        return lambda rng: {"unit": unit or rng.choice(units), "period": period, **more}

    found = [
        ("scorecard of a unit, month", card(None, month)),
        ("scorecard of a unit, ytd", card(None, "ytd")),
        ("scorecard of the province, month", card(root, month)),
        ("scorecard of the province, quarter", card(root, quarter)),
        ("scorecard of the province, ytd", card(root, "ytd")),
        ("scorecard of the province with children, month", card(root, month, children=True)),
        ("scorecard of the province with children, ytd", card(root, "ytd", children=True)),
        ("scorecard of the province as known at a day's end", card(root, month, known_at=when["day"])),
        ("scorecard of the province as known at a day's end, quarter", card(root, quarter, known_at=when["day"])),
        ("scorecard of the province as known at a day's end, ytd", card(root, "ytd", known_at=when["day"])),
        ("scorecard of a unit as known inside a day", card(None, month, known_at=when["instant"])),
        ("scorecard of the province as known inside a day", card(root, month, known_at=when["instant"])),
        ("scorecard of the province as known inside a day, ytd", card(root, "ytd", known_at=when["instant"])),
    ]
    listed = [Question(name, "scorecard", draw) for name, draw in found]
    listed.append(Question("overdue list of a unit", "overdue", lambda rng: {"unit": rng.choice(units)}))
    listed.append(Question("overdue list of the province, first page", "overdue", lambda _: {"unit": None}))
    listed.append(Question("one dossier", "dossier", lambda rng: {"code": rng.choice(codes)}))
    return listed
