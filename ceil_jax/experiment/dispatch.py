"""What a command line asks for, and doing it in its mode.

What a mode needs is imported when it is done: a typing mistake is answered at once, and
modes work without the extras of others.
"""

from pathlib import Path
from typing import NamedTuple

from ceil_jax.common.errors import UserError
from ceil_jax.common.files import user_path
from ceil_jax.experiment import config as config_lib
from ceil_jax.experiment import formats, packaged
from ceil_jax.experiment.sweeps import Variant


class Command(NamedTuple):
    """What a command line asks for; words that were not given are "".

    Attributes:
        mode: One of those of `main`.
        config: The configuration, checked; the defaults where the mode needs none.
        workdir: Folder of the run.
        weights: File of weights.
        output: Folder of converted weights, or of figures on another data set; file of
            an exported model, or of embedded images.
        model: Whatever `ceil_jax.load` takes.
        images: Folders of images.
        engine: What embeds them.
        on_error: What is done about images that cannot be read.
        quality: Whether images are measured.
        value_range: Of images of more than 8 bits.
        explain: Whether a report shows what matched.
        format: What an export writes.
        target: Which program an ONNX file is for.
        modality: Whose encoder is exported, or embeds.
        trials: Splits to train, or to score.
        seeds: Training seeds.
        variants: Combinations of a sweep.
        runs: Folders of runs, or files of figures, to compare.
        features: Files of features.
        names: Files of the names of their rows.
        take_over: Whether a process of another host, which has not said that it ended,
            is taken to have ended.
    """

    mode: str
    config: config_lib.Config
    workdir: str = ""
    weights: str = ""
    output: str = ""
    model: str = ""
    images: tuple[str, ...] = ()
    engine: str = ""
    on_error: str = ""
    quality: bool = False
    value_range: str = ""
    explain: bool = False
    format: str = ""
    target: str = ""
    modality: str = ""
    trials: str = ""
    seeds: str = ""
    variants: tuple[Variant, ...] = ()
    runs: tuple[str, ...] = ()
    features: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    take_over: bool = False


def do(command: Command) -> None:
    """Do what a command line asks for, in its mode.

    Args:
        command: What it says.

    Raises:
        UserError: A mistake that the user can mend.
    """
    packaged.require(command.mode, command.config, command.format)
    # Imported late: a typing mistake is answered at once, not after JAX has started.
    if command.mode in ("convert", "package", "prepare", "report"):
        _make_ready(command)
        return
    if command.mode == "compare":
        from ceil_jax.experiment.modes import compare

        compare.compare_runs(command.runs, command.output)
        return
    from ceil_jax.common import progress
    from ceil_jax.experiment import compilation, protocol
    from ceil_jax.experiment.workdir import workdir_of

    compilation.use_cache(command.config.compilation_cache)
    protocol.choose_kernels(command.config)
    with progress.heartbeat(f"--mode {command.mode}"):
        if command.mode == "embed":
            _embed(command)
            return
        workdir = workdir_of(command.workdir)
        work = {"score": _score, "export": _export}.get(command.mode, _run_in)
        work(workdir, command)


def _make_ready(command: Command) -> None:
    """Do what neither trains nor scores."""
    if command.mode == "package":
        from ceil_jax.experiment.modes import package

        package.package(user_path(command.workdir), command.output)
        return
    if command.mode == "report":
        from ceil_jax.experiment.modes import report

        workdir = user_path(command.workdir)
        if command.explain:
            from ceil_jax.common import progress
            from ceil_jax.experiment import compilation
            from ceil_jax.experiment.modes import explain

            compilation.use_cache(command.config.compilation_cache)
            with progress.heartbeat("--mode report --explain"):
                explain.explain(command.config, workdir, command.weights)
        report.report(workdir)
        return
    from ceil_jax.experiment.modes import prepare

    if command.mode == "convert":
        prepare.convert_weights(command.weights, command.output)
    else:
        prepare.prepare_data(command.config)


def _embed(command: Command) -> None:
    """Embed images of folders; nothing is done in a run's folder."""
    from ceil_jax.experiment.modes import embed

    asked = embed.Asked(
        command.model or command.workdir,
        command.images,
        command.modality,
        command.output,
        command.on_error or "raise",
        command.quality,
        command.engine or "jax",
        command.value_range,
    )
    embed.embed(asked)


def _score(workdir: Path, command: Command) -> None:
    """Score features; what the other modes import is not needed for that."""
    from ceil_jax.experiment.modes import score, score_splits

    if score_splits.is_of_splits(command.features):
        score_splits.score_splits(
            command.config,
            workdir,
            command.features,
            command.names,
            command.trials or "all",
            take_over=command.take_over,
        )
        return
    if command.trials:
        raise UserError(
            f"--trials={command.trials} is for features of several splits, a file for "
            f"each: --features F_{score_splits.PLACE}.npz"
        )
    score.score_features(
        command.config,
        workdir,
        command.features,
        command.names,
        take_over=command.take_over,
    )


def _export(workdir: Path, command: Command) -> None:
    """Write embeddings or the model itself, which needs nothing of training."""
    wanted = formats.wanted(command._asdict())
    if wanted.format == formats.EMBEDDINGS:
        from ceil_jax.experiment.modes import export

        export.export(command.config, workdir, command.weights)
    else:
        from ceil_jax.experiment.modes import export_model

        export_model.export_model(command.config, workdir, command.weights, wanted)


def _run_in(workdir: Path, command: Command) -> None:
    """Train or score in a run's folder."""
    from ceil_jax.experiment import announce
    from ceil_jax.experiment.modes import (
        evaluate,
        seeds,
        sweep,
        train,
        trials,
    )

    take_over = command.take_over
    match command.mode:
        case "train" if command.seeds:
            seeds.run_seeds(command.config, workdir, command.seeds, take_over=take_over)
        case "sweep":
            sweep.run_sweep(
                command.variants, workdir, command.seeds, take_over=take_over
            )
        case "train":
            results = train.train_and_evaluate(
                command.config, workdir, take_over=take_over
            )
            steps = announce.next_steps(
                workdir,
                scored=results is not None,
                trackers=command.config.trackers,
            )
            print(steps, flush=True)
        case "trials":
            chosen = command.trials or "all"
            trials.run_trials(command.config, workdir, chosen, take_over=take_over)
        case "evaluate" if command.weights:
            evaluate.evaluate_weights(
                command.config, workdir, command.weights, take_over=take_over
            )
        case "evaluate":
            evaluate.evaluate_checkpoint(
                command.config, workdir, command.output, take_over=take_over
            )
