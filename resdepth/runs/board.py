"""What TensorBoard shows beside scalars: the options that its HPARAMS tab compares, and charts.

Events of its hparams and custom_scalars plugins, as `tensorboard/plugins/*/metadata.py` has them.
No "experiment" is declared: where there is none, the tab takes the options and scalars of all runs.
"""

import time
from collections.abc import Mapping
from typing import Any

from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary, SummaryMetadata
from tensorboard.compat.proto.tensor_pb2 import TensorProto
from tensorboard.compat.proto.tensor_shape_pb2 import TensorShapeProto
from tensorboard.compat.proto.types_pb2 import DT_STRING
from tensorboard.plugins.custom_scalar.layout_pb2 import Category, Chart, Layout
from tensorboard.plugins.custom_scalar.layout_pb2 import MultilineChartContent as Lines
from tensorboard.plugins.hparams import api_pb2
from tensorboard.plugins.hparams.plugin_data_pb2 import (
    HParamsPluginData,
    SessionEndInfo,
    SessionStartInfo,
)

START, END, CHARTS = (
    "_hparams_/session_start_info",
    "_hparams_/session_end_info",
    "custom_scalars__config__",
)
LAYOUT = {
    "loss": r"^(val/)?loss$",
    "Ω, mean squared norm of the loss gradient": r"^avg_grad_norm$",
    "p-variation norm of the weight path": r"^p_variation_norm/",
    "accuracy": r"^(val/)?accuracy$",
}
"""Tags by title of the chart that shows them together."""


def start_event(program: str, options: Mapping[str, Any]) -> Event:
    """A run with these options begins, with the charts to show it by.

    What has no value is left out; what is neither number, truth value nor word is shown as text.
    """
    info = SessionStartInfo(start_time_secs=time.time())
    for name, value in {"program": program, **options}.items():
        if isinstance(value, bool):
            info.hparams[name].bool_value = value
        elif isinstance(value, (int, float)):
            info.hparams[name].number_value = value
        elif value is not None:
            # A folder's name may hold bytes that are no text, which protobuf has no place for.
            text = str(value).encode("utf-8", "backslashreplace").decode()
            info.hparams[name].string_value = text
    values = [_hparams(START, HParamsPluginData(session_start_info=info)), _charts()]
    return Event(wall_time=time.time(), summary=Summary(value=values))


def end_event(*, well: bool) -> Event:
    """The run has ended, `well` or otherwise."""
    status = api_pb2.STATUS_SUCCESS if well else api_pb2.STATUS_FAILURE
    info = SessionEndInfo(status=status, end_time_secs=time.time())
    value = _hparams(END, HParamsPluginData(session_end_info=info))
    return Event(wall_time=time.time(), summary=Summary(value=[value]))


def is_board_event(event: Event) -> bool:
    """Whether an event is one of those above."""
    return any(value.tag in (START, END, CHARTS) for value in event.summary.value)


def _hparams(tag: str, content: HParamsPluginData) -> Summary.Value:
    return Summary.Value(tag=tag, metadata=_metadata("hparams", content.SerializeToString()))


def _charts() -> Summary.Value:
    charts = [Chart(title=t, multiline=Lines(tag=[pattern])) for t, pattern in LAYOUT.items()]
    layout = Layout(category=[Category(title="resdepth", chart=charts)])
    content = TensorProto(
        dtype=DT_STRING,
        string_val=[layout.SerializeToString()],
        tensor_shape=TensorShapeProto(),
    )
    return Summary.Value(tag=CHARTS, tensor=content, metadata=_metadata("custom_scalars", b""))


def _metadata(plugin: str, content: bytes) -> SummaryMetadata:
    data = SummaryMetadata.PluginData(plugin_name=plugin, content=content)
    return SummaryMetadata(plugin_data=data)
