"""Every file that a run leaves in its folder."""

FILES = {
    "config.json": "the whole configuration, for `--workdir` alone and for a reader",
    "checkpoints/": "a folder for each epoch that is kept, by Orbax; `13.step340` is a "
    "state within epoch 13, `NAME.damaged` one that did not prove itself",
    "metrics.jsonl": "a line for each epoch: stage, losses, rate, and by modality "
    "clusters, proxies, kept images; seconds of each part",
    "trackers.json": "the run's name in other [trackers](runs.md#curves), which write "
    "`wandb/`, `mlruns/` or `trackio/`",
    "tensorboard/": "the same as curves: `tensorboard --logdir DIR/tensorboard`",
    "scores.json": "figures of the epochs that were scored on the way",
    "comparison.json": "figures of the baselines and of each stage's end",
    "trained_on.npz": "a number for the pixels of every training image, and its person "
    "where known: what keeps a model from being tested on them",
    "results.json": "the figures of the run's own evaluation "
    "([keys](evaluation.md#resultsjson))",
    "results/": "every other evaluation, `PROTOCOL-SAMPLING-SHOTS-CHECKPOINT.json`, "
    "beside it the same files as `NAME.html`, `NAME.rankings.npz` and so on",
    "report.html": "[one page](report.md) with figures, lists, pictures, curves",
    "rankings.npz": "what every query found ([keys](evaluation.md#rankingsnpz))",
    "pictures.npz": "small pictures, the map and why an answer, for `report.html`",
    "explained.npz": "after `--mode report --explain`: what matched in the first "
    "answers of the page's lists ([more](report.md#what-matched))",
    "ranked_lists.png": "telling queries with their top ten, plain above re-ranked",
    "embeddings.npz": "after `--mode export`: a unit row for every image, its name, "
    "camera, modality, and person where known",
    "writer.json": "who writes here now, or did last",
    ".writer.lock": "the lock of that process",
    "trial_NN/": "after `--mode trials`: a run for each split of RegDB; after `--mode "
    "score` of several splits the figures of each",
    "seed-N/, seeds.json": "after `--seeds`: a run for each training seed; the table",
    "runs.html": "after `--seeds`, `--mode trials` or `--mode sweep`: "
    "[one page](report.md#several-runs) over all runs",
    "sweep.json": "after `--mode sweep`: the table of its runs, each in a folder named "
    "by what it changed",
    "NAME.damaged": "a file that a crash or an editor damaged, set aside",
}
"""What each is, by name; a name with a slash is a folder."""


def table() -> str:
    """The files as a table.

    Returns:
        Markdown.
    """
    rows = [f"| `{name}` | {what} |" for name, what in FILES.items()]
    return "\n".join(["| file | what it holds |", "|---|---|", *rows])
