"""How deep JSON may nest: a fixed limit, so that what decodes does not depend on the caller's own stack.

Decoders give up at the interpreter's recursion limit, which comes sooner in a deeper call. A record that decodes
while it is folded and not while it is rebuilt would give other rows.
"""

MAX_EVENT_DEPTH = 64
MAX_RECORD_DEPTH = 400
"""Far below the interpreter's limit of 1,000 frames."""
_BRACKETS = b"[]{}"
_OTHERS = bytes(n for n in range(256) if n not in _BRACKETS)


def too_deep(value: bytes, limit: int) -> bool:
    """Whether JSON text opens more than `limit` arrays and objects inside one another.

    Cheap for what is flat: brackets inside strings are looked at only when the rest is in doubt.
    """
    if value.count(b"[") + value.count(b"{") <= limit:
        return False
    shape = value.translate(None, _OTHERS)
    for _ in range(8):
        shape = shape.replace(b"{}", b"").replace(b"[]", b"")
        if len(shape) <= limit:
            return False
    return _depth(value, limit) > limit


def _depth(value: bytes, limit: int) -> int:
    """The greatest depth, counted no further than one above `limit`; strings and escapes are skipped."""
    depth = deepest = 0
    place, end = 0, len(value)
    while place < end and deepest <= limit:
        sign = value[place]
        if sign == 0x22:
            place = _after_string(value, place + 1)
            continue
        if sign in b"[{":
            depth += 1
            deepest = max(deepest, depth)
        elif sign in b"]}":
            depth -= 1
        place += 1
    return deepest


def _after_string(value: bytes, place: int) -> int:
    """The place after the string that began before `place`; the end where it never closes."""
    while True:
        quote = value.find(b'"', place)
        if quote < 0:
            return len(value)
        slashes = quote - len(value[place:quote].rstrip(b"\\")) - place
        if slashes % 2 == 0:
            return quote + 1
        place = quote + 1
