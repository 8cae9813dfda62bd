"""Patterns, families, near misses: names of real architectures, and names made to mislead."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resdepth.weights.families import grouped, layer_families
from resdepth.weights.tensor import Stored

GPT = [f"h.{k}.{part}.weight" for k in range(12) for part in ("attn.c_attn", "mlp.c_fc")]
RESNET = [f"layer{s}.{k}.conv{c}.weight" for s in (1, 2) for k in range(3) for c in (1, 2)]


def test_a_star_is_a_family_each() -> None:
    found = grouped([*GPT, "wte.weight"], "h.{k}.*.weight")
    assert list(found) == ["h.{k}.attn.c_attn.weight", "h.{k}.mlp.c_fc.weight"]
    assert [k for k, _ in found["h.{k}.mlp.c_fc.weight"]] == list(range(12))


def test_stars_on_both_sides_and_numbers_in_order() -> None:
    found = grouped(reversed(RESNET), "layer*.{k}.conv*.weight")
    assert sorted(found) == [f"layer{s}.{{k}}.conv{c}.weight" for s in (1, 2) for c in (1, 2)]
    assert [k for k, _ in found["layer2.{k}.conv1.weight"]] == [0, 1, 2]


@pytest.mark.parametrize(
    ("pattern", "name", "family", "k"),
    [
        ("{k}", "17", "{k}", 17),
        ("*{k}.w", "block12.w", "block{k}.w", 12),
        ("a.{k}.(w|b)", "a.3.(w|b)", "a.{k}.(w|b)", 3),
        ("a.{k}.w", "a.007.w", "a.{k}.w", 7),
    ],
)
def test_what_fits(pattern: str, name: str, family: str, k: int) -> None:
    assert grouped([name], pattern) == {family: [(k, name)]}


@pytest.mark.parametrize(
    ("pattern", "name"),
    [
        ("a.{k}.w", "a.x.w"),
        ("a.{k}.w", "a.1.wx"),
        ("a.{k}.w", "xa.1.w"),
        ("a.{k}.w", "aX1.w"),
        ("a.{k}.w", "a.٣.w"),
        ("a.{k}.w", f"a.{10**12}.w"),
        ("a.{k}.*", "a.1."),
    ],
)
def test_what_does_not_fit(pattern: str, name: str) -> None:
    assert not grouped([name], pattern)


@given(st.text(min_size=1), st.text(), st.integers(0, 10**9 - 1))
def test_names_are_taken_literally(before: str, after: str, k: int) -> None:
    pattern = f"{before}|{{k}}|{after}".replace("*", "+")
    if pattern.count("{k}") == 1:
        name = pattern.replace("{k}", str(k))
        assert grouped([name], pattern) == {pattern: [(k, name)]}


def stored(shapes: dict[str, tuple[int, ...]]) -> dict[str, Stored]:
    return {
        name: Stored(name, Path("x"), shape, "float32", lambda start, stop: NotImplemented)
        for name, shape in shapes.items()
    }


def told(shapes: dict[str, tuple[int, ...]]) -> list[tuple[str, int, int, bool]]:
    return [(r.pattern, r.first, r.last, r.whole) for r in layer_families(stored(shapes))]


def test_layers_are_found_and_the_largest_come_first() -> None:
    shapes = {"emb": (99, 4), **{f"h.{k}.b": (4,) for k in range(3)}}
    shapes |= {f"h.{k}.w": (4, 4) for k in range(3)} | {f"h.{k}.m": (4, 8) for k in range(3)}
    assert told(shapes) == [
        ("h.{k}.m", 0, 2, True),
        ("h.{k}.w", 0, 2, True),
        ("h.{k}.b", 0, 2, True),
    ]


def test_the_number_along_which_there_are_most_layers_counts() -> None:
    # T5: a block has two layers, and the network twelve blocks.
    names = [f"block.{k}.layer.{i}.w" for k in range(12) for i in range(2)]
    assert told(dict.fromkeys(names, (2, 2))) == [
        ("block.{k}.layer.0.w", 0, 11, True),
        ("block.{k}.layer.1.w", 0, 11, True),
    ]


def test_another_shape_and_a_gap_cut_a_family() -> None:
    shapes = {f"a.{k}.w": (4, 4) for k in range(1, 6)} | {"a.0.w": (2, 4)}
    assert told(shapes) == [("a.{k}.w", 1, 5, False)]
    assert told({f"a.{k}.w": (4, 4) for k in (0, 1, 2, 5, 6)}) == [
        ("a.{k}.w", 0, 2, False),
        ("a.{k}.w", 5, 6, False),
    ]


def test_numbers_inside_a_word_count_where_there_are_no_others() -> None:
    assert told({f"conv{k}/kernel": (3, 3) for k in range(1, 5)}) == [
        ("conv{k}/kernel", 1, 4, True)
    ]
    assert told(dict.fromkeys(RESNET, (2, 2, 3, 3)))[0] == ("layer1.{k}.conv1.weight", 0, 2, True)


def test_single_tensors_and_integers_are_no_layers() -> None:
    assert told({"fc1.weight": (3, 3), "fc2.bias": (3,), "x": ()}) == []
    counters = {f"h.{k}.n": Stored(f"h.{k}.n", Path("x"), (2,), "int64", None) for k in range(3)}
    assert layer_families(counters) == []
