"""The words of the audit page: the ten questions, their fields, verdicts and what answers are made of."""

from collections.abc import Mapping
from dataclasses import dataclass

from dashboards.board.words import Lang


@dataclass(frozen=True, slots=True)
class Asking:
    """A question of an auditor: its word in commands and routes, its titles, its fields, what makes it fail."""

    word: str
    vi: str
    en: str
    fields: tuple[str, ...]
    fails_vi: str
    fails_en: str

    def title(self, lang: Lang) -> str:
        """The question."""
        return self.en if lang == "en" else self.vi

    def fails(self, lang: Lang) -> str:
        """When the answer is KHÔNG ĐẠT."""
        return self.fails_en if lang == "en" else self.fails_vi


QUESTIONS: tuple[Asking, ...] = (
    Asking(
        "who-knew",
        "Ai biết, biết lúc nào?",
        "Who knew, and when?",
        ("code", "until"),
        "có cảnh báo mà không ai được báo; gửi ≠ biết",
        "an alert of which nobody was told; sent is not known",
    ),
    Asking(
        "as-shown",
        "Lúc ấy đã cho xem gì?",
        "What was shown then?",
        ("at", "report", "dossier", "unit_or_none", "period_or_none", "state"),
        "bản dựng lại khác mã băm đã niêm phong",
        "what is made again differs from the sealed hash",
    ),
    Asking(
        "figure",
        "Báo cáo đã phát hành có đúng không, nay đổi gì?",
        "Is an issued report right, and what changed since?",
        ("report_wanted",),
        "báo cáo dựng lại khác, hoặc số đổi mà không sự kiện nào giải thích",
        "it comes out otherwise, or a figure changed without an event that explains it",
    ),
    Asking(
        "moved-due",
        "Hạn trả nào bị dời?",
        "Which due dates were moved?",
        ("unit", "period"),
        "dời khi đã quá hạn, không có Mẫu 04 kịp lúc, hoặc dời lần hai",
        "moved late, without a letter in time, or twice",
    ),
    Asking(
        "backdated",
        "Có ghi lùi ngày không?",
        "Was anything backdated?",
        ("unit", "period"),
        "khai đúng hạn nhưng mãi sau hạn mới ghi nhận",
        "on time as stated, late as recorded",
    ),
    Asking(
        "verify",
        "Nhật ký và số liệu có bị sửa không?",
        "Were the log or the rows changed?",
        (),
        "khác với bản đã niêm phong (kiểm mẫu; kiểm hết: gs766 verify)",
        "not what was sealed (a sample; all of it: gs766 verify)",
    ),
    Asking(
        "completeness",
        "Có thiếu dữ liệu không?",
        "Is anything missing?",
        ("unit", "period"),
        "bảng khác nhật ký, có sự kiện bị từ chối, hoặc Cổng đếm khác",
        "tables differ from the log, events were refused, or the portal counted otherwise",
    ),
    Asking(
        "too-early",
        "Báo xong mà chưa xong?",
        "Reported finished, and not?",
        ("unit", "period"),
        "có hồ sơ báo xong rồi mở lại",
        "there is one that was taken back",
    ),
    Asking(
        "apologies",
        "Trễ hạn, đã xin lỗi chưa?",
        "Late: was an apology sent?",
        ("unit", "period"),
        "trễ mà không có thư, hoặc thư gửi chậm",
        "late without a letter, or with one too late",
    ),
    Asking(
        "controls",
        "Ai đổi quy tắc, lịch, khóa; ai tắt cảnh báo?",
        "Who changed rules, calendars, keys; who silenced alerts?",
        ("unit", "period"),
        "có thay đổi không rõ ai làm, hoặc tắt cảnh báo không nêu lý do",
        "a change that names nobody, or an alert silenced without a reason",
    ),
)
BY_WORD = {q.word: q for q in QUESTIONS}
BUNDLED = frozenset(BY_WORD) - {"verify"}

VERDICTS: Mapping[str, tuple[str, str, str]] = {
    "holds": ("green", "ĐẠT", "HOLDS"),
    "fails": ("red", "KHÔNG ĐẠT", "DOES NOT HOLD"),
    "cannot_tell": ("grey", "KHÔNG CHỨNG MINH ĐƯỢC", "CANNOT TELL"),
}
_WORDS: Mapping[str, tuple[str, str]] = {
    "title": ("Kiểm tra", "Audit"),
    "ask": ("Hỏi", "Ask"),
    "bundle": ("Tải gói chứng cứ", "Download the evidence bundle"),
    "check": ("Kiểm tra một gói chứng cứ (không cần mạng)", "Check an evidence bundle (no network needed)"),
    "intro": (
        "Mười câu hỏi của người kiểm tra. Mỗi câu trả lời kết thúc bằng ĐẠT, KHÔNG ĐẠT hoặc KHÔNG CHỨNG MINH ĐƯỢC "
        "và tải được thành gói chứng cứ cho người ngoài tự kiểm tra.",
        "An auditor's ten questions. Each answer ends in holds, does not hold or cannot tell, and can be taken "
        "away as a bundle that a stranger checks.",
    ),
    "fails_when": ("KHÔNG ĐẠT khi", "Does not hold when"),
    "checked": ("Đã kiểm", "Checked"),
    "differences": ("Điều không đạt", "What does not hold"),
    "not_covered": ("Điều kết luận này không nói tới", "What the verdict does not speak of"),
    "all": ("Toàn bộ câu trả lời (JSON)", "The whole answer (JSON)"),
    "more": ("còn nữa, xem JSON", "more, see the JSON"),
    "code": ("Mã hồ sơ", "Dossier"),
    "dossier": ("hoặc mã hồ sơ", "or a dossier"),
    "dossier_code": ("Mã hồ sơ", "Dossier"),
    "until": ("Đến lúc", "Until"),
    "at": ("Lúc", "At"),
    "report": ("Mã báo cáo (để trống: bản tin sáng cuối cùng)", "Report's id (empty: the last brief)"),
    "report_wanted": ("Mã báo cáo", "Report's id"),
    "unit": ("Đơn vị", "Unit"),
    "unit_or_none": ("hoặc đơn vị", "or a unit"),
    "period": ("Kỳ", "Period"),
    "period_or_none": ("kỳ", "period"),
    "state": ("danh sách", "list"),
    "files": ("Tệp", "Files"),
    "days": ("Theo ngày", "By day"),
    "documents": ("Văn bản quy tắc", "Documents"),
    "changes": ("Thay đổi hệ thống", "Changes"),
    "kept_back": ("Cảnh báo bị tắt, giữ lại", "Silenced and suppressed"),
    "reads": ("Lượt đọc, xuất theo khóa", "Reads and exports by key"),
    "signing_keys": ("Khóa ký niêm phong", "Signing keys"),
    "chains": ("Chuỗi cảnh báo", "Alert chains"),
    "read_by": ("Ai đã đọc hồ sơ", "Who read the dossier"),
    "dossiers": ("Hồ sơ", "Dossiers"),
    "lags": ("Độ chậm ghi nhận", "Lags"),
    "silent": ("Giờ im lặng", "Silent hours"),
    "shown": ("Đã cho xem", "Shown"),
    "take": ("Gói chứng cứ của một số liệu, một cảnh báo", "The evidence bundle of a figure, of an alert"),
    "take_text": (
        "Số liệu: các hồ sơ cấu thành (trên 200: bản cam kết và 200 hồ sơ không ai chọn được), đủ để người ngoài "
        "tính lại.",
        "A figure: its dossiers (of more than 200 a commitment and 200 that nobody can choose), to be counted "
        "again.",
    ),
    "indicator": ("Chỉ số", "Indicator"),
    "alert": ("hoặc mã cảnh báo", "or an alert's id"),
    "moves": ("Lần dời", "Moves"),
    "moves_to_look_into": ("Lần dời cần xem", "Moves to look into"),
    "events": ("Sự kiện", "Events"),
    "old_due": ("Hạn cũ", "Old due date"),
    "new_due": ("Hạn mới", "New due date"),
    "moved_at": ("Dời lúc", "Moved at"),
    "due_at": ("Hạn trả", "Due"),
    "late": ("Trễ hạn", "Late"),
    "no_apology": ("Chưa xin lỗi", "No apology"),
    "apology_late": ("Xin lỗi muộn", "Apology late"),
    "in_time": ("Đúng lúc", "In time"),
    "apology": ("Thư xin lỗi", "Apology"),
    "why": ("Vì sao", "Why"),
    "ended_at": ("Kết thúc", "Ended"),
    "reopened_at": ("Mở lại", "Reopened"),
    "recorded_at": ("Ghi nhận", "Recorded"),
    "lag_hours": ("Chậm (giờ)", "Lag (hours)"),
    "accepted": ("Tiếp nhận", "Accepted"),
    "in_cells": ("Theo bảng", "In cells"),
    "day": ("Ngày", "Day"),
    "alerts": ("Cảnh báo", "Alerts"),
    "acts": ("Hành động", "Acts"),
    "missing": ("Còn thiếu", "Missing"),
    "title_": ("Tên", "Title"),
    "who": ("Ai", "Who"),
    "count": ("Số lượt", "Count"),
    "refused": ("Bị từ chối", "Refused"),
    "silent_hours": ("Giờ im lặng", "Silent hours"),
    "checkpoints": ("Mốc niêm phong", "Checkpoints"),
    "subject": ("Đối tượng", "Subject"),
    "known_at": ("Hệ thống biết", "Known"),
    "what": ("Điều gì", "What"),
    "not_found": ("Không có, hoặc ngoài đơn vị được xem", "Not there, or outside your units"),
}


def said(key: str, lang: Lang) -> str:
    """A word of the page; a key without one as it is (the names of answers are those of the API)."""
    found = _WORDS.get(key)
    return key.replace("_", " ") if found is None else found[1 if lang == "en" else 0]
