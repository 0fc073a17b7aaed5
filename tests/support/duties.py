"""A petition, a procedure and a refused dossier as events: alerts that are not about a dossier's dates."""

from domain.events import Event, make_event
from domain.instants import Millis
from tests.support.events import HOUR, T0, dossier_event


def duties(unit: str = "H44.101", start: Millis = T0) -> list[Event]:
    """A12 near, late and cleared; A17 held and cleared; A11 refused, late and cleared."""

    def said(kind: str, name: str, subject: str, hours: int) -> Event:
        data = {"unit": unit} if name == "received" else {}
        at = start + hours * HOUR
        return make_event(f"{kind}.{name}", subject, at, data, source="/test", id=f"{subject}/{hours}")

    code = f"{unit}-d"
    return [
        said("petition", "received", f"{unit}-p1", 0),
        said("petition", "received", f"{unit}-p2", 1),
        said("petition", "answered", f"{unit}-p2", 700),
        said("petition", "reopened", f"{unit}-p2", 710),
        said("petition", "refused", f"{unit}-p2", 715),
        said("procedure", "announced", "3.000001", 0),
        said("procedure", "announced", "3.000002", 0),
        said("procedure", "publicised", "3.000002", 400),
        dossier_event(code, "accepted", start, 1, unit=unit),
        dossier_event(code, "synced", start + 60 * HOUR, 2),
        dossier_event(code, "finished", start + 70 * HOUR, 3),
        dossier_event(code, "synced", start + 71 * HOUR, 4, accepted=False),
    ]
