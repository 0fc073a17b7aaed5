"""The minutes (biên bản) of a bundle: one page in Vietnamese that stands on its own, without scripts."""

from collections.abc import Iterable
from datetime import datetime
from html import escape

from domain.seals import Signed


def minutes(about: str, facts: Iterable[str], signed: Signed, made: datetime) -> str:
    """What is in the bundle, how it is checked, what it proves and what it does not."""
    listed = "".join(f"<li>{escape(fact)}</li>" for fact in facts)
    return f"""<!doctype html><html lang="vi"><meta charset="utf-8"><title>Biên bản gói chứng cứ</title>
<body style="font-family:serif;max-width:42em;margin:2em auto;line-height:1.5">
<h1>Biên bản gói chứng cứ</h1>
<p><b>{escape(about)}</b>. Lập lúc {made:%H:%M:%S ngày %d/%m/%Y}.</p>
<ul>{listed}</ul>
<p>Mọi sự kiện trong gói là nguyên văn từng byte như trong nhật ký, có chứng minh dẫn tới mốc niêm phong số
{signed.checkpoint().number}, mã <code style="word-break:break-all">{signed.hash}</code>.</p>
<h2>Cách kiểm tra, không cần mạng</h2>
<p>Chép <code>kiem_tra.py</code> từ một bản đã tin cậy (không phải từ gói này) vào một thư mục trống rồi chạy
<code>python3 -I kiem_tra.py goi-chung-cu.zip --outside checkpoints.jsonl</code>, trong đó
<code>checkpoints.jsonl</code> là bản sao các mốc niêm phong do bên ngoài giữ. Kết quả: ĐẠT, KHÔNG ĐẠT hoặc
KHÔNG CHỨNG MINH ĐƯỢC. Không có Python: mở trang kiểm tra gói trong trình duyệt, cũng không cần mạng.</p>
<h2>Chứng minh được gì</h2>
<p>Các sự kiện có trong nhật ký đúng nguyên văn, đúng vị trí, đúng thời điểm hệ thống biết; với ngày đã chốt, không
thiếu sự kiện nào của các hồ sơ trong gói.</p>
<h2>Không chứng minh được gì</h2>
<p>Nguồn gửi dữ liệu có nói đúng sự thật hay không; và sự kiện đến sau lần chốt gần nhất có đủ hay không.</p>
</body></html>
"""
