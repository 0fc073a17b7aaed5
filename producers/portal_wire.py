"""The wire format that provincial systems push to the national portal: records and steps, cut to what we keep.

Field names and codes as domain.md §3 lists them, times `yyyyMMddHHmmss` in the province's zone. Everything else,
personal fields above all, is dropped and only its name counted. Problems carry a stable code for the vendor.
"""

import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, NamedTuple

from domain.errors import Gs766Error
from domain.instants import Millis, Zone, format_rfc3339, to_millis

CODES: dict[str, str] = {
    "NOT_AN_OBJECT": "the item is not a JSON object",
    "MISSING": "a field that must be there is missing or empty",
    "WRONG_TYPE": "the field has another type (text where a list is meant, …)",
    "TOO_LONG": "the value or list is longer than the field takes",
    "BAD_TIME": "not a time yyyyMMddHHmmss of a real date",
    "UNKNOWN_CODE": "a code that the format does not have",
    "BAD_NUMBER": "not a whole number of đồng, 0 or more",
    "NOT_TEXT": "control characters in a code",
    "OUT_OF_SCOPE": "the key does not reach this unit or source",
    "INVALID": "the record cannot be taken for another reason, which is said",
}
"""Every code with which an item can be rejected; they never change their meaning."""
SOURCE = "/portal"
STATUSES = dict(
    enumerate(
        (
            "submitted",
            "accepted",
            "rejected",
            "processing",
            "supplement_requested",
            "payment_requested",
            "withdrawn",
            "stopped",
            "finished",
            "returned",
        ),
        start=1,
    )
)
_CHANNELS = {1: "counter", 2: "online", 3: "post"}
_APPLICANTS = {1: "citizen", 2: "business", 3: "state", 4: "other"}
_GATEWAYS = {1: "national_portal", 2: "local_gateway", 3: "other"}
_TIMES = {
    "NgayNopHoSo": "submitted_at",
    "NgayTiepNhan": "accepted_at",
    "NgayHenTra": "due_at",
    "NgayTuChoi": "rejected_at",
    "NgayKetThucXuLy": "finished_at",
    "NgayTra": "returned_at",
}
_UNIT_FIELDS = ("DonViXuLy", "NoiNopHoSo")
OWNER = "DinhDanhCHS"
"""The identifier of whose dossier it is: dropped, or hashed where a province decided so."""
RECORD_FIELDS = frozenset(
    {
        "MaHoSo",
        "MaTTHC",
        "KenhThucHien",
        "LoaiDoiTuong",
        "TrangThaiHoSo",
        "HoSoCoThanhPhanSoHoa",
        "TaiKhoanDuocXacThucVoiVNeID",
        "DuocThanhToanTrucTuyen",
        "TaiLieuNop",
        "DanhSachLePhi",
        "DanhSachHoSoBoSung",
        "DanhSachGiayToKetQua",
        "DSKetNoiCSDL",
        *_TIMES,
        *_UNIT_FIELDS,
    }
)
STEP_FIELDS = frozenset(
    {"MaHoSo", "NguoiXuLy", "ThoiDiemXuLy", "PhongBanXuLy", "TrangThai", "NgayBatDau", "NgayKetThucTheoQuyDinh"}
)
_STAMP = re.compile(r"^(\d{4})(\d\d)(\d\d)(?:(\d\d)(\d\d)(\d\d)?)?$", re.ASCII)
_PROCEDURE = re.compile(r"^(\d\.\d{6})(?!\d)")
_TRUE = frozenset({"1", "true", "co", "có", "x"})
_POPULATION = re.compile(r"dan\s*cu|dân\s*cư|dancu|csdlqgdc|qgdc|c06", re.IGNORECASE)
_MAX_CODE = 128
_MAX_LIST = 200


class BadRecord(Gs766Error):
    """An item that cannot be taken: a code of `CODES`, the field's path, a sentence; no values."""

    def __init__(self, code: str, field: str, reason: str = "") -> None:
        self.code = code
        self.field = field
        self.reason = reason or CODES[code]
        super().__init__(self.reason)


class WireItem(NamedTuple):
    """What an item comes to: `type` is 'dossier.snapshot_received' or a step's; `at` is None for a whole record,
    which says no time of its own. `anchor` is an instant of the dossier's own."""

    type: str
    code: str
    data: dict[str, Any]
    at: Millis | None
    anchor: Millis
    dropped: tuple[str, ...]


def read_item(item: Any, zone: Zone, *, applicants: bool = False) -> WireItem:
    """A record or a step; `applicants`: the owner's identifier is handed on, to be hashed at the edge. BadRecord
    says what is wrong and where."""
    if not isinstance(item, dict):
        raise BadRecord("NOT_AN_OBJECT", "")
    if any(name in item for name in ("ThoiDiemXuLy", "NgayBatDau")) and "TrangThaiHoSo" not in item:
        return _step(item, zone)
    found = _record(item, zone)
    owner = str(item.get(OWNER) or "").strip()[:64]
    if not applicants or not owner:
        return found
    dropped = tuple(name for name in found.dropped if name != OWNER)
    return found._replace(data={**found.data, "applicant": owner}, dropped=dropped)


def _record(item: Mapping[str, Any], zone: Zone) -> WireItem:
    code = _code(item, "MaHoSo", required=True)
    dropped = sorted(str(name)[:64] for name in item if name not in RECORD_FIELDS)
    data: dict[str, Any] = {}
    times = {ours: t for name, ours in _TIMES.items() if (t := _time(item, name, zone)) is not None}
    if not times.keys() & {"submitted_at", "accepted_at", "rejected_at"}:
        raise BadRecord("MISSING", "NgayTiepNhan", "NgayNopHoSo or NgayTiepNhan must be there")
    data |= {name: format_rfc3339(t) for name, t in times.items()}
    data["status"] = _coded(item, "TrangThaiHoSo", STATUSES, required=True)
    data["channel"] = _coded(item, "KenhThucHien", _CHANNELS) or "counter"
    data["applicant_kind"] = _coded(item, "LoaiDoiTuong", _APPLICANTS)
    data["gateway"] = _coded(item, "DuocThanhToanTrucTuyen", _GATEWAYS, none=(0,))
    procedure = _code(item, "MaTTHC")
    found = _PROCEDURE.match(procedure)
    data["procedure"] = found[1] if found else procedure
    data["unit"], data["receiving_unit"] = _code(item, "DonViXuLy"), _code(item, "NoiNopHoSo")
    data["vneid"] = _flag(item, "TaiKhoanDuocXacThucVoiVNeID")
    _papers(item, data, dropped)
    _supplements(item, data, zone, dropped)
    data["amounts"] = list(_amounts(item, dropped))
    databases = [str(row.get("MaCSDL", "")) for _, row in _rows(item, "DSKetNoiCSDL", {"MaCSDL"}, dropped)]
    data["population_data"] = any(_POPULATION.search(name) for name in databases)
    kept = {name: value for name, value in data.items() if value not in (None, "", False, [])}
    return WireItem(
        "dossier.snapshot_received", code, kept, None, min(times.values()), tuple(dict.fromkeys(dropped))
    )


def _papers(item: Mapping[str, Any], data: dict[str, Any], dropped: list[str]) -> None:
    components = []
    known = {
        "MaThanhPhanHoSo",
        "DuongDanTaiTepTin",
        "DuocSoHoa",
        "DuocTaiSuDung",
        "DuocLayTuKhoDMQG",
        "MaKetQuaThayThe",
    }
    for where, row in _rows(item, "TaiLieuNop", known, dropped):
        one: dict[str, Any] = {
            "code": _code(row, "MaThanhPhanHoSo", where=where),
            "digitised": _flag(row, "DuocSoHoa", where),
            "reused": _flag(row, "DuocTaiSuDung", where),
            "from_store": _flag(row, "DuocLayTuKhoDMQG", where),
            "replaced_by": _code(row, "MaKetQuaThayThe", where=where),
            "link": _link(row, "DuongDanTaiTepTin", where),
        }
        components.append({name: value for name, value in one.items() if value})
    if not components and _flag(item, "HoSoCoThanhPhanSoHoa"):
        components.append({"digitised": True})
    files = []
    results = {"TenGiayTo", "MaGiayToKetQua", "DuongDanTepTinKetQua"}
    for where, row in _rows(item, "DanhSachGiayToKetQua", results, dropped):
        if link := _link(row, "DuongDanTepTinKetQua", where):
            files.append({"electronic": True, "link": link})
    data["components"], data["result_files"] = components, files


def _supplements(item: Mapping[str, Any], data: dict[str, Any], zone: Zone, dropped: list[str]) -> None:
    names = {
        "NgayBoSung": "requested_at",
        "NgayTiepNhanBoSung": "received_at",
        "NgayHenTraTruoc": "due_before",
        "NgayHenTraMoi": "due_after",
    }
    found = []
    for where, row in _rows(item, "DanhSachHoSoBoSung", {*names, "NoiDungBoSung"}, dropped):
        if "NoiDungBoSung" in row:
            dropped.append("DanhSachHoSoBoSung.NoiDungBoSung")
        times = {ours: t for name, ours in names.items() if (t := _time(row, name, zone, where)) is not None}
        if times:
            found.append({name: format_rfc3339(t) for name, t in times.items()})
    data["supplements"] = found


def _amounts(item: Mapping[str, Any], dropped: list[str]) -> Iterator[int]:
    known = {"TenPhiLePhi", "MaPhiLePhi", "HinhThucThu", "Gia", "LoaiPhiLePhi"}
    for where, row in _rows(item, "DanhSachLePhi", known, dropped):
        value = row.get("Gia")
        if value in (None, ""):
            continue
        if isinstance(value, bool) or not isinstance(value, int | float | str):
            raise BadRecord("WRONG_TYPE", f"{where}.Gia")
        text = str(value).strip()
        if not re.fullmatch(r"\d{1,15}(\.0+)?", text, re.ASCII):
            raise BadRecord("BAD_NUMBER", f"{where}.Gia")
        yield int(text.partition(".")[0])


def _step(item: Mapping[str, Any], zone: Zone) -> WireItem:
    code = _code(item, "MaHoSo", required=True)
    dropped = sorted(str(name)[:64] for name in item if name not in STEP_FIELDS)
    done, begun = _time(item, "ThoiDiemXuLy", zone), _time(item, "NgayBatDau", zone)
    planned = _time(item, "NgayKetThucTheoQuyDinh", zone)
    at = done if done is not None else begun
    if at is None:
        raise BadRecord("MISSING", "ThoiDiemXuLy", "ThoiDiemXuLy or NgayBatDau must be there")
    state = item.get("TrangThai")
    data = {
        "step": _code({"TrangThai": str(state) if isinstance(state, int) else state}, "TrangThai"),
        "office": _code(item, "PhongBanXuLy"),
        "officer": _code(item, "NguoiXuLy", most=512),
        "planned_end": None if planned is None else format_rfc3339(planned),
    }
    kept = {name: value for name, value in data.items() if value}
    kind = "dossier.step_completed" if done is not None else "dossier.step_started"
    return WireItem(kind, code, kept, at, at, tuple(dropped))


def _code(
    item: Mapping[str, Any], name: str, where: str = "", *, required: bool = False, most: int = _MAX_CODE
) -> str:
    value = item.get(name)
    path = f"{where}.{name}" if where else name
    if value is None or value == "":
        if required:
            raise BadRecord("MISSING", path)
        return ""
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise BadRecord("WRONG_TYPE", path)
    text = str(value).strip()
    if not text and required:
        raise BadRecord("MISSING", path)
    if len(text) > most:
        raise BadRecord("TOO_LONG", path)
    if not text.isprintable():
        raise BadRecord("NOT_TEXT", path)
    return text


def _link(row: Mapping[str, Any], name: str, where: str) -> str:
    return _code(row, name, where, most=4096)


def _coded(
    item: Mapping[str, Any],
    name: str,
    table: Mapping[int, str],
    *,
    required: bool = False,
    none: tuple[int, ...] = (),
) -> str | None:
    text = _code(item, name, required=required)
    if not text:
        return None
    number = int(text) if text.isascii() and text.isdigit() and len(text) < 4 else -1
    if number in none:
        return None
    if number not in table:
        raise BadRecord("UNKNOWN_CODE", name, f"{name} is one of {', '.join(map(str, table))}")
    return table[number]


def _flag(item: Mapping[str, Any], name: str, where: str = "") -> bool:
    value = item.get(name)
    if value is None or isinstance(value, bool):
        return bool(value)
    if not isinstance(value, str | int):
        raise BadRecord("WRONG_TYPE", f"{where}.{name}" if where else name)
    return str(value).strip().casefold() in _TRUE


def _time(item: Mapping[str, Any], name: str, zone: Zone, where: str = "") -> Millis | None:
    text = _code(item, name, where)
    if not text:
        return None
    found = _STAMP.match(text)
    path = f"{where}.{name}" if where else name
    if found is None:
        raise BadRecord("BAD_TIME", path)
    year, month, day, hour, minute, second = (int(g or 0) for g in found.groups())
    if year <= 1900:
        return None  # how some systems write "none"
    try:
        ms = to_millis(datetime(year, month, day, hour, minute, second, tzinfo=zone.info))
    except (ValueError, OverflowError) as error:
        raise BadRecord("BAD_TIME", path) from error
    if not 1970 < year < 2200:
        raise BadRecord("BAD_TIME", path)
    return ms


def _rows(
    item: Mapping[str, Any], name: str, known: set[str], dropped: list[str]
) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """The entries of a list with their paths; names of fields that the format does not have are noted."""
    listed = item.get(name)
    if listed is None or listed == "":
        return
    if not isinstance(listed, list):
        raise BadRecord("WRONG_TYPE", name)
    if len(listed) > (50 if name == "DanhSachHoSoBoSung" else 100 if name == "DanhSachLePhi" else _MAX_LIST):
        raise BadRecord("TOO_LONG", name)
    for n, row in enumerate(listed):
        if not isinstance(row, dict):
            raise BadRecord("WRONG_TYPE", f"{name}[{n}]")
        dropped += [f"{name}.{str(key)[:40]}" for key in row if key not in known]
        yield f"{name}[{n}]", row
