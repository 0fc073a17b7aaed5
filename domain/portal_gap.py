"""A14: which published figures differ from ours beyond the known causes, by how much."""

from collections.abc import Iterable, Mapping
from typing import Any

_NEARLY = 1e-9


def unexplained(differences: Iterable[Mapping[str, Any]], points: float, share: float) -> list[dict[str, Any]]:
    """Of differences (members of `reconciliation`'s answer), those whose remainder is more than `points` of a
    score or more than `share` of the published count; what cannot be compared is no difference."""
    found = []
    for d in differences:
        remainder = d["remainder"]
        if not d["comparable"] or remainder is None:
            continue
        allowed = points if d["kind"] == "score" else share * abs(d["portal"] or 0)
        if abs(remainder) > allowed + _NEARLY:
            named = ("metric", "kind", "ours", "portal", "difference", "remainder")
            found.append({name: d[name] for name in named})
    return found
