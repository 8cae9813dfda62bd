"""TensorBoard's own plugins read the summaries besides scalars."""

import json
from pathlib import Path

import pytest
from tensorboard.backend.event_processing.data_provider import MultiplexerDataProvider
from tensorboard.backend.event_processing.plugin_event_multiplexer import EventMultiplexer
from tensorboard.context import RequestContext
from tensorboard.plugins.base_plugin import TBContext
from tensorboard.plugins.custom_scalar.custom_scalars_plugin import CustomScalarsPlugin
from tensorboard.plugins.hparams import api_pb2, list_session_groups
from tensorboard.plugins.hparams.backend_context import Context
from tensorboard.plugins.scalar.scalars_plugin import ScalarsPlugin

from resdepth.runs.events import EventLog, cut_after, read_scalars


def write(folder: Path, options: dict[str, object], loss: float, *, well: bool = True) -> None:
    log = EventLog(folder)
    log.begin("train", options)
    log.write(0, {"loss": 2 * loss, "avg_grad_norm": 1.0, "p_variation_norm/2": 3.0})
    log.write(1, {"loss": loss, "avg_grad_norm": 0.5, "p_variation_norm/2": 4.0})
    log.end(well=well)
    log.close()


@pytest.fixture
def board(tmp_path: Path) -> TBContext:
    """Two runs as TensorBoard has loaded them."""
    write(tmp_path / "a", {"depth": 8, "activation": "tanh", "no_p_var": False, "lr": None}, 0.5)
    write(tmp_path / "b", {"depth": 16, "activation": "relu", "no_p_var": True}, 0.25, well=False)
    return loaded(tmp_path)


def loaded(folder: Path) -> TBContext:
    multiplexer = EventMultiplexer()
    multiplexer.AddRunsFromDirectory(str(folder))
    multiplexer.Reload()
    provider = MultiplexerDataProvider(multiplexer, str(folder))
    return TBContext(data_provider=provider, logdir=str(folder), multiplexer=multiplexer)


def compared(board: TBContext) -> dict[str, api_pb2.SessionGroup]:
    """Rows of the HPARAMS tab by run."""
    context, request = Context(board), RequestContext()
    tags = context.hparams_metadata(request, "")
    options = context.hparams_from_data_provider(request, "", limit=100)
    experiment = context.experiment_from_metadata(request, "", True, tags, options)
    columns = [api_pb2.ColParams(hparam=h.name) for h in experiment.hparam_infos]
    columns += [api_pb2.ColParams(metric=m.name) for m in experiment.metric_infos]
    asked = api_pb2.ListSessionGroupsRequest(
        allowed_statuses=[api_pb2.STATUS_SUCCESS, api_pb2.STATUS_FAILURE],
        col_params=columns,
        start_index=0,
        slice_size=10,
    )
    handler = list_session_groups.Handler(request, context, "", asked)
    return {group.sessions[0].name: group for group in handler.run().session_groups}


def test_the_tab_compares_options_with_final_scalars(board: TBContext) -> None:
    rows = compared(board)
    assert rows["a"].hparams["depth"].number_value == 8
    assert rows["b"].hparams["activation"].string_value == "relu"
    assert rows["b"].hparams["no_p_var"].bool_value is True
    assert "lr" not in rows["a"].hparams
    last = {m.name.tag: m.value for m in rows["a"].metric_values}
    assert last == {"loss": 0.5, "avg_grad_norm": 0.5, "p_variation_norm/2": 4.0}


def test_the_tab_knows_how_a_run_ended(board: TBContext) -> None:
    rows = compared(board)
    assert rows["a"].sessions[0].status == api_pb2.STATUS_SUCCESS
    assert rows["b"].sessions[0].status == api_pb2.STATUS_FAILURE


@pytest.mark.parametrize(
    ("tag", "title"),
    [("loss", "loss"), ("avg_grad_norm", "Ω"), ("p_variation_norm/2", "p-variation")],
)
def test_the_charts_show(board: TBContext, tag: str, title: str) -> None:
    plugins: dict[str, object] = {}
    board.plugin_name_to_instance = plugins
    plugins["scalars"] = ScalarsPlugin(board)
    plugin = CustomScalarsPlugin(board)
    layout = json.loads(plugin.layout_impl(RequestContext(), ""))
    charts = {
        chart["title"]: chart["multiline"]["tag"][0] for chart in layout["category"][0]["chart"]
    }
    (pattern,) = [pattern for name, pattern in charts.items() if name.startswith(title)]
    found = plugin.scalars_impl(RequestContext(), "a", pattern, "")
    assert list(found["tag_to_events"]) == [tag]


def test_a_resumed_run_replaces_them(tmp_path: Path) -> None:
    write(tmp_path / "a", {"epochs": 2}, 0.5, well=False)
    cut_after(tmp_path / "a", 0)
    write(tmp_path / "a", {"epochs": 7}, 0.25)
    (row,) = compared(loaded(tmp_path)).values()
    assert row.hparams["epochs"].number_value == 7
    assert row.sessions[0].status == api_pb2.STATUS_SUCCESS


def test_they_are_not_scalars(tmp_path: Path) -> None:
    write(tmp_path, {"depth": 8}, 0.5)
    assert sorted(read_scalars(tmp_path)) == ["avg_grad_norm", "loss", "p_variation_norm/2"]
