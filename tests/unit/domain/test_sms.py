"""The length of an SMS counted in places of GSM 03.38, and letters that it cannot carry."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.message import GSM_DOUBLE, SMS_LENGTH, sms_fault, sms_length
from domain.messages.wording import DEFAULT_NUMBERS, EXTRA, TEXTS, Line, plain, short_text

GSM = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿"
    "abcdefghijklmnopqrstuvwxyzäöñüà"
)
"""The basic table of GSM 03.38, as the standard has it."""
EXTENSION = frozenset("^{}\\[~]|€")


@pytest.mark.parametrize(
    ("text", "places"),
    [("", 0), ("GS766", 5), ("[GS766]", 9), ("{}", 4), ("^~\\|", 8), ("€", 2), ("a\nb", 3), ("@_$", 3)],
)
def test_letters_of_the_extension_take_two_places(text: str, places: int) -> None:
    assert sms_length(text) == places
    assert GSM_DOUBLE == EXTENSION


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("x" * 160, None),
        ("x" * 161, "takes 161 places, 160 fit"),
        ("[GS766] " + "x" * 150, None),
        ("[GS766] " + "x" * 151, "takes 161 places ([ ] take two each), 160 fit"),
        ("x" * 158 + "€", None),
        ("x" * 159 + "€", "takes 161 places (€ take two each)"),
        ("80 `", "cannot carry: '`'"),
        ("Mẫu", "cannot carry: 'ẫ'"),
        ("café", "cannot carry: 'é'"),
        ("a\tb", "cannot carry"),
        (" \n", "is empty"),
    ],
)
def test_what_does_not_fit_one_sms_says_why(text: str, said: str | None) -> None:
    found = sms_fault(text)
    assert found is None if said is None else said in str(found)


@given(st.text(st.sampled_from("ab [{€~|\\^]}\n"), max_size=200))
def test_what_passes_takes_at_most_160_septets(text: str) -> None:
    septets = sum(2 if c in EXTENSION else 1 for c in text)
    assert (sms_fault(text) is None) == (bool(text.strip()) and septets <= 160)


@given(st.text(max_size=60))
def test_any_name_becomes_letters_of_one_place_each(name: str) -> None:
    flat = plain(name)
    assert set(flat) <= GSM - EXTENSION
    assert flat.isascii()
    assert sms_length(flat) == len(flat)


@pytest.mark.parametrize(
    ("name", "flat"),
    [
        ("Sở TN&MT – Chi nhánh “Đông” [A]", 'So TN&MT - Chi nhanh "Dong" (A)'),
        ("UBND\u00a0xã…", "UBND xa..."),
        ("½ €|~`", "1/2 EUR/-'"),
        ("Mẫu", "Mau"),
        ("Ma\u0302\u0303u", "Mau"),
        ("中 A", "? A"),
        ("A\u200bB", "AB"),
    ],
)
def test_what_can_be_spelled_is_spelled_and_what_cannot_is_shown(name: str, flat: str) -> None:
    assert plain(name) == flat


words = st.sampled_from(sorted({*TEXTS, *EXTRA}))
values = st.fixed_dictionaries(
    {
        "n": st.integers(0, 99_999).map(str),
        "due": st.just("từ 09/11/2026 đến 12/12/2026"),
        "soon": st.sampled_from(("NGAY MAI", "ngay 16/11/2026")),
        "today": st.just("23/11"),
        "by_day": st.integers(0, 99_999).map(str),
        "since": st.just("08:12 ngày 23/11"),
    }
).map(lambda given: {**given, **DEFAULT_NUMBERS})
lines = st.lists(st.builds(Line, words, values), min_size=1, max_size=12)


@given(st.text(max_size=60), lines, st.booleans())
def test_every_short_text_is_one_sms(name: str, said: list[Line], repeated: bool) -> None:
    text = short_text(name, tuple(said), repeated=repeated)
    assert sms_fault(text) is None
    assert sms_length(text) <= SMS_LENGTH
