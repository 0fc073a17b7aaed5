"""An event's way through a live stack: into the scorecard, the dossier's page, an alert, and back."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from domain.events import encode_event
from domain.instants import Millis, format_rfc3339, parse_rfc3339
from tests.support.events import HOUR, dossier_event
from tests.support.lifecycles import encoded, lifecycles
from tests.support.stack import RunningStack
from tests.support.waiting import until


def now() -> Millis:
    """The wall clock: whole stacks live on it."""
    return time.time_ns() // 1_000_000


def accepted(code: str, at: Millis, due: Millis, number: int = 1) -> bytes:
    """An acceptance in commune H44.500."""
    data = {
        "unit": code.split("-")[0],
        "procedure": "2.000815",
        "channel": "online",
        "due_at": format_rfc3339(due),
    }
    return encode_event(dossier_event(code, "accepted", at, number, **data))


def test_a_posted_event_is_in_the_scorecard_while_others_arrive_and_opens_to_its_coordinates(
    shared: RunningStack,
) -> None:
    stop = threading.Event()
    noise = encoded(lifecycles(200, prefix="H44.7"))

    def load() -> None:
        for n in range(0, len(noise), 10):
            if not stop.wait(0.1):
                shared.post(noise[n : n + 10])

    thread = threading.Thread(target=load)
    thread.start()
    try:
        code, at = "H44.501-1", now() - HOUR
        (result,) = shared.post([accepted(code, at, at + 99 * HOUR)])

        def card() -> Any:
            with shared.http() as client:
                answer = client.get("/v1/scorecards/H44.501", params={"period": "ytd"})
            found = answer.json() if answer.status_code == 200 else {"indicators": []}
            figures = {i["code"]: i for i in found["indicators"]}
            return figures.get("PROCESSED_ON_TIME", {}).get("denominator") == 1 and figures

        figures = until(card, "the dossier in the scorecard")
        assert figures["PROCESSED_ON_TIME"]["numerator"] == 1
        assert figures["DOSSIER_SUBMITTED_ONLINE"]["numerator"] == 1
        with shared.http() as client:
            listed = client.get(
                "/v1/indicators/PROCESSED_ON_TIME/dossiers",
                params={"unit": "H44.501", "period": "ytd", "part": "numerator"},
            ).json()
            page = client.get(f"/v1/dossiers/{code}").json()
            events = client.get(f"/v1/dossiers/{code}/events").json()
        assert [d["dossier_code"] for d in listed["dossiers"]] == [code]
        assert page["dossier_code"] == code
        (event,) = events if isinstance(events, list) else events["events"]
        # `index` of a result is the item's place in the request; in the log it shares a block with the noise.
        assert (event["partition"], event["offset"]) == (result["partition"], result["offset"])
    finally:
        stop.set()
        thread.join()


@contextmanager
def receiver() -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """A webhook's far side: its address, and what it was sent."""
    got: list[dict[str, Any]] = []

    class Far(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            got.append({**json.loads(body), "key": self.headers["Idempotency-Key"]})
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Silent."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Far)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/", got
    finally:
        server.shutdown()
        thread.join()


def test_an_event_a_month_late_changes_the_figure_from_its_arrival_on_and_is_named(shared: RunningStack) -> None:
    unit, code, due = "H44.199", "LATE-1", "2026-08-10T17:00:00+07:00"
    begun, ended = (parse_rfc3339(f"2026-08-{day}T09:00:00+07:00") for day in ("03", "07"))

    def arrives(number: int, verb: str, at: Millis, **data: str) -> str:
        """Posts one event; an instant after it became known."""
        shared.post([encode_event(dossier_event(code, verb, at, number, **data))])
        shared.settle()
        return format_rfc3339(time.time_ns() // 1_000_000 + 1)

    def on_time(known_at: str | None = None) -> tuple[int, int]:
        asked = {"period": "2026-08"} | ({} if known_at is None else {"known_at": known_at})
        with shared.http() as client:
            card = client.get(f"/v1/scorecards/{unit}", params=asked).json()
        row = next(r for r in card["indicators"] if r["code"] == "PROCESSED_ON_TIME")
        return row["numerator"], row["denominator"]

    before = arrives(1, "accepted", begun, unit=unit, due_at=due)
    assert on_time() == (0, 1)
    after = arrives(2, "finished", ended)
    assert (on_time(before), on_time(after), on_time()) == ((0, 1), (1, 1), (1, 1))
    with shared.http() as client:
        asked = {"unit": unit, "period": "2026-08", "between": f"{before},{after}"}
        found = client.get("/v1/audit/changes", params=asked).json()
        place = client.get(f"/v1/dossiers/{code}/events").json()[-1]
    assert found["verdict"] == "holds", found
    (dossier,) = found["dossiers"]
    (event,) = dossier["events"]
    assert (dossier["dossier_code"], event["type"]) == (code, "dossier.finished")
    assert dossier["changed"]["PROCESSED_ON_TIME"] == {"numerator": 1, "denominator": 0}
    assert event["known_at"] > place["occurred_at"]
    assert all(event[name] == place[name] for name in ("partition", "offset", "index"))


def test_an_overdue_dossier_reaches_a_webhook_once_even_when_the_notifier_is_killed(shared: RunningStack) -> None:
    with receiver() as (url, got), shared.http() as client:
        hook = client.post("/v1/webhooks", json={"url": url, "kinds": ["A04"], "unit": "H44.502"}).json()
        assert hook["secret"]
        at = now()
        shared.post([accepted("H44.502-1", at - HOUR, at + 1500)])
        until(lambda: got, "the webhook")
        alert = got[0]["alert"]
        assert (alert["kind"], alert["dossier_code"], alert["level"]) == ("A04", "H44.502-1", "red")
        until(lambda: _notified(client, alert["id"]), "the record that it was notified")

        shared.kill_part("notifier")
        shared.post([accepted("H44.502-2", at - HOUR, at - 1)])
        until(lambda: len(got) > 1, "the second webhook")
        assert [g["alert"]["dossier_code"] for g in got] == ["H44.502-1", "H44.502-2"]
        assert len({g["key"] for g in got}) == 2

        answer = client.post(f"/v1/alerts/{alert['id']}/ack", json={"note": "Đang xử lý"})
        assert answer.status_code == 202, answer.text
        client.post(f"/v1/alerts/{alert['id']}/comment", json={"note": "Chờ cơ quan phối hợp"})
        acts = until(lambda: _acts(client, alert["id"], "commented"), "the comment")
        assert [a["act"] for a in acts] == ["notify_intended", "notified", "acknowledged", "commented"]
        assert acts[2]["note"] == "Đang xử lý"
        client.delete(f"/v1/webhooks/{hook['id']}")


def _acts(client: Any, alert: str, wanted: str) -> Any:
    found = client.get(f"/v1/alerts/{alert}").json()["acts"]
    return found if any(a["act"] == wanted for a in found) else None


def _notified(client: Any, alert: str) -> Any:
    return _acts(client, alert, "notified")


def test_a_history_that_is_imported_notifies_nobody(shared: RunningStack) -> None:
    with receiver() as (url, got), shared.http() as client:
        hook = client.post("/v1/webhooks", json={"url": url}).json()
        old = now() - 400 * 24 * HOUR
        shared.load(lifecycles(30, prefix="H44.8", start=old))
        shared.settle()
        held = client.get("/v1/alerts", params={"unit": "H44.8.101"}).json()
        at = now()
        shared.post([accepted("H44.503-1", at - HOUR, at - 1)])
        until(lambda: any(g["alert"]["unit"] == "H44.503" for g in got), "the live alert")
        client.delete(f"/v1/webhooks/{hook['id']}")
    assert held["alerts"]
    assert not [g for g in got if g["alert"]["unit"].startswith("H44.8")]
