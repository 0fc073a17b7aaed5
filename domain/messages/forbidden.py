"""What must never be sent (users.md §B): the last look at a text before it leaves.

Templates hold numbers, dates and names of units only, so that nothing of this can arise; a published name of a
unit or a changed template could bring it in all the same.
"""

import re

_PATTERNS = (
    ("a telephone number", re.compile(r"(?<![\d.])(?:\+?84|0)(?:[ .\-]?\d){9}(?![\d.])")),
    ("an identity number", re.compile(r"(?<!\d)(?:\d{12}|\d{9})(?!\d)")),
    ("an address of e-mail", re.compile(r"[\w.+\-]+@[\w\-]+\.\w")),
    ("a token", re.compile(r"gs766_\w|[?&#]\w+=|(?<!\w)(?=[\w\-]*\d)(?=[\w\-]*[A-Za-z])[\w\-]{32,}", re.ASCII)),
    ("a link to a file", re.compile(r"\.(?:pdf|docx?|xlsx?|zip|jpe?g|png)\b", re.IGNORECASE)),
)
_DOSSIER = re.compile(r"\b[A-Z]\d{1,3}(?:\.\d+)*-\d{4,8}-\d+\b")
_PROCEDURE = re.compile(r"\b\d\.\d{6}\b")


def forbidden(text: str) -> tuple[str, ...]:
    """What of the list stands in a text, in plain words; () for nothing."""
    found = [name for name, pattern in _PATTERNS if pattern.search(text)]
    if _DOSSIER.search(text):
        found.append("a dossier's code" + (" with its procedure" if _PROCEDURE.search(text) else ""))
    return tuple(found)
