"""Comparing words as people type them: case, accents' composition and doubled spaces do not matter."""

import unicodedata


def fold_text(text: str) -> str:
    """A word in the form in which value maps, conditions and suggestions compare it."""
    return " ".join(unicodedata.normalize("NFC", text).split()).casefold()


def column_name(text: str) -> str:
    """A column's name as files and mappings compare it: accents composed, line breaks and doubled spaces one."""
    return " ".join(unicodedata.normalize("NFC", text).split())
