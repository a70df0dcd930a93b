"""The model card: what a model is, what it reached, what it is for and not for."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from ceil_jax import __version__
from ceil_jax.model.info import Info, without_paths

PAPER = "https://doi.org/10.1109/TCSVT.2025.3548939"
FIGURES = ("rank1", "rank5", "rank10", "rank20", "mAP", "mINP")
TITLES = ("Rank-1", "Rank-5", "Rank-10", "Rank-20", "mAP", "mINP")
_GENERATED = (
    "The people of this data set are generated: the figures say that the training "
    "works, and compare with no published ones."
)


def text(about: Info) -> str:
    """The `README.md` of a model folder.

    Args:
        about: What is known of the model.

    Returns:
        Markdown with a YAML block in front, as the Hugging Face Hub reads it. Licence
        fields are left to the user, and paths of this machine left out.
    """
    about = without_paths(about)
    return "\n".join([*_front(about), *_body(about)]) + "\n"


def _front(about: Info) -> Iterator[str]:
    yield "---"
    yield "# license: yours to fill in; the training images may have a say in it"
    yield "library_name: ceil-jax"
    yield "pipeline_tag: image-feature-extraction"
    yield "tags:"
    yield from (
        f"  - {tag}" for tag in ("person-re-identification", "visible-infrared", "jax")
    )
    if about.training:
        yield f"datasets: [{json.dumps(str(about.training['dataset']))}]"
    yield "---"


def _body(about: Info) -> Iterator[str]:
    height, width = about.image_size
    yield f"# {about.source}: visible-infrared person re-identification"
    yield ""
    yield (
        "An encoder that maps images of people, visible or infrared, to "
        f"{about.embedding_size} numbers: the inner product of two rows says how alike "
        f"the people are. It was trained by [CEIL]({PAPER}) in ceil-jax {__version__}, "
        "without identity labels."
        if about.training
        else "An encoder that maps images of people, visible or infrared, to "
        f"{about.embedding_size} numbers. How it was trained is not recorded."
    )
    yield from ("", "```python", "import ceil_jax", "")
    yield 'model = ceil_jax.load("path/to/this/folder")'
    yield 'rows = model.embed("folder/of/images", "visible")  # (n, d), unit rows'
    yield from ("```", "", "## Model", "")
    yield from _table(("", ""), _facts(about))
    yield ""
    yield (
        f"Images are turned upright, made RGB, resized to {height} x {width} pixels "
        "(height x width) by Lanczos interpolation and normalised as `config.json` "
        "says. Visible and infrared images have first layers of their own: say which a "
        "picture is."
    )
    yield from _training(about)
    yield from _results(about)
    yield from _calibration(about)
    if about.warnings:
        yield from ("", "## Warnings", "")
        yield from (f"- {warning}" for warning in about.warnings)
    yield from _use()


def _facts(about: Info) -> Iterator[tuple[str, str]]:
    yield "architecture", f"CLIP ResNet with two stems, {about.architecture}"
    yield "embedding", f"{about.embedding_size} float32 of length 1"
    yield "modalities", ", ".join(about.modalities)
    for modality, (low, high) in about.value_ranges.items():
        yield f"range of {modality} images of more than 8 bits", f"{low:g} to {high:g}"
    yield "digest", f"`{about.digest}`"


def _table(head: tuple[str, ...], rows: Any) -> Iterator[str]:
    yield f"| {' | '.join(head)} |"
    yield f"|{'---|' * len(head)}"
    yield from (f"| {' | '.join(map(str, row))} |" for row in rows)


def _training(about: Info) -> Iterator[str]:
    training = about.training
    yield from ("", "## Training", "")
    if training is None:
        yield "Not recorded: whom the model was trained on is not known."
        return
    rows = [("data set", about.trained_on), ("epoch", training["epoch"])]
    rows += [
        (title, training[name])
        for name, title in (
            ("seed", "seed"),
            ("init_from", "started from"),
            ("selection", "epoch chosen"),
            ("fingerprint", "fingerprint of the training images"),
        )
        if training.get(name) not in (None, "")
    ]
    trainer = training.get("trained_by") or {}
    rows += [(name, trainer[name]) for name in ("jax", "processor") if name in trainer]
    yield from _table(("", ""), rows)
    yield from ("", "All settings are in `config.json`, `training`.")


def _results(about: Info) -> Iterator[str]:
    yield from ("", "## Figures", "")
    results = about.results
    if results is None:
        yield "The model was not scored."
        return
    yield (
        f"Protocol {results['protocol']}, sampling {results['sampling']}, "
        f"{results['trials']} galleries; in %, mean ± standard deviation over them. R: "
        f"re-ranked by GCR with {_rerank(results)}."
    )
    yield ""
    yield from _table(("search", "", *TITLES), _figures(results))
    yield ""
    if (about.training or {}).get("dataset") == "synthetic":
        yield _GENERATED
    elif not results.get("comparable"):
        yield "These figures were not measured as the published ones are."
    yield from (f"- {warning}" for warning in results.get("warnings", ()))


def _rerank(results: Mapping[str, Any]) -> str:
    values = results.get("rerank") or {}
    return ", ".join(f"{name} {value}" for name, value in values.items()) or "defaults"


def _figures(results: Mapping[str, Any]) -> Iterator[tuple[str, ...]]:
    for mode, kinds in results["modes"].items():
        for kind, title in (("plain", "plain"), ("gcr", "R")):
            if kind in kinds:
                found = kinds[kind]
                yield (
                    mode.replace("_", " "),
                    title,
                    *(
                        f"{found[name]['mean']:.2f} ± {found[name]['std']:.2f}"
                        for name in FIGURES
                    ),
                )


def _calibration(about: Info) -> Iterator[str]:
    if about.calibration is not None:
        yield from ("", "## Same person?", "")
        yield (
            "`model.same_person(a, b, ...)` decides by the thresholds that stand under "
            "`calibration` in `config.json`. They were measured on the test people of "
            "the data set above and hold for cameras and people like these."
        )


def _use() -> Iterator[str]:
    yield from ("", "## Intended use and limits", "")
    yield (
        "To search for the same person in images of cameras that you may use for that: "
        "find where else a person in one picture was seen, and let people look at the "
        "answer. The model ranks; it does not identify."
    )
    yield ""
    yield (
        "- Re-identification goes by clothes and build more than by faces: who changes "
        "clothes, or dresses like others, is confused. Rows of different days need not "
        "match."
    )
    yield (
        "- Figures hold for cameras like those of the test data. Measure on pictures "
        "of your own before you rely on it; accuracy may differ between groups of "
        "people, which the figures above do not show."
    )
    yield (
        "- Similarities within a modality are higher than across; a threshold holds "
        "for one pair of modalities."
    )
    yield (
        "- Watching people is regulated in many places. It must not be the only ground "
        "of a decision about a person."
    )
