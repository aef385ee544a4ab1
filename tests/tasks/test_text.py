import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from ntm.tasks import InputError, text


@given(st.text(st.characters(max_codepoint=255), min_size=1, max_size=text.MAX_ROWS))
def test_a_word_is_its_character_codes_highest_bit_first(word: str) -> None:
    codes = text.parse_word(word) @ torch.tensor([128.0, 64, 32, 16, 8, 4, 2, 1])
    assert codes.tolist() == [ord(character) for character in word]


@pytest.mark.parametrize(
    ("typed", "complaint"),
    [("", "nothing to run"), ("5 €", "“€” does not fit"), ("🙂", "does not fit"), ("a" * 251, "251 characters")],
)
def test_bad_words_are_named(typed: str, complaint: str) -> None:
    with pytest.raises(InputError, match=complaint):
        text.parse_word(typed)
