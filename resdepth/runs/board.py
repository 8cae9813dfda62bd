"""TensorBoard events besides scalars: options for its HPARAMS tab, and a layout of charts.

TensorBoard's own functions for these need TensorFlow; see `tensorboard/plugins/*/metadata.py` for
the format. Without an "experiment" event, the tab shows the options and scalars of all runs.
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

START, END = "_hparams_/session_start_info", "_hparams_/session_end_info"
CHARTS = "custom_scalars__config__"
LAYOUT = {
    "loss": r"^(val/)?loss$",
    "Ω, mean squared norm of the loss gradient": r"^avg_grad_norm$",
    "p-variation norm of the weight path": r"^p_variation_norm/",
    "accuracy": r"^(val/)?accuracy$",
}
"""Title of each chart and the tags that it shows."""


def start_event(program: str, options: Mapping[str, Any]) -> Event:
    """The start of a run with these options (without those that are None), and its charts."""
    info = SessionStartInfo(start_time_secs=time.time())
    for name, value in {"program": program, **options}.items():
        if isinstance(value, bool):
            info.hparams[name].bool_value = value
        elif isinstance(value, (int, float)):
            info.hparams[name].number_value = value
        elif value is not None:
            # protobuf refuses the bytes of a path that are not UTF-8.
            text = str(value).encode("utf-8", "backslashreplace").decode()
            info.hparams[name].string_value = text
    return _event(_hparams(START, HParamsPluginData(session_start_info=info)), _charts())


def end_event(*, well: bool) -> Event:
    """The end of a run, `well` or otherwise."""
    status = api_pb2.STATUS_SUCCESS if well else api_pb2.STATUS_FAILURE
    info = SessionEndInfo(status=status, end_time_secs=time.time())
    return _event(_hparams(END, HParamsPluginData(session_end_info=info)))


def is_board_event(event: Event) -> bool:
    """Whether `start_event` or `end_event` made an event."""
    return any(value.tag in (START, END, CHARTS) for value in event.summary.value)


def _event(*values: Summary.Value) -> Event:
    return Event(wall_time=time.time(), summary=Summary(value=values))


def _hparams(tag: str, content: HParamsPluginData) -> Summary.Value:
    return Summary.Value(tag=tag, metadata=_metadata("hparams", content.SerializeToString()))


def _charts() -> Summary.Value:
    charts = [Chart(title=t, multiline=Lines(tag=[pattern])) for t, pattern in LAYOUT.items()]
    layout = Layout(category=[Category(title="resdepth", chart=charts)]).SerializeToString()
    tensor = TensorProto(dtype=DT_STRING, string_val=[layout], tensor_shape=TensorShapeProto())
    return Summary.Value(tag=CHARTS, tensor=tensor, metadata=_metadata("custom_scalars", b""))


def _metadata(plugin: str, content: bytes) -> SummaryMetadata:
    data = SummaryMetadata.PluginData(plugin_name=plugin, content=content)
    return SummaryMetadata(plugin_data=data)
