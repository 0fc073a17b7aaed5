"""An event sent over HTTP goes through Kafka, the fold and the store, and is told, listed, and proven whole."""

import json
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest
import uvicorn

from api.app import create_app
from api.config import ApiConfig, StoreConfig
from eventlog.config import KafkaConfig
from eventlog.topics import ensure_topics
from ops.lifeline import dies_with_me
from sinks.clickhouse import connect
from sinks.generations import activate, begin
from sinks.schema import migrate
from sinks.writer import WriterConfig
from sinks.writer import run as run_writer
from tests.support.ready_store import embedded_address

ROOT = Path(__file__).parents[2]
TOKEN = "gs766_integration-development-key"
OWNER = {"Authorization": f"Bearer {TOKEN}"}
WORKER = """
import sys
from pathlib import Path
from domain.instants import zone
from eventlog.config import KafkaConfig
from stream.runner import WorkerConfig
from stream.worker import run
bootstrap, prefix, folder, log_id = sys.argv[1:5]
del sys.argv[1:]
run(WorkerConfig(KafkaConfig(bootstrap, prefix=prefix), Path(folder), zone("Asia/Ho_Chi_Minh"), 1, log_id, 2))
"""


class Chain(NamedTuple):
    """A running chain: the API's address, and its parts."""

    url: str
    kafka: KafkaConfig
    stop_writer: threading.Event


def until(condition: Callable[[], Any], what: str) -> Any:
    """Waits for a condition, up to 30 s."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        found = condition()
        if found:
            return found
        time.sleep(0.05)
    raise AssertionError(f"did not come true: {what}")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[dict[str, Any]]:
    """The embedded store in a process of its own; the writer's parameters."""
    with embedded_address(tmp_path) as writer:
        yield writer


@pytest.fixture
def chain(tmp_path: Path, store: dict[str, Any], kafka: KafkaConfig) -> Iterator[Chain]:
    """Kafka, worker, writer, store and API over two partitions."""
    now = time.time_ns() // 1_000_000
    ids = ensure_topics(kafka, now, 2)
    migrate(store)
    with connect(store, database="gs766") as client:
        begin(client, 1, "test", ids.events, now)
        activate(client, 1, now)
    stop = threading.Event()
    writer = threading.Thread(target=run_writer, args=(WriterConfig(kafka, store), stop), daemon=True)
    writer.start()
    arguments = [kafka.bootstrap, kafka.prefix, str(tmp_path / "state"), ids.events]
    command = [sys.executable, "-c", WORKER, *arguments]
    worker = subprocess.Popen(command, cwd=ROOT, preexec_fn=dies_with_me())
    config = ApiConfig(
        kafka,
        StoreConfig(port=store["port"], reader_password="r", writer_password="w"),
        tmp_path / "private.sqlite",
        partitions=2,
        spool=tmp_path / "spool",
        development_key=TOKEN,
        heartbeat_ms=200,
        stalled_ms=2_000,
    )
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(create_app(config), log_level="warning", timeout_graceful_shutdown=2))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    try:
        until(lambda: server.started, "the API started")
        yield Chain(f"http://127.0.0.1:{listener.getsockname()[1]}", kafka, stop)
    finally:
        server.should_exit = True
        thread.join(30)
        worker.kill()  # its state is made for that; an orderly end would wait for the group
        worker.wait(30)
        stop.set()
        writer.join(30)


def event(n: int, verb: str = "accepted", **data: Any) -> dict[str, Any]:
    return {
        "id": f"{verb}-{n}",
        "source": "/h44/one-stop",
        "type": f"dossier.{verb}",
        "time": "2026-08-03T09:12:00+07:00",
        "subject": f"H44.1-{n}",
        "data": {"unit": "H44.1", "procedure": "2.000815", "channel": "online"} | data,
    }


def read_stream(
    url: str, headers: dict[str, str], enough: Callable[[list[dict[str, str]]], bool]
) -> list[dict[str, str]]:
    """Server-sent events until there are enough."""
    found: list[dict[str, str]] = []
    with httpx.stream("GET", f"{url}/v1/stream", headers=headers, timeout=30) as answer:
        assert answer.status_code == 200
        one: dict[str, str] = {}
        for line in answer.iter_lines():
            if line:
                name, _, value = line.partition(": ")
                one[name] = value
                continue
            found.append(one)
            one = {}
            if enough(found):
                break
    return found


def test_an_event_over_http_becomes_a_figure_a_list_and_a_notice(chain: Chain) -> None:
    url = chain.url
    begun = read_stream(url, OWNER, lambda found: found[-1]["event"] == "ready")[-1]["id"]
    late = {"due_at": "2026-08-10T17:00:00+07:00"}
    body = [event(1, **late, owner_name="X"), event(2, **late), {"id": "x"}, event(3, channel="pigeon")]
    answer = httpx.post(f"{url}/v1/events", json=body, headers=OWNER)
    assert answer.status_code == 207
    results = answer.json()["results"]
    assert [r["status"] for r in results] == ["accepted", "accepted", "rejected", "rejected"]
    assert results[0]["dropped_fields"] == ["data.owner_name"]
    place = results[0]["partition"], results[0]["offset"]

    def opened() -> Any:
        found = httpx.get(f"{url}/v1/dossiers/H44.1-1")
        return found.json() if found.status_code == 200 else None

    until(opened, "the dossier is in the store")
    (stored,) = httpx.get(f"{url}/v1/dossiers/H44.1-1/events").json()
    assert (stored["partition"], stored["offset"]) == place
    until(lambda: len(httpx.get(f"{url}/v1/overdue").json()["dossiers"]) == 2, "both are overdue")

    def both(found: list[dict[str, str]]) -> bool:
        codes = {json.loads(e["data"])["dossier_code"] for e in found if e["event"] == "dossier"}
        return codes == {"H44.1-1", "H44.1-2"}

    told = read_stream(url, OWNER | {"Last-Event-ID": begun}, both)
    last = told[-1]["id"]
    again = read_stream(url, OWNER | {"Last-Event-ID": last}, lambda found: found[-1]["event"] == "ready")
    assert all(e["event"] != "reset" for e in again)

    health = until(lambda: _green(url), "health is green")
    assert health["generation"] == 1
    assert health["freshness"]["records_behind"] == 0
    card = httpx.get(f"{url}/v1/scorecards/H44?period=2026-08&as_of=2026-08-31")
    assert card.status_code == 200
    tag = {"If-None-Match": card.headers["etag"]}
    assert httpx.get(f"{url}/v1/scorecards/H44?period=2026-08&as_of=2026-08-31", headers=tag).status_code == 304
    for path in ("units", "procedures", "indicator-sets", "due", "findings", "dead-letters", "alerts", "live"):
        assert httpx.get(f"{url}/v1/{path}").status_code == 200, path
    assert 'gs766_complete_to{partition="0"}' in httpx.get(f"{url}/metrics").text


def _green(url: str) -> Any:
    found = httpx.get(f"{url}/v1/health").json()
    return found if found["status"] == "green" else None


def test_a_key_of_a_subtree_sees_and_hears_its_own_only(chain: Chain, tmp_path: Path) -> None:
    from api.keys import KeyStore

    url = chain.url
    keys = KeyStore(tmp_path / "private.sqlite")
    made = keys.create_key("xã", ["read"], now=1_700_000_000_000, units=["H44.2"])
    keys.close()
    key = {"Authorization": f"Bearer {made.token}"}
    begun = read_stream(url, OWNER, lambda found: found[-1]["event"] == "ready")[-1]["id"]
    mine, other = event(7, unit="H44.2"), event(8, unit="H44.1")
    assert httpx.post(f"{url}/v1/events", json=[other, mine], headers=OWNER).status_code == 202
    until(lambda: httpx.get(f"{url}/v1/dossiers/H44.1-7", headers=key).status_code == 200, "its own is there")
    until(lambda: httpx.get(f"{url}/v1/dossiers/H44.1-8", headers=OWNER).status_code == 200, "the other is there")
    assert httpx.get(f"{url}/v1/dossiers/H44.1-8", headers=key).status_code == 404
    assert httpx.get(f"{url}/v1/dossiers/H44.1-8/events", headers=key).status_code == 404
    assert httpx.get(f"{url}/v1/scorecards/H44.1?period=2026-08", headers=key).status_code == 404
    told = read_stream(url, key | {"Last-Event-ID": begun}, lambda found: found[-1]["event"] == "ready")
    codes = [json.loads(e["data"])["dossier_code"] for e in told if e["event"] == "dossier"]
    assert codes == ["H44.1-7"]


def test_health_is_red_when_the_writer_stands_still(chain: Chain) -> None:
    url = chain.url
    until(lambda: _green(url), "health is green")
    chain.stop_writer.set()
    assert httpx.post(f"{url}/v1/events", json=event(1), headers=OWNER).status_code == 202
    found = until(lambda: _red(url), "health is red")
    assert found["freshness"]["records_behind"] >= 1
    assert any("stood still" in reason for reason in found["parts"]["writer"]["reasons"])
    assert httpx.get(f"{url}/v1/health?strict=1").status_code == 503


def _red(url: str) -> Any:
    found = httpx.get(f"{url}/v1/health").json()
    return found if found["parts"]["writer"]["status"] == "red" else None
