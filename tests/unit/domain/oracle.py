"""The oracle: what figures ought to be, by judging every dossier from its plain events.

Written from domain.md §4–6 and measures.md alone; it shares no code with the fold.
"""

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from domain.instants import Millis, parse_rfc3339
from domain.measures import ATTRIBUTES
from tests.unit.domain.random_dossiers import ZONE, Said

NEVER = 1 << 60
LAST = 1 << 20
RANKS = {
    verb: rank
    for rank, verbs in enumerate(
        (
            "submitted",
            "accepted",
            "due_date_moved",
            "supplement_requested payment_requested",
            "supplement_received fee_paid",
            "finished",
            "returned",
            "withdrawn",
            "stopped",
            "rejected",
            "reopened",
            "transferred",
        )
    )
    for verb in verbs.split()
}
Stay = tuple[Millis, Millis, str]


class Dossier(NamedTuple):
    """What the oracle makes of a dossier's events; NEVER stands for what has not come."""

    stays: list[Stay]
    stopped_open: list[Stay]
    supplements: list[tuple[Millis, Millis, bool]]
    payments: list[tuple[Millis, Millis]]
    dues: list[tuple[Millis, Millis]]
    unhappy: bool
    has: set[str]

    def of(self, family: str) -> list[Stay]:
        return self.stopped_open if family == "06a-stopped-open" else self.stays

    def due(self, t: Millis) -> Millis | None:
        said = [due for at, due in self.dues if at <= t]
        return said[-1] if said else None


def read(said: Sequence[Said]) -> Dossier:
    """A dossier from its events, by the texts."""
    numbered = sorted(enumerate(said), key=lambda x: (x[1].at, RANKS.get(x[1].verb, LAST), x[0]))
    events = [s for _, s in numbered]
    accepted = next((s.at for s in events if s.verb == "accepted"), None)
    ratings = [s.data["rating"] for s in events if s.verb == "rated"]
    supplements, payments, dues = pauses_and_dues(events, accepted)
    return Dossier(
        stays_of(events, accepted, stopped_ends=True),
        stays_of(events, accepted, stopped_ends=False),
        supplements,
        payments,
        dues,
        ratings[-1:] == ["dislike"] or any(s.verb == "complained" for s in events),
        attributes_of(events),
    )


def stays_of(events: Sequence[Said], accepted: Millis | None, *, stopped_ends: bool) -> list[Stay]:
    """Chapters lie between re-openings; one without an end runs on into the next."""
    if accepted is None:
        return []
    chapters: list[tuple[Millis, list[Said]]] = [(accepted, [])]
    running = False
    for s in events:
        running = running or s.verb == "accepted"
        if s.verb == "reopened" and running and end_of(chapters[-1][1], stopped_ends=True):
            chapters.append((s.at, []))
        elif s.verb in ("finished", "returned") or (s.verb in ("withdrawn", "stopped", "rejected") and running):
            chapters[-1][1].append(s)
    stays: list[Stay] = []
    since: Millis | None = None
    for start, ends in chapters:
        since = start if since is None else since
        end = end_of(ends, stopped_ends=stopped_ends)
        if end is not None:
            stays.append((since, max(since, end.at), end.verb))
            since = None
    return stays if since is None else [*stays, (since, NEVER, "")]


def end_of(ends: Sequence[Said], *, stopped_ends: bool) -> Said | None:
    """The first 'finished', else the first 'returned', else what gave the dossier up."""
    for verbs in (("finished",), ("returned",), ("withdrawn", "stopped", "rejected")):
        for s in ends:
            if s.verb in verbs and (stopped_ends or s.verb != "stopped"):
                return s
    return None


def pauses_and_dues(
    events: Sequence[Said], accepted: Millis | None
) -> tuple[list[tuple[Millis, Millis, bool]], list[tuple[Millis, Millis]], list[tuple[Millis, Millis]]]:
    """A receipt answers every request that is outstanding; a due date counts from when it was said, and one
    that a move took back, when no other was known, from acceptance."""
    supplements: list[tuple[Millis, Millis, bool]] = []
    payments: list[tuple[Millis, Millis]] = []
    dues: list[tuple[Millis, Millis]] = []
    taken_back = None
    for s in events:
        before = dues[-1][1] if dues else None
        if s.verb in ("submitted", "accepted") and "due_at" in s.data:
            dues.append((s.at, parse_rfc3339(s.data["due_at"])))
        elif s.verb == "supplement_requested":
            supplements.append((s.at, NEVER, False))
        elif s.verb == "supplement_received" and any(done == NEVER for _, done, _ in supplements):
            due = parse_rfc3339(s.data["due_after"]) if "due_after" in s.data else None
            later = due is not None and before is not None and due > before
            supplements = [(r, s.at, later) if done == NEVER else (r, done, x) for r, done, x in supplements]
            if due is not None:
                dues.append((s.at, due))
        elif s.verb == "payment_requested":
            payments.append((s.at, NEVER))
        elif s.verb == "fee_paid":
            payments = [(r, s.at if done == NEVER else done) for r, done in payments]
        elif s.verb == "due_date_moved":
            if before is None and "from" in s.data:
                taken_back = parse_rfc3339(s.data["from"])
            dues.append((s.at, parse_rfc3339(s.data["to"])))
    if accepted is not None and taken_back is not None and not any(at <= accepted for at, _ in dues):
        dues.insert(0, (accepted, taken_back))
    return supplements, payments, dues


def attributes_of(events: Sequence[Said]) -> set[str]:
    channels = [s.data["channel"] for s in events if "channel" in s.data]
    papers = [c for s in events if s.verb == "components_recorded" for c in s.data["components"]]
    has = {"result_due"}
    if channels[-1:] == ["online"]:
        has.add("online")
    if any(amount for s in events for amount in s.data.get("amounts", ())):
        has.add("payable")
    if "payable" in has and any(s.data.get("gateway") in ("national_portal", "local_gateway") for s in events):
        has.add("paid_online")
    if any(s.data.get("result_files") for s in events):
        has.add("result")
    if "result" in has and any(c["digitised"] for c in papers):
        has.add("digitised")
    if any(c["reused"] for c in papers):
        has.add("reused")
    if any(s.data.get("vneid") for s in events):
        has.add("citizen_data")
    if any(s.verb == "synced" and s.data["accepted"] for s in events):
        has.add("synced")
    return has


def late(d: Dossier, family: str, t: Millis, how: str) -> bool:
    """At instant t; `how` is how the stay ended, '' while it is open."""
    if family.startswith("06a"):
        due = d.due(t)
        if due is None or how == "withdrawn":
            return False
        if not how and any(r <= t < done for r, done in [(r, x) for r, x, _ in d.supplements] + d.payments):
            return False
        return ZONE.day(t) > ZONE.day(due)
    due = d.dues[0][1] if family == "orig" and d.due(t) is not None else d.due(t)
    if due is None:
        return False
    asked = [x for x in d.supplements if x[0] <= t]
    if len(asked) >= 2:
        return True
    end, credit = t, 0
    for request, done, shifted in asked:
        if done <= t:
            credit += 0 if shifted and family == "766-shift" else done - request
        elif not how:
            end = request
    return end - credit > due


def brute_force(dossiers: Sequence[Dossier], start: Millis, until: Millis, family: str) -> Counter[str]:
    """Every dossier judged before `until`, one by one."""
    found: Counter[str] = Counter()
    for d in dossiers:
        stays = d.of(family)
        if d.stays and start <= d.stays[0][0] < until:
            found["accepted"] += 1
            found["accepted_online"] += "online" in d.has
            found.update(f"acc:{x}" for x in d.has)
        if d.stays and start <= d.stays[-1][1] < until:
            found.update(f"end:{x}" for x in d.has)
        if d.stays and any(begun < until and end >= start for begun, end, _ in d.stays):
            found.update(f"hand:{x}" for x in d.has)
        found["carried"] += any(begun < start <= end for begun, end, _ in stays)
        begun = [s for s in stays if s[0] < until]
        if not any(end >= start for _, end, _ in begun):
            continue
        _, end, how = begun[-1]
        ended = end < until
        at = end if ended else until - 1
        is_late = late(d, family, at, how if ended else "")
        undated = d.due(at) is None
        found["received"] += 1
        found["done" if ended else "open"] += 1
        found["done_late" if ended else "open_late"] += is_late
        found["satisfied"] += not is_late and not d.unhappy
        found["undated_done" if ended else "undated_open"] += undated
        if ended:
            found["done_ok"] += not is_late
            due = d.due(at)
            early = due is not None and how != "withdrawn" and ZONE.day(end) < ZONE.day(due)
            found["done_early"] += early and not is_late
    return found


def names_of(family: str) -> list[str]:
    names = "received carried accepted accepted_online done done_ok done_late open open_late satisfied".split()
    names += [f"{when}:{x}" for when in ("acc", "end", "hand") for x in ATTRIBUTES]
    names += ["done_early"] if family.startswith("06a") else []
    return names + ([] if family == "06a-stopped-open" else ["undated_open", "undated_done"])
