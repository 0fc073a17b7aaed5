"""Evidence bundles: a ZIP of events, proofs, checkpoints and pages for people, which a stranger checks offline."""

import hashlib
from collections.abc import Callable, Iterable, Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Literal

import msgspec

from domain.fold import RULES_VERSION
from domain.seals import Signed
from sinks.sealing.config import SealConfig
from sinks.sealing.keys import load_keys
from sinks.sealing.offline import verify_bundle
from sinks.sealing.proofs import Coordinates, Proofs, Records, Subject, as_builtins
from sinks.sealing.witnessed import cosignatures

Kind = Literal["dossier", "figure", "alerts", "report", "answer"]
CONTENT: Mapping[str, str] = {"figure": "so_lieu.json", "alerts": "chuoi_canh_bao.json", "answer": "tra_loi.json"}
"""The file of each kind that the verifier reads against the proven events."""
MINUTES = "bien_ban.html"


def make_bundle(
    config: SealConfig,
    *,
    kind: Kind,
    about: str,
    made_at: str,
    events: Iterable[Coordinates],
    subjects: Iterable[Subject] = (),
    files: Mapping[str, bytes] | None = None,
    versions: Mapping[str, Any] | None = None,
    signed: Signed | None = None,
    records: Callable[[], Records] | None = None,
) -> bytes:
    """The bundle's bytes. `about` is the code of what it speaks of; `subjects` are those whose history must be
    shown to be whole; `files` more pages; `versions` of calendar and set, beside those of the code; `signed` the
    checkpoint of all proofs (left out: the newest).

    A subject whose day is not closed yet has no proof of completeness; the manifest names it under `open`.
    Refused as `Proofs` says.
    """
    proofs = Proofs(config, records)
    newest = signed or proofs.newest()
    complete = proofs.complete(subjects, newest.checkpoint().number)
    found = [claim for claim in complete.values() if claim is not None]
    numbers = {newest.checkpoint().number, *(claim.checkpoint for claim in found)}
    content = {
        **(files or {}),
        "events.json": json_bytes(as_builtins(proofs.events(set(events), newest))),
        "completeness.json": json_bytes(as_builtins(found)),
        "checkpoints.json": json_bytes([msgspec.to_builtins(proofs.checkpoint(n)) for n in sorted(numbers)]),
        "witnesses.json": json_bytes([msgspec.to_builtins(c) for c in cosignatures(config.folder, numbers)]),
        "kiem_tra.py": Path(verify_bundle.__file__).read_bytes(),
    }
    keys = load_keys(config.key_file)
    manifest = json_bytes(
        {
            "format": verify_bundle.FORMAT,
            "kind": kind,
            "about": about,
            "made_at": made_at,
            "key": keys.key,
            "open": [f"{s[2]} {s[3]}" for s, claim in complete.items() if claim is None],
            "versions": {"code": code_version(), "fold": RULES_VERSION, **(versions or {})},
            "files": {name: hashlib.sha256(data).hexdigest() for name, data in content.items()},
        }
    )
    content[verify_bundle.MANIFEST] = manifest
    content[verify_bundle.SIGNATURE] = keys.sign(manifest, verify_bundle.BUNDLE_PREFIX).encode()
    return verify_bundle.canonical_zip(content)


def code_version() -> str:
    """The release that made a bundle."""
    try:
        return version("giamsat766")
    except PackageNotFoundError:
        return "unknown"


def json_bytes(value: Any) -> bytes:
    """The one text of a value, as the verifier writes it."""
    return verify_bundle.canonical_json(value)
