"""Parts split among devices, states of optimisers, and weights that a file holds twice."""

import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from resdepth.cli.console import line
from resdepth.errors import Corrupt, Impossible, Missing
from resdepth.weights.families import layer_families
from resdepth.weights.file import read_file
from resdepth.weights.find import is_training_state
from resdepth.weights.read import stored_models
from tests.support.bundles import read_bundles
from tests.support.messages import refused

PATTERN = "h.{k}.w"


def layers(seed: int = 0, rows: int = 3, name: str = PATTERN) -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return {name.format(k=k): torch.randn(rows, 2, generator=generator) for k in range(4)}


def saved(path: Path, content: object) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.save(content, path)
    return path


PARTS = {
    "llama": ("consolidated.00.pth", "consolidated.01.pth"),
    "megatron": ("mp_rank_00/model_optim_rng.pt", "mp_rank_01/model_optim_rng.pt"),
    "megatron, pipelines": ("mp_rank_00_000/m.pt", "mp_rank_01_000/m.pt"),
    "deepspeed": ("mp_rank_00_model_states.pt", "mp_rank_01_model_states.pt"),
    "fsdp": ("pytorch_model_fsdp_0.bin", "pytorch_model_fsdp_1.bin"),
    "ranks": ("model-rank0.pt", "model-rank1.pt"),
}


@pytest.mark.parametrize("how", ["the folder", "both files", "one file"])
@pytest.mark.parametrize("kind", PARTS)
def test_parts_of_one_checkpoint_are_no_repetitions(tmp_path: Path, kind: str, how: str) -> None:
    files = [saved(tmp_path / name, {"model": layers(i)}) for i, name in enumerate(PARTS[kind])]
    sources = {"the folder": [tmp_path], "both files": files, "one file": files[1:]}[how]
    with refused(Impossible, match="split among devices") as caught:
        stored_models(sources, PATTERN)
    assert "merge them" in caught.value.remedy and "\n" not in line(caught.value)


@pytest.mark.parametrize(
    "names",
    [
        ("seed0.pth", "seed1.pth"),
        # Ranks of matrices, not of devices.
        ("rank4.pth", "rank8.pth"),
        ("rank0/m.pth", "rank1/m.pth"),
        ("consolidated.00.pth",),
    ],
)
def test_other_numbers_are_repetitions(tmp_path: Path, names: tuple[str, ...]) -> None:
    files = [saved(tmp_path / name, layers(number)) for number, name in enumerate(names)]
    assert len(stored_models(files, PATTERN)) == len(names)


def test_parts_without_a_name_in_common_are_still_one_checkpoint(tmp_path: Path) -> None:
    for number in range(2):
        state = {name: t for name, t in layers().items() if int(name[2]) % 2 == number}
        saved(tmp_path / f"consolidated.0{number}.pth", state)
    (model,) = stored_models([tmp_path], PATTERN)
    assert model.depth == 4


def test_a_distributed_checkpoint_says_what_merges_it(tmp_path: Path) -> None:
    (tmp_path / "__0_0.distcp").write_bytes(b"x")
    with refused(Corrupt, match="split among devices") as caught:
        read_bundles([tmp_path])
    assert "dcp_to_torch" in caught.value.remedy


def optimiser() -> dict[str, object]:
    weights = [torch.nn.Parameter(t) for t in layers().values()]
    chosen = torch.optim.Adam(weights)
    sum((w**2).sum() for w in weights).backward()
    chosen.step()
    return chosen.state_dict()


STATES = ["optimizer.pt", "scheduler.pt", "training_args.bin", "rng_state.pth", "scaler.pt"]
STATES += ["optimizer.bin", "rng_state_0.pth", "optim.pt", "random_states_0.pkl"]
STATES += ["bf16_zero_pp_rank_0_mp_rank_00_optim_states.pt", "optimizer_0.pt"]


@pytest.mark.parametrize("model", ["pytorch_model.bin", "model.ckpt", "model.pt"])
@pytest.mark.parametrize("state", STATES)
def test_the_model_is_taken_and_not_the_state_beside_it(
    tmp_path: Path, state: str, model: str
) -> None:
    assert is_training_state(Path(state)) and not is_training_state(Path(model))
    saved(tmp_path / state, optimiser())
    saved(tmp_path / model, layers())
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        (found,) = stored_models([tmp_path], PATTERN)
    assert found.source.name == model


def test_a_folder_of_states_alone_says_so(tmp_path: Path) -> None:
    saved(tmp_path / "optimizer.pt", optimiser())
    with refused(Missing, match=r"optimizer\.pt, which by its name is a state"):
        read_bundles([tmp_path])


@pytest.mark.parametrize("inside", [False, True])
def test_an_optimiser_is_told_by_what_it_holds(tmp_path: Path, inside: bool) -> None:
    content = {"optimizer": optimiser(), "epoch": 3} if inside else optimiser()
    with refused(Corrupt, match="it holds the state of an optimiser, not weights"):
        read_file(saved(tmp_path / "weights.pt", content))


def test_an_optimiser_in_the_same_file_is_left_out(tmp_path: Path) -> None:
    path = saved(tmp_path / "x.pt", {"g": layers(), "optimizer": optimiser()})
    assert set(read_file(path)) == {f"g.{name}" for name in layers()}


AVERAGES = {
    "model_ema": {"model": layers(0), "model_ema": layers(1), "epoch": 3},
    "ema_state_dict": {"state_dict": layers(0), "ema_state_dict": layers(1)},
    "ema.state_dict": {"model": layers(0), "ema": {"state_dict": layers(1), "decay": 0.9}},
    "callbacks.EMA.weights": {
        "state_dict": layers(0),
        "callbacks": {"EMA": {"weights": layers(1)}},
        "pytorch-lightning_version": "2",
    },
    "model": {"state_dict": layers(0), "model": layers(1), "optimizer": optimiser()},
    "shadow": {"model": {"module": layers(0), "shadow": layers(1)}},
}


@pytest.mark.parametrize("copy", AVERAGES)
def test_both_entries_can_be_asked_for(tmp_path: Path, copy: str) -> None:
    path = saved(tmp_path / "x.pth", AVERAGES[copy])
    with pytest.warns(UserWarning, match=f"are in its {copy} too: `pattern={copy}.h"):
        (first,) = stored_models([path], PATTERN)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        (second,) = stored_models([path], f"{copy}.{PATTERN}")
    for model, seed in ((first, 0), (second, 1)):
        expected = torch.stack(list(layers(seed).values())).double().numpy()
        np.testing.assert_array_equal(model.blocks, expected)
    patterns = [row.pattern for row in layer_families(read_file(path))]
    assert sorted(patterns) == sorted([PATTERN, f"{copy}.{PATTERN}"])


def test_two_networks_of_one_file_have_their_own_names(tmp_path: Path) -> None:
    path = saved(tmp_path / "x.pth", {"generator": layers(0), "discriminator": layers(1)})
    assert len(stored_models([path], "*.h.{k}.w")) == 2
