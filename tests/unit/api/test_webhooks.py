"""Webhooks: what is new is read behind a cursor, portions are recorded before and after, nobody delays another."""

import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest

from api.alerts import webhooks
from api.alerts.private import PrivateStore, Webhook
from api.alerts.webhooks import Webhooks
from api.figures.context import FigureContext
from api.messaging import acts
from domain.blocks import encode_block
from domain.errors import Unavailable
from domain.events import encode_event, make_event
from domain.instants import Zone, parse_rfc3339
from sinks.queries import alerts as rows_of
from sinks.queries import live
from sinks.queries.alerts import Seen
from tests.support.waiting import until

NOW = parse_rfc3339("2026-08-14T10:00:00+07:00")
MINUTE = 60_000


class Store:
    """What the store would answer, and how it was asked."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.rows: list[tuple[Any, ...]] = []
        self.asked: list[Seen | None] = []
        self.silent: dict[str, str] = {}
        self.holding: set[str] | None = None
        self.questions: Counter[str] = Counter()
        self.kinds: list[str] = []
        monkeypatch.setattr(live, "active_generation", self.active)
        self.acts = 0
        monkeypatch.setattr(live, "positions", self.positions)
        monkeypatch.setattr(FigureContext, "calendar", lambda *_: None)
        monkeypatch.setattr(webhooks, "horizon_start", lambda now, _: now - 86_400_000)
        monkeypatch.setattr(rows_of, "silent", self.silent_feeds)
        self.silences: list[bytes] = []
        monkeypatch.setattr(acts, "act_records", self.act_records)
        monkeypatch.setattr(rows_of, "deliveries", lambda *_: [])
        monkeypatch.setattr(rows_of, "to_send", self.to_send)
        monkeypatch.setattr(rows_of, "keys_to_send", self.to_send)
        monkeypatch.setattr(rows_of, "holding_of", self.holding_of)
        monkeypatch.setattr(rows_of, "still", lambda *_: self.holding or set())

    def active(self, _client: Any) -> tuple[int, str]:
        self.questions["active"] += 1
        return 1, "log"

    def silent_feeds(self, *_: Any) -> dict[str, str]:
        self.questions["silent"] += 1
        return self.silent

    def positions(self, _client: Any) -> list[tuple[Any, ...]]:
        self.questions["positions"] += 1
        return [("complete", "", 0, 1, 0, 7), ("records", "alert-log", 0, 0, self.acts, 0)]

    def mute(self, silent: dict[str, str]) -> None:
        self.silent, self.acts = silent, self.acts + 1

    def act_records(self, _client: Any, _topic: str, after: int, _since: int) -> list[tuple[int, bytes]]:
        self.questions["silences"] += 1
        return [(n, block) for n, block in enumerate(self.silences) if n > after]

    def silence(self, alert: str, until: str) -> None:
        event = make_event("alert.silenced", alert, NOW, {"until": until}, source="/p", id=alert + until)
        self.acts += 1
        self.silences.append(encode_block([encode_event(event)]))

    def to_send(self, *args: Any) -> list[tuple[Any, ...]]:
        self.questions["to_send"] += 1
        self.kinds = args[-2]
        self.asked.append(args[-1])
        rows, self.rows = self.rows, []
        self.last = rows
        return rows

    def holding_of(self, _reader: Any, keys: list[tuple[str, str, str]], _now: int) -> list[tuple[Any, ...]]:
        return [row for row in self.last if row[1:4] in keys]

    @contextmanager
    def client(self) -> Iterator[Any]:
        yield None

    def add(self, *names: str, kind: str = "A04", unit: str = "H44.1") -> None:
        self.rows += [(n, kind, f"D-{n}", "e", unit, "", NOW, None, None, "{}", NOW, 0, 3) for n in names]


class Far:
    """The far side and the alert log: what was written and posted, in order."""

    def __init__(self) -> None:
        self.order: list[tuple[str, Any]] = []
        self.refuse: set[str] = set()
        self.log_away = False

    def write(self, acts: Sequence[tuple[str, str, dict[str, Any]]]) -> None:
        if self.log_away:
            raise Unavailable("Kafka is away")
        self.order.append(("write", [(verb, alert) for verb, alert, _ in acts]))

    def send(self, hook: Webhook, _key: str, body: bytes) -> str | None:
        told = msgspec.json.decode(body)
        self.order.append(("post", [a["alert"]["id"] for a in told.get("alerts", [told])]))
        return "HTTP 500" if hook.id in self.refuse else None

    def posts(self) -> list[str]:
        return [alert for what, ids in self.order if what == "post" for alert in ids]

    def acts(self, verb: str) -> list[str]:
        return [a for what, acts in self.order if what == "write" for v, a in acts if v == verb]


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> Store:
    return Store(monkeypatch)


@pytest.fixture
def far() -> Far:
    return Far()


@pytest.fixture
def hooks(store: Store, far: Far, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Webhooks]:
    monkeypatch.setattr(webhooks, "ROUND_S", 20.0)  # a busy machine may need more than half a second
    made = Webhooks(store, PrivateStore(tmp_path / "p"), far.write, Zone(), "H44", far.send)  # type: ignore[arg-type]
    made.recall(NOW)
    yield made
    made.close()


def subscribed(tmp_path: Path, batch: int = 1) -> Webhook:
    return PrivateStore(tmp_path / "p").subscribe("http://far.example/", (), "", NOW, batch)


def test_intended_stands_before_the_message_and_notified_after_it(
    store: Store, far: Far, hooks: Webhooks, tmp_path: Path
) -> None:
    subscribed(tmp_path)
    store.add("a", "b")
    assert hooks.tick(NOW) == 2
    assert far.order[0] == ("write", [("notify_intended", "a"), ("notify_intended", "b")])
    assert sorted(far.posts()) == sorted(far.acts("notified")) == ["a", "b"]
    store.add("a", "b")
    assert hooks.tick(NOW + 500) == 0, "read twice, sent once"


def test_a_batch_is_one_message_with_a_key_for_each(
    store: Store, far: Far, hooks: Webhooks, tmp_path: Path
) -> None:
    subscribed(tmp_path, batch=100)
    store.add(*(f"n{n}" for n in range(250)))
    until(lambda: hooks.tick(NOW) or len(far.acts("notified")) == 250, "all to be confirmed")
    assert sorted(len(ids) for what, ids in far.order if what == "post") == [50, 100, 100]
    assert len(far.acts("notify_intended")) == len(set(far.posts())) == 250


def test_only_what_can_be_new_is_read_again_and_everything_where_the_cursor_says_nothing(
    store: Store, hooks: Webhooks, tmp_path: Path
) -> None:
    subscribed(tmp_path)
    for now in (NOW, NOW + 500, NOW - MINUTE, NOW - MINUTE + 500, NOW + 86_400_000):
        hooks.tick(now)
    store.mute({"H44.9": "x"})
    hooks.tick(NOW + 86_400_500)
    cursor = Seen(NOW, {0: 7}, -1)
    back = Seen(NOW - MINUTE, {0: 7}, -1)
    assert store.asked == [None, cursor, None, back, None, None], "a day's jump and a silent feed are read whole"


def test_what_fails_is_tried_again_while_it_holds_and_delays_nobody(
    store: Store, far: Far, hooks: Webhooks, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webhooks, "FIRST_RETRY_S", 0.05)
    bad, good = subscribed(tmp_path), subscribed(tmp_path)
    far.refuse = {bad.id}
    store.holding = {"a"}
    store.add("a", "b")
    sent = 0

    def the_good_one_has_both() -> bool:
        nonlocal sent
        sent += hooks.tick(NOW)  # a round lasts half a second at most: on a busy machine it takes several
        return sent == 2

    until(the_good_one_has_both, "the good one to have both")
    assert hooks.failing
    far.refuse.clear()
    del good
    until(lambda: hooks.tick(NOW + 500) or not hooks.failing, "the rest to be sent or dropped")
    assert sorted(far.acts("notified")) == ["a", "a", "b"], "b had cleared meanwhile"


def test_while_the_log_is_away_nothing_is_sent_and_nothing_is_lost(
    store: Store, far: Far, hooks: Webhooks, tmp_path: Path
) -> None:
    subscribed(tmp_path)
    store.add("a")
    far.log_away = True
    with pytest.raises(Unavailable):
        hooks.tick(NOW)
    assert far.posts() == []
    far.log_away = False
    assert hooks.tick(NOW + 500) == 1


def test_alerts_of_a_silent_feed_are_kept_back_until_it_is_back(
    store: Store, far: Far, hooks: Webhooks, tmp_path: Path
) -> None:
    subscribed(tmp_path)
    store.silent = {"H44.1": "silence"}
    store.add("muted")
    store.add("silence", kind="A13")
    store.add("elsewhere", unit="H44.2")
    hooks.tick(NOW)
    assert sorted(far.posts()) == ["elsewhere", "silence"]
    store.mute({})
    store.add("muted")
    hooks.tick(NOW + 500)
    assert store.asked[-1] is None, "everything is read again"
    assert sorted(far.posts()) == ["elsewhere", "muted", "silence"]


def test_a_silence_stops_the_webhook_too_and_hides_only_what_it_names_until_its_end(
    store: Store, far: Far, hooks: Webhooks, tmp_path: Path
) -> None:
    subscribed(tmp_path)
    store.silence("a", "2026-08-14T11:00:00+07:00")
    store.add("a", "b")
    assert hooks.tick(NOW) == 1
    assert far.posts() == ["b"]
    store.add("a")
    assert hooks.tick(NOW + 30 * MINUTE) == 0, "silent still"
    store.add("a")
    assert hooks.tick(NOW + 60 * MINUTE) == 1, "over, and it holds"
    assert store.asked[-1] is None, "read whole when a silence ended: the cursor had passed it"
    assert far.posts() == ["b", "a"]


def test_a_store_that_does_not_answer_holds_back_no_delivery(
    store: Store, hooks: Webhooks, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    subscribed(tmp_path)
    store.add("a", "b")
    hooks.read(NOW)
    answer, asked = threading.Event(), threading.Event()

    def slow(_: Any) -> tuple[int, str]:
        asked.set()
        answer.wait(30)
        return 1, "log"

    monkeypatch.setattr(live, "active_generation", slow)
    reading = threading.Thread(target=hooks.read, args=(NOW + 500,))
    reading.start()
    assert asked.wait(30)
    assert hooks.send(NOW + 500) == 2
    answer.set()
    reading.join()


def test_a_portion_is_recorded_with_the_intention_of_the_next_so_that_many_are_few_writes(
    store: Store, far: Far, hooks: Webhooks, tmp_path: Path
) -> None:
    hook = subscribed(tmp_path, batch=100)
    store.add(*(f"n{n:04d}" for n in range(4_000)))
    hooks.tick(NOW)
    until(lambda: hooks.tick(NOW) or len(far.acts("notified")) == 4_000, "all to be confirmed")
    meant: set[str] = set()
    for what, told in far.order:
        if what == "write":
            meant |= {alert for verb, alert in told if verb == "notify_intended"}
        else:
            assert meant.issuperset(told), "nothing leaves that the log does not mean"
    assert sum(what == "post" for what, _ in far.order) == 4_000 // hook.batch
    assert sum(what == "write" for what, _ in far.order) <= 4_000 // hook.batch + 1


def test_a_quiet_round_asks_for_places_and_for_what_is_new_and_nothing_else(
    store: Store, hooks: Webhooks, tmp_path: Path
) -> None:
    subscribed(tmp_path)
    for n in range(8):
        hooks.tick(NOW + 500 * n)
    assert store.questions == {"active": 8, "positions": 8, "to_send": 8, "silent": 1, "silences": 1}
    store.silence("a", "2026-08-14T11:00:00+07:00")
    hooks.tick(NOW + 4_000)
    assert (store.questions["silent"], store.questions["silences"]) == (2, 3), "the log moved on: until its end"
    hooks.tick(NOW + 9_000)
    assert store.questions["silent"] == 3, "and every five seconds"


def test_only_kinds_that_somebody_wants_are_read(store: Store, hooks: Webhooks, tmp_path: Path) -> None:
    private = PrivateStore(tmp_path / "p")
    private.subscribe("http://far.example/", ("A04",), "", NOW)
    private.subscribe("http://far.example/", ("A04", "A13"), "H44.1", NOW)
    hooks.read(NOW)
    assert store.kinds == ["A04", "A13"]
    subscribed(tmp_path)
    hooks.read(NOW + 500)
    assert len(store.kinds) == 20


def test_what_arrived_is_recorded_when_the_notifier_ends(
    store: Store, far: Far, hooks: Webhooks, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webhooks, "ROUND_S", 0.0)
    subscribed(tmp_path)
    store.add("a")
    hooks.read(NOW)
    hooks.send(NOW)
    hooks.close()
    assert far.acts("notified") == far.posts() == ["a"]
