"""Codes of procedures: a suffix may follow the first two groups, and names the same procedure (domain.md §1)."""

import re
from functools import lru_cache

_NATIONAL = re.compile(r"(\d+\.\d{6})(?=\.)")


@lru_cache(maxsize=20_000)
def procedure_key(code: str) -> str:
    """The code under which a procedure is counted: `2.000815.000.00.00.H44` is `2.000815`. A code of another
    make is opaque and stays as it is."""
    found = _NATIONAL.match(code)
    return found[1] if found else code
