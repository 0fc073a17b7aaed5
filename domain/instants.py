"""Instants as integers: milliseconds since 1970-01-01T00:00Z, the form in which rules compare times.

Integers are used inside the rules because they compare, subtract and serialise exactly and fast; aware
datetimes appear at the edges (HTTP, CLI, SQL results). A *day* is an integer too: days since 1970-01-01
in the province's time zone.
"""

from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from domain.errors import InvalidInput

Millis = int
"""An instant: milliseconds since the epoch, UTC."""
Day = int
"""A calendar day: days since 1970-01-01, in the time zone that is passed beside it."""

DEFAULT_ZONE = "Asia/Ho_Chi_Minh"
MS_DAY = 86_400_000
HORIZON: Millis = 10_098_259_200_000
"""2290-01-01: nothing that would become true later is worked out; the store's dates end ten years on."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_EPOCH_DATE = date(1970, 1, 1)
_MS = timedelta(milliseconds=1)


def to_millis(t: datetime) -> Millis:
    """An aware datetime as milliseconds, truncated (never rounded up: a due instant must not move)."""
    if t.tzinfo is None:
        raise InvalidInput(f"the time {t.isoformat()} has no offset: add one, for example +07:00")
    since = t - _EPOCH
    return since.days * MS_DAY + since.seconds * 1000 + since.microseconds // 1000


def from_millis(ms: Millis, zone: ZoneInfo | None = None) -> datetime:
    """Milliseconds as an aware datetime, in UTC unless a zone is given."""
    t = _EPOCH + timedelta(milliseconds=ms)
    return t.astimezone(zone) if zone else t


def parse_rfc3339(text: str) -> Millis:
    """A CloudEvents time ('2026-08-03T09:12:00+07:00' or ending in Z) as milliseconds; offset required."""
    try:
        return to_millis(datetime.fromisoformat(text))
    except ValueError as error:
        raise InvalidInput(f"'{text}' is not an RFC 3339 time such as 2026-08-03T09:12:00+07:00") from error


@lru_cache(maxsize=1_024)
def format_rfc3339(ms: Millis) -> str:
    """Milliseconds as UTC text with a fixed width of three decimals, '2026-08-03T02:12:00.000Z'. Kept, for what is
    written together has few instants: thousands of acts a single one."""
    return from_millis(ms).isoformat(timespec="milliseconds")[:-6] + "Z"


def day_date(day: Day) -> date:
    """The calendar date of a day number."""
    return _EPOCH_DATE + timedelta(days=day)


def date_day(d: date) -> Day:
    """The day number of a calendar date."""
    return (d - _EPOCH_DATE).days


class Zone:
    """A province's time zone with fast, exact day arithmetic (transitions of summer time included).

    The offset is looked up once per UTC quarter of an hour and cached: every real zone changes its offset
    on such a boundary.
    """

    __slots__ = ("_offset", "info", "midnight", "name")

    def __init__(self, name: str = DEFAULT_ZONE) -> None:
        try:
            self.info = ZoneInfo(name)
        except (KeyError, ValueError, OSError) as error:
            raise InvalidInput(f"'{name}' is not a time zone name such as {DEFAULT_ZONE}") from error
        self.name = name
        info = self.info

        @lru_cache(maxsize=200_000)
        def offset(quarter: int) -> int:
            t = datetime.fromtimestamp(quarter * 900, UTC).astimezone(info)
            delta = t.utcoffset() or timedelta()
            return delta // _MS

        @lru_cache(maxsize=50_000)
        def midnight(day: Day) -> Millis:
            return to_millis(datetime.combine(day_date(day), datetime.min.time(), info))

        self._offset = offset
        self.midnight = midnight
        """The first instant of a day."""

    def day(self, ms: Millis) -> Day:
        """The day in which an instant falls."""
        return (ms + self._offset(ms // 900_000)) // MS_DAY

    def local(self, ms: Millis) -> datetime:
        """The instant as an aware datetime in this zone."""
        return from_millis(ms, self.info)

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return zone, (self.name,)

    def __repr__(self) -> str:
        return f"Zone({self.name!r})"


@lru_cache(maxsize=16)
def zone(name: str) -> Zone:
    """The zone of that name, made once."""
    return Zone(name)
