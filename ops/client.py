"""Talks to the API for the commands: JSON over HTTP, and the API's own sentence as the error."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import quote, urlencode
from urllib.request import ProxyHandler, Request, build_opener

from domain.errors import Gs766Error, InvalidInput, Unavailable
from ops.settings import Settings
from ops.stack_file import DEVELOPMENT_KEY, read_secret, require_stack

TIMEOUT_SECONDS = 120.0


class Denied(Gs766Error):
    """The API refuses the key, or failed itself: exit 1."""


@dataclass(frozen=True, slots=True)
class Answer:
    """The status and the decoded body of an answer."""

    status: int
    body: Any


class Client:
    """One API: that of a configured address, else the one that runs on the data folder."""

    def __init__(self, settings: Settings, timeout: float = TIMEOUT_SECONDS) -> None:
        address = settings.api or require_stack(settings.data).api
        if not address:
            raise Unavailable(f"the API of {settings.data} is still starting: retry in a few seconds")
        self.address = address.rstrip("/")
        self._timeout = timeout
        stored = {} if settings.api else read_secret(settings.data, DEVELOPMENT_KEY) or {}
        self._key = settings.api_key or stored.get("key", "")
        # The stack is on this machine: a proxy that the environment names would never find it.
        self._open = (build_opener() if settings.api else build_opener(ProxyHandler({}))).open

    def get(self, path: str, **query: Any) -> Any:
        """The body of a GET. InvalidInput for 404 and 422, Denied for other refusals, Unavailable else."""
        return self._sent("GET", _with_query(path, query), None).body

    def post(self, path: str, body: Any, **query: Any) -> Any:
        """The body of a POST; errors as `get`, but an answer with `results` per item is an answer."""
        answer = self._sent("POST", _with_query(path, query), body, accept=(403, 422))
        if answer.status >= 400 and not (isinstance(answer.body, dict) and "results" in answer.body):
            raise _refusal(answer.status, answer.body)
        return answer.body

    def pages(self, path: str, **query: Any) -> Iterator[Any]:
        """All pages of a list: `next` of one is the `cursor` of the following."""
        while True:
            page = self.get(path, **query)
            yield page
            if not page.get("next"):
                return
            query["cursor"] = page["next"]

    def file(self, method: str, path: str, **query: Any) -> tuple[bytes, dict[str, str]]:
        """A file as it is, with the answer's headers (names in small letters); errors as `get`."""
        return self._raw(method, _with_query(path, query), None)[1:]

    def health(self) -> Answer:
        """/v1/health, red (503) included."""
        return self._sent("GET", "/v1/health", None, accept=(503,))

    def _sent(self, method: str, path: str, body: Any, accept: tuple[int, ...] = ()) -> Answer:
        status, content, _ = self._raw(method, path, body, accept)
        return Answer(status, _decoded(content))

    def _raw(
        self, method: str, path: str, body: Any, accept: tuple[int, ...] = ()
    ) -> tuple[int, bytes, dict[str, str]]:
        headers = {"Accept": "application/json"}
        if self._key:
            headers["Authorization"] = f"Bearer {self._key}"
        content = None
        if body is not None:
            content = json.dumps(body).encode()
            headers["Content-Type"] = (
                "application/cloudevents-batch+json" if isinstance(body, list) else "application/json"
            )
        request = Request(self.address + path, content, headers, method=method)
        try:
            with self._open(request, timeout=self._timeout) as answer:
                told = {name.lower(): value for name, value in answer.headers.items()}
                return answer.status, answer.read(), told
        except HTTPError as error:
            with error:
                found = error.read()
            if error.code in accept:
                return error.code, found, {}
            raise _refusal(error.code, _decoded(found)) from error
        except (URLError, OSError) as error:
            reason = getattr(error, "reason", error)
            raise Unavailable(f"the API at {self.address} does not answer ({reason})") from error


def part(code: str) -> str:
    """A code as one step of a path."""
    return quote(code, safe="")


def _with_query(path: str, query: Mapping[str, Any]) -> str:
    named = {name: value for name, value in query.items() if value is not None and value is not False}
    text = urlencode({name: "true" if value is True else value for name, value in named.items()})
    return f"{path}?{text}" if text else path


def _decoded(content: bytes) -> Any:
    try:
        return json.loads(content) if content else None
    except ValueError:
        return content.decode("utf-8", "replace")


def _refusal(status: int, body: Any) -> Gs766Error:
    """problem+json as one of our errors, in the API's words."""
    sentence = f"the API answered {status}"
    if isinstance(body, dict):
        detail = body.get("detail") or body.get("title")
        sentence = detail if isinstance(detail, str) else json.dumps(detail) if detail else sentence
    if status in (400, 404, 409, 413, 422):
        return InvalidInput(sentence)
    if status in (429, 502, 503, 504):
        return Unavailable(sentence)
    return Denied(sentence)
