"""What `--help` prints: the modes, and every field with its value and its comment."""

import ast
import inspect
import io
import tokenize

from ceil_jax.experiment import config as config_lib
from ceil_jax.experiment.ranges import Choice

USAGE = """\
ceil-jax --config FILE --workdir DIR [--mode MODE] [--config.FIELD=VALUE ...]
python -m ceil_jax.main ...    is the same, where the package is not installed

  --config FILE    describes the experiment: configs/synthetic.py, regdb.py,
                   sysu_mm01.py, llcm.py or folder.py
  --workdir DIR    folder of the run; one with a checkpoint in it is resumed

  --mode train     train what is left, then evaluate (the default); with --seeds 1-6
                   once with each of these seeds, in DIR/seed-N, and their mean and
                   spread in DIR/seeds.json. Finished ones are not done again
  --mode evaluate  evaluate the checkpoint of the folder; with --weights FILE those
                   weights instead, in a folder without a training
  --mode trials    train and evaluate the splits of RegDB one after another, each in
                   DIR/trial_NN, and average them; --trials all (the default) or
                   e.g. 1,3-5 says which. Finished ones are not done again
  --mode sweep     train and evaluate every combination of --sweep FIELD=V1,V2,...,
                   which may be given several times, each in a folder of DIR named by
                   its overrides, with --seeds several times; one table at the end
  --mode compare A B ...
                   whether runs differ: folders of runs, of --seeds, of RegDB's
                   splits, or files of figures; the first is the base. Text, and a
                   page: comparison.html, or --output FILE.html. Takes no other flag.
                   See docs/comparing.md
  --mode export    write the embeddings of all images to DIR/embeddings.npz, by the
                   checkpoint of the folder, or by --weights FILE; with --format one of
                   onnx, stablehlo and torch the model itself, to DIR or --output FILE,
                   with --modality visible or infrared that encoder alone, for onnx with
                   --target one of raw, boxmot, ultralytics and deepstream what it takes
  --mode package   write the model of the folder to --output DIR, for others: weights,
                   configuration and a model card, which `ceil_jax.load` takes
  --mode embed     embed the images below --images FOLDER, which may be given several
                   times, and write rows, names and the model's digest to --output FILE
                   (.npz, .npy with a .csv beside it, or .parquet), which --mode score
                   reads: --model M is whatever `ceil_jax.load` takes, --workdir DIR a
                   run, --modality visible or infrared the kind of the images. With
                   --on-error skip images that cannot be read are left out, with
                   --quality each is measured, --engine is one of jax, onnxruntime,
                   openvino and auto, --value-range LOW,HIGH are the values of images of
                   more than 8 bits that become 0 and 255. Takes no --config
  --mode report    make DIR/report.html anew from the files of DIR: figures, lists,
                   pictures, curves in one page; every evaluation writes it, too. With
                   --explain, which reads the model (of the folder, or --weights FILE)
                   and the shown images once, what matched in the first answers. Of
                   several runs DIR/runs.html: their figures and curves in one page
  --mode score     score features that any program made of the test images:
                   --features FILE (.npz, .npy with names in a .csv beside it or in
                   --names FILE, or .parquet), given twice where the modalities have
                   a file each; figures in DIR. With {split} in the name, as in
                   F_{split}.npz, each split of RegDB by its own model's file, all or
                   those of --trials 1,3-5, and their mean. See docs/scoring.md
  --mode prepare   only prepare the data set's images; takes no --workdir
  --mode convert   write the weights of --weights FILE as an Orbax checkpoint to
                   --output DIR; takes neither --config nor --workdir

  --take-over      write into DIR although a process of another host, which did not
                   say that it ended, was the last to write there: it has ended

Examples:
  ceil-jax --config configs/synthetic.py --workdir runs/demo
  ceil-jax --config configs/regdb.py --workdir runs/regdb
      --config.data_dir=RegDB --config.init_from=RN50.pt
  ceil-jax --config configs/regdb.py --workdir runs/regdb
      --config.data_dir=RegDB --mode export
  ceil-jax --config configs/synthetic.py --workdir runs/six --seeds 1-6
  ceil-jax --config configs/synthetic.py --workdir runs/sweep --mode sweep
      --sweep config.objective.temperature=0.05,0.07
  ceil-jax --mode compare runs/before runs/after
  ceil-jax --mode package --workdir runs/regdb --output models/regdb
  ceil-jax --workdir runs/regdb --mode export --format onnx --target boxmot
  ceil-jax --mode embed --model models/regdb --images people --modality visible
      --output people.npz
  ceil-jax --config configs/llcm.py --workdir runs/mine
      --config.data_dir=LLCM --mode score --features features.npz
  ceil-jax --mode convert --weights RN50.pt --output RN50

Names that other programs use are understood in messages: --config.lr is answered with
--config.optimizer.rate. Where no terminal shows a bar, long work prints a line every
30 s to stderr.
"""
_COLUMN = 54  # of the comments


def text(config: config_lib.Config, title: str) -> str:
    """The whole of it.

    Args:
        config: The configuration whose values are shown.
        title: What the fields are called.

    Returns:
        Text of many lines.
    """
    known = comments()
    lines = [
        f"  --{name}={value!r}".ljust(_COLUMN) + f"  # {known[name]}"
        for name, value in config_lib.field_names(config).items()
    ]
    return "\n".join([USAGE, f"{title}:", *lines])


def comments() -> dict[str, str]:
    """The comments behind the fields of the configuration, from its source.

    Returns:
        The comment by the field's dotted name, and the options of one that has only a
        few; "" where there is neither.
    """
    source = inspect.getsource(config_lib)
    of_line = {
        token.start[0]: token.string.lstrip("# ")
        for token in tokenize.generate_tokens(io.StringIO(source).readline)
        if token.type == tokenize.COMMENT
    }
    of_class = {
        node.name: {
            item.target.id: of_line.get(item.end_lineno or 0, "")
            for item in node.body
            if isinstance(item, ast.AnnAssign) and isinstance(item.target, ast.Name)
        }
        for node in ast.parse(source).body
        if isinstance(node, ast.ClassDef)
    }
    config, found = config_lib.Config(), {}
    for name, definition in config_lib.definitions().items():
        *groups, leaf = name.split(".")
        part = config
        for group in groups:
            part = getattr(part, group)
        comment = of_class[type(part).__name__].get(leaf, "")
        within = definition.metadata["within"]
        if isinstance(within, Choice):
            comment = f"{comment}: {within.listed}" if comment else within.listed
        found[f"config.{name}"] = comment
    return found
