"""What visitors type, and what they read: bit vectors and words as text."""

import torch
from torch import Tensor

BITS = 8
MAX_ROWS = 120
# Room for the longest input with a space between all bits; anything longer is refused before it is looked at.
_MAX_CHARACTERS = MAX_ROWS * 2 * (BITS + 1)


class InputError(ValueError):
    """Something typed that cannot be run. The message is one sentence for the visitor."""


def parse_bits(text: str) -> Tensor:
    """Read rows of bits, one vector a line; blank lines and spaces do not count.

    Returns:
        (L, 8), bits as 0.0 and 1.0.

    Raises:
        InputError: if there is no row, one is not 8 bits, or there are too many.
    """
    rows = ["".join(line.split()) for line in text.splitlines()]
    rows = [row for row in rows if row]
    if not rows:
        raise InputError(f"There is nothing to copy yet: type at least one row of {BITS} bits.")
    if len(rows) > MAX_ROWS:
        raise InputError(f"That is {len(rows):,} rows; up to {MAX_ROWS} fit here.")
    _check_length(text)
    for number, row in enumerate(rows, start=1):
        strange = next((character for character in row if character not in "01"), None)
        if strange is not None:
            raise InputError(f"Row {number} holds “{strange}”, which is not a bit: rows are made of 0 and 1.")
        if len(row) != BITS:
            raise InputError(f"Row {number} has {_count(len(row), 'bit')}; every row needs {BITS}.")
    return torch.tensor([[float(bit) for bit in row] for row in rows])


def parse_word(text: str) -> Tensor:
    """Read a word, one 8-bit vector a character, the highest bit first.

    Returns:
        (L, 8), bits as 0.0 and 1.0.

    Raises:
        InputError: if it is empty, too long, or holds a character that does not fit in 8 bits.
    """
    _check_length(text)
    if not text:
        raise InputError("There is nothing to copy yet: type a word.")
    if len(text) > MAX_ROWS:
        raise InputError(f"That is {len(text):,} characters; up to {MAX_ROWS} fit here.")
    strange = next((character for character in text if ord(character) > 255), None)
    if strange is not None:
        raise InputError(f"“{strange}” does not fit in {BITS} bits: use characters up to “ÿ” (code 255).")
    return torch.tensor([[float(bit) for bit in f"{ord(character):0{BITS}b}"] for character in text])


def format_bits(vectors: Tensor) -> str:
    """Rows of bits as text, one vector a line.

    Args:
        vectors: (L, C), bits.
    """
    return "\n".join("".join(str(int(bit)) for bit in row) for row in vectors.tolist())


def format_word(vectors: Tensor) -> str:
    """The characters that rows of 8 bits stand for; those that cannot be printed as a middle dot."""
    characters = [chr(int(row, 2)) for row in format_bits(vectors).split("\n")]
    return "".join(character if character.isprintable() else "·" for character in characters)


def count_wrong_bits(errors: int, bits: int) -> str:
    """The count of wrong bits in words."""
    if errors == 0:
        return f"Not one of {bits:,} bits is wrong."
    return f"{_count(errors, 'bit')} of {bits:,} {'is' if errors == 1 else 'are'} wrong."


def _check_length(text: str) -> None:
    if len(text) > _MAX_CHARACTERS:
        raise InputError(f"That is {len(text):,} characters; up to {MAX_ROWS} rows of {BITS} bits fit here.")


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
