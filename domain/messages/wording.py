"""The words of every kind of alert (users.md §B): a long Vietnamese sentence, a short one, a few words in a list.

Words hold numbers, dates and names of units only. A kind is added by one line in `TEXTS`.
"""

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass

from domain.message import GSM_DOUBLE, SMS_LENGTH, sms_length
from domain.reference import AlertThresholds

_UNIT_LENGTH = 36
_SPELLED = str.maketrans(
    {
        "đ": "d",
        "Đ": "D",
        "₫": "d",
        "€": "EUR",
        "×": "x",
        "÷": "/",
        "ø": "o",
        "Ø": "O",
        "æ": "ae",
        "Æ": "AE",
        "ß": "ss",
    }
    | dict.fromkeys("‐‑‒–—―−~", "-")
    | dict.fromkeys("‘’‚′´`ʼ", "'")
    | dict.fromkeys("“”„″«»", '"')
    | dict.fromkeys("•·●▪", "-")
    | dict.fromkeys("[{", "(")
    | dict.fromkeys("]}", ")")
    | dict.fromkeys("|\\⁄", "/")
    | {"^": ""}
)
"""What is no letter with a mark, and what would take two places of an SMS, in letters that take one."""
UNKNOWN = "?"
"""Stands where a letter cannot be spelled: nothing is left out in silence."""
CLOSING = "Mở danh sách để nhận việc hoặc báo số liệu chưa đúng."
FRESH = "Số liệu đến {data_to}."
REPEATED = "Tin này có thể đã được gửi một lần trước đó."


def numbers_of(t: AlertThresholds) -> dict[str, str]:
    """The thresholds that texts name, as they are written: texts never say another number than what holds."""
    return {
        "acceptance_hours": number(t.acceptance_hours),
        "publicising_days": number(t.publicising_working_days),
        "crunch_days": number(t.crunch_days),
        "crunch_ratio": f"{t.crunch_ratio:g}".replace(".", ","),
    }


@dataclass(frozen=True, slots=True)
class Text:
    """Templates over: n (how many), due (their due days), soon (the due day as spoken), today, by_day (of how many
    the due day has passed, too), since (when it began), silent (which units below one's own are), and the
    thresholds of `numbers_of`. `short` and `item` have no diacritics."""

    long: str
    short: str
    item: str


TEXTS: Mapping[str, Text] = {
    "A01": Text(
        "Có {n} hồ sơ sắp đến hạn (hẹn trả {due}) chưa có kết quả.",
        "{n} ho so sap den han, hen tra {due}, chua co ket qua.",
        "{n} sap den han",
    ),
    "A02": Text(
        "Có {n} hồ sơ hẹn trả {due} chưa có kết quả và chưa có văn bản xin lỗi, đề nghị gia hạn (Mẫu 04). "
        "Hôm nay, {today}, là ngày cuối để gửi đúng quy định. Mỗi hồ sơ chỉ được hẹn lại 01 lần.",
        "{n} ho so hen tra {soon} chua co ket qua, chua gui Mau 04. Hom nay la han cuoi gui xin loi.",
        "{n} han cuoi Mau 04 hom nay",
    ),
    "A03": Text(
        "Có {n} hồ sơ đến hạn hôm nay, {today}, chưa có kết quả: xong trong ngày thì chưa trễ theo ngày.",
        "{n} ho so DEN HAN HOM NAY chua co ket qua.",
        "{n} den han hom nay",
    ),
    "A04": Text(
        "Có {n} hồ sơ đã quá giờ hẹn trả mà chưa có kết quả (cách tính của Cổng, so giờ); trong đó {by_day} "
        "đã qua ngày hẹn (cách tính II.06a, so ngày).",
        "{n} ho so qua gio hen tra chua co ket qua, {by_day} da qua ngay hen.",
        "{n} qua han",
    ),
    "A05": Text(
        "Có {n} hồ sơ quá hạn chưa có văn bản xin lỗi (Mẫu 04). Có kết quả rồi vẫn còn nghĩa vụ xin lỗi.",
        "{n} ho so qua han chua gui xin loi (Mau 04).",
        "{n} qua han chua xin loi",
    ),
    "A06": Text(
        "Có {n} hồ sơ được hẹn lại lần thứ hai; mỗi hồ sơ chỉ được hẹn lại 01 lần.",
        "{n} ho so hen lai lan thu hai, quy dinh chi 01 lan.",
        "{n} hen lai lan 2",
    ),
    "A07": Text(
        "Có {n} hồ sơ trực tuyến chờ tiếp nhận sắp hết hoặc đã hết {acceptance_hours} giờ làm việc.",
        "{n} ho so truc tuyen cho tiep nhan sap het hoac da het {acceptance_hours} gio lam viec.",
        "{n} cho tiep nhan",
    ),
    "A08": Text(
        "Có {n} hồ sơ lâu không có bước xử lý, hoặc đã có kết quả mà chưa trả.",
        "{n} ho so lau khong co buoc xu ly hoac chua tra ket qua.",
        "{n} lau khong xu ly",
    ),
    "A09": Text(
        "Có {n} hồ sơ tạm dừng lâu bất thường hoặc bị yêu cầu bổ sung lần thứ hai.",
        "{n} ho so tam dung lau hoac yeu cau bo sung lan hai.",
        "{n} tam dung bat thuong",
    ),
    "A10": Text("Có {n} nội dung cần xác minh.", "{n} noi dung can xac minh.", "{n} can xac minh"),
    "A11": Text(
        "Có {n} hồ sơ chưa lên được Cổng Dịch vụ công quốc gia.",
        "{n} ho so chua len Cong Dich vu cong quoc gia.",
        "{n} chua len Cong",
    ),
    "A12": Text(
        "Có {n} phản ánh, kiến nghị sắp đến hạn hoặc đã quá hạn (hạn {due}).",
        "{n} phan anh, kien nghi sap den han hoac qua han.",
        "{n} phan anh, kien nghi",
    ),
    "A13": Text(
        "Từ {since} hệ thống không nhận được dữ liệu từ Hệ thống thông tin giải quyết TTHC tỉnh. Mọi số liệu sau "
        "thời điểm này là số cũ; cảnh báo quá hạn của các đơn vị liên quan tạm dừng để tránh báo sai. "
        "Không phải lỗi của đơn vị giải quyết.{silent}",
        "khong nhan duoc du lieu tu {since}. So lieu sau do la so cu; khong phai loi cua don vi.",
        "mat luong du lieu tu {since}",
    ),
    "A14": Text(
        "Có {n} chỉ số lệch so với số liệu Cổng công bố mà chưa có giải thích.",
        "{n} chi so lech so voi Cong, chua giai thich.",
        "{n} lech Cong",
    ),
    "A15": Text(
        "Có {n} mục giảm điểm đáng kể, cùng nguồn và cùng cách tính.",
        "{n} muc giam diem dang ke.",
        "{n} giam diem",
    ),
    "A16": Text(
        "Có {n} chỉ tiêu cần nhịp độ cao hơn tháng tốt nhất từ trước đến nay.",
        "{n} chi tieu kho dat voi nhip do hien nay.",
        "{n} chi tieu kho dat",
    ),
    "A17": Text(
        "Có {n} thủ tục đã công bố, sắp hết hoặc đã hết hạn công khai ({publicising_days} ngày làm việc).",
        "{n} thu tuc den han cong khai.",
        "{n} thu tuc chua cong khai",
    ),
    "A18": Text(
        "Hồ sơ đến hạn trong {crunch_days} ngày làm việc tới nhiều hơn {crunch_ratio} lần sức giải quyết thường "
        "ngày của đơn vị.",
        "ho so den han {crunch_days} ngay toi vuot {crunch_ratio} lan suc giai quyet thuong ngay.",
        "don han {crunch_days} ngay toi",
    ),
    "A19": Text(
        "Hệ thống giám sát có {n} sự cố kỹ thuật từ {since}.",
        "he thong giam sat co {n} su co ky thuat tu {since}.",
        "{n} su co he thong",
    ),
    "A20": Text("Bản tin giao ban ngày {today} đã sẵn sàng.", "ban tin giao ban {today} da san sang.", "giao ban"),
}
EXTRA: Mapping[str, Text] = {
    "unacknowledged": Text(
        "Trong đó {n} việc đã báo mà chưa có người nhận.",
        "{n} viec da bao chua co nguoi nhan.",
        "{n} chua ai nhan",
    ),
    "promise_broken": Text(
        "Trong đó {n} việc đã qua ngày dự kiến xong.",
        "{n} viec qua ngay du kien xong.",
        "{n} qua ngay du kien",
    ),
    "vacant": Text(
        "Trong đó {n} việc báo lên đây vì vị trí phụ trách chưa có người giữ, hoặc người giữ không có "
        "kênh nhận tin.",
        "{n} viec bao len vi vi tri phu trach chua co nguoi nhan tin.",
        "{n} bao thay vi tri trong",
    ),
    "digest": Text(
        "Tin đầu tiên này gồm cả {n} việc có từ trước; về sau chỉ báo việc mới và nhắc việc chưa có người nhận.",
        "gom {n} viec co tu truoc.",
        "{n} co tu truoc",
    ),
    "outage": Text(
        "Tin này gồm cả {n} việc phát sinh trong lúc hệ thống gián đoạn, trước đây chưa báo được.",
        "gom {n} viec luc he thong gian doan.",
        "{n} luc gian doan",
    ),
    "chairman": Text(
        "Có {n} việc quá hạn kéo dài chưa có người nhận, đề nghị lãnh đạo quan tâm.",
        "{n} viec qua han keo dai chua co nguoi nhan.",
        "{n} keo dai chua ai nhan",
    ),
}


@dataclass(frozen=True, slots=True)
class Line:
    """One sentence of a message: a key of `TEXTS` or `EXTRA`, and its numbers."""

    word: str
    params: Mapping[str, str]

    @property
    def text(self) -> Text:
        """Its templates."""
        return TEXTS[self.word] if self.word in TEXTS else EXTRA[self.word]


def long_text(unit: str, lines: tuple[Line, ...], data_to: str, *, units: int, repeated: bool) -> str:
    """The whole text: greeting, a sentence a kind, what to do, how fresh the figures are."""
    said = [line.text.long.format(**line.params) for line in lines]
    if units > 1:
        said.insert(0, f"Tổng hợp {number(units)} đơn vị.")
    if len(said) > 1:
        said = ["", *(f"- {sentence}" for sentence in said), ""]
    parts = [f"Kính gửi {unit}.", *said, CLOSING, FRESH.format(data_to=data_to)]
    if repeated:
        parts.append(REPEATED)
    return "\n".join(parts) if len(said) > 1 else " ".join(parts)


def short_text(unit: str, lines: tuple[Line, ...], *, repeated: bool) -> str:
    """At most 160 places of one SMS: a sentence for one kind, a list for several; what does not fit is counted.
    Its link is the channel's to add, where there is room."""
    head = f"[GS766] {plain(unit)[:_UNIT_LENGTH].strip()}: {'(gui lai) ' if repeated else ''}"
    if len(lines) == 1:
        body = lines[0].text.short.format(**_plain_values(lines[0].params))
        if sms_length(head + body) > SMS_LENGTH:
            body = lines[0].text.item.format(**_plain_values(lines[0].params)) + "."
    else:
        body = _listed(lines, SMS_LENGTH - sms_length(head))
    return head + body


def subject_text(unit: str, lines: tuple[Line, ...]) -> str:
    """The subject of an e-mail: the most urgent thing first."""
    first = lines[0]
    more = f" và {len(lines) - 1} loại việc khác" if len(lines) > 1 else ""
    return f"[GS766] {unit}: {_SUBJECTS.get(first.word, 'việc cần làm').format(**first.params)}{more}"


_SUBJECTS = {
    "A01": "{n} hồ sơ sắp đến hạn",
    "A02": "{n} hồ sơ, hôm nay là ngày cuối gửi Mẫu 04",
    "A03": "{n} hồ sơ đến hạn hôm nay",
    "A04": "{n} hồ sơ quá hạn",
    "A05": "{n} hồ sơ quá hạn chưa xin lỗi",
    "A07": "{n} hồ sơ chờ tiếp nhận",
    "A12": "{n} phản ánh, kiến nghị",
    "A13": "không nhận được dữ liệu từ {since}",
    "A19": "{n} sự cố hệ thống",
    "A20": "bản tin giao ban {today}",
}


def _listed(lines: tuple[Line, ...], room: int) -> str:
    items = [line.text.item.format(**_plain_values(line.params)) for line in lines]
    for kept in range(len(items), 0, -1):
        left = len(items) - kept
        body = "; ".join(items[:kept]) + (f"; va {left} loai viec khac" if left else "") + "."
        if sms_length(body) <= room:
            return body
    return f"{len(items)} loai viec can lam."


def _plain_values(params: Mapping[str, str]) -> dict[str, str]:
    return {name: plain(value) for name, value in params.items()}


def plain(text: str) -> str:
    """Vietnamese without diacritics in letters of one place each: what an SMS carries."""
    flat = unicodedata.normalize("NFKD", text.translate(_SPELLED)).translate(_SPELLED)
    return "".join(map(_plain_letter, flat))


def _plain_letter(letter: str) -> str:
    if letter.isascii() and letter.isprintable() and letter not in GSM_DOUBLE:
        return letter
    if unicodedata.combining(letter) or unicodedata.category(letter) == "Cf":
        return ""  # A mark on the letter before, or nothing that is seen.
    return " " if letter.isspace() else UNKNOWN


def number(n: int) -> str:
    """A count as it is written in Viet Nam: 1.284."""
    return f"{n:,}".replace(",", ".")


DEFAULT_NUMBERS: Mapping[str, str] = numbers_of(AlertThresholds())
"""Where a province published no thresholds."""
