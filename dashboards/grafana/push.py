"""Pushes data source and dashboards to a running Grafana over its API; `gs766 dashboards push`."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from dashboards.grafana.build import DATASOURCE, FOLDER_TITLE, FOLDER_UID, dashboards
from domain.errors import InvalidInput, Refused, Unavailable


@dataclass(frozen=True, slots=True)
class StoreAddress:
    """Where Grafana reaches the store, as its user `reader`; `protocol` is http or native."""

    host: str
    port: int
    password: str = field(repr=False)
    user: str = "reader"
    database: str = "gs766"
    protocol: str = "http"
    secure: bool = False


def datasource(store: StoreAddress) -> dict[str, Any]:
    """The data source as Grafana's API takes it."""
    return {
        "name": "Giám sát 766",
        "uid": DATASOURCE["uid"],
        "type": DATASOURCE["type"],
        "access": "proxy",
        "isDefault": False,
        "jsonData": {
            "host": store.host,
            "port": store.port,
            "protocol": store.protocol,
            "secure": store.secure,
            "username": store.user,
            "defaultDatabase": store.database,
        },
        "secureJsonData": {"password": store.password},
    }


def push(url: str, token: str, store: StoreAddress | None = None, timeout_s: float = 10.0) -> list[str]:
    """Makes or replaces folder, data source (when `store` is given) and dashboards; their addresses.

    InvalidInput for an address that is none, Refused when Grafana does not accept the token or what is pushed,
    Unavailable when it does not answer.
    """
    from grafana_client import GrafanaApi

    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise InvalidInput(f"'{url}' is not Grafana's address: give it as http://127.0.0.1:3000")
    if not token:
        raise InvalidInput("a service account token of Grafana is needed (role Editor; Admin for the data source)")
    api = GrafanaApi.from_url(url.rstrip("/"), credential=token, timeout=timeout_s)
    _ask(url, lambda: _folder(api))
    if store is not None:
        _ask(url, lambda: _datasource(api, store))
    done = []
    for found in dashboards():
        body = {"dashboard": found, "folderUid": FOLDER_UID, "overwrite": True, "message": "gs766 dashboards push"}
        answer = _ask(url, lambda body=body: api.dashboard.update_dashboard(body))  # type: ignore[misc]
        done.append(url.rstrip("/") + answer.get("url", f"/d/{found['uid']}"))
    return done


def _folder(api: Any) -> None:
    known = {folder["uid"] for folder in api.folder.get_all_folders()}
    if FOLDER_UID not in known:
        api.folder.create_folder(FOLDER_TITLE, uid=FOLDER_UID)


def _datasource(api: Any, store: StoreAddress) -> None:
    wanted = datasource(store)
    known = {found["uid"]: found for found in api.datasource.list_datasources()}
    if wanted["uid"] in known:
        api.datasource.update_datasource(known[wanted["uid"]]["id"], wanted)
    else:
        api.datasource.create_datasource(wanted)


def _ask(url: str, request: Callable[[], Any]) -> Any:
    """One request; every error as a sentence that says what to do."""
    from grafana_client.client import GrafanaException, GrafanaTimeoutError
    from niquests.exceptions import RequestException

    try:
        return request()
    except GrafanaTimeoutError as error:
        raise Unavailable(f"Grafana at {url} did not answer in time: is it running?") from error
    except GrafanaException as error:
        raise _explained(url, error) from error
    except RequestException as error:
        raise Unavailable(
            f"Grafana at {url} cannot be reached: is it running, and is the address right?"
        ) from error


def _explained(url: str, error: Any) -> Exception:
    status = error.status_code
    said = error.response.get("message", "") if isinstance(error.response, dict) else str(error.response)[:200]
    if status == 401:
        return Refused(f"Grafana at {url} does not know this token: make a service account token and give that")
    if status == 403:
        return Refused(f"this token may not do that in Grafana ({said}): it needs the role Editor, or Admin")
    if status == 412:
        return Refused(f"Grafana holds a newer dashboard of this name ({said}): remove it there first")
    if status is not None and status >= 500:
        return Unavailable(f"Grafana at {url} failed ({status} {said}): look into its log")
    return Refused(f"Grafana refused what was pushed ({status} {said})")
