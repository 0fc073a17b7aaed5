"""The words on the screens in Vietnamese and English, and numbers and times as people of each write them."""

from collections.abc import Mapping
from typing import Literal

from domain.instants import MS_DAY, Millis, Zone

Lang = Literal["vi", "en"]

WORDS: Mapping[str, tuple[str, str]] = {
    "title": ("Giám sát hồ sơ hành chính", "Administrative dossiers"),
    "fresh": ("Số liệu đến", "Figures up to"),
    "units_with_data": ("đơn vị có dữ liệu", "units with data"),
    "stale": ("SỐ LIỆU CŨ", "OLD FIGURES"),
    "old": ("số cũ", "old figure"),
    "no_answer": ("KHÔNG ĐỌC ĐƯỢC SỐ LIỆU", "FIGURES CANNOT BE READ"),
    "lost": ("MẤT KẾT NỐI TỚI MÁY CHỦ · SỐ LIỆU CŨ", "CONNECTION LOST · OLD FIGURES"),
    "loading": ("Đang đọc số liệu…", "Reading the figures…"),
    "no_data": ("CHƯA CÓ DỮ LIỆU", "NO DATA YET"),
    "portal_score": ("ĐIỂM THEO CỔNG", "SCORE AS THE PORTAL COMPUTES"),
    "rebased": ("Quy đổi phần áp dụng", "Re-based on what applied"),
    "by_clock": ("đồng hồ nhật ký", "log clock"),
    "fixed_clock": ("đồng hồ đứng yên", "clock stands still"),
    "why": ("Vì sao?", "Why?"),
    "close": ("Đóng", "Close"),
    "groups": ("SÁU NHÓM CHỈ SỐ", "SIX GROUPS"),
    "not_arisen": ("không phát sinh", "not arisen"),
    "due_today_open": ("ĐẾN HẠN HÔM NAY, CÒN MỞ", "DUE TODAY, STILL OPEN"),
    "of": ("trong", "of"),
    "savable": ("cứu được", "can be saved"),
    "overdue": ("ĐANG QUÁ HẠN", "OVERDUE NOW"),
    "longest": ("lâu nhất", "longest"),
    "days": ("ngày", "days"),
    "hours": ("giờ", "hours"),
    "minutes": ("phút", "minutes"),
    "working_days": ("ngày làm việc", "working days"),
    "no_apology": ("QUÁ HẠN CHƯA XIN LỖI", "OVERDUE WITHOUT APOLOGY"),
    "form_04": ("chưa gửi Mẫu 04", "form 04 not sent"),
    "urge": ("ĐƠN VỊ CẦN ĐÔN ĐỐC", "UNITS TO URGE"),
    "unit": ("Đơn vị", "Unit"),
    "overdue_short": ("Quá hạn", "Overdue"),
    "due_today_short": ("Hẹn hôm nay", "Due today"),
    "nobody": ("Không có hồ sơ quá hạn hoặc đến hạn hôm nay.", "Nothing is overdue or due today."),
    "lost_points": ("CÒN MẤT ĐIỂM NHIỀU NHẤT", "MOST POINTS STILL LOST"),
    "set": ("Bộ chỉ số", "Indicator set"),
    "generation": ("Thế hệ số liệu", "Generation"),
    "position": ("Vị trí nhật ký", "Log position"),
    "period": ("Kỳ", "Period"),
    "indicator": ("Chỉ số", "Indicator"),
    "numerator": ("Tử số", "Numerator"),
    "denominator": ("Mẫu số", "Denominator"),
    "rate": ("Tỷ lệ", "Rate"),
    "points": ("Điểm", "Points"),
    "max": ("Tối đa", "Max"),
    "sum_note": (
        "Điểm theo Cổng là tổng điểm các chỉ số; chỉ số không phát sinh tính 0 nhưng điểm tối đa của nhóm giữ "
        "nguyên. Quy đổi chỉ xét phần có phát sinh.",
        "The portal's score is the plain sum; an indicator that did not arise counts 0 and its maximum stays. "
        "The re-based score considers only what arose.",
    ),
    "back": ("Toàn cảnh", "Overview"),
    "overdue_list": ("HỒ SƠ QUÁ HẠN CÒN MỞ", "OVERDUE, STILL OPEN"),
    "showing": ("hiển thị", "showing"),
    "dossier_code": ("Mã hồ sơ", "Dossier"),
    "procedure": ("Thủ tục", "Procedure"),
    "accepted": ("Tiếp nhận", "Accepted"),
    "due": ("Hẹn trả", "Due"),
    "due_original": ("hẹn gốc", "originally"),
    "late_by": ("Trễ", "Late by"),
    "apology": ("Mẫu 04", "Form 04"),
    "sent": ("đã gửi", "sent"),
    "not_sent": ("chưa", "not sent"),
    "none_overdue": ("Không có hồ sơ quá hạn.", "No overdue dossier."),
    "dossier": ("Hồ sơ", "Dossier"),
    "status": ("Trạng thái", "Status"),
    "channel": ("Kênh nộp", "Channel"),
    "finished": ("Kết thúc xử lý", "Finished"),
    "returned": ("Trả kết quả", "Returned"),
    "verdicts": ("KẾT LUẬN THEO TỪNG QUY TẮC", "VERDICT BY EACH RULE"),
    "rule": ("Quy tắc", "Rule"),
    "verdict": ("Kết luận", "Verdict"),
    "because": ("Vì", "Because"),
    "timeline": ("DÒNG THỜI GIAN", "TIMELINE"),
    "occurred": ("Xảy ra", "Occurred"),
    "recorded": ("Ghi nhận", "Recorded"),
    "known": ("Hệ thống biết", "Known"),
    "event": ("Việc", "Event"),
    "source": ("Nguồn", "Source"),
    "coordinates": ("Chứng cứ", "Coordinates"),
    "late_record": ("ghi nhận chậm", "recorded late by"),
    "findings": ("Cần xác minh", "To be verified"),
    "not_found": ("Không tìm thấy", "Not found"),
    "not_found_text": (
        "Không có đơn vị hoặc hồ sơ này trong phạm vi được xem.",
        "There is no such unit or dossier in what you may see.",
    ),
    "key_title": ("Nhập khóa truy cập", "Enter an access key"),
    "key_text": (
        "Trang này cần khóa đọc do quản trị viên cấp.",
        "This page needs a read key from the administrator.",
    ),
    "key_wrong": ("Khóa không đúng hoặc đã bị thu hồi.", "The key is wrong or was revoked."),
    "enter": ("Vào xem", "Open"),
    "credit": ("được trừ", "credited"),
    "supplements": ("lần bổ sung", "supplements"),
    "demo": ("DỮ LIỆU MÔ PHỎNG", "SIMULATED DATA"),
    "table": ("Bảng", "Board"),
    "wall": ("Màn hình lớn", "Wall"),
}

FINDINGS: Mapping[str, tuple[str, str]] = {
    "accepted_again": ("tiếp nhận hai lần", "accepted twice"),
    "apology_after_due": ("xin lỗi sau ngày hẹn", "apology after the due date"),
    "due_moved_after_due": ("dời hẹn sau khi đã quá hạn", "due date moved after it had passed"),
    "due_moved_after_end": ("dời hẹn sau khi đã xong", "due date moved after the end"),
    "due_moved_twice": ("dời hẹn từ lần thứ hai", "due date moved more than once"),
    "end_before_start": ("kết thúc trước khi tiếp nhận", "ended before it was accepted"),
    "event_after_end": ("còn việc sau khi đã kết thúc", "work after the end"),
    "finished_again": ("kết thúc hai lần", "finished twice"),
    "id_reused": ("một mã sự kiện, hai nội dung", "one event id, two contents"),
    "reopened_without_end": ("mở lại khi chưa kết thúc", "reopened before it had ended"),
    "second_supplement": ("yêu cầu bổ sung lần hai", "a second supplement"),
    "snapshot_contradicts": (
        "bản ghi của tỉnh khác với bản trước",
        "the record contradicts the one before",
    ),
    "snapshot_date_earlier": (
        "ngày bị lùi về trước so với bản ghi trước",
        "a date earlier than in the record before",
    ),
    "snapshot_due_moved": ("dời hẹn mà không có hồ sơ dời hẹn", "due date moved without a record of it"),
    "snapshot_recalled": ("đã xong rồi lại mở", "over, and then open again"),
    "source_verdict_differs": ("hệ thống nguồn kết luận hạn khác", "the source judges the limit otherwise"),
    "status_contradicts_end": ("trạng thái trái với ngày kết thúc", "the status contradicts the date of the end"),
    "end_undated": ("báo đã xong nhưng không có ngày", "said to be over, without a date"),
    "supplement_received_unrequested": ("nhận bổ sung mà không có yêu cầu", "a supplement that nobody requested"),
    "undated": ("không có hạn", "no due date"),
}
"""Kinds of findings, as a person reads them."""
STATES: Mapping[str, tuple[str, str]] = {
    "finished_on_time": ("ĐÚNG HẠN", "ON TIME"),
    "finished_late": ("TRỄ", "LATE"),
    "open_late": ("ĐANG QUÁ HẠN", "OVERDUE"),
    "open_not_due": ("CHƯA QUÁ HẠN", "NOT DUE"),
    "undated": ("KHÔNG CÓ HẠN", "UNDATED"),
    "not_accepted": ("CHƯA TIẾP NHẬN", "NOT ACCEPTED"),
}

EVENTS: Mapping[str, tuple[str, str]] = {
    "dossier.submitted": ("Nộp hồ sơ", "Submitted"),
    "dossier.accepted": ("Tiếp nhận", "Accepted"),
    "dossier.rejected": ("Từ chối tiếp nhận", "Rejected"),
    "dossier.step_started": ("Bắt đầu bước xử lý", "Step started"),
    "dossier.step_completed": ("Xong bước xử lý", "Step completed"),
    "dossier.supplement_requested": ("Yêu cầu bổ sung", "Supplement requested"),
    "dossier.supplement_received": ("Nhận bổ sung", "Supplement received"),
    "dossier.payment_requested": ("Yêu cầu nộp phí", "Payment requested"),
    "dossier.fee_paid": ("Đã nộp phí", "Fee paid"),
    "dossier.due_date_moved": ("Dời ngày hẹn trả", "Due date moved"),
    "dossier.apology_sent": ("Gửi văn bản xin lỗi (Mẫu 04)", "Apology sent (form 04)"),
    "dossier.finished": ("Kết thúc xử lý", "Finished"),
    "dossier.returned": ("Trả kết quả", "Returned"),
    "dossier.withdrawn": ("Rút hồ sơ", "Withdrawn"),
    "dossier.stopped": ("Dừng xử lý", "Stopped"),
    "dossier.reopened": ("Mở lại", "Reopened"),
    "dossier.transferred": ("Chuyển đơn vị", "Transferred"),
    "dossier.components_recorded": ("Ghi thành phần hồ sơ", "Components recorded"),
    "dossier.identity_verified": ("Xác thực định danh", "Identity verified"),
    "dossier.synced": ("Đồng bộ lên Cổng", "Synced to the portal"),
    "dossier.rated": ("Đánh giá", "Rated"),
    "dossier.complained": ("Bị phản ánh", "Complained about"),
    "dossier.snapshot_received": ("Nhận bản ghi từ hệ thống tỉnh", "Snapshot received"),
}

STATUSES: Mapping[str, tuple[str, str]] = {
    "submitted": ("Mới đăng ký", "Submitted"),
    "accepted": ("Được tiếp nhận", "Accepted"),
    "rejected": ("Không được tiếp nhận", "Rejected"),
    "processing": ("Đang xử lý", "In process"),
    "supplement": ("Yêu cầu bổ sung", "Waiting for a supplement"),
    "payment": ("Yêu cầu thực hiện nghĩa vụ tài chính", "Waiting for payment"),
    "withdrawn": ("Công dân rút hồ sơ", "Withdrawn"),
    "stopped": ("Dừng xử lý", "Stopped"),
    "finished": ("Đã xử lý xong", "Finished"),
    "returned": ("Đã trả kết quả", "Returned"),
    "online": ("Trực tuyến", "Online"),
    "counter": ("Trực tiếp", "Counter"),
    "post": ("Bưu chính", "Post"),
    "": ("—", "—"),
}

BANDS_EN: Mapping[str, str] = {
    "Xuất sắc": "Excellent",
    "Tốt": "Good",
    "Khá": "Fair",
    "Trung bình": "Average",
    "Yếu": "Weak",
}


def word(key: str, lang: Lang) -> str:
    """A label."""
    return WORDS[key][lang == "en"]


def named(table: Mapping[str, tuple[str, str]], key: str, lang: Lang) -> str:
    """A coded value in words, or the code itself where there are none."""
    return table[key][lang == "en"] if key in table else key


def band(name: str, lang: Lang) -> str:
    """A grade's name."""
    return BANDS_EN.get(name, name) if lang == "en" else name


def number(value: float | None, lang: Lang, decimals: int = 0) -> str:
    """A number rounded for display: '1.284' and '59,91' in Vietnamese; '—' for nothing."""
    if value is None:
        return "—"
    text = f"{value:,.{decimals}f}"
    return text if lang == "en" else text.replace(",", " ").replace(".", ",").replace(" ", ".")


def plain(value: float | None, lang: Lang) -> str:
    """A number without decimals that say nothing: 18, 6,5."""
    return number(value, lang, 0 if value is None or float(value).is_integer() else 2)


def percent(rate: float | None, lang: Lang) -> str:
    """A rate of 0–1 in percent with two decimals."""
    return "—" if rate is None else number(rate * 100, lang, 2) + " %"


def time_of_day(at: Millis | None, zone: Zone) -> str:
    """07:09:58."""
    return "—" if at is None else f"{zone.local(at):%H:%M:%S}"


def moment(at: Millis | None, zone: Zone) -> str:
    """24/11/2026 07:09; seconds only where they are not zero."""
    if at is None:
        return "—"
    t = zone.local(at)
    return f"{t:%d/%m/%Y %H:%M:%S}" if t.second else f"{t:%d/%m/%Y %H:%M}"


def day(at: Millis | None, zone: Zone) -> str:
    """24/11/2026."""
    return "—" if at is None else f"{zone.local(at):%d/%m/%Y}"


def duration(ms: int, lang: Lang) -> str:
    """A length of time by its two greatest parts, without a sign: '2 ngày 3 giờ'."""
    minutes = abs(ms) // 60_000
    days, rest = divmod(minutes, MS_DAY // 60_000)
    hours, minutes = divmod(rest, 60)
    parts = [(days, "days"), (hours, "hours"), (minutes, "minutes")]
    while len(parts) > 1 and not parts[0][0]:
        parts.pop(0)
    kept = [p for n, p in enumerate(parts[:2]) if p[0] or n == 0]
    return " ".join(f"{number(n, lang)} {_unit(name, n, lang)}" for n, name in kept)


def _unit(name: str, count: int, lang: Lang) -> str:
    found = word(name, lang)
    return found[:-1] if lang == "en" and count == 1 else found
