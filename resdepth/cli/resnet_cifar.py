"""`resdepth resnet-cifar`."""

import json
from collections.abc import Mapping
from functools import partial

from resdepth.cli import console, signals
from resdepth.cli.parameters import command, command_line
from resdepth.cli.train import conducted, ending, run_folder
from resdepth.options.resnet_cifar import ResnetCifarInvocation, ResnetCifarOptions

PROGRAM = "resnet-cifar"
TOP1, TOP2 = "val/accuracy", "val/top2"


@command("resnet-cifar")
def resnet_cifar(
    options: ResnetCifarOptions, call: ResnetCifarInvocation, given: frozenset[str]
) -> int:
    """Train He's residual network for CIFAR-10 with both branches of a block scaled by n^(-alpha).

    The run folder holds the manifest, checkpoints and TensorBoard events with the loss, Omega and
    learning rate of each step. Top-1 and top-2 accuracy on the test set are printed at the end, in
    total and by class. Ctrl-C, SIGTERM, SIGHUP or SIGUSR1 end the run after the current step, with
    a checkpoint. A run that is resumed with --resume ends with the same bits as an uninterrupted
    one. 'resdepth study run --program resnet-cifar' trains several depths and seeds; --seeds n is a
    study of n seeds, with the runs in OUT/seed_<s>/.
    """
    several = (call.resume / "summary.json").is_file() if call.resume else options.seeds > 1
    return _seeds(options, call, given) if several else _single(options, call, given)


def _single(options: ResnetCifarOptions, call: ResnetCifarInvocation, given: frozenset[str]) -> int:
    folder, ended = conducted(PROGRAM, options, call, given)
    pace = ""
    if ended.seconds_per_step:
        images = int(ended.options["batch_size"]) / ended.seconds_per_step
        pace = f", {images:.4g} images/s"
    console.say(f"{ended.outcome} after {ended.steps} steps{pace}", quiet=call.quiet)
    if call.json_:
        from resdepth.records import as_json, with_provenance
        from resdepth.runs.provenance import provenance

        names = ("outcome", "steps", "seconds_per_step", "detail", "final")
        record = ended.model_dump(mode="json", include=set(names))
        shown = {"run": str(folder)} | {name: record[name] for name in names}
        origin = provenance(ended.command, ended.options)
        print(as_json(with_provenance(shown, origin), indent=None))
    else:
        if "evaluated_at" in ended.detail:
            console.say(f"accuracies after step {ended.detail['evaluated_at']}", quiet=call.quiet)
        _table(ended.final, {})
    console.wrote([folder], aside=call.json_)
    return ending(ended, folder)


def _seeds(options: ResnetCifarOptions, call: ResnetCifarInvocation, given: frozenset[str]) -> int:
    from resdepth.studies.seeds import train_seeds

    folder = run_folder(options, call)
    console.route_warnings()
    try:
        summary = train_seeds(
            folder,
            options,
            command_line(),
            given=options.recorded(given) if call.resume else None,
            overwrite=call.overwrite,
            say=partial(console.say, quiet=call.quiet),
        )
    except KeyboardInterrupt:
        console.say(f"interrupted; 'resdepth {PROGRAM} --resume {folder}' resumes it")
        return signals.exit_code()
    if call.json_:
        print(json.dumps({"run": str(folder)} | summary))
    else:
        if summary["finished"]:
            print(f"mean of {summary['finished']} seeds at their final epoch")
        _table(summary["mean"], summary["std"])
    console.wrote([folder], aside=call.json_)
    for seed, record in summary["seeds"].items():
        if record["outcome"] == "diverged":
            console.warn(f"seed {seed} diverged and is left out of the mean")
    return int(summary["finished"] < summary["options"]["seeds"])


def _table(final: Mapping[str, float], spread: Mapping[str, float]) -> None:
    """Top-1 and top-2 of each class and of all, with ± deviation if there is one."""
    if TOP1 not in final:
        return
    names = [tag.removeprefix(f"{TOP1}/") for tag in final if tag.startswith(f"{TOP1}/")]
    width = max(len(name) for name in [*names, "class"])
    cell = 16 if spread else 8
    print(f"{'class':{width}} {'top-1':>{cell}} {'top-2':>{cell}}")
    for name in [*names, ""]:
        suffix = f"/{name}" if name else ""
        shown = [_percent(tag + suffix, final, spread) for tag in (TOP1, TOP2)]
        print(f"{name or 'all':{width}} {shown[0]:>{cell}} {shown[1]:>{cell}}")


def _percent(tag: str, final: Mapping[str, float], spread: Mapping[str, float]) -> str:
    deviation = f" ± {100 * spread[tag]:.2f}" if tag in spread else ""
    return f"{100 * final[tag]:.2f}{deviation} %"
