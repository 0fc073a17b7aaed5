"""Words of exports, and how they are compared; the lists stand in words.toml."""

import tomllib
import unicodedata
from functools import lru_cache
from importlib.resources import files


@lru_cache(maxsize=65_536)
def key(text: str) -> str:
    """A heading or a word as it is compared: no accents, composed or not, no case, letters and digits only."""
    plain = "".join(c for c in unicodedata.normalize("NFD", text.casefold()) if not unicodedata.combining(c))
    return "".join(c for c in plain.replace("đ", "d") if c.isalnum())


WORDS: dict[str, dict[str, list[str]]] = tomllib.loads(
    files(__package__).joinpath("words.toml").read_text("utf-8")
)
"""By kind (columns, status, verdict, channel, gateway): what is meant, and the words that say so."""


def by_key(kind: str) -> dict[str, str]:
    """What each word of a kind means."""
    return {key(word): meaning for meaning, listed in WORDS[kind].items() for word in listed}
