"""The risk of an open dossier from how long similar ones took: counts and quantiles, nothing else.

Similar: finished dossiers of the same procedure in units of the same kind, without a supplement, in the past year.
"N of M that were still open at this age finished by their due date" is an estimate, shown as such, and null where
fewer than ENOUGH tell it. Ages and durations are working time; one bucket is one working hour.
"""

from dataclasses import dataclass, field

BUCKET_MS = 3_600_000
ENOUGH = 30
YEAR_DAYS = 365
QUANTILES = (0.5, 0.75, 0.9)


@dataclass(slots=True)
class Durations:
    """How long similar dossiers took: by bucket (whole working hours), how many, and how many of those on time."""

    buckets: dict[int, tuple[int, int]] = field(default_factory=dict)

    @property
    def count(self) -> int:
        """How many there are."""
        return sum(n for n, _ in self.buckets.values())

    def quantile(self, q: float) -> int | None:
        """The working hours within which that part of them had finished (rounded up); None below ENOUGH."""
        whole = self.count
        if whole < ENOUGH:
            return None
        seen = 0
        for hours in sorted(self.buckets):
            seen += self.buckets[hours][0]
            if seen >= q * whole:
                return hours + 1
        return None


@dataclass(frozen=True, slots=True)
class Risk:
    """Of `similar` dossiers that were still open at this age, `on_time` finished by their due date; `share` the
    part of those that did not, None where too few tell it."""

    similar: int
    on_time: int
    share: float | None


def risk(durations: Durations, age_ms: int) -> Risk:
    """The risk at an age in working time. A dossier that took just this many hours counts as still open then."""
    left = [found for hours, found in durations.buckets.items() if hours >= age_ms // BUCKET_MS]
    similar, on_time = sum(n for n, _ in left), sum(ok for _, ok in left)
    share = (similar - on_time) / similar if similar >= ENOUGH else None
    return Risk(similar, on_time, share)


def sentence(found: Risk) -> str:
    """What a person reads."""
    if found.share is None:
        return f"Chưa đủ hồ sơ tương tự để ước tính ({found.similar}, cần {ENOUGH})."
    return (
        f"Ước tính: {found.on_time} trong {found.similar} hồ sơ tương tự còn mở ở tuổi này đã xong đúng hạn "
        f"(nguy cơ trễ {round(100 * found.share)} %)."
    )
