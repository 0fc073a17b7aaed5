"""Evidence bundles: a ZIP of events, proofs, checkpoints and pages for people, which a stranger checks offline."""

import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import msgspec

from sinks.sealing.config import SealConfig
from sinks.sealing.keys import load_keys
from sinks.sealing.offline import verify_bundle
from sinks.sealing.proofs import Coordinates, Proofs, as_builtins

Subject = tuple[str, int, str, str]
"""(log, partition, kind, subject)."""


def make_bundle(
    config: SealConfig,
    *,
    kind: str,
    about: str,
    made_at: str,
    events: Iterable[Coordinates],
    subjects: Iterable[Subject] = (),
    files: Mapping[str, bytes] | None = None,
    versions: Mapping[str, Any] | None = None,
) -> bytes:
    """The bundle's bytes. `kind` is dossier, figure, alerts or report, `about` its code; `subjects` are those
    whose history must be shown to be whole; `files` more pages; `versions` of rules, calendar, set and code.

    A subject whose day is not closed yet has no proof of completeness; the manifest names it under `open`.
    Refused as `Proofs` says.
    """
    proofs = Proofs(config)
    newest = proofs.newest()
    complete = {subject: proofs.completeness(*subject) for subject in subjects}
    found = [claim for claim in complete.values() if claim is not None]
    numbers = {newest.checkpoint().number, *(claim.checkpoint for claim in found)}
    content = {
        **(files or {}),
        "events.json": _json(as_builtins(proofs.events(events, newest))),
        "completeness.json": _json(as_builtins(found)),
        "checkpoints.json": _json([msgspec.to_builtins(proofs.checkpoint(n)) for n in sorted(numbers)]),
        "kiem_tra.py": Path(verify_bundle.__file__).read_bytes(),
    }
    keys = load_keys(config.key_file)
    manifest = _json(
        {
            "format": verify_bundle.FORMAT,
            "kind": kind,
            "about": about,
            "made_at": made_at,
            "key": keys.key,
            "open": [f"{s[2]} {s[3]}" for s, claim in complete.items() if claim is None],
            "versions": dict(versions or {}),
            "files": {name: hashlib.sha256(data).hexdigest() for name, data in content.items()},
        }
    )
    content[verify_bundle.MANIFEST] = manifest
    content[verify_bundle.SIGNATURE] = keys.sign(manifest, verify_bundle.BUNDLE_PREFIX).encode()
    return verify_bundle.canonical_zip(content)


def _json(value: Any) -> bytes:
    return verify_bundle.canonical_json(value)
