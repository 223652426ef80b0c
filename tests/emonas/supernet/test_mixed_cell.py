"""How a mixed cell is organised: rows, phases, shuffles, what is absent, and dropped identities."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from emonas.genotype import count_edges, node_rows, source_rows
from emonas.operations.table import OPERATION_NAMES, SKIP
from emonas.supernet.fan_out import FanOut, join_phases, split_phases
from emonas.supernet.grouped import grouped_cell
from emonas.supernet.mixed_cell import MixedCell, shuffle_channels

OPERATIONS = len(OPERATION_NAMES)
MAX_POOL, SEP_5X5, DIL_3X3 = map(OPERATION_NAMES.index, ("max_pool_3x3", "sep_conv_5x5", "dil_conv_3x3"))
FORMS = (MixedCell.forward, grouped_cell)


@pytest.mark.parametrize("nodes", range(1, 7))
def test_every_edge_has_one_row_by_its_node_and_by_its_source(nodes: int) -> None:
    by_node = [row for rows in node_rows(nodes) for row in range(rows.start, rows.stop)]
    by_source = [row for source in range(nodes + 1) for row in source_rows(nodes, source)]
    assert by_node == sorted(by_source) == list(range(count_edges(nodes)))
    for source in range(nodes + 1):
        first_node = max(0, source - 1)
        rows = list(node_rows(nodes))[first_node:]
        assert source_rows(nodes, source) == [row.start + source for row in rows]


def test_a_cell_of_four_nodes_has_fourteen_edges() -> None:
    assert count_edges(4) == 14
    assert source_rows(4, 2) == [4, 7, 11]


@pytest.mark.parametrize("sides", [(2, 2), (4, 6), (8, 8)])
def test_phases_are_the_pixels_of_one_parity(sides: tuple[int, int]) -> None:
    x = torch.randn(3, 2, *sides)
    phases = split_phases(x)
    corners = [(0, 0), (0, 1), (1, 0), (1, 1)]
    assert torch.equal(phases, torch.cat([x[:, :, row::2, column::2] for row, column in corners]))
    assert torch.equal(join_phases(phases), x)


@pytest.mark.parametrize("kernel", [3, 5])
def test_a_dilated_convolution_is_undilated_in_the_phases(kernel: int) -> None:
    x = torch.randn(2, 3, 6, 8, dtype=torch.float64)
    weight = torch.randn(3, 1, kernel, kernel, dtype=torch.float64)
    plain = F.conv2d(x, weight, padding=2 * (kernel // 2), dilation=2, groups=3)
    torch.testing.assert_close(join_phases(F.conv2d(split_phases(x), weight, padding=kernel // 2, groups=3)), plain)


@pytest.mark.parametrize(("channels", "groups"), [(8, 4), (6, 2), (6, 3)])
def test_shuffled_channels_take_from_every_group_in_turn(channels: int, groups: int) -> None:
    x = torch.arange(channels, dtype=torch.float32)[None, :, None, None].expand(2, channels, 3, 5)
    expected = [group * (channels // groups) + c for c in range(channels // groups) for group in range(groups)]
    assert shuffle_channels(x, groups)[1, :, 2, 4].tolist() == expected
    picture = torch.randn(2, channels, 3, 5)
    assert torch.equal(shuffle_channels(picture, groups), picture[:, expected])


def everything(nodes: int) -> Tensor:
    return torch.ones(count_edges(nodes), OPERATIONS, dtype=torch.bool)


def cell(
    channels: int = 4, reduce: bool = False, nodes: int = 2, active: Tensor | None = None, part: int = 1
) -> MixedCell:
    torch.manual_seed(0)
    active = everything(nodes) if active is None else active
    made = MixedCell(channels, channels, channels, reduce, False, active, nodes, part)
    return made.to(memory_format=torch.channels_last)


def test_what_is_absent_has_no_parameters() -> None:
    active = torch.zeros(3, OPERATIONS, dtype=torch.bool)
    active[0, SEP_5X5] = active[2, SEP_5X5] = active[1, DIL_3X3] = True
    fan = FanOut(6, 1, active)
    assert {name.split(".")[0] for name, _ in fan.named_parameters()} == {"sep_5x5", "dil_3x3"}
    # Two separable convolutions applied twice, and one applied once.
    assert sum(p.numel() for p in fan.parameters()) == 2 * 2 * (6 * 25 + 36) + (6 * 9 + 36)
    assert not list(FanOut(6, 2, torch.zeros_like(active)).parameters())


@pytest.mark.parametrize("form", FORMS)
def test_a_cell_halves_the_resolution_or_keeps_it(form) -> None:  # type: ignore[no-untyped-def]
    for reduce, side in ((False, 7), (True, 4)):
        made = cell(reduce=reduce)
        x = torch.randn(2, 4, 7, 7)
        assert form(made, x, x, torch.full((count_edges(2), OPERATIONS), 1 / 7)).shape == (2, 8, side, side)


@pytest.mark.parametrize("form", FORMS)
def test_partial_channels_pass_by_weighted_and_shuffled(form) -> None:  # type: ignore[no-untyped-def]
    """One node of two edges that only skip: its state is a weighted sum of the inputs, in another order."""
    active = torch.zeros(2, OPERATIONS, dtype=torch.bool)
    active[:, SKIP] = True
    made = cell(nodes=1, active=active, part=2).eval()
    made.before = made.last = torch.nn.Identity()
    before, last = torch.randn(2, 4, 3, 3), torch.randn(2, 4, 3, 3)
    weights = torch.zeros(2, OPERATIONS)
    weights[0, SKIP], weights[1, SKIP] = 0.3, 0.5
    torch.testing.assert_close(form(made, before, last, weights), (0.3 * before + 0.5 * last)[:, [0, 2, 1, 3]])


@pytest.mark.parametrize("form", FORMS)
def test_what_passes_by_a_reduction_is_the_largest_of_four_pixels(form) -> None:  # type: ignore[no-untyped-def]
    made = cell(nodes=1, reduce=True, part=2).eval()
    made.before = made.last = torch.nn.Identity()
    x = torch.randn(2, 4, 5, 5)
    weights = torch.zeros(2, OPERATIONS)
    weights[0, MAX_POOL] = 1.0
    state = form(made, x, x, weights)
    assert state.shape == (2, 4, 3, 3)
    passed = state[:, [1, 3]]
    assert torch.equal(passed[:, :, 0, 0], x[:, 2:, :2, :2].amax((2, 3)))
    assert torch.equal(passed[:, :, 2, 2], x[:, 2:, 4, 4])


def dropping(form, rate: float, training: bool = True, batches: int = 1) -> Tensor:  # type: ignore[no-untyped-def]
    """A cell of one node that only skips, on a picture of ones: the mean over batches."""
    active = torch.zeros(2, OPERATIONS, dtype=torch.bool)
    active[:, SKIP] = True
    made = cell(nodes=1, active=active).train(training)
    made.before = made.last = torch.nn.Identity()
    for fan in made.fans:
        fan.skip_dropout = rate
    ones = torch.ones(batches, 4, 8, 8)
    weights = torch.zeros(2, OPERATIONS)
    weights[0, SKIP], weights[1, SKIP] = 0.25, 0.75
    return form(made, ones, ones, weights)  # type: ignore[no-any-return]


@pytest.mark.parametrize("form", FORMS)
def test_identities_drop_out_pixel_by_pixel_and_keep_their_mean(form) -> None:  # type: ignore[no-untyped-def]
    dropped = dropping(form, 0.4, batches=64)
    # Each edge loses its own pixels: nothing, one, the other or both are left, scaled up by what was lost.
    assert torch.allclose(dropped.unique() * 0.6, torch.tensor([0.0, 0.25, 0.75, 1.0]))
    spread = ((0.25**2 + 0.75**2) * (0.4 / 0.6) / dropped.numel()) ** 0.5
    assert dropped.mean().item() == pytest.approx(1, abs=4 * spread)
    shares = [float((dropped * 0.6 - level).abs().lt(1e-3).float().mean()) for level in (0, 0.25, 0.75, 1)]
    assert shares == pytest.approx([0.16, 0.24, 0.24, 0.36], abs=0.02)


@pytest.mark.parametrize("form", FORMS)
def test_no_identity_drops_out_at_rate_zero_or_in_evaluation(form) -> None:  # type: ignore[no-untyped-def]
    assert torch.equal(dropping(form, 0.0), torch.ones(1, 4, 8, 8))
    assert torch.equal(dropping(form, 0.9, training=False), torch.ones(1, 4, 8, 8))


@pytest.mark.parametrize("form", FORMS)
def test_almost_certain_dropout_leaves_almost_nothing(form) -> None:  # type: ignore[no-untyped-def]
    assert (dropping(form, 0.999) == 0).float().mean() > 0.98


@pytest.mark.parametrize("form", FORMS)
def test_only_identities_drop_out(form) -> None:  # type: ignore[no-untyped-def]
    """Strided skips have weights of their own and are kept, as all other operations are."""
    made = cell(reduce=True, nodes=1).double()
    x, weights = torch.randn(2, 4, 6, 6, dtype=torch.float64), torch.full((2, OPERATIONS), 1 / 7, dtype=torch.float64)
    before = form(made, x, x, weights)
    for fan in made.fans:
        fan.skip_dropout = 0.9
    assert torch.equal(form(made, x, x, weights), before)
    kept = cell(nodes=1).double()
    weights[:, SKIP] = 0
    before = form(kept, x, x, weights)
    for fan in kept.fans:
        fan.skip_dropout = 0.9
    torch.testing.assert_close(form(kept, x, x, weights), before)
