"""How much the fuzz tests try: little in the normal suite, more for GS766_FUZZ_SECONDS."""

import os

SECONDS = int(os.environ.get("GS766_FUZZ_SECONDS", "0") or 0)
"""About how long all fuzz tests together may last; 0 means the small version."""
_SMALL_S = 60


def times(small: int) -> int:
    """A number of inputs: as given in the small version, more in proportion to the seconds that are given."""
    return max(small, small * SECONDS // _SMALL_S)
