"""What visitors ask: text is read as it was written, and what cannot be asked is explained in a sentence."""

import re
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from ntm import tasks
from ntm.tasks import InputError, Items, Question, Rows, Stream, Typed, text
from ntm.tasks.forms import Form
from tests.numerics import PROPERTY, seeded

ITEMS = ["101100\n000000\n111111", "110011\n010101\n000111", "100001\n011110\n110110"]
SORT = "\n".join(f"1011001{row % 2} {row / 10}" for row in range(6))


@st.composite
def sizes(draw: st.DrawFn) -> tuple[str, dict[str, int]]:
    task = draw(st.sampled_from(tasks.names()))
    chosen = {name: draw(st.sampled_from(offered)) for name, offered in tasks.get(task).offered.items()}
    return task, chosen


@PROPERTY
@given(sizes())
def test_what_is_drawn_can_be_read_at_its_sizes(chosen: tuple[str, dict[str, int]]) -> None:
    task, wanted = chosen
    if wanted.get("length", 0) * wanted.get("repeats", 1) > 500:
        return
    question = tasks.get(task).draw_question(seeded(), **wanted)
    asked = tasks.ask(question)
    assert asked.sizes == wanted
    assert len(asked.captions) == len(asked.batch.inputs)
    assert asked.batch.inputs.shape[1:] == (1, tasks.get(task).input_size)
    within = all(size in tasks.get(task).sizes[name] for name, size in wanted.items())
    assert asked.trained == within
    assert len(question.text) < 6000


def test_the_sequences_are_those_of_the_tasks() -> None:
    rows = torch.tensor([[1.0, 0, 1, 1, 0, 0, 1, 0], [0, 1, 0, 1, 1, 1, 0, 1]])
    for name, number, expected in (
        ("copy", None, tasks.get("copy").encode(rows.unsqueeze(1))),
        ("repeat-copy", 3, tasks.get("repeat-copy").encode(rows.unsqueeze(1), 3)),
    ):
        batch = tasks.ask(Question(name, " 1011 0010 \r\n\n01011101\n", number)).batch
        assert all(map(torch.equal, batch, expected))

    vectors = torch.tensor([[[float(bit) for bit in row] for row in item.split()] for item in ITEMS])
    batch = tasks.ask(Question("associative-recall", "\n\n \n".join(ITEMS), 2)).batch
    assert all(map(torch.equal, batch, tasks.get("associative-recall").encode(vectors.unsqueeze(2), torch.tensor([1]))))

    batch = tasks.ask(Question("priority-sort", SORT)).batch
    assert batch.inputs[:6, 0, 8].tolist() == pytest.approx([row / 10 for row in range(6)])
    assert batch.targets[-2:, 0].tolist() == [[1, 0, 1, 1, 0, 0, 1, 1], [1, 0, 1, 1, 0, 0, 1, 0]]


@given(st.lists(st.lists(st.integers(0, 1), min_size=8, max_size=8), min_size=1, max_size=250))
def test_bits_come_back_as_they_were_typed(rows: list[list[int]]) -> None:
    vectors = torch.tensor(rows, dtype=torch.float32)
    batch = tasks.ask(Question("copy", text.format_bits(vectors))).batch
    assert batch.targets[batch.mask].equal(vectors)


BAD = [
    (Question("copy", ""), "nothing to run"),
    (Question("copy", "   \n\n"), "nothing to run"),
    (Question("copy", "1011001"), "Row 1 has 7 bits; every row needs 8"),
    (Question("copy", "1"), "Row 1 has 1 bit;"),
    (Question("copy", "10110010\n1011"), "Row 2 has 4 bits"),
    (Question("copy", "10110010\nabcdefgh"), "Row 2 holds “a”"),
    (Question("copy", "1011001🙂"), "holds “🙂”"),
    (Question("copy", "<script>alert(1)</script>"), "Row 1 holds “<”"),
    (Question("copy", "\n".join(["10110010"] * 251)), "251 rows; up to 250"),
    (Question("copy", "1" * 1_000_000), "1,000,000 characters"),
    (Question("copy", "\N{ARABIC-INDIC DIGIT ONE}0110010"), "is not a bit"),
    (Question("repeat-copy", "10110010", None), "whole number, not nothing"),
    (Question("repeat-copy", "10110010", 0), "1 to 500, not 0"),
    (Question("repeat-copy", "10110010", -1), "1 to 500, not -1"),
    (Question("repeat-copy", "10110010", 1000), "1 to 500, not 1000"),
    (Question("repeat-copy", "10110010", 2.5), "whole number, not 2.5"),
    (Question("repeat-copy", "10110010", float("nan")), "whole number, not nan"),
    (Question("repeat-copy", "10110010\n" * 100, 6), "100 vectors 6 times is 600 vectors"),
    (Question("associative-recall", "", 1), "no items"),
    (Question("associative-recall", ITEMS[0], 1), "is one item; recall needs two"),
    (Question("associative-recall", "\n\n".join(ITEMS), 3), "Item 3 is the last"),
    (Question("associative-recall", "\n\n".join(ITEMS), 4), "1 to 3, not 4"),
    (Question("associative-recall", "\n\n".join(ITEMS), 0), "1 to 3, not 0"),
    (Question("associative-recall", ITEMS[0] + "\n\n101100", 1), "Item 2 has 1 row"),
    (Question("associative-recall", ITEMS[0] + "\n\n1011002", 1), "Item 2: Row 1 holds “2”"),
    (Question("associative-recall", "\n\n".join(ITEMS * 14), 1), "42 items; up to 40"),
    (Question("dynamic-ngrams", "1"), "has 1 bit; it takes 6 to 500"),
    (Question("dynamic-ngrams", "10" * 300), "has 600 bits"),
    (Question("dynamic-ngrams", "01x0110"), "The stream holds “x”"),
    (Question("priority-sort", ""), "0 rows"),
    (Question("priority-sort", "10110010 0.5"), "There is 1 row; sorting takes 5 to 60"),
    (Question("priority-sort", SORT.replace(" 0.3", "")), "Row 4 has no priority"),
    (Question("priority-sort", SORT.replace("0.3", "1.01")), "priority “1.01”; priorities are numbers from -1 to 1"),
    (Question("priority-sort", SORT.replace("0.3", "nan")), "priority “nan”"),
    (Question("priority-sort", SORT.replace("0.3", "high")), "priority “high”"),
    (Question("flight", ""), "no task “flight”"),
]


@pytest.mark.parametrize(("question", "complaint"), BAD, ids=[f"{bad.task}-{words[:24]}" for bad, words in BAD])
def test_what_cannot_be_asked_is_one_sentence(question: Question, complaint: str) -> None:
    with pytest.raises(InputError, match=re.escape(complaint)) as caught:
        tasks.ask(question)
    assert len(str(caught.value)) < 160
    assert str(caught.value).endswith(".")


@pytest.mark.parametrize("size", [0, 251, -1])
def test_sizes_that_are_not_offered_are_refused(size: int) -> None:
    with pytest.raises(InputError, match="Length can be 1 to 250"):
        tasks.get("copy").draw_question(None, length=size)


FORMS: dict[str, Form] = {
    "rows": Rows(bits=5),
    "priorities": Rows(bits=5, priorities=True, fewest=2, most=9),
    "items": Items(bits=3, rows_an_item=2),
    "one item": Items(bits=3, rows_an_item=1, fewest=1),
    "stream": Stream(fewest=4, most=30),
}


@pytest.fixture(params=FORMS)
def form(request: pytest.FixtureRequest) -> Form:
    return FORMS[request.param]


def equal(one: Typed, other: Typed) -> bool:
    if one.priorities is None or other.priorities is None:
        return one.rows.equal(other.rows) and one.priorities is other.priorities
    return one.rows.equal(other.rows) and one.priorities.allclose(other.priorities)


def test_what_a_form_draws_comes_back_from_text(form: Form) -> None:
    for size in (form.sizes[0], form.sizes[-1]):
        drawn = form.draw(size, generator=seeded())
        assert len(drawn.rows) == size
        rounded = drawn if drawn.priorities is None else drawn._replace(priorities=drawn.priorities.round(decimals=3))
        assert equal(form.parse(form.write(drawn)), rounded)


def test_a_number_is_passed_over_where_a_form_has_none(form: Form) -> None:
    written = form.write(form.draw(form.sizes[1], generator=seeded()))
    assert form.parse(written, 2.5).number is None


@pytest.mark.parametrize(
    ("name", "typed", "complaint"),
    [
        ("rows", "10110010", "Row 1 has 8 bits; every row needs 5."),
        ("priorities", "10110 0", "There is 1 row; it takes 2 to 9."),
        ("items", "101\n101", "There is one item; it takes 2 to 40."),
        ("one item", "", "There are no items; it takes 1 to 40."),
        ("stream", "101", "The stream has 3 bits; it takes 4 to 30."),
    ],
)
def test_a_form_without_words_of_its_own_says_how_much_it_takes(name: str, typed: str, complaint: str) -> None:
    with pytest.raises(InputError) as caught:
        FORMS[name].parse(typed)
    assert str(caught.value) == complaint


@pytest.mark.parametrize(("typed", "between"), [("0110", ""), ("0110\n", ""), ("01\n10", "\n"), ("0\n1\n1\n0", "\n")])
def test_a_stream_is_answered_on_as_many_lines_as_it_was_typed_on(typed: str, between: str) -> None:
    answer = torch.tensor([[1.0], [0.0], [1.0]])
    assert Stream(most=9).write_answer(answer, typed) == between.join("101")


@pytest.mark.parametrize("options", [{"bits": 7}, {"priorities": True}])
def test_words_are_rows_of_8_bits(options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="words are rows of 8 bits without priorities"):
        Rows(word="word", **options)
