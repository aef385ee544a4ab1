import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from ntm.ui import text


@given(st.text(st.characters(max_codepoint=255), min_size=1, max_size=text.MAX_ROWS))
def test_a_word_is_its_character_codes_highest_bit_first(word: str) -> None:
    codes = text.parse_word(word) @ torch.tensor([128.0, 64, 32, 16, 8, 4, 2, 1])
    assert codes.tolist() == [ord(character) for character in word]


@pytest.mark.parametrize(
    ("typed", "complaint"),
    [("", "nothing to run"), ("5 €", "“€” does not fit"), ("🙂", "does not fit"), ("a" * 251, "251 characters")],
)
def test_bad_words_are_named(typed: str, complaint: str) -> None:
    with pytest.raises(text.InputError, match=complaint):
        text.parse_word(typed)


@pytest.mark.parametrize(
    ("errors", "bits", "words"),
    [
        (0, 160, "Not one of 160 bits is wrong."),
        (0, 8, "Not one of 8 bits is wrong."),
        (1, 8, "1 bit of 8 is wrong."),
        (2, 1200, "2 bits of 1,200 are wrong."),
    ],
)
def test_wrong_bits_are_counted_in_words(errors: int, bits: int, words: str) -> None:
    assert text.count_wrong_bits(errors, bits) == words
