"""Webhooks: what is new is read behind a cursor, portions are recorded before and after, nobody delays another."""

import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest

from api.alerts import webhook_lines, webhook_reading, webhooks
from api.alerts.delivery import delivery_key
from api.alerts.owed import owed_store
from api.alerts.private import PrivateStore, Webhook
from api.alerts.webhooks import Webhooks
from api.figures.context import FigureContext
from api.messaging import acts
from domain.blocks import encode_block
from domain.errors import Unavailable
from domain.events import encode_event, make_event
from domain.instants import Zone, parse_rfc3339
from domain.reference import Reference
from sinks.queries import alerts as rows_of
from sinks.queries import live
from sinks.queries.alerts import Seen
from tests.support.waiting import until

NOW = parse_rfc3339("2026-08-14T10:00:00+07:00")
MINUTE = 60_000


def row_of(name: str, kind: str = "A04", unit: str = "H44.1", start: int = NOW) -> tuple[Any, ...]:
    return (name, kind, f"D-{name}", "e", unit, "", start, None, None, "{}", start, 0, 3)


class Store:
    """What the store would answer, and how it was asked."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.rows: list[tuple[Any, ...]] = []
        self.last: list[tuple[Any, ...]] = []
        self.standing: list[tuple[Any, ...]] = []
        """What holds all the while: read whenever everything is, as far as its beginning lies within."""
        self.sent: list[tuple[str, str]] = []
        self.asked: list[Seen | None] = []
        self.silent: dict[str, str] = {}
        self.holding: set[str] | None = None
        self.questions: Counter[str] = Counter()
        self.kinds: list[str] = []
        monkeypatch.setattr(live, "active_generation", self.active)
        self.acts = 0
        monkeypatch.setattr(live, "positions", self.positions)
        monkeypatch.setattr(FigureContext, "calendar", lambda *_: None)
        monkeypatch.setattr(FigureContext, "reference", Reference({}, Zone()))
        monkeypatch.setattr(webhook_reading, "horizon_start", lambda now, _, hours: now - hours * 3_600_000)
        monkeypatch.setattr(rows_of, "silent", self.silent_feeds)
        self.silences: list[bytes] = []
        monkeypatch.setattr(acts, "act_records", self.act_records)
        monkeypatch.setattr(rows_of, "deliveries", lambda *_: self.sent)
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
        return [("complete", "", 0, 1, 0, 7, NOW), ("records", "alert-log", 0, 0, self.acts, 0)]

    def mute(self, silent: dict[str, str]) -> None:
        self.silent, self.acts = silent, self.acts + 1

    def act_records(self, _client: Any, _topic: str, after: int, *_: Any) -> list[tuple[int, bytes]]:
        self.questions["silences"] += 1
        return [(n, block) for n, block in enumerate(self.silences) if n > after]

    def silence(self, alert: str, until: str) -> None:
        event = make_event("alert.silenced", alert, NOW, {"until": until}, source="/p", id=alert + until)
        self.acts += 1
        self.silences.append(encode_block([encode_event(event)]))

    def to_send(self, *args: Any) -> list[tuple[Any, ...]]:
        self.questions["to_send"] += 1
        self.kinds = args[4]
        self.asked.append(args[5] if len(args) > 5 else None)
        rows, self.rows = self.rows, []
        if self.asked[-1] is None:
            rows = [*rows, *(row for row in self.standing if row[6] >= args[3])]
        self.last += rows
        return rows

    def holding_of(self, _reader: Any, keys: list[tuple[str, str, str]], _now: int) -> list[tuple[Any, ...]]:
        return list({row[0]: row for row in self.last if row[1:4] in keys}.values())

    @contextmanager
    def client(self) -> Iterator[Any]:
        yield None

    def add(self, *names: str, kind: str = "A04", unit: str = "H44.1") -> None:
        self.rows += [row_of(n, kind, unit) for n in names]


class Far:
    """The far side and the alert log: what was written and posted, in order."""

    def __init__(self) -> None:
        self.order: list[tuple[str, Any]] = []
        self.refuse: set[str] = set()
        self.log_away = False
        self.digests: list[dict[str, Any]] = []
        self.by_hook: dict[str, list[str]] = {}
        self.reasons: dict[str, str] = {}

    def write(self, acts: Sequence[tuple[str, str, dict[str, Any]]]) -> None:
        if self.log_away:
            raise Unavailable("Kafka is away")
        self.order.append(("write", [(verb, alert) for verb, alert, _ in acts]))
        self.reasons.update((alert, data["reason"]) for verb, alert, data in acts if verb == "suppressed")

    def send(self, hook: Webhook, _key: str, body: bytes) -> str | None:
        told = msgspec.json.decode(body)
        if "digest" in told:
            self.digests.append(told)
            return "HTTP 500" if hook.id in self.refuse else None
        ids = [a["alert"]["id"] for a in told.get("alerts", [told])]
        self.order.append(("post", ids))
        self.by_hook.setdefault(hook.id, []).extend(ids)
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
    made = opened(store, far, tmp_path)
    yield made
    made.close()


def opened(store: Store, far: Far, tmp_path: Path) -> Webhooks:
    made = Webhooks(store, PrivateStore(tmp_path / "p"), far.write, Zone(), "H44", far.send)  # type: ignore[arg-type]
    made.recall(NOW)
    return made


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
    until(lambda: (hooks.tick(NOW), len(far.acts("notified")) == 250)[1], "all to be confirmed")
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
    monkeypatch.setattr(webhook_lines, "FIRST_RETRY_S", 0.05)
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


def test_a_subscriber_to_the_root_gets_what_has_no_unit_and_one_to_a_unit_what_is_below_it(
    store: Store, far: Far, hooks: Webhooks, tmp_path: Path
) -> None:
    private = PrivateStore(tmp_path / "p")
    whole, below = (private.subscribe(f"http://{n}.example/", (), n, NOW) for n in ("H44", "H44.1"))
    store.add("procedure", kind="A17", unit="?")
    store.add("inside", unit="H44.1.2")
    store.add("outside", unit="H44.10")
    hooks.tick(NOW)
    told = {(hook, tuple(sorted(ids))) for hook, ids in far.by_hook.items()}
    assert told == {(whole.id, ("inside", "outside", "procedure")), (below.id, ("inside",))}


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
    until(lambda: (hooks.tick(NOW), len(far.acts("notified")) == 4_000)[1], "all to be confirmed")
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


DAY = 86_400_000


def faults(tmp_path: Path, now: int = NOW) -> str:
    return "; ".join(owed_store(tmp_path / "p").faults(now))


def test_what_began_during_an_outage_beyond_the_horizon_is_one_digest_and_never_told_twice(
    store: Store, far: Far, tmp_path: Path
) -> None:
    hook = subscribed(tmp_path)
    owed_store(tmp_path / "p").put(hook.id, NOW - 5 * DAY, 0)
    store.standing = [
        row_of("told before", start=NOW - 6 * DAY),
        row_of("missed", start=NOW - 3 * DAY),
        row_of("missed too", kind="A05", start=NOW - 2 * DAY),
        row_of("fresh", start=NOW - MINUTE),
    ]
    first = opened(store, far, tmp_path)

    def all_told() -> bool:
        first.tick(NOW)
        return bool(far.digests and far.acts("notified") and len(far.reasons) == 2)

    until(all_told, "the digest and what follows it")
    first.close()
    assert far.posts() == far.acts("notified") == ["fresh"]
    assert far.reasons == {"missed": "beyond_horizon", "missed too": "beyond_horizon"}
    said = far.digests[0]["digest"]
    assert (said["alerts"], said["kinds"], said["from"]) == (2, {"A04": 1, "A05": 1}, "2026-08-11T03:00:00.000Z")
    assert f"webhook {hook.id} was not told of 2 alerts one by one" in faults(tmp_path)

    store.sent = [(delivery_key(name, hook.id), "alert.suppressed") for name in far.reasons]
    store.sent.append((delivery_key("fresh", hook.id), "alert.notified"))
    again = opened(store, far, tmp_path)
    again.tick(NOW + 500)
    again.close()
    assert (far.posts(), len(far.digests)) == (["fresh"], 1), "after a restart nothing is said again"


def test_what_was_begun_before_an_outage_is_sent_however_old_it_is(store: Store, far: Far, tmp_path: Path) -> None:
    hook = subscribed(tmp_path)
    owed_store(tmp_path / "p").put(hook.id, NOW - 5 * DAY, 1)
    assert f"webhook {hook.id} has not taken everything since 2026-08-09T03:00:00.000Z: 1 alerts" in faults(
        tmp_path
    )
    store.standing = [row_of("begun", start=NOW - 4 * DAY)]
    store.sent = [(delivery_key("begun", hook.id), "alert.notify_intended")]
    hooks = opened(store, far, tmp_path)
    hooks.tick(NOW)
    hooks.close()
    assert (far.posts(), far.digests) == (["begun"], [])


def test_a_new_subscriber_is_not_told_of_what_lay_beyond_the_horizon_before_it_came(
    store: Store, far: Far, hooks: Webhooks, tmp_path: Path
) -> None:
    old = subscribed(tmp_path)
    owed_store(tmp_path / "p").put(old.id, NOW - 5 * DAY, 0)
    hooks.close()
    again = opened(store, far, tmp_path)
    new = subscribed(tmp_path)
    store.standing = [row_of("missed", start=NOW - 3 * DAY)]
    until(lambda: (again.tick(NOW), not owed_store(tmp_path / "p").waiting())[1], "the digest to go")
    again.close()
    assert len(far.digests) == 1
    assert new.id not in faults(tmp_path)


def test_a_digest_that_is_refused_is_posted_again_and_says_so(
    store: Store, far: Far, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webhook_lines, "FIRST_RETRY_S", 0.01)
    hook = subscribed(tmp_path)
    owed_store(tmp_path / "p").put(hook.id, NOW - 5 * DAY, 0)
    store.standing = [row_of("missed", start=NOW - 3 * DAY)]
    far.refuse = {hook.id}
    hooks = opened(store, far, tmp_path)
    until(lambda: (hooks.tick(NOW), far.digests)[1], "an attempt")
    assert "a digest waits to be taken" in faults(tmp_path)
    far.refuse.clear()
    until(lambda: (hooks.tick(NOW), not owed_store(tmp_path / "p").waiting())[1], "the digest to be taken")
    hooks.close()
    assert (far.digests[0]["retried"], far.digests[-1]["retried"]) == (False, True)
    assert "a digest was sent" in faults(tmp_path)


def test_what_was_silenced_for_longer_than_the_horizon_is_not_lost(
    store: Store, far: Far, hooks: Webhooks, tmp_path: Path
) -> None:
    hook = subscribed(tmp_path)
    store.silence("a", "2026-08-18T11:00:00+07:00")
    store.standing = [row_of("a")]
    for hours in range(4):
        hooks.tick(NOW + hours * 3_600_000)
    assert owed_store(tmp_path / "p").told_to() == {hook.id: NOW}, "what is kept back is not told"
    later = NOW + 5 * DAY
    until(lambda: hooks.tick(later) or far.digests, "the digest")
    assert (far.posts(), far.reasons) == ([], {"a": "beyond_horizon"})


def test_what_cleared_before_it_could_be_told_again_is_noted_as_dropped(
    store: Store, far: Far, hooks: Webhooks, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webhook_lines, "FIRST_RETRY_S", 0.05)
    far.refuse = {subscribed(tmp_path).id}
    store.holding = set()
    store.add("a")
    hooks.tick(NOW)
    until(lambda: hooks.tick(NOW + 500) or not hooks.failing, "it to be dropped")
    until(lambda: hooks.tick(NOW + 500) or bool(far.reasons), "the act")
    assert far.reasons == {"a": "cleared"}
