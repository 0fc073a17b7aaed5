"""What a simulated province is like: the figures it comes near to, and what is drawn for them, from one file."""

from functools import lru_cache
from importlib.resources import files

import msgspec
from msgspec import Struct

from domain.errors import InvalidInput

Share = float


class Units(Struct, frozen=True, forbid_unknown_fields=True):
    """How many units there are below the province."""

    departments: int
    communes: int


class Catalogue(Struct, frozen=True, forbid_unknown_fields=True):
    """Procedures; see the file for each."""

    procedures: int
    in_use: int
    in_use_of_communes: Share
    weight_of_online_service: float
    population_data: Share
    returns_document: Share
    model_level_full: Share
    limits: tuple[tuple[int, int], ...]
    fees: tuple[int, ...]


class Announcements(Struct, frozen=True, forbid_unknown_fields=True):
    """Decisions that announce procedures."""

    before: int
    in_span: int
    announced_on_time: Share
    publicised_on_time: Share


class Dossiers(Struct, frozen=True, forbid_unknown_fields=True):
    """Shares of what happens to dossiers that no published figure gives directly."""

    late: Share
    electronic_result: Share
    by_post: Share
    supplement: Share
    rejected: Share
    local_gateway: Share
    told_to_portal: Share
    withdrawn: Share
    stopped: Share
    returned: Share
    rated: Share
    disliked: Share
    signed: Share
    result_to_store: Share
    apology: Share
    forgotten: Share


class Petitions(Struct, frozen=True, forbid_unknown_fields=True):
    """Shares of petitions."""

    about_dossier: Share
    about_rule: Share
    disliked_though_late: Share


class Proportions(Struct, frozen=True, forbid_unknown_fields=True):
    """All settings of the simulator. `published`: (numerator, denominator) by indicator."""

    published: dict[str, tuple[int, int]]
    units: Units
    catalogue: Catalogue
    announcements: Announcements
    dossiers: Dossiers
    petitions: Petitions

    def rate(self, code: str) -> float:
        """The published rate of an indicator; 0 where nothing counted."""
        up, down = self.published[code]
        return up / down if down else 0.0

    def count(self, code: str, place: int = 0) -> int:
        """The published numerator (0) or denominator (1)."""
        return self.published[code][place]

    @property
    def carried_over(self) -> Share:
        """Of the dossiers in hand, those that were accepted before."""
        return 1 - self.count("DOSSIER_SUBMITTED_ONLINE", 1) / self.count("PROCESSED_ON_TIME", 1)

    @property
    def payable(self) -> Share:
        """Of the dossiers accepted, those that owe a fee."""
        return self.count("DOSSIER_PAID_ONLINE", 1) / self.count("DOSSIER_SUBMITTED_ONLINE", 1)

    @property
    def synced(self) -> Share:
        """Of the dossiers accepted, those that reached the national portal."""
        return self.count("DOSSIER_SYNC") / self.count("DOSSIER_SUBMITTED_ONLINE", 1)

    @property
    def petitions_each(self) -> float:
        """Petitions in hand for each dossier in hand."""
        return self.count("PETITION_PROCESSING_ON_TIME", 1) / self.count("PROCESSED_ON_TIME", 1)


def decode_proportions(text: bytes) -> Proportions:
    """The settings in a file's text; InvalidInput names the field that is missing or wrong."""
    try:
        return msgspec.toml.decode(text, type=Proportions)
    except msgspec.DecodeError as error:
        raise InvalidInput(f"the simulator's proportions cannot be read: {error}") from None


@lru_cache(maxsize=1)
def packaged_proportions() -> Proportions:
    """Those that come with the product: a province in August 2026."""
    return decode_proportions((files(__package__) / "proportions.toml").read_bytes())
