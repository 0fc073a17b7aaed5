"""Bundles that the API gives out: of a dossier, a figure, an alert's chain, an auditor's answer.

A bundle holds events, so what it holds is given only to whom the dossiers in it are shown. Every one is bounded:
what is left out is named in it and in its minutes.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from api import audit
from api.access import Principal
from api.bundle_minutes import minutes
from api.problems import NotFound
from api.seals import LOG, config_of
from api.services import Services
from domain.blocks import partition_of
from domain.errors import InvalidInput
from domain.instants import Millis, format_rfc3339
from domain.seals import Signed
from sinks.queries import evidence
from sinks.queries.reader import Reader
from sinks.sealing.bundles import CONTENT, MINUTES, Kind, json_bytes, make_bundle
from sinks.sealing.offline import verify_bundle
from sinks.sealing.proofs import Coordinates, Proofs, Subject

ALERT_LOG = "alert-log"
WHOLE = 100
"""So many dossiers of an answer are shown with all their events; of the others those that the answer names."""
MOST_EVENTS = 5_000
"""About 15 MB. An answer that names more is to be asked for a shorter period."""


def dossier_bundle(services: Services, who: Principal, code: str) -> bytes:
    """The evidence bundle of a dossier; NotFound when it is not there or not the caller's to see."""
    signed = Proofs(config_of(services)).newest()
    with services.context(services, who) as ctx:
        rows = services.figures.dossier_events(ctx, code)
        shown = services.figures.dossier(ctx, code, None, None)
    if not rows or shown is None:
        raise NotFound("there is nothing under that name, or it lies outside your units")
    places = [Coordinates(LOG, e["partition"], e["offset"], e["index"]) for e in rows]
    files = {"ho_so.json": msgspec.json.format(msgspec.json.encode(shown))}
    versions = {"generation": shown.get("generation")}
    subjects = [_dossier(services, code)]
    facts = [f"Hồ sơ {code}, {len(places)} sự kiện, là tất cả sự kiện của hồ sơ."]
    return _made(services, signed, "dossier", code, places, subjects, files, versions, facts)


def figure_bundle(
    services: Services,
    who: Principal,
    code: str,
    unit: str,
    period: str,
    as_of: Millis | None,
    known_at: Millis | None,
    set_name: str | None,
) -> bytes:
    """A figure with what it is counted from (dossiers, petitions, procedures): all, or a sample nobody chose."""
    signed = Proofs(config_of(services)).newest()
    with services.context(services, who) as ctx:
        said, head, named = audit.committed(ctx, signed, code, unit, period, as_of, known_at, set_name)
        places = _places(services, ctx.everything, named)
        refused = evidence.refused(ctx.everything, places)
        chosen = ctx.published_sets(known_at)[0].get(head["set"])
    if refused and said["rows"]:
        said["rows"][0]["refused"] = sorted(tuple(p[1:]) for p in places if tuple(p[1:]) in refused)
    files = {CONTENT["figure"]: json_bytes(said), "bo_chi_so.json": msgspec.json.encode(chosen, order="sorted")}
    count, shown, what = said["count"], len(said["rows"]), verify_bundle.BASES[said["basis"]]
    facts = [
        f"Chỉ số {code}, đơn vị {unit}, kỳ {head['period']}: {said['numerator']}/{said['denominator']}, "
        f"tính đến {head['as_of']}.",
        f"Số liệu cộng từ {count} {what}; gói có {shown} {what} với toàn bộ sự kiện."
        + ("" if shown == count else " Số còn lại nằm trong bản cam kết (gốc cây tổng): không ai chọn được mẫu."),
        f"Không chứng minh được rằng không {what} nào của đơn vị bị bỏ ngoài số liệu.",
    ]
    return _of_figure(services, signed, code, unit, head, places, named, files, facts)


def portal_bundle(
    services: Services, who: Principal, code: str, unit: str, period: str, known_at: Millis | None
) -> bytes:
    """What the national portal showed of an indicator, as it was received: the event and its proof."""
    signed = Proofs(config_of(services)).newest()
    with services.context(services, who) as ctx:
        said, head, named = audit.received(ctx, code, unit, period, known_at)
        places = _places(services, ctx.everything, named)
        said["refused"] = sorted(evidence.refused(ctx.everything, places))
    facts = [
        f"Cổng DVCQG công bố chỉ số {code}, đơn vị {unit}, kỳ {said['period']}: {said['numerator']}/"
        f"{said['denominator']}, điểm {said['score']}.",
        "Chỉ chứng minh hệ thống đã nhận đúng số liệu này và nhận khi nào; không chứng minh Cổng tính đúng.",
    ]
    files = {CONTENT["figure"]: json_bytes(said)}
    return _of_figure(services, signed, code, unit, head, places, named, files, facts)


def _places(services: Services, reader: Reader, named: Iterable[tuple[str, str]]) -> list[evidence.Place]:
    """The events of these subjects; of documents that stand in every partition the copy in the subject's own."""
    by_kind: dict[str, list[str]] = {}
    for kind, subject in named:
        by_kind.setdefault(kind, []).append(subject)
    found: list[evidence.Place] = []
    for kind, subjects in by_kind.items():
        found += [
            place
            for place in evidence.places_of(reader, LOG, kind, subjects)
            if place.partition == partition_of(place.subject, services.config.partitions)
        ]
    if len(found) > MOST_EVENTS and by_kind.keys() != {"dossier"}:
        raise InvalidInput(f"what it counts has {len(found)} events: choose a smaller unit or a shorter period")
    return found


def _of_figure(
    services: Services,
    signed: Signed,
    code: str,
    unit: str,
    head: Mapping[str, Any],
    places: Iterable[evidence.Place],
    named: Iterable[tuple[str, str]],
    files: Mapping[str, bytes],
    facts: Iterable[str],
) -> bytes:
    events = [Coordinates(LOG, *p[1:]) for p in places]
    there = {p.subject for p in places}
    partitions = services.config.partitions
    subjects = [
        (LOG, partition_of(subject, partitions), kind, subject) for kind, subject in named if subject in there
    ]
    about = f"{code} {unit} {head['period']}"
    return _made(services, signed, "figure", about, events, subjects, files, head["versions"], facts)


def alert_bundle(services: Services, who: Principal, alert: str) -> bytes:
    """An alert with the chain of acts about it and the history of what it is about."""
    signed = Proofs(config_of(services)).newest()
    with services.context(services, who) as ctx:
        chain = audit.alert_chain(ctx, alert)
        if chain is None:
            raise NotFound("there is no such alert, or it lies outside your units")
        kind, subject = chain["subject_kind"], chain["subject"]
        acts = evidence.places_of(ctx.everything, ALERT_LOG, "alert", [alert])
        history = []
        if kind in ("dossier", "petition"):
            history = evidence.places_of(ctx.everything, LOG, kind, [subject])
    named = _coordinates(chain)
    events = named | {Coordinates(ALERT_LOG, *p[1:]) for p in acts} | {Coordinates(LOG, *p[1:]) for p in history}
    subjects = [(ALERT_LOG, 0, "alert", alert)] if acts else []
    if history:
        subjects.append((LOG, partition_of(subject, services.config.partitions), kind, subject))
    facts = [
        f"Cảnh báo {chain['kind']} ({chain['title']}) về {subject}, từ {chain['from']}.",
        f"{len(chain['acts'])} hành động đã ghi nhận. Đã gửi không có nghĩa là đã biết (gửi ≠ biết).",
        *(f"Còn thiếu: {text}." for text in chain["missing"]),
    ]
    files = {CONTENT["alerts"]: json_bytes(chain)}
    return _made(services, signed, "alerts", alert, events, subjects, files, {}, facts)


def report_bundle(
    services: Services,
    reader: Reader,
    report: str,
    versions: Mapping[str, Any],
    files: Mapping[str, bytes],
    facts: Iterable[str],
) -> bytes:
    """An issued report: its files, and the event that sealed their hashes."""
    signed = Proofs(config_of(services)).newest()
    events = [Coordinates(LOG, *p[1:]) for p in evidence.places_of(reader, LOG, "report", [report])]
    subject = LOG, partition_of(report, services.config.partitions), "report", report
    return _made(services, signed, "report", report, events, [subject], files, versions, facts)


def answer_bundle(services: Services, reader: Reader, word: str, answer: Mapping[str, Any]) -> bytes:
    """An auditor's answer with every event it names, and the whole history of the dossiers among its differences
    (the first of them, where there are many)."""
    signed = Proofs(config_of(services)).newest()
    codes = list(dict.fromkeys(_codes(answer)))
    events = _coordinates(answer)
    if len(events) > MOST_EVENTS:
        raise InvalidInput(f"the answer names {len(events)} events: ask for a shorter period")
    whole = evidence.places_of(reader, LOG, "dossier", codes[:WHOLE])
    events |= {Coordinates(LOG, *p[1:]) for p in whole}
    verdicts = {"holds": "ĐẠT", "fails": "KHÔNG ĐẠT", "cannot_tell": "KHÔNG CHỨNG MINH ĐƯỢC"}
    facts = [
        f"Câu hỏi: {word}. Kết luận khi lập gói: {verdicts[answer['verdict']]}. {answer['reason']}",
        f"{len(events)} sự kiện; {min(len(codes), WHOLE)} trong {len(codes)} hồ sơ có toàn bộ sự kiện.",
    ]
    files = {CONTENT["answer"]: json_bytes(answer)}
    subjects = [_dossier(services, code) for code in codes[:WHOLE]]
    versions = answer.get("versions") or {}
    return _made(services, signed, "answer", word, events, subjects, files, versions, facts)


def _made(
    services: Services,
    signed: Signed,
    kind: Kind,
    about: str,
    events: Iterable[Coordinates],
    subjects: Iterable[Subject],
    files: Mapping[str, bytes],
    versions: Mapping[str, Any],
    facts: Iterable[str],
) -> bytes:
    page = minutes(about, facts, signed, services.zone.local(services.wall()))
    return make_bundle(
        config_of(services),
        kind=kind,
        about=about,
        made_at=format_rfc3339(services.wall()),
        events=events,
        subjects=subjects,
        files={**files, MINUTES: page.encode()},
        versions=versions,
        signed=signed,
    )


def _dossier(services: Services, code: str) -> Subject:
    return LOG, partition_of(code, services.config.partitions), "dossier", code


def _coordinates(value: Any, log: str = LOG) -> set[Coordinates]:
    """Every event that an answer names, as the verifier finds them. A record named without an index is the one
    from which a row came: which event of it may be shown is not known here."""
    found: set[Coordinates] = set()
    if isinstance(value, Mapping):
        log = value["log"] if isinstance(value.get("log"), str) else log
        place = [value.get(name) for name in ("partition", "offset", "index")]
        if all(isinstance(n, int) for n in place):
            found.add(Coordinates(log, *(int(n) for n in place if n is not None)))
        value = list(value.values())
    if isinstance(value, list | tuple):
        found = found.union(*(_coordinates(part, log) for part in value))
    return found


def _codes(answer: Mapping[str, Any]) -> Iterable[str]:
    for part in ("differences", "dossiers", "chains"):
        for row in answer.get(part) or ():
            if isinstance(row.get("dossier_code"), str):
                yield row["dossier_code"]
    if isinstance(answer.get("dossier_code"), str):
        yield answer["dossier_code"]
