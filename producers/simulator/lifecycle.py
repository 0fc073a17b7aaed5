"""The life of one simulated dossier: what happens to it and when, in working hours."""

from dataclasses import dataclass, field
from random import Random
from typing import Any

from domain.calendar import WorkingCalendar
from domain.instants import MS_DAY, Millis, format_rfc3339
from domain.limits import Limit, due_after
from producers.simulator.catalogue import Procedure
from producers.simulator.happening import HOUR, MINUTE, Happening
from producers.simulator.proportions import Proportions
from producers.simulator.province import Unit

MAX_WAIT = 10 * HOUR
"""Working time between filing and acceptance at most: mostly within the 8 hours that are allowed."""


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
    fee_asked: Millis | None = None
    events: list[Happening] = field(default_factory=list)

    def add(self, at: Millis, verb: str, **data: Any) -> Happening:
        """One more event of this dossier."""
        made = Happening(at, f"dossier.{verb}", self.code, data)
        self.events.append(made)
        return made


class Lives:
    """Makes lives, drawing from one generator in a fixed order, so that a seed gives the same province."""

    def __init__(self, rng: Random, calendar: WorkingCalendar, proportions: Proportions) -> None:
        self._rng = rng
        self._calendar = calendar
        self._shares = proportions.dossiers
        self._online = proportions.rate("DOSSIER_SUBMITTED_ONLINE")
        self._paid_online = proportions.rate("DOSSIER_PAID_ONLINE")
        self._population = (
            proportions.rate("CITIZEN_DATA_CONNECTED_DOSSIER") / proportions.catalogue.population_data
        )
        """Of the dossiers of connected procedures."""
        self._digitised = proportions.rate("SO_HOA_GIAY_TO_GIAI_QUYET") / proportions.rate(
            "ORIGINAL_RESULT_AVAILABLE"
        )
        """Before it is known whether there is a result, without which nothing counts as digitised."""
        self._reused = proportions.rate("REUSED_DIGITIZED_DATA")
        self._from_store = proportions.rate("SYNCED_WITH_DVCQG_PERSONAL_STORAGE")
        self._sync_accepted = min(1.0, proportions.synced / self._shares.told_to_portal)

    def dossier(self, code: str, unit: Unit, procedure: Procedure, accepted: Millis) -> Life:
        """A dossier that is accepted (or, rarely, answered with a rejection) at that working instant."""
        rng = self._rng
        channel = (
            "online"
            if rng.random() < self._online
            else ("post" if rng.random() < self._shares.by_post else "counter")
        )
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
        if rng.random() < self._shares.rejected:
            life.add(accepted, "rejected", reason="incomplete")
            return life
        life.accepted = accepted
        life.due = due_after(Limit(procedure.limit), accepted, self._calendar)
        life.add(accepted, "accepted", **identity, due_at=format_rfc3339(life.due))
        self._papers(life, submitted)
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

    def _papers(self, life: Life, submitted: Millis) -> None:
        rng = self._rng
        at = submitted + rng.randrange(5_000, 60_000)
        if life.procedure.connected and rng.random() < self._population:
            life.add(at, "identity_verified", vneid=True, population_data=rng.random() < 0.5)
        digitised, reused = rng.random() < self._digitised, rng.random() < self._reused
        stored = rng.random() < self._from_store
        if digitised or reused or stored or rng.random() < 0.3:
            parts = [{"code": f"P{n}", "digitised": digitised} for n in range(1, rng.randint(1, 3) + 1)]
            parts[0] |= {"reused": reused, "from_store": stored}
            to_store = rng.random() < self._shares.result_to_store
            life.add(at + 1_000, "components_recorded", components=parts, result_to_store=to_store)

    def _payment(self, life: Life) -> Millis:
        """The fee, soon after acceptance; returns when the work can begin."""
        rng = self._rng
        assert life.accepted is not None
        if not life.procedure.fee:
            return life.accepted
        asked = life.accepted + rng.randrange(1, 20) * MINUTE
        paid = asked + round(rng.expovariate(1 / (3 * HOUR))) + MINUTE
        online = rng.random() < self._paid_online
        local = rng.random() < self._shares.local_gateway
        gateway = ("local_gateway" if local else "national_portal") if online else "other"
        life.fee_asked = asked
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
        if late and rng.random() < self._shares.forgotten:
            share = 12.0  # forgotten for months
        end = calendar.add_working_ms(calendar.roll_forward(max(start, life.accepted)), round(span * share))
        if rng.random() < self._shares.supplement:
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
        if day_before > life.accepted and rng.random() < self._shares.apology:
            new = format_rfc3339(calendar.roll_forward(end + HOUR))
            life.add(day_before, "apology_sent", document_number=f"XL-{life.code[-9:]}", new_due_at=new)

    def _end(self, life: Life, end: Millis) -> None:
        rng = self._rng
        life.end = end
        shares = self._shares
        chance = rng.random()
        if chance < shares.withdrawn:
            life.add(end, "withdrawn")
        elif chance < shares.withdrawn + shares.stopped:
            life.add(end, "stopped", reason="not_eligible")
        else:
            electronic = life.procedure.returns_document and rng.random() < life.unit.paperless
            files = [{"electronic": True, "signed": rng.random() < shares.signed}] if electronic else []
            life.add(end, "finished", result_files=files)
            if rng.random() < shares.returned:
                later = self._calendar.roll_forward(end + round(rng.expovariate(1 / (6 * HOUR))) + MINUTE)
                life.add(later, "returned", documents=1)
                if rng.random() < shares.rated:
                    rated = later + rng.randrange(1, 48) * HOUR
                    life.add(rated, "rated", rating="dislike" if rng.random() < shares.disliked else "like")

    def _afterwards(self, life: Life) -> None:
        """What the portal was told: before the fee was asked for, unless the procedure's fees are synchronised."""
        rng = self._rng
        assert life.accepted is not None
        if rng.random() < self._shares.told_to_portal:
            accepted = rng.random() < self._sync_accepted
            at = life.accepted + rng.randrange(5_000, 55_000)
            if life.procedure.fee_synced or life.fee_asked is None:
                at = (life.fee_asked or life.accepted) + rng.randrange(1, 10) * MINUTE
            life.add(at, "synced", accepted=accepted, **({} if accepted else {"reason": "unknown_procedure"}))
