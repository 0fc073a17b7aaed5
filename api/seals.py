"""What the API tells of seals: the chain, proofs, and bundles, for whom each may be shown."""

from datetime import UTC, datetime
from html import escape
from typing import Any

import msgspec

from api.access import Principal
from api.problems import NotFound
from api.services import Services
from domain.blocks import partition_of
from domain.errors import InvalidInput, Refused
from domain.fold import RULES_VERSION
from domain.instants import format_rfc3339
from domain.seals import Signed
from sinks.sealing.bundles import make_bundle
from sinks.sealing.chain import CheckpointFile
from sinks.sealing.config import SealConfig
from sinks.sealing.proofs import Coordinates, EventProof, Proofs, read_coordinates

LOG = "dossier-events"


def _config(services: Services) -> SealConfig:
    found = services.config.seal
    if found is None:
        raise Refused("this API does not know where seals are kept: it was started without a seal folder")
    return found


def _shown(signed: Signed) -> dict[str, Any]:
    return {"number": signed.checkpoint().number, "hash": signed.hash, **msgspec.to_builtins(signed)}


def checkpoints(services: Services, after: int, limit: int) -> dict[str, Any]:
    """Some checkpoints beyond a number, and where to go on."""
    found: list[dict[str, Any]] = []
    for signed in CheckpointFile(_config(services).checkpoints).after(after):
        found.append(_shown(signed))
        if len(found) == limit:
            break
    return {"checkpoints": found, "next": found[-1]["number"] if len(found) == limit else None}


def checkpoint(services: Services, number: str) -> dict[str, Any]:
    """One checkpoint; InvalidInput when there is none of that number."""
    proofs = Proofs(_config(services))
    if number == "last":
        return _shown(proofs.newest())
    if not (number.isascii() and number.isdigit()):
        raise InvalidInput(f"'{number}' is no number of a checkpoint: give one, or `last`")
    return _shown(proofs.checkpoint(int(number)))


def consistency(services: Services, old: int, new: int) -> dict[str, Any]:
    """Both checkpoints and the proofs between them."""
    return Proofs(_config(services)).consistency(old, new)


def proof(services: Services, who: Principal, event: str) -> EventProof:
    """A proof of an event; NotFound when its dossier is not the caller's to see."""
    (found,) = Proofs(_config(services)).events([read_coordinates(event)])
    if who.units and services.config.root not in who.units:
        named = msgspec.json.decode(found.event)
        kind, subject = str(named.get("type", "")).partition(".")[0], str(named.get("subject", ""))
        unit = services.units_of_dossiers([subject]).get(subject) if kind == "dossier" else None
        if unit is None or not services.sees(who)(unit):
            raise NotFound("there is nothing under that name, or it lies outside your units")
    return found


def dossier_bundle(services: Services, who: Principal, code: str) -> bytes:
    """The evidence bundle of a dossier; NotFound when it is not there or not the caller's to see."""
    config = _config(services)
    with services.context(services, who) as ctx:
        rows = services.figures.dossier_events(ctx, code)
        shown = services.figures.dossier(ctx, code, None, None)
    if not rows or shown is None:
        raise NotFound("there is nothing under that name, or it lies outside your units")
    places = [Coordinates(LOG, e["partition"], e["offset"], e["index"]) for e in rows]
    partition = partition_of(code, services.config.partitions)
    return make_bundle(
        config,
        kind="dossier",
        about=code,
        made_at=format_rfc3339(services.wall()),
        events=places,
        subjects=[(LOG, partition, "dossier", code)],
        files={
            "ho_so.json": msgspec.json.format(msgspec.json.encode(shown)),
            "bien_ban.html": minutes(code, len(places), services).encode(),
        },
        versions={"rules": RULES_VERSION, "generation": shown.get("generation")},
    )


def minutes(code: str, events: int, services: Services) -> str:
    """One page in Vietnamese: what is in the bundle, how it is checked, what it does not prove."""
    made = datetime.fromtimestamp(services.wall() / 1000, UTC).astimezone(services.zone.info)
    return f"""<!doctype html><html lang="vi"><meta charset="utf-8"><title>Biên bản gói chứng cứ</title>
<body style="font-family:serif;max-width:42em;margin:2em auto;line-height:1.5">
<h1>Biên bản gói chứng cứ</h1>
<p>Hồ sơ <b>{escape(code)}</b>. Lập lúc {made:%H:%M:%S ngày %d/%m/%Y}. Gói gồm {events} sự kiện của hồ sơ,
nguyên văn từng byte như trong nhật ký, kèm chứng minh, mốc niêm phong có chữ ký số, và trạng thái hồ sơ theo
các quy tắc.</p>
<h2>Cách kiểm tra, không cần mạng</h2>
<p>Chép <code>kiem_tra.py</code> từ một bản đã tin cậy (không phải từ gói này) vào một thư mục trống rồi chạy
<code>python3 -I kiem_tra.py goi-chung-cu.zip --outside checkpoints.jsonl</code>, trong đó
<code>checkpoints.jsonl</code> là bản sao các mốc niêm phong do bên ngoài giữ. Kết quả: ĐẠT, KHÔNG ĐẠT hoặc
KHÔNG CHỨNG MINH ĐƯỢC.</p>
<h2>Chứng minh được gì</h2>
<p>Các sự kiện có trong nhật ký đúng nguyên văn, đúng vị trí, đúng thời điểm hệ thống biết; với ngày đã chốt, không
thiếu sự kiện nào của hồ sơ.</p>
<h2>Không chứng minh được gì</h2>
<p>Nguồn gửi dữ liệu có nói đúng sự thật hay không; và sự kiện đến sau lần chốt gần nhất có đủ hay không.</p>
</body></html>
"""
