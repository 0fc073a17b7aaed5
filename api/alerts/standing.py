"""Whether people can be told: what of recipients, settings and deliveries somebody should mend; for health."""

from pathlib import Path

from api.alerts import delivery_settings
from api.alerts.owed import owed_store
from api.alerts.recipients import recipient_store
from api.alerts.sent import FAILED_MS, sent_store
from api.alerts.vacancies import Vacancy, vacancy_store
from domain.errors import InvalidInput
from domain.instants import Millis

NAMED = 5
"""So many posts that cannot be told are named one by one."""


def message_faults(private: Path, settings: Path | None, now: Millis) -> tuple[str, ...]:
    """A sentence for each thing; () where all is well, or nobody is to be told anything."""
    return (*owed_store(private).faults(now), *_people_faults(private, settings, now))


def _people_faults(private: Path, settings: Path | None, now: Millis) -> tuple[str, ...]:
    entries = recipient_store(private).entries(now)
    if not entries:
        return ()
    found = []
    try:
        delivery = delivery_settings.load(settings)
        wanted = sorted({kind for entry in entries for kind, _ in entry.addresses if not delivery.serves(kind)})
        found += [f"{kind} is not set up, but recipients have it: see the delivery settings" for kind in wanted]
    except InvalidInput as error:
        found.append(str(error))
    alone = {entry.account for entry in entries if entry.warnings}
    if alone:
        found.append(f"{len(alone)} recipients have one channel only: gs766 recipients list names them")
    found += [_vacant(one) for one in vacancy_store(private).listed()[:NAMED]]
    more = len(vacancy_store(private).listed()) - NAMED
    if more > 0:
        found.append(f"{more} more posts that cannot be told: the page of alerts lists them")
    failed = sent_store(private).failures(now - FAILED_MS)
    if failed:
        accounts = len({failure.account for failure in failed})
        found.append(
            f"{len(failed)} deliveries to {accounts} accounts failed, the last one: {failed[0].channel}, "
            f"{failed[0].reason}"
        )
    return tuple(found)


def _vacant(one: Vacancy) -> str:
    what = one.what
    why = "nobody holds the post" if what.why == "vacant" else "no channel works for who holds the post"
    told = f"{what.instead} is told instead" if what.instead else "nobody is told"
    return f"{why} {what.post} of unit {what.unit} ({what.alerts} alerts): {told}; gs766 recipients add"
