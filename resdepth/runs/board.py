"""TensorBoard summaries besides scalars: options for its HPARAMS tab, and a layout of charts.

TensorBoard's own functions for these need TensorFlow; `tensorboard/plugins/*/metadata.py` has the
format. Without an "experiment" summary, the tab shows the options and scalars of all runs.
"""

import time
from collections.abc import Mapping
from typing import Any

from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.compat.proto.types_pb2 import DT_STRING
from tensorboard.plugins.custom_scalar.layout_pb2 import Layout
from tensorboard.plugins.hparams.api_pb2 import STATUS_FAILURE, STATUS_SUCCESS
from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData, SessionStartInfo

START, END = "_hparams_/session_start_info", "_hparams_/session_end_info"
CHARTS = "custom_scalars__config__"
LAYOUT = {
    "loss": r"^(val/)?loss$",
    "Ω, mean squared norm of the loss gradient": r"^avg_grad_norm$",
    "p-variation norm of the weight path": r"^p_variation_norm/",
    "accuracy": r"^(val/)?accuracy$",
}
"""Title of each chart and the tags that it shows."""


def start_summary(program: str, options: Mapping[str, Any]) -> Summary:
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
    start = _hparams(START, session_start_info=info)
    charts = [{"title": title, "multiline": {"tag": [tags]}} for title, tags in LAYOUT.items()]
    layout = Layout(category=[{"title": "resdepth", "chart": charts}]).SerializeToString()
    tensor = {"dtype": DT_STRING, "string_val": [layout], "tensor_shape": {}}
    metadata = {"plugin_data": {"plugin_name": "custom_scalars"}}
    return Summary(value=[start, {"tag": CHARTS, "metadata": metadata, "tensor": tensor}])


def end_summary(*, well: bool) -> Summary:
    """The end of a run, `well` or otherwise."""
    info = {"status": STATUS_SUCCESS if well else STATUS_FAILURE, "end_time_secs": time.time()}
    return Summary(value=[_hparams(END, session_end_info=info)])


def is_board_event(event: Event) -> bool:
    """Whether an event holds one of these summaries."""
    return any(value.tag in (START, END, CHARTS) for value in event.summary.value)


def _hparams(tag: str, **info: Any) -> dict[str, Any]:
    content = HParamsPluginData(**info).SerializeToString()
    return {"tag": tag, "metadata": {"plugin_data": {"plugin_name": "hparams", "content": content}}}
