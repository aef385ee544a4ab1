import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from ntm.ui import text

rows_of_bits = st.lists(st.lists(st.integers(0, 1), min_size=8, max_size=8), min_size=1, max_size=text.MAX_ROWS)


@given(rows_of_bits)
def test_bits_come_back_as_they_were_typed(rows: list[list[int]]) -> None:
    vectors = torch.tensor(rows, dtype=torch.float32)
    assert text.parse_bits(text.format_bits(vectors)).equal(vectors)


@given(st.text(st.characters(max_codepoint=255), min_size=1, max_size=text.MAX_ROWS))
def test_a_word_is_its_character_codes_highest_bit_first(word: str) -> None:
    codes = text.parse_word(word) @ torch.tensor([128.0, 64, 32, 16, 8, 4, 2, 1])
    assert codes.tolist() == [ord(character) for character in word]


def test_blank_lines_and_spaces_do_not_count() -> None:
    assert text.parse_bits("\n 1011 0010 \r\n\n01000001\n").equal(text.parse_bits("10110010\n01000001"))


BAD_BITS = {
    "": "nothing to copy",
    "   \n\n": "nothing to copy",
    "1011001": "Row 1 has 7 bits; every row needs 8",
    "101100101": "Row 1 has 9 bits",
    "1": "Row 1 has 1 bit;",
    "10110010\n1011": "Row 2 has 4 bits",
    "10110010\nabcdefgh": "Row 2 holds “a”",
    "10110012": "Row 1 holds “2”",
    "1011001🙂": "holds “🙂”",
    "<script>alert(1)</script>": "Row 1 holds “<”",
    "\n".join(["10110010"] * 121): "121 rows; up to 120",
    "\n".join(["10110010"] * 5000): "That is 5,000 rows; up to 120",
    "1" * 1_000_000: "1,000,000 characters",
    "\N{ARABIC-INDIC DIGIT ONE}0110010": "is not a bit",
}


@pytest.mark.parametrize(("typed", "complaint"), BAD_BITS.items(), ids=range(len(BAD_BITS)))
def test_bad_bits_are_named(typed: str, complaint: str) -> None:
    with pytest.raises(text.InputError, match=complaint) as caught:
        text.parse_bits(typed)
    assert len(str(caught.value)) < 150


@pytest.mark.parametrize(
    ("typed", "complaint"),
    [("", "nothing to copy"), ("5 €", "“€” does not fit"), ("🙂", "does not fit"), ("a" * 121, "121 characters")],
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
