"""Where a demonstration is, and which data folders are demonstrations: `<data>/demo.json`."""

import json
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from pathlib import Path

from domain.errors import Refused
from domain.instants import Millis, day_date
from ops.settings import FILE, Settings

NAME = "demo.json"
SEED = 766
DOSSIERS = 2_500
"""A sixtieth of a real province: a start takes seconds."""
DAYS = 30


@dataclass(frozen=True, slots=True)
class Place:
    """Where a demonstration is. `first`: the first day of its history; `streamed_to`: the simulated instant up to
    which events were sent, None while the history is being imported."""

    first: str
    seed: int = SEED
    dossiers: int = DOSSIERS
    streamed_to: Millis | None = None

    @property
    def first_day(self) -> date:
        """The first day of the history."""
        return date.fromisoformat(self.first)

    @property
    def cut_day(self) -> date:
        """The first day that is streamed."""
        return self.first_day + timedelta(days=DAYS)


def check_kind(settings: Settings, now: Millis) -> None:
    """Begins a demonstration whose history ends yesterday in a fresh folder.

    Refused where real data and invented data would meet: a demonstration in a folder that was used otherwise,
    or another start in the folder of a demonstration.
    """
    place = read_place(settings.data)
    if settings.demo and place is None:
        if (settings.data / FILE).exists():
            raise Refused(f"{settings.data} was started without --demo: give the demonstration another --data")
        today = day_date(settings.zone.day(now))
        write_place(settings.data, Place((today - timedelta(days=DAYS)).isoformat()))
    elif place is not None and not settings.demo:
        raise Refused(f"{settings.data} is a demonstration's folder: start it with --demo, or give another --data")


def read_place(data: Path) -> Place | None:
    """The place of the demonstration of a folder, None when it is none."""
    try:
        return Place(**json.loads((data / NAME).read_text()))
    except FileNotFoundError:
        return None


def write_place(data: Path, place: Place) -> None:
    """Keeps the place, in one step."""
    data.mkdir(parents=True, exist_ok=True)
    path = data / NAME
    fresh = path.with_suffix(".part")
    fresh.write_text(json.dumps(asdict(place)) + "\n")
    fresh.rename(path)
