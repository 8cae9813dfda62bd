"""How batches are cut: every sample once, within the memory, from sizes alone."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resdepth.engine.kernels.tiling import (
    KEPT_SHARE,
    PARTS_SHARE,
    PROGRAMS_PER_PROCESSOR,
    TILES,
    WIDTHS,
    Machine,
    Shape,
    tiling,
)

H100 = Machine(processors=132, memory=80 << 30, shared=232_448)

machines = st.builds(
    Machine,
    processors=st.integers(1, 256),
    memory=st.integers(1, 200 << 30),
    shared=st.integers(40_000, 300_000),
)
shapes = st.builds(
    Shape,
    samples=st.integers(1, 100_000),
    width=st.integers(1, 128),
    depth=st.integers(1, 200_000),
    replicas=st.integers(1, 400),
    itemsize=st.sampled_from([4, 8]),
)


@given(shapes, machines)
def test_every_sample_has_a_tile_and_every_tile_a_program(shape: Shape, machine: Machine) -> None:
    plan = tiling(shape, machine)
    assert (plan.tiles - 1) * plan.tile < shape.samples <= plan.tiles * plan.tile
    assert 1 <= plan.parts <= plan.tiles
    # No program waits for one that has two tiles more than it.
    rounds = math.ceil(plan.tiles / plan.parts)
    assert plan.parts == math.ceil(plan.tiles / rounds)
    assert 1 <= plan.segment <= shape.depth
    assert plan.width >= shape.width and plan.width in WIDTHS
    assert plan == tiling(shape, machine)


@given(shapes, machines)
def test_buffers_stay_within_their_shares(shape: Shape, machine: Machine) -> None:
    plan = tiling(shape, machine)
    row = shape.replicas * plan.width * shape.itemsize
    parts = plan.parts * row * plan.width * shape.depth
    assert parts <= PARTS_SHARE * machine.memory or plan.parts == 1
    kept = row * plan.tiles * plan.tile * shape.depth
    assert plan.recompute == (kept > KEPT_SHARE * machine.memory)
    assert plan.recompute or plan.segment == shape.depth
    assert plan.parts * shape.replicas <= max(
        PROGRAMS_PER_PROCESSOR * machine.processors, shape.replicas
    )


@pytest.mark.parametrize("tiles", [1, 7, 391])
@pytest.mark.parametrize("depth", [10_000, 100_000])
def test_the_segment_takes_least_memory(depth: int, tiles: int) -> None:
    plan = tiling(Shape(tiles * 16, 15, depth, 1, 4), Machine(1, 400_000, 232_448))
    assert plan.recompute

    def rows(segment: int) -> float:
        return plan.tiles * math.ceil(depth / segment) + plan.parts * segment

    least = min(rows(segment) for segment in range(1, depth + 1))
    assert rows(plan.segment) <= 1.06 * least


@pytest.mark.parametrize(
    ("samples", "depth", "recompute"),
    [(12_500, 2_000, False), (12_500, 10_000, False), (12_500, 100_000, True)],
)
def test_what_an_80_gigabyte_device_keeps(samples: int, depth: int, recompute: bool) -> None:
    assert tiling(Shape(samples, 15, depth, 1, 4), H100).recompute == recompute


@pytest.mark.parametrize(("width", "padded"), [(1, 16), (16, 16), (17, 32), (128, 128)])
def test_padding(width: int, padded: int) -> None:
    assert tiling(Shape(10, width, 10, 1, 4), H100).width == padded


def test_beyond_the_widest_is_an_error() -> None:
    with pytest.raises(ValueError, match="129"):
        tiling(Shape(10, 129, 10, 1, 4), H100)


@pytest.mark.parametrize("width", WIDTHS)
def test_some_tile_is_always_taken(width: int) -> None:
    assert TILES[width][-1][2] == 0
    assert [row[0] for row in TILES[width]] == sorted(
        (row[0] for row in TILES[width]), reverse=True
    )


@pytest.mark.parametrize(
    ("shared", "itemsize", "widest"),
    [(232_448, 4, 128), (232_448, 8, 64), (101_376, 4, 64), (101_376, 8, 32), (9_000, 4, 0)],
)
def test_the_widest_network_of_a_machine(shared: int, itemsize: int, widest: int) -> None:
    assert Machine(1, 1, shared).widest(itemsize) == widest
