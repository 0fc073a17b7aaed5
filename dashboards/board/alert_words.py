"""The words of the pages of alerts, in Vietnamese and English."""

from collections.abc import Mapping

from api.alerts.acting import OUTCOMES, REASONS
from dashboards.board.words import Lang

WORDS: Mapping[str, tuple[str, str]] = {
    "title": ("Cảnh báo", "Alerts"),
    "list": ("CẢNH BÁO", "ALERTS"),
    "all": ("tất cả", "all"),
    "unit": ("Đơn vị", "Unit"),
    "kind": ("Loại", "Kind"),
    "level": ("Mức", "Level"),
    "state": ("Trạng thái", "State"),
    "disputed": ("Đang báo sai, chưa trả lời", "Disputed, not answered"),
    "show": ("Lọc", "Filter"),
    "subject": ("Về", "About"),
    "from": ("Từ", "Since"),
    "due": ("Hẹn trả", "Due"),
    "handled": ("Đã làm gì", "What was done"),
    "none": ("Không có cảnh báo nào như vậy.", "There is no such alert."),
    "next": ("Trang sau", "Next page"),
    "taken": ("đã nhận việc", "taken"),
    "not_taken": ("chưa ai nhận", "nobody has taken it"),
    "promised": ("hẹn xong", "promised by"),
    "broken": ("lỡ hẹn", "promise broken"),
    "open_dispute": ("báo sai, chờ trả lời", "disputed, waiting for an answer"),
    "inhibited": ("nguồn mất dữ liệu, tạm không nhắn", "feed silent: nobody is told"),
    "cleared_at": ("Đã hết lúc", "Cleared at"),
    "open_list": ("Danh sách cảnh báo của đơn vị", "The unit's alerts"),
    "chain": ("AI BIẾT, LÚC NÀO", "WHO KNEW, AND WHEN"),
    "no_chain": (
        "Chưa có việc nào được ghi về cảnh báo này. Đã gửi chưa phải là đã biết.",
        "Nothing is recorded about this alert. Sent is not known.",
    ),
    "act": ("Việc", "Act"),
    "who": ("Ai", "Who"),
    "when": ("Lúc", "When"),
    "channel": ("Kênh", "Channel"),
    "said": ("Nội dung", "Said"),
    "place": ("Chứng cứ", "Place"),
    "erased": ("(lời đã xóa)", "(words erased)"),
    "todo": ("XỬ LÝ", "WHAT TO DO"),
    "no_right": (
        "Để nhận việc hoặc báo sai, hãy nhập khóa có quyền xử lý (act).",
        "To take it or dispute it, enter a key with the scope act.",
    ),
    "enter_key": ("Nhập khóa", "Enter a key"),
    "reason": ("Lý do", "Reason"),
    "date": ("Ngày", "Date"),
    "note": ("Ghi chú (không ghi dữ liệu cá nhân)", "Note (no personal data)"),
    "do_ack": ("Đã nhận việc", "Take it"),
    "do_unack": ("Trả lại việc", "Give it back"),
    "do_reason": ("Gửi lý do", "Give the reason"),
    "do_promise": ("Dự kiến xong", "Promise the date"),
    "do_dispute": ("Báo số liệu chưa đúng", "Dispute the figures"),
    "do_comment": ("Ghi chú", "Comment"),
    "do_silence": ("Tạm tắt tin đến hết ngày", "Silence until the date"),
    "do_resolve": ("Trả lời", "Answer"),
    "disputes": ("BÁO SỐ LIỆU CHƯA ĐÚNG", "DISPUTES"),
    "outcome": ("Kết quả", "Outcome"),
    "by": ("do", "by"),
    "waiting": ("chờ trả lời", "not answered"),
    "recorded": ("Đã ghi.", "Recorded."),
    "needs_date": ("Chọn ngày trước (từ hôm nay trở đi).", "Choose a date first, today or later."),
    "needs_reason": ("Chọn lý do trước.", "Choose a reason first."),
    "needs_why": (
        "Chọn lý do hoặc viết ghi chú: tắt tin là không ai được báo.",
        "Choose a reason or write a note: a silence keeps others from being told.",
    ),
    "needs_note": ("Viết ghi chú trước.", "Write a note first."),
    "needs_outcome": ("Chọn kết quả và viết ghi chú trước.", "Choose an outcome and write a note first."),
    "not_recorded": ("Chưa ghi được", "Not recorded"),
    "received": ("HỆ THỐNG ĐÃ NHẬN", "WHAT WAS RECEIVED"),
    "vacant": ("VỊ TRÍ CHƯA NHẬN ĐƯỢC TIN", "POSTS THAT CANNOT BE TOLD"),
    "post": ("Vị trí", "Post"),
    "why": ("Vì sao", "Why"),
    "nobody": ("chưa có người giữ", "nobody holds it"),
    "mute": ("người giữ không có kênh nhận tin dùng được", "no channel works for who holds it"),
    "instead": ("Đang báo thay cho", "Told instead"),
    "nobody_told": ("không ai được báo", "nobody is told"),
    "alerts": ("Số việc", "Alerts"),
    "dead_link": ("Liên kết không còn hiệu lực", "This link is no longer valid"),
    "dead_link_text": (
        "Liên kết đã hết hạn, bị sửa, hoặc ngoài phạm vi được xem. Danh sách cảnh báo vẫn mở được từ đây.",
        "It has expired, was changed, or lies outside what you may see. The list of alerts is open from here.",
    ),
}
POSTS: Mapping[str, tuple[str, str]] = {
    "officer": ("Cán bộ thụ lý", "Officer"),
    "head": ("Lãnh đạo đơn vị", "Head of the unit"),
    "room": ("Phòng theo dõi", "Monitoring room"),
    "chief": ("Chánh văn phòng", "Chief of office"),
    "chairman": ("Chủ tịch", "Chairman"),
    "it": ("Trực kỹ thuật", "Technicians"),
}
LEVELS: Mapping[str, tuple[str, str]] = {
    "red": ("đỏ", "red"),
    "amber": ("vàng", "amber"),
    "violet": ("nghi vấn", "violet"),
    "grey": ("xám", "grey"),
    "green": ("xanh", "green"),
}
STATES: Mapping[str, tuple[str, str]] = {
    "holding": ("đang có", "holding"),
    "cleared": ("đã hết", "cleared"),
    "all": ("tất cả", "all"),
}
SUBJECTS: Mapping[str, tuple[str, str]] = {
    "dossier": ("hồ sơ", "dossier"),
    "petition": ("phản ánh, kiến nghị", "petition"),
    "procedure": ("thủ tục", "procedure"),
    "unit": ("đơn vị", "unit"),
    "part": ("hệ thống", "system"),
}
ACTS: Mapping[str, tuple[str, str]] = {
    "raised": ("Hệ thống nêu", "Raised"),
    "held": ("Giữ lại, chờ giờ gửi", "Held"),
    "suppressed": ("Không gửi", "Suppressed"),
    "notify_intended": ("Chuẩn bị gửi", "About to be sent"),
    "notified": ("Đã gửi", "Sent"),
    "delivered": ("Đã đến", "Delivered"),
    "opened": ("Đã mở", "Opened"),
    "acknowledged": ("Đã nhận việc", "Taken"),
    "unacknowledged": ("Trả lại việc", "Given back"),
    "reason_given": ("Nêu lý do", "Reason given"),
    "disputed": ("Báo số liệu chưa đúng", "Disputed"),
    "promised": ("Dự kiến xong", "Promised"),
    "silenced": ("Tạm tắt tin", "Silenced"),
    "commented": ("Ghi chú", "Comment"),
    "escalated": ("Báo cấp trên", "Escalated"),
}
OURS: Mapping[str, tuple[str, str]] = {
    "new": ("việc mới", "new"),
    "reminder": ("nhắc lại", "reminder"),
    "unacknowledged": ("chưa ai nhận việc", "nobody has taken it"),
    "promise_broken": ("lỡ ngày dự kiến xong", "promise broken"),
    "digest": ("việc có từ trước", "from before the first run"),
    "outage": ("việc có từ lúc hệ thống ngừng gửi", "from while nothing was sent"),
    "vacant": ("báo thay vị trí chưa có người nhận tin", "instead of a post that cannot be told"),
    "quiet_hours": ("ngoài giờ gửi tin", "quiet hours"),
    "cleared": ("đã hết trước khi gửi", "cleared before it was sent"),
    "inhibited": ("nguồn mất dữ liệu", "the feed is silent"),
    "silenced": ("đang tạm tắt tin", "silenced"),
    "undated": ("không có hạn", "undated"),
    "ceiling": ("đủ số tin trong ngày", "the day's ceiling is reached"),
    "forbidden": ("tin có nội dung không được gửi", "the text may not be sent"),
    "beyond_horizon": ("quá cũ để báo từng việc, đã báo gộp", "too old to be told one by one: in a digest"),
    "undeliverable": ("kênh không nhận được tin này", "the channel will never take it"),
}
"""Why the notifier did or kept back something."""
KNEW = frozenset({"opened", "acknowledged", "reason_given", "promised", "disputed", "commented"})
"""Acts that prove that a person knew; sent and delivered do not."""


def said(key: str, lang: Lang) -> str:
    """A label."""
    return WORDS[key][lang == "en"]


def lacking(verb: str, given: Mapping[str, str], today: str) -> str | None:
    """What an act lacks, as a key of the words; None for nothing. `today` as 2026-11-24."""
    if verb in ("promise", "silence") and given.get("until", "") < today:
        return "needs_date"
    if verb == "silence" and not (given.get("reason") or given.get("note", "").strip()):
        return "needs_why"
    if verb == "reason" and not given.get("reason"):
        return "needs_reason"
    if verb == "comment" and not given.get("note", "").strip():
        return "needs_note"
    if verb == "resolve" and not (given.get("outcome") and given.get("note", "").strip()):
        return "needs_outcome"
    return None


def told(table: Mapping[str, tuple[str, str]], key: str, lang: Lang) -> str:
    """A coded value in words, or the code itself."""
    return table[key][lang == "en"] if key in table else key


def reasons(lang: Lang) -> dict[str, str]:
    """The reasons that people pick."""
    return {code: words[lang == "en"] for code, words in REASONS.items()}


def outcomes(lang: Lang) -> dict[str, str]:
    """How a dispute can end."""
    return {code: words[lang == "en"] for code, words in OUTCOMES.items()}
