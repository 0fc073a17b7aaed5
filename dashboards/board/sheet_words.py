"""The words of the page that brings Excel exports in, in Vietnamese and English."""

from collections.abc import Mapping

from dashboards.board.words import Lang

WORDS: Mapping[str, tuple[str, str]] = {
    "title": ("Nạp tệp Excel", "Bring in an Excel file"),
    "intro": (
        "Tệp xuất từ hệ thống một cửa (.xlsx, .xls). Chạy thử trước, chưa ghi gì; xem xong mới nạp. Cột cá nhân "
        "không lưu; tệp bị xóa khỏi máy chủ khi xong.",
        "An export of the one-stop system (.xlsx, .xls). A dry run comes first and writes nothing. Personal "
        "columns are not kept; the file is deleted from the server afterwards.",
    ),
    "choose": ("Chọn hoặc kéo tệp vào đây", "Choose a file or drop it here"),
    "exported_at": ("Tệp xuất lúc", "Exported at"),
    "unit": ("Mã đơn vị (tệp không có cột đơn vị)", "Code of the unit (where no column names one)"),
    "too_large": ("Tệp lớn hơn 64 MB hoặc không phải bảng tính.", "The file is over 64 MB or no spreadsheet."),
    "this_file": ("tệp này", "this file"),
    "no_file": ("Chưa có tệp.", "There is no file."),
    "waiting": ("Đang chờ một tệp khác nạp xong…", "Waiting for another file…"),
    "reading": ("Đang đọc tệp (chạy thử)…", "Reading the file (dry run)…"),
    "importing": ("Đang nạp…", "Importing…"),
    "trial": ("Chạy thử, chưa ghi gì:", "Dry run, nothing written:"),
    "bring": ("Nạp {n} hồ sơ", "Import {n} dossiers"),
    "again": ("Chạy thử lại", "Dry run again"),
    "done": ("Đã nạp xong.", "Imported."),
    "to_board": ("Xem Toàn cảnh", "To the overview"),
    "download": ("Tải các dòng bị từ chối", "Download the refused rows"),
    "absent": (
        "Không còn trong tệp từ {since}: {count} hồ sơ, trong đó {open} chưa xong (không coi là đã xong).",
        "No longer in the file since {since}: {count} dossiers, {open} of them open (not taken as finished).",
    ),
    "columns": ("CỘT TRONG TỆP → Ý NGHĨA", "COLUMN → MEANING"),
    "sheet": ("tiêu đề ở dòng {row}, {rows} dòng", "header in row {row}, {rows} rows"),
    "skipped": ("bỏ qua", "passed over"),
    "unused": ("không dùng, không lưu", "not used, not kept"),
    "not_kept": ("sẽ không lưu", "will not be kept"),
    "words": ("TRẠNG THÁI CHƯA BIẾT (trả lời một lần)", "UNKNOWN STATES (asked once)"),
    "later": ("để sau", "later"),
    "rows": ("dòng", "rows"),
    "refused": ("TỪ CHỐI", "REFUSED"),
    "line": ("Dòng", "Row"),
    "reason": ("Lý do", "Reason"),
    "column": ("Cột", "Column"),
    "abilities": ("TỆP NÀY TÍNH ĐƯỢC GÌ", "WHAT THIS FILE CAN SERVE"),
    "indicator": ("Chỉ số", "Indicator"),
    "computed": ("Tính được không", "Computed"),
    "lacks": ("Thiếu", "Lacks"),
    "no_right": (
        "Nạp tệp cần khóa có quyền nạp (intake) và xem (read).",
        "This needs a key with the scopes intake and read.",
    ),
    "unit_key": (
        "Khóa của một đơn vị không nạp được tệp của cả tỉnh: hỏi quản trị viên.",
        "A key bound to units cannot bring in a whole export: ask the administrator.",
    ),
    "source_key": ("Khóa này không được ghi nguồn này.", "This key may not write this source."),
    "enter_key": ("Nhập khóa khác", "Enter another key"),
    "status_submitted": ("mới đăng ký", "submitted"),
    "status_accepted": ("được tiếp nhận", "accepted"),
    "status_rejected": ("không được tiếp nhận", "rejected"),
    "status_processing": ("đang xử lý", "processing"),
    "status_supplement_requested": ("yêu cầu bổ sung", "supplement requested"),
    "status_payment_requested": ("chờ nộp phí", "payment requested"),
    "status_withdrawn": ("rút hồ sơ", "withdrawn"),
    "status_stopped": ("dừng xử lý", "stopped"),
    "status_finished": ("đã xử lý xong", "finished"),
    "status_returned": ("đã trả kết quả", "returned"),
    "status_ignore": ("bỏ qua từ này", "pass over this word"),
}


def said(name: str, lang: Lang) -> str:
    """A word or sentence in the language of the page."""
    return WORDS[name][lang == "en"]
