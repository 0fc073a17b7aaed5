"""Which generation of derived rows is shown and which is being filled: `<data>/generation.json`."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from domain.errors import Refused

FIRST = 1


@dataclass(frozen=True, slots=True)
class Generations:
    """`active` is what the answers show; `building` is what a rebuild fills, None when there is none."""

    active: int = FIRST
    building: int | None = None


def read_generations(data: Path) -> Generations:
    """The generations of a data folder; the first one before anything was written."""
    path = data / "generation.json"
    try:
        return Generations(**json.loads(path.read_text()))
    except FileNotFoundError:
        return Generations()
    except (ValueError, TypeError) as error:
        raise Refused(f"{path} is not readable ({error}): restore it from a backup, or rebuild") from error


def write_generations(data: Path, generations: Generations) -> None:
    """Replaces the file in one step."""
    data.mkdir(parents=True, exist_ok=True)
    path = data / "generation.json"
    fresh = path.with_suffix(".part")
    fresh.write_text(json.dumps(asdict(generations)) + "\n")
    fresh.rename(path)
