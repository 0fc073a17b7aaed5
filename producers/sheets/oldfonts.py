"""Vietnamese typed in the fonts of the nineties: TCVN3 (.VnTime) and VNI-Times, told apart and read.

Such text is ordinary Latin letters with the wrong accents: 'M· hå s¬' is 'Mã hồ sơ' in TCVN3, 'Maõ hoà sô' in VNI.
"""

import re
import unicodedata
from typing import Literal

Font = Literal["unicode", "tcvn3", "vni"]
_TCVN3 = dict(
    zip(
        "µ¸¶·¹¨»¾¼½Æ©ÇÊÈÉËÌÐÎÏÑªÒÕÓÔÖ×ÝØÜÞßãáâä«åèæçé¬êíëìîïóñòô­õøö÷ùúýûüþ®¡¢£¤¥¦§",
        "àáảãạăằắẳẵặâầấẩẫậèéẻẽẹêềếểễệìíỉĩịòóỏõọôồốổỗộơờớởỡợùúủũụưừứửữựỳýỷỹỵđĂÂÊÔƠƯĐ",
        strict=True,
    )
)
_MARKS = {"ù": "\u0301", "ø": "\u0300", "û": "\u0309", "õ": "\u0303", "ï": "\u0323"}
_WITH_HAT = {"â": "", "á": "\u0301", "à": "\u0300", "å": "\u0309", "ã": "\u0303", "ä": "\u0323"}
_WITH_BREVE = {"ê": "", "é": "\u0301", "è": "\u0300", "ú": "\u0309", "ü": "\u0303", "ë": "\u0323"}
_ALONE = {"ñ": "đ", "ô": "ơ", "ö": "ư", "í": "í", "ì": "ì", "æ": "ỉ", "ó": "ĩ", "ò": "ị", "î": "ỵ"}


def _vni() -> dict[str, str]:
    table: dict[str, str] = {}
    for base in "aeoy":
        table |= {base + c: base + mark for c, mark in _MARKS.items()}
    table |= {"u" + c: "u" + mark for c, mark in _MARKS.items()}
    for base in "aeo":
        table |= {base + c: base + "\u0302" + mark for c, mark in _WITH_HAT.items()}
    table |= {"a" + c: "a\u0306" + mark for c, mark in _WITH_BREVE.items()}
    for old, new in (("ô", "ơ"), ("ö", "ư")):
        table |= {old + c: new + mark for c, mark in _MARKS.items()}
    table |= _ALONE
    composed = {old: unicodedata.normalize("NFC", new) for old, new in table.items()}
    return composed | {old.upper(): new.upper() for old, new in composed.items()}


_VNI = _vni()
_VNI_PARTS = re.compile("|".join(sorted(map(re.escape, _VNI), key=len, reverse=True)))
_PLAIN_VIETNAMESE = frozenset("ăđơưạảấầẩẫậắằẳẵặẹẻẽếềểễệỉịọỏốồổỗộớờởỡợụủứừửữựỵỷỹĩũ")
_ODD = frozenset("µ¸¶·¹¨»¾¼½©ª«¬®§¡¢£¤¥¦­÷×Æ")
_VNI_ODD = re.compile(r"[aeouy][ùøûõïåäëü]|[ôö][ùøûõï]|ñ", re.IGNORECASE)


def converted(text: str, font: Font) -> str:
    """The text as Unicode; what is no letter of that font stays."""
    if font == "tcvn3":
        return "".join(_TCVN3.get(c, c) for c in text)
    if font == "vni":
        return _VNI_PARTS.sub(lambda found: _VNI[found[0]], text)
    return text


def font_of(texts: list[str]) -> Font:
    """Which font most of the texts were typed in. Words that are Unicode already outweigh odd letters."""
    tcvn3 = vni = plain = 0
    for text in texts:
        if text.isascii():
            continue
        letters = set(unicodedata.normalize("NFC", text).casefold())
        if letters & _PLAIN_VIETNAMESE or any(0x1E00 <= ord(c) <= 0x1EFF for c in letters):
            plain += 1
        elif set(text) & _ODD:
            tcvn3 += 1
        elif _VNI_ODD.search(text):
            vni += 1
    if max(tcvn3, vni) <= plain:
        return "unicode"
    return "tcvn3" if tcvn3 >= vni else "vni"
