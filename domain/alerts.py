"""What an alert is: the catalogue of kinds (users.md §B), its identity, and the notifier's horizon."""

import hashlib
from dataclasses import dataclass
from typing import Literal

from domain.calendar import WorkingCalendar
from domain.instants import Millis

Level = Literal["red", "amber", "violet", "grey", "green"]
HORIZON_HOURS = 24
"""Hours of working days for which the notifier looks back (decisions 23), where the province says nothing else."""
SECOND = '"second_supplement"'
"""In the evidence of an A09 that a second supplement opened: late at once by the portal's rule."""
_HOUR = 3_600_000


@dataclass(frozen=True, slots=True)
class AlertKind:
    """One kind of the catalogue: its level, and its title on screens in both languages."""

    code: str
    level: Level
    title_vi: str
    title_en: str
    subject: Literal["dossier", "petition", "procedure", "unit", "part"] = "dossier"
    """What it speaks of; `part`: a part of the system."""
    late_level: Level | None = None
    """The level of an episode that begins after its due date; None: the same."""
    late_by: str = ""
    """Where not the due date decides on `late_level`: what stands in the evidence of such an episode."""
    raised: bool = False
    """Raised by the notifier as acts (decisions 22); false: it holds by what the fold says."""

    def level_of(self, start: Millis, due: Millis | None, evidence: str) -> Level:
        """The level of one episode; `evidence` is its JSON."""
        late = self.late_by in evidence if self.late_by else due is not None and start > due
        return self.late_level if self.late_level and late else self.level


KINDS: dict[str, AlertKind] = {
    kind.code: kind
    for kind in (
        AlertKind("A01", "amber", "Sắp đến hạn", "Due soon"),
        AlertKind("A02", "red", "Hôm nay là ngày cuối gửi Mẫu 04", "Last day for the apology"),
        AlertKind("A04", "red", "Quá hạn", "Overdue"),
        AlertKind("A05", "red", "Quá hạn chưa xin lỗi", "Overdue without an apology"),
        AlertKind("A06", "red", "Hẹn lại lần 2", "Second re-appointment"),
        AlertKind("A07", "amber", "Chờ tiếp nhận", "Waiting for acceptance", late_level="red"),
        AlertKind("A08", "amber", "Bỏ quên", "No step for days"),
        AlertKind("A09", "amber", "Tạm dừng bất thường", "Unusual pause", late_level="red", late_by=SECOND),
        AlertKind("A11", "amber", "Không lên Cổng", "Not on the portal"),
        AlertKind("A12", "amber", "Phản ánh, kiến nghị đến hạn", "Petition due or late", "petition", "red"),
        AlertKind("A17", "amber", "Chưa công khai thủ tục", "Procedure not publicised", "procedure"),
        AlertKind("A03", "red", "Đến hạn hôm nay, còn mở", "Due today and open", raised=True),
        AlertKind("A10", "violet", "Cần xác minh", "To be looked into", "unit", raised=True),
        AlertKind("A13", "red", "Mất luồng dữ liệu", "Silent feed", "unit", raised=True),
        AlertKind("A14", "amber", "Lệch Cổng", "Differs from the portal", "unit", raised=True),
        AlertKind("A15", "amber", "Tụt điểm", "Points lost", "unit", raised=True),
        AlertKind("A16", "amber", "Khó đạt chỉ tiêu", "Target out of reach", "unit", raised=True),
        AlertKind("A18", "amber", "Dồn hạn", "Due dates pile up", "unit", raised=True),
        AlertKind("A19", "red", "Sự cố hệ thống", "System fault", "part", raised=True),
        AlertKind("A20", "green", "Giao ban", "Morning brief", "unit", raised=True),
    )
}
"""The catalogue."""
RAISED: tuple[str, ...] = tuple(sorted(k.code for k in KINDS.values() if k.raised))
BY_THE_CLOCK: frozenset[str] = frozenset(RAISED) - {"A10", "A14"}
"""Raised because an instant has come, not because of a fact that another may soon correct: the guard before people
are told is not for these (decisions 24), although they are known a little after they began."""
INHIBITED: frozenset[str] = frozenset(f"A{n:02d}" for n in range(1, 13))
"""What a silent feed (A13) makes untrustworthy: these kinds of the units that it concerns are not told."""


def alert_id(kind: str, subject: str, episode: str) -> str:
    """The identity of an alert: human acts re-attach to it after a rebuild."""
    return hashlib.sha256(f"{kind}|{subject}|{episode}".encode()).hexdigest()[:24]


def horizon_start(now: Millis, calendar: WorkingCalendar, hours: int = HORIZON_HOURS) -> Millis:
    """The instant from which on the notifier still sends: `hours` of working days before `now`, so that
    Monday morning still tells what began on Friday."""
    zone = calendar.zone
    day = zone.day(now)
    left = hours * _HOUR
    end = now
    while True:
        start = zone.midnight(day)
        if calendar.is_working_day(day):
            if end - start >= left:
                return end - left
            left -= end - start
        end, day = start, day - 1
