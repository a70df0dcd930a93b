"""Every mode of the program with its flags, from the program itself.

python -m docs.made.modes
"""

import re

from ceil_jax.experiment import usage
from ceil_jax.main import EXAMPLES, MODES, REPEATED

USES = {
    "config": "the experiment; may be left out where `--workdir` holds a run",
    "workdir": "the folder of the run",
    "weights": "a file of weights in place of the run's",
    "output": "where to write",
    "format": "the model itself in place of embeddings",
    "target": "what an ONNX file takes",
    "modality": "the encoder of one modality alone",
    "trials": "which splits",
    "seeds": "the training seeds, a run for each",
    "sweep": "what is tried",
    "model": "what embeds: a run, a model folder, weights",
    "images": "the images",
    "engine": "what computes: jax, onnxruntime, openvino or auto",
    "on-error": "`skip` leaves out images that cannot be read",
    "value-range": "`LOW,HIGH` of images of more than 8 bits become 0 and 255",
    "quality": "size, sharpness and contrast of each image, too",
    "explain": "which parts of query and answer matched, on the page "
    "([more](report.md#what-matched))",
    "features": "the features",
    "names": "the images' paths, where the features lack them",
    "take-over": "the process of another host that last wrote here has ended",
}


def _described() -> dict[str, str]:
    """What each mode does, as `--help` words it."""
    found: dict[str, list[str]] = {}
    mode = ""
    for line in usage.USAGE.splitlines():
        if match := re.match(r"  --mode (\w+)\s+(.*)", line):
            mode = match[1]
            found[mode] = [match[2]]
        elif mode and line.startswith(" " * 19):
            found[mode].append(line.strip())
        else:
            mode = ""
    return {name: " ".join(lines) for name, lines in found.items()}


def tables() -> str:
    """A heading and a table of flags for each mode.

    Returns:
        Markdown.
    """
    described, parts = _described(), []
    for mode, words in MODES.items():
        rows = ["| flag | | what it says |", "|---|---|---|"]
        for name in (*words.needed, *words.possible):
            need = "needed" if name in words.needed else "may be given"
            if name in REPEATED:
                need += ", several times"
            example = f": {EXAMPLES[name]}" if name in EXAMPLES else ""
            rows.append(f"| `--{name}` | {need} | {USES[name]}{example} |")
        does = re.sub(r"(--[\w-]+)", r"`\1`", described[mode])
        sentence = f"{does[0].upper()}{does[1:]}."
        parts.append("\n".join([f"## {mode}", "", sentence, "", *rows]))
    return "\n\n".join(parts)


if __name__ == "__main__":
    print(tables())
