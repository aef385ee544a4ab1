import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from ntm.tasks import InputError, text


@given(st.text(min_size=1, max_size=text.MAX_ROWS // 4))
def test_a_word_is_its_bytes_of_utf_8_highest_bit_first(word: str) -> None:
    vectors = text.parse_word(word)
    assert bytes((vectors @ torch.tensor([128.0, 64, 32, 16, 8, 4, 2, 1])).int().tolist()).decode() == word


@pytest.mark.parametrize(
    ("typed", "complaint"),
    [
        ("", "nothing to run"),
        ("a" * 251, "251 characters; up to 250"),
        ("€" * 84, "252 bytes of UTF-8; up to 250"),
        ("a\ud83d", "Character 2 is half of one"),
    ],
)
def test_bad_words_are_named(typed: str, complaint: str) -> None:
    with pytest.raises(InputError, match=complaint):
        text.parse_word(typed)
