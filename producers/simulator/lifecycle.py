"""The life of one simulated dossier or petition: what happens to it and when, in working hours."""

from dataclasses import dataclass, field
from random import Random
from typing import Any

from domain.calendar import WorkingCalendar
from domain.instants import MS_DAY, Millis, format_rfc3339
from domain.limits import Limit, due_after
from producers.simulator.province import Procedure, Unit

MINUTE = 60_000
HOUR = 60 * MINUTE
ONLINE = 0.989
BY_POST = 0.2
PAID_ONLINE = 0.84
DIGITISED = 0.16
"""Of these seven in ten also have a result file: 11.5 % count as digitised."""
REUSED = 0.017
POPULATION_DATA = 0.84
SUPPLEMENT = 0.06
REJECTED = 0.012
MAX_WAIT = 10 * HOUR
"""Working time between filing and acceptance at most: mostly within the 8 hours that are allowed."""


@dataclass(slots=True)
class Happening:
    """One event to be; `recorded_after` is milliseconds from occurrence to recording, `cause` another's id."""

    at: Millis
    type: str
    subject: str
    data: dict[str, Any]
    recorded_after: int = 0
    cause: str | None = None


@dataclass(slots=True)
class Life:
    """A dossier while it is planned: `accepted` None when it never is, `end` None when it never ends."""

    code: str
    unit: Unit
    procedure: Procedure
    channel: str
    accepted: Millis | None = None
    due: Millis | None = None
    end: Millis | None = None
    events: list[Happening] = field(default_factory=list)

    def add(self, at: Millis, verb: str, **data: Any) -> Happening:
        """One more event of this dossier."""
        made = Happening(at, f"dossier.{verb}", self.code, data)
        self.events.append(made)
        return made


class Lives:
    """Makes lives, drawing from one generator in a fixed order, so that a seed gives the same province."""

    def __init__(self, rng: Random, calendar: WorkingCalendar) -> None:
        self._rng = rng
        self._calendar = calendar

    def dossier(self, code: str, unit: Unit, procedure: Procedure, accepted: Millis) -> Life:
        """A dossier that is accepted (or, rarely, answered with a rejection) at that working instant."""
        rng = self._rng
        channel = "online" if rng.random() < ONLINE else ("post" if rng.random() < BY_POST else "counter")
        life = Life(code, unit, procedure, channel)
        applicant = rng.choice(procedure.applicants)
        identity = {
            "procedure": procedure.code,
            "unit": unit.code,
            "receiving_unit": unit.code,
            "channel": channel,
            "applicant_kind": applicant,
            "service_level": procedure.level,
        }
        submitted = self._submitted(accepted) if channel == "online" else accepted - 10 * MINUTE
        life.add(submitted, "submitted", **identity)
        if rng.random() < REJECTED:
            life.add(accepted, "rejected", reason="incomplete")
            return life
        life.accepted = accepted
        life.due = due_after(Limit(procedure.limit), accepted, self._calendar)
        life.add(accepted, "accepted", **identity, due_at=format_rfc3339(life.due))
        self._papers(life, submitted, applicant)
        worked_from = self._payment(life)
        self._work(life, worked_from)
        self._afterwards(life)
        return life

    def _submitted(self, accepted: Millis) -> Millis:
        """Filed some working time before; one in five in the evening or at the weekend before an opening."""
        rng = self._rng
        wait = round(rng.triangular(10 * MINUTE, MAX_WAIT, 90 * MINUTE))
        at = self._calendar.add_working_ms(accepted, -wait)
        return at - rng.randrange(60_000)

    def _papers(self, life: Life, submitted: Millis, applicant: str) -> None:
        rng = self._rng
        at = submitted + rng.randrange(5_000, 60_000)
        if applicant == "citizen" and rng.random() < POPULATION_DATA:
            life.add(at, "identity_verified", vneid=True, population_data=rng.random() < 0.5)
        digitised, reused = rng.random() < DIGITISED, rng.random() < REUSED
        if digitised or reused or rng.random() < 0.3:
            parts = [{"code": f"P{n}", "digitised": digitised} for n in range(1, rng.randint(1, 3) + 1)]
            parts[0] |= {"reused": reused, "from_store": rng.random() < 0.01}
            life.add(at + 1_000, "components_recorded", components=parts, result_to_store=rng.random() < 0.005)

    def _payment(self, life: Life) -> Millis:
        """The fee, soon after acceptance; returns when the work can begin."""
        rng = self._rng
        assert life.accepted is not None
        if not life.procedure.fee:
            return life.accepted
        asked = life.accepted + rng.randrange(1, 20) * MINUTE
        paid = asked + round(rng.expovariate(1 / (3 * HOUR))) + MINUTE
        online = rng.random() < PAID_ONLINE
        gateway = ("national_portal" if rng.random() < 0.9 else "local_gateway") if online else "other"
        life.add(asked, "payment_requested", amounts=[life.procedure.fee])
        life.add(paid, "fee_paid", amounts=[life.procedure.fee], gateway=gateway)
        return asked

    def _work(self, life: Life, start: Millis) -> None:
        """Steps, perhaps a supplement, and an end before or after the due date."""
        rng, calendar = self._rng, self._calendar
        assert life.due is not None
        assert life.accepted is not None
        span = max(calendar.working_ms_between(life.accepted, life.due), 2 * HOUR)
        late = rng.random() < life.unit.late
        share = 1.02 + rng.expovariate(1.6) if late else min(0.98, rng.triangular(0.15, 1.0, 0.85))
        if late and rng.random() < 0.02:
            share = 12.0  # forgotten for months
        end = calendar.add_working_ms(calendar.roll_forward(max(start, life.accepted)), round(span * share))
        if rng.random() < SUPPLEMENT:
            asked = calendar.add_working_ms(start, round(span * share * rng.uniform(0.1, 0.5)))
            back = asked + round(rng.uniform(1, 6) * MS_DAY)
            life.add(asked, "supplement_requested", reason="missing_paper", due_before=format_rfc3339(life.due))
            life.add(back, "supplement_received", due_before=format_rfc3339(life.due))
            end = calendar.roll_forward(end + (back - asked))
            start = back
        self._steps(life, start, end)
        if late:
            self._excuses(life, end)
        self._end(life, end)

    def _steps(self, life: Life, start: Millis, end: Millis) -> None:
        rng, calendar = self._rng, self._calendar
        whole = max(calendar.working_ms_between(start, end), 3)
        for number in range(1, 4):
            at = min(calendar.add_working_ms(start, max(whole * number // 4, 1)), end - 1)
            life.add(at, "step_completed", step=f"B{number}", office=f"{life.unit.code}.P{rng.randint(1, 4)}")

    def _excuses(self, life: Life, end: Millis) -> None:
        """Apologies before the due date, as the decree wants them, where the unit keeps to it."""
        rng, calendar = self._rng, self._calendar
        assert life.due is not None
        assert life.accepted is not None
        day_before = calendar.add_working_ms(life.due, -8 * HOUR)
        if day_before > life.accepted and rng.random() < 0.3:
            new = format_rfc3339(calendar.roll_forward(end + HOUR))
            life.add(day_before, "apology_sent", document_number=f"XL-{life.code[-9:]}", new_due_at=new)

    def _end(self, life: Life, end: Millis) -> None:
        rng = self._rng
        life.end = end
        chance = rng.random()
        if chance < 0.006:
            life.add(end, "withdrawn")
        elif chance < 0.01:
            life.add(end, "stopped", reason="not_eligible")
        else:
            electronic = life.procedure.returns_document and rng.random() < life.unit.paperless
            files = [{"electronic": True, "signed": rng.random() < 0.8}] if electronic else []
            life.add(end, "finished", result_files=files)
            if rng.random() < 0.96:
                later = self._calendar.roll_forward(end + round(rng.expovariate(1 / (6 * HOUR))) + MINUTE)
                life.add(later, "returned", documents=1)
                if rng.random() < 0.12:
                    rated = later + rng.randrange(1, 48) * HOUR
                    life.add(rated, "rated", rating="like" if rng.random() < 0.97 else "dislike")

    def _afterwards(self, life: Life) -> None:
        """What the portal was told, and how soon each event was recorded."""
        rng = self._rng
        assert life.accepted is not None
        if rng.random() < 0.97:
            accepted = rng.random() < 0.985
            at = life.accepted + rng.randrange(1, 30) * MINUTE
            life.add(at, "synced", accepted=accepted, **({} if accepted else {"reason": "unknown_procedure"}))


def petition(
    rng: Random, code: str, unit: Unit, at: Millis, dossier: str | None, cal: WorkingCalendar
) -> list[Happening]:
    """A petition to a unit, answered within the 15 working days in eight of ten cases; about a dossier perhaps."""
    due = cal.add_working_days(at, 15)
    data: dict[str, Any] = {
        "about": rng.choice(("rule", "staff")),
        "unit": unit.code,
        "due_at": format_rfc3339(due),
    }
    if dossier:
        data["dossier"] = dossier
    found = [Happening(at, "petition.received", code, data)]
    if dossier:
        found.append(Happening(at, "dossier.complained", dossier, {"petition": code}))
    days = rng.randint(1, 14) if rng.random() < 0.8 else rng.randint(16, 30)
    answered = cal.add_working_days(at, days)
    found.append(Happening(answered, "petition.answered", code, {}))
    if rng.random() < 0.25:
        found.append(Happening(answered + HOUR, "petition.disliked", code, {}))
    return found
