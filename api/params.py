"""Query parameters: none is ignored. An unknown or doubled name is an error that names the nearest one."""

from difflib import get_close_matches

from fastapi import Request
from fastapi.dependencies.utils import get_flat_params
from fastapi.params import ParamTypes, Query
from fastapi.routing import APIRoute

from api.problems import Problem
from domain.errors import InvalidInput
from domain.instants import Millis, Zone
from domain.periods import parse_instant

_MAX_QUERY = 2_000


def query_names(route: APIRoute) -> tuple[str, ...]:
    """The query parameters that a route knows, dependencies included."""
    found = get_flat_params(route.dependant)
    return tuple(
        field.alias
        for field in found
        if isinstance(field.field_info, Query) or _in(field.field_info) == ParamTypes.query
    )


def _in(info: object) -> object:
    return getattr(info, "in_", None)


def strict_query(request: Request) -> None:
    """A dependency of every route: refuses what the route does not know."""
    route = request.scope.get("route")
    if not isinstance(route, APIRoute):
        return
    if len(request.url.query) > _MAX_QUERY:
        raise Problem("invalid-input", f"the query is longer than {_MAX_QUERY} characters")
    known = query_names(route)
    seen: set[str] = set()
    for name, _ in request.query_params.multi_items():
        if name not in known:
            raise _unknown(name[:60], known)
        if name in seen:
            raise Problem("invalid-input", f"'{name}' is given twice: give it once", field=name)
        seen.add(name)


def _unknown(name: str, known: tuple[str, ...]) -> Problem:
    near = get_close_matches(name, known, n=3, cutoff=0.5)
    hint = f"did you mean {' or '.join(near)}?" if near else f"known are: {', '.join(sorted(known)) or 'none'}"
    return Problem(
        "unknown-parameter", f"'{name}' is not a parameter here; {hint}", field=name, close_matches=near
    )


def instant(text: str | None, zone: Zone, name: str) -> Millis | None:
    """An instant of a query, None when it is not given; a '+' that a client forgot to escape is put back."""
    if text is None or not text.strip():
        return None
    asked = text.strip()
    head, space, tail = asked.rpartition(" ")
    if space and "T" in head and ":" in tail:
        asked = f"{head}+{tail}"
    try:
        return parse_instant(asked, zone)
    except InvalidInput as error:
        raise Problem("invalid-input", f"{name}: {error}", field=name) from error
