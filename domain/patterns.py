"""Patterns in a dossier's own events that an audit must look into (domain.md §8), with the events that show each.

Pure: what was said of a dossier in, findings out; thresholds are data (`FindingRules`). A finding is to be
verified by a person ("cần xác minh"), never a verdict: every pattern has innocent causes. Figures that two systems
tell differently are reconciled elsewhere (`domain/reconciliation`); contradictions that the fold notices are its
own.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from statistics import median
from typing import Annotated, Any, NamedTuple

import msgspec

from domain.calendar import WorkingCalendar
from domain.instants import Millis, to_millis

HOUR = 3_600_000
Amount = Annotated[int, msgspec.Meta(ge=0, le=10_000)]
Place = tuple[int, int, int]
"""(partition, offset, index) of an event in the log."""


class FindingRules(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Thresholds, all [?]: a province publishes its own as `findings` in its `alert_rules.published`."""

    at_once_minutes: Amount = 5
    paused_before_due_hours: Amount = 2
    backdated_hours: Amount = 72
    forgotten_working_days: Amount = 15
    not_returned_working_days: Amount = 10
    not_accepted_working_days: Amount = 3
    step_after_end_minutes: Amount = 60
    """Systems stamp the last step some seconds after the end that it brought about."""
    told_percent: Annotated[int, msgspec.Meta(ge=0, le=100)] = 50
    """A source that tells of steps, or of handing out, for fewer of a unit's ended dossiers tells of none."""
    two_codes_hours: Amount = 24
    """How far apart the two were filed at most."""
    two_codes_events: Annotated[int, msgspec.Meta(ge=3, le=50)] = 5
    """So many first events must lie apart by the same seconds."""
    refiled_days: Amount = 30
    """How long after a rejection the same applicant's next dossier of that procedure is asked about."""
    paid_online_least: Amount = 30
    """Paid dossiers of a period without which a unit's share of online payments says nothing."""
    paid_online_percent: Annotated[int, msgspec.Meta(ge=1, le=100)] = 99
    paid_online_above: Annotated[int, msgspec.Meta(ge=1, le=100)] = 10
    """So many percentage points above the median of its peers the share must lie."""
    paid_online_peers: Amount = 5
    """Peers with enough payments without which there is no distribution to stand out from."""


class Told(NamedTuple):
    """One event of a dossier: its verb ('finished'), when it is said to have happened, when it was recorded (None
    where nothing tells), its data, its place, when it became known."""

    verb: str
    at: Millis
    recorded: Millis | None
    data: Mapping[str, Any]
    place: Place
    known: Millis | None = None


class Pattern(NamedTuple):
    """A finding about one dossier: of which kind, the instant from which it holds, the events that show it."""

    kind: str
    at: Millis
    places: tuple[Place, ...]


class Kind(NamedTuple):
    """A kind of finding: the number in domain.md §8, and its title for officials and in English."""

    number: int
    title_vi: str
    title_en: str


KINDS: Mapping[str, Kind] = {
    "finished_then_worked": Kind(1, "Báo đã xong rồi vẫn còn xử lý", "Reported finished, then worked on"),
    "finished_at_once": Kind(
        1, "Không có hạn trả, báo xong ngay khi tiếp nhận", "Undated, finished on acceptance"
    ),
    "input_as_result": Kind(2, "Tệp đầu vào dùng làm kết quả", "An input file passed off as the result"),
    "all_paid_online": Kind(
        2, "Mọi khoản thu đều báo là thanh toán trực tuyến", "Every payment flagged as paid online"
    ),
    "two_codes": Kind(3, "Một hồ sơ mang hai mã", "One dossier under two codes"),
    "refiled": Kind(3, "Nộp lại cùng thủ tục ngay sau khi bị từ chối", "Filed again shortly after a rejection"),
    "due_moved_late": Kind(4, "Dời hạn trả khi đã quá hạn, không có Mẫu 04", "Due date moved late, no apology"),
    "due_moved_twice": Kind(4, "Dời hạn trả nhiều hơn một lần", "Due date moved more than once"),
    "paused_before_due": Kind(4, "Yêu cầu bổ sung ngay trước hạn", "Paused just before it was due"),
    "backdated_end": Kind(5, "Ghi nhận kết thúc rất lâu sau lúc khai", "End recorded long after it is said to be"),
    "step_after_end": Kind(5, "Bước xử lý sau khi đã kết thúc", "A step after the end"),
    "taken_back": Kind(6, "Đã kết thúc rồi mở lại", "Ended, then opened again"),
    "forgotten": Kind(7, "Tiếp nhận rồi bỏ quên", "Accepted, then forgotten"),
    "not_returned": Kind(7, "Đã xong nhưng không trả kết quả", "Finished, never returned"),
    "not_accepted": Kind(7, "Đã nộp nhưng không được trả lời", "Submitted, never answered"),
    "no_steps": Kind(8, "Báo đã đồng bộ nhưng không có bước xử lý", "Synchronised, and no step ever came"),
}
OF_UNITS = frozenset({"all_paid_online"})
"""Kinds that no dossier shows by itself: they are about a unit and a period."""
_ONLINE = ("national_portal", "local_gateway")
_ENDS = frozenset({"finished", "withdrawn", "stopped", "rejected"})
_STEPS = frozenset({"step_started", "step_completed"})
_WORK = frozenset({"supplement_requested", "supplement_received", "payment_requested", "finished"})


def patterns(told: Sequence[Told], rules: FindingRules, calendar: WorkingCalendar, as_of: Millis) -> list[Pattern]:
    """All findings about one dossier, from its events before `as_of` in order of occurrence."""
    known = [e for e in told if e.at < as_of]
    found: list[Pattern] = []
    for look in _LOOKS:
        found += look(known, rules, calendar, as_of)
    return found


def two_codes(dossiers: Iterable[tuple[str, Sequence[Told]]], rules: FindingRules) -> list[tuple[str, Pattern]]:
    """(code, finding) for dossiers of one unit and procedure whose first events lie apart by the same seconds and
    which were filed within the hours allowed. Whole minutes alone (a source without seconds) are no evidence."""
    alike: dict[tuple[Any, ...], list[tuple[str, Sequence[Told]]]] = {}
    for code, told in dossiers:
        gaps = beginning(told, rules)
        if gaps is not None:
            alike.setdefault(gaps, []).append((code, _first(told, rules)))
    found = []
    for group in alike.values():
        for code, first in group:
            others = [
                o for c, o in group if c != code and abs(o[0].at - first[0].at) <= rules.two_codes_hours * HOUR
            ]
            if others:
                places = (first[0].place, *(o[0].place for o in others))
                found.append((code, Pattern("two_codes", first[-1].at, places)))
    return found


def beginning(told: Sequence[Told], rules: FindingRules) -> tuple[tuple[str, int], ...] | None:
    """(verb, seconds after the first) of a dossier's first events, which two codes of one dossier share; None for
    too few, or where whole minutes tell nothing."""
    first = _first(told, rules)
    if len(first) < rules.two_codes_events:
        return None
    gaps = tuple((e.verb, (e.at - first[0].at) // 1000) for e in first)
    return gaps if sum(gap % 60 != 0 for _, gap in gaps) >= 2 else None


def _first(told: Sequence[Told], rules: FindingRules) -> Sequence[Told]:
    return [e for e in told if e.verb != "synced"][: rules.two_codes_events]


class Filing(NamedTuple):
    """What `refiled` needs of a dossier: whose it is (keyed hashes: its year's, and last year's where that can be
    opened), its first event, and its last end if that was a rejection."""

    code: str
    applicants: tuple[str, ...]
    first: Told
    rejected: Told | None


Opened = Callable[[str, str], str | None]
"""Last year's hash of an applicant out of this year's and what stands beside it; None once a key is destroyed."""


def filing_of(code: str, told: Sequence[Told], opened: Opened = lambda _keyed, _across: None) -> Filing | None:
    """A dossier's filing; None where nothing tells whose it is."""
    said = next((e.data for e in told if e.data.get("applicant")), None)
    if said is None:
        return None
    applicant, across = str(said["applicant"]), said.get("applicant_before")
    before = opened(applicant, str(across)) if across else None
    end = next((e for e in reversed(told) if e.verb in _ENDS or _rejects(e)), None)
    rejected = end if end is not None and _rejects(end) else None
    return Filing(code, (applicant,) if before is None else (applicant, before), told[0], rejected)


def _rejects(e: Told) -> bool:
    """Whether an event says that the dossier was not accepted: by itself, or a whole record of that state."""
    return e.verb == "rejected" or (e.verb == "snapshot_received" and e.data.get("status") == "rejected")


def refiled(filings: Iterable[Filing], rules: FindingRules) -> list[tuple[str, Pattern]]:
    """§8.3: (code, finding) for dossiers that the same applicant filed for the same procedure shortly after
    another of theirs was rejected. Filings of two years meet where the later one tells last year's hash too."""
    all_filings = list(filings)
    rejections: dict[str, list[tuple[str, Told]]] = {}
    for f in all_filings:
        if f.rejected is not None:
            rejections.setdefault(f.applicants[0], []).append((f.code, f.rejected))
    found = []
    for later in all_filings:
        before = [
            rejected
            for applicant in later.applicants
            for code, rejected in rejections.get(applicant, ())
            if code != later.code and 0 <= later.first.at - rejected.at <= rules.refiled_days * 24 * HOUR
        ]
        if before:
            last = max(before, key=lambda e: e.at)
            found.append((later.code, Pattern("refiled", later.first.at, (later.first.place, last.place))))
    return found


class Paid(NamedTuple):
    """Dossiers of which a payment is told, and of how many it is told to have been online."""

    online: int = 0
    paid: int = 0

    @property
    def percent(self) -> float | None:
        """The share paid online; None where nothing was paid."""
        return 100 * self.online / self.paid if self.paid else None


def payment_of(told: Iterable[Told]) -> tuple[Told, bool] | None:
    """The payment of a dossier, the last one told, and whether any of its payments was online; None without."""
    payments = [e for e in told if e.verb == "fee_paid"]
    return (payments[-1], any(e.data.get("gateway") in _ONLINE for e in payments)) if payments else None


def all_paid_online(unit: Paid, peers: Iterable[Paid], rules: FindingRules) -> bool:
    """§8.2: (nearly) every paid dossier of a unit is flagged as paid online, and its peers' are not. Of peers with
    few payments nothing is said; where hardly any has enough, nothing is found."""
    share = unit.percent
    if share is None or unit.paid < rules.paid_online_least or share < rules.paid_online_percent:
        return False
    known = [p.percent or 0.0 for p in peers if p.paid >= rules.paid_online_least]
    return len(known) >= rules.paid_online_peers and share - median(known) >= rules.paid_online_above


class Telling:
    """Whether a unit's sources tell of what two kinds miss: handing out (`not_returned`), steps (`no_steps`).

    What a source never tells is unknown, and no finding.
    """

    def __init__(self) -> None:
        self._ended: Counter[str] = Counter()
        self._told: Counter[tuple[str, str]] = Counter()

    def add(self, unit: str, told: Sequence[Told]) -> None:
        """One dossier of the unit."""
        verbs = {e.verb for e in told}
        if "finished" in verbs:
            self._ended[unit] += 1
            self._told[unit, "not_returned"] += "returned" in verbs
            self._told[unit, "no_steps"] += bool(verbs & _STEPS)

    def counts(self, unit: str, kind: str, rules: FindingRules) -> bool:
        """Whether a finding of that kind says anything about a dossier of that unit."""
        if kind not in ("not_returned", "no_steps"):
            return True
        return self._told[unit, kind] * 100 >= rules.told_percent * self._ended[unit]


# --- one dossier ------------------------------------------------------------------------------------------


def _after_the_end(
    told: Sequence[Told], rules: FindingRules, _calendar: WorkingCalendar, _as_of: Millis
) -> list[Pattern]:
    """§8.1, §8.5: what is said of a dossier between an end and its re-opening."""
    found: dict[str, Pattern] = {}
    accepted = next((e for e in told if e.verb == "accepted"), None)
    end: Told | None = None
    for e in told:
        if e.verb == "reopened":
            end = None
        elif end is None:
            if e.verb in _ENDS and accepted is not None and e.at >= accepted.at:
                end = e
        elif e.verb in _WORK or (e.verb in _STEPS and e.at - end.at > rules.step_after_end_minutes * 60_000):
            kind = "step_after_end" if e.verb in _STEPS else "finished_then_worked"
            found.setdefault(kind, Pattern(kind, e.at, (end.place, e.place)))
    first = next((e for e in told if e.verb == "finished"), None)
    at_once = rules.at_once_minutes * 60_000
    undated = first is not None and _due(told, first.at) is None
    if accepted is not None and first is not None and undated and 0 <= first.at - accepted.at <= at_once:
        return [Pattern("finished_at_once", first.at, (accepted.place, first.place))]
    if "finished_then_worked" in found:
        found.pop("step_after_end", None)
    return list(found.values())


def _input_as_result(
    told: Sequence[Told], _rules: FindingRules, _calendar: WorkingCalendar, _as_of: Millis
) -> list[Pattern]:
    """§8.2: the same file, by its keyed hash, as a component and as the result."""
    brought: dict[str, Place] = {}
    for e in told:
        for part in e.data.get("components") or ():
            if part.get("hash"):
                brought.setdefault(part["hash"], e.place)
        for file in e.data.get("result_files") or ():
            if file.get("hash") in brought:
                return [Pattern("input_as_result", e.at, (brought[file["hash"]], e.place))]
    return []


def _moves(
    told: Sequence[Told], _rules: FindingRules, _calendar: WorkingCalendar, _as_of: Millis
) -> list[Pattern]:
    """§8.4: due dates moved to a later one when the old one had passed and no apology had been sent, or twice."""
    found: dict[str, Pattern] = {}
    moved: list[Told] = []
    apologised = False
    for e in told:
        apologised = apologised or e.verb == "apology_sent"
        if e.verb != "due_date_moved":
            continue
        old, new = _due(told, e.at) or _instant(e.data.get("from")), _instant(e.data.get("to"))
        if old is None or new is None or new <= old:
            continue
        if e.at > old and not apologised:
            found.setdefault("due_moved_late", Pattern("due_moved_late", e.at, (e.place,)))
        moved.append(e)
        if len(moved) == 2:
            found["due_moved_twice"] = Pattern("due_moved_twice", e.at, tuple(m.place for m in moved))
    return list(found.values())


def _pauses(
    told: Sequence[Told], rules: FindingRules, _calendar: WorkingCalendar, _as_of: Millis
) -> list[Pattern]:
    """§8.4: a supplement asked for in the last hours before the due date in force."""
    for e in told:
        if e.verb == "supplement_requested":
            due = _due(told, e.at)
            if due is not None and 0 <= due - e.at <= rules.paused_before_due_hours * HOUR:
                return [Pattern("paused_before_due", e.at, (e.place,))]
    return []


def _backdated(
    told: Sequence[Told], rules: FindingRules, _calendar: WorkingCalendar, _as_of: Millis
) -> list[Pattern]:
    """§8.5: an end that was recorded long after it is said to have happened."""
    late = [
        e
        for e in told
        if (e.verb in _ENDS or e.verb == "returned")
        and e.recorded is not None
        and e.recorded - e.at > rules.backdated_hours * HOUR
    ]
    return [Pattern("backdated_end", late[0].recorded or 0, tuple(e.place for e in late))] if late else []


def _taken_back(
    told: Sequence[Told], _rules: FindingRules, _calendar: WorkingCalendar, _as_of: Millis
) -> list[Pattern]:
    """§8.6: an end, and a re-opening after it."""
    end: Told | None = None
    for e in told:
        if e.verb == "reopened" and end is not None:
            return [Pattern("taken_back", e.at, (end.place, e.place))]
        if e.verb in _ENDS or e.verb == "returned":
            end = end or e
    return []


def _waiting(told: Sequence[Told], rules: FindingRules, calendar: WorkingCalendar, as_of: Millis) -> list[Pattern]:
    """§8.7: nothing has happened for many working days."""
    if not told:
        return []
    verbs = {e.verb for e in told}
    last = told[-1]
    if not verbs & {"accepted", *_ENDS}:
        asked = next((e for e in told if e.verb == "submitted"), None)
        return (
            []
            if asked is None
            else _since("not_accepted", asked, rules.not_accepted_working_days, calendar, as_of)
        )
    if "accepted" not in verbs:
        return []
    ended = [e for e in told if e.verb in _ENDS or e.verb == "returned"]
    reopened = [e for e in told if e.verb == "reopened"]
    if ended and not (reopened and reopened[-1].at > ended[-1].at):
        if "finished" in verbs and "returned" not in verbs:
            return _since("not_returned", ended[-1], rules.not_returned_working_days, calendar, as_of)
        return []
    if last.verb in ("supplement_requested", "payment_requested"):
        return []  # the applicant's turn
    worked = [e for e in told if e.verb not in ("synced", "rated", "complained", "identity_verified")]
    return _since("forgotten", worked[-1], rules.forgotten_working_days, calendar, as_of)


def _no_steps(
    told: Sequence[Told], _rules: FindingRules, _calendar: WorkingCalendar, _as_of: Millis
) -> list[Pattern]:
    """§8.8: the portal took it, it ended, and no step was ever told."""
    synced = next((e for e in told if e.verb == "synced" and e.data.get("accepted", True)), None)
    end = next((e for e in told if e.verb == "finished"), None)
    if synced is None or end is None or any(e.verb in _STEPS for e in told):
        return []
    return [Pattern("no_steps", max(synced.at, end.at), (synced.place, end.place))]


_LOOKS: tuple[Callable[[Sequence[Told], FindingRules, WorkingCalendar, Millis], list[Pattern]], ...] = (
    _after_the_end,
    _input_as_result,
    _moves,
    _pauses,
    _backdated,
    _taken_back,
    _waiting,
    _no_steps,
)


def _since(kind: str, event: Told, days: int, calendar: WorkingCalendar, as_of: Millis) -> list[Pattern]:
    at = calendar.add_working_days(event.at, days)
    return [Pattern(kind, at, (event.place,))] if at < as_of else []


def _due(told: Sequence[Told], at: Millis) -> Millis | None:
    """The due date in force just before an instant, as the events tell it."""
    due: Millis | None = None
    for e in told:
        if e.at > at or (e.at == at and e.verb == "due_date_moved"):
            break
        for name in ("due_at", "to", "due_after"):
            said = _instant(e.data.get(name)) if e.data.get(name) else None
            due = said if said is not None else due
    return due


def _instant(text: Any) -> Millis | None:
    return to_millis(datetime.fromisoformat(text)) if isinstance(text, str) else None
