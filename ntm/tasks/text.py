"""What people type, and what they read: bit vectors and words as text."""

import torch
from torch import Tensor

BITS = 8
MAX_ROWS = 250
# Room for the longest input with a space between all bits; anything longer is refused before it is looked at.
_MOST_CHARACTERS = MAX_ROWS * 2 * (BITS + 1)


class InputError(ValueError):
    """Something typed that cannot be run. The message is one sentence for the person who typed it."""


def read_rows(text: str, most: int) -> list[str]:
    """The lines of a text without their spaces; blank lines do not count.

    Raises:
        InputError: if there is none, or there are too many.
    """
    rows = ["".join(line.split()) for line in text.splitlines()]
    rows = [row for row in rows if row]
    if not rows:
        raise InputError("There is nothing to run yet: type at least one row of bits.")
    if len(rows) > most:
        raise InputError(f"That is {len(rows):,} rows; up to {most} fit here.")
    check_length(text)
    return rows


def parse_word(text: str) -> Tensor:
    """Read a word, one 8-bit vector for each byte of it in UTF-8, the highest bit first.

    Returns:
        (L, 8), bits as 0.0 and 1.0.

    Raises:
        InputError: if it is empty, too long, or no text.
    """
    check_length(text)
    if not text:
        raise InputError("There is nothing to run yet: type a word.")
    try:
        written = text.encode()
    except UnicodeEncodeError as error:
        raise InputError(f"Character {error.start + 1} is half of one: type the whole character.") from None
    if len(written) > MAX_ROWS:
        kind = "characters" if text.isascii() else "bytes of UTF-8"
        raise InputError(f"That is {len(written):,} {kind}; up to {MAX_ROWS} fit here.")
    return torch.tensor([[float(bit) for bit in f"{byte:0{BITS}b}"] for byte in written])


def format_bits(vectors: Tensor) -> str:
    """Rows of bits as text, one vector a line.

    Args:
        vectors: (L, C), bits.
    """
    return "\n".join("".join(str(int(bit)) for bit in row) for row in vectors.tolist())


def check_length(text: str) -> None:
    """Refuse what is longer than anything that can be run, before it is looked at."""
    if len(text) > _MOST_CHARACTERS:
        raise InputError(f"That is {len(text):,} characters; up to {_MOST_CHARACTERS:,} fit here.")


def count(number: int, noun: str) -> str:
    """A number of things in words."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def caption_each(noun: str, number: int, verb: str) -> list[str]:
    """A caption for each of a number of things, such as "vector 2 of 3 comes in"."""
    return [f"{noun} {index} of {number} {verb}" for index in range(1, number + 1)]
