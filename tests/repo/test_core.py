"""What the core does where only its own dependencies are installed."""

import os
import subprocess
import sys

import pytest

from ceil_jax import weights
from ceil_jax.common import extras
from ceil_jax.pretrained import SYNTHETIC
from tests.ceil_jax.datasets.trees import TREES
from tests.ceil_jax.model.test_loading import add_checkpoint
from tests.repo import source

# What the core does not depend on; importing it fails here.
OTHERS = {name for names in extras.EXTRAS.values() for name in names} | {"torch"}
# Flax brings Optax.
OTHERS_THAN_MODEL = OTHERS - {*extras.EXTRAS["model"], "optax"}
BLOCK = """
import sys

class Blocked:
    NAMES = {blocked}

    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in self.NAMES:
            raise ModuleNotFoundError("blocked: " + name, name=name)

sys.meta_path.insert(0, Blocked())
import ceil_jax.common.extras as extras
extras.missing = lambda extra: [n for n in extras.EXTRAS[extra] if n in Blocked.NAMES]
"""
MODULES = (
    *("rerank", "neighbours", "clustering", "evaluation", "weights", "losses"),
    *("memory", "training.matching", "training.schedules", "datasets.registry"),
    *("common", "pretrained", "main", "experiment.config", "report.published"),
)
USE = """
import numpy as np
from ceil_jax import clustering, evaluation, losses, memory, neighbours, rerank, weights
from ceil_jax.pretrained import SYNTHETIC
from ceil_jax.training import matching, schedules

draw = np.random.default_rng(0)
people = draw.normal(size=(6, 32))
def rows(n):
    ids = np.repeat(np.arange(6), n)
    x = people[ids] + 0.3 * draw.normal(size=(6 * n, 32))
    return (x / np.linalg.norm(x, axis=1, keepdims=True)).astype(np.float32), ids

query, query_ids = rows(2)
gallery, gallery_ids = rows(5)
cameras = np.ones(len(query), int), np.full(len(gallery), 2)
for ranked in (
    rerank.gcr(query, gallery, *cameras, k1=6, k2=3),
    rerank.gnn(query, gallery, k1=6, k2=3),
    rerank.k_reciprocal(query, gallery, k1=6, k2=3),
    rerank.ecn(query, gallery, k=4),
    rerank.ca_jaccard(query, gallery, *cameras, k1_intra=3, k1_inter=5),
    rerank.by_name("nfc")(query, gallery),
    rerank.by_name("propagate")(query, gallery, *cameras, k1=6, k2=5),
):
    metrics = evaluation.evaluate(
        ranked, query_ids, gallery_ids, *cameras, protocol="standard"
    )
    assert metrics.mean_ap > 0.9, metrics
top = rerank.gcr_topk(query, gallery, *cameras, top=3, k1=6, k2=3)
assert (gallery_ids[np.asarray(top[1])] == query_ids[:, None]).mean() > 0.9
alone = rerank.candidates(query[0], gallery, 1, cameras[1], k1=6, k2=3)
assert (gallery_ids[np.argsort(-alone)[:5]] == query_ids[0]).all()
found = neighbours.nearest(gallery, k=5)
assert (gallery_ids[found.indices] == gallery_ids[:, None]).mean() > 0.9
clusters = clustering.cluster(gallery, np.ones(30, int), k1=4, k2=2, min_samples=2)
kept = clusters.labels >= 0
assert kept.mean() > 0.8
assert len({*zip(clusters.labels[kept], gallery_ids[kept])}) == 6
assert clustering.jaccard_distance(gallery, k1=6, k2=3).shape == (30, 30)
pairs, _ = matching.match(people, people + 0.01, k1=2, k2=1)
assert list(pairs) == list(range(6))
assert np.isclose(schedules.warmup_multistep(0.1)(11), 0.1)
centers = memory.centers(gallery, gallery_ids, num_rows=6)
scores = memory.scores(query, centers)
assert (np.asarray(scores).argmax(1) == query_ids).all()
assert float(losses.mmd(query, gallery[:12])) >= 0
variables = weights.load(SYNTHETIC)
assert weights.architecture(variables) == ((1, 1, 1, 1), 16)
assert set(weights.from_torch(weights.to_torch(variables))) == set(variables)
"""


def run(code: str, blocked: set[str] = OTHERS) -> subprocess.CompletedProcess[str]:
    """Run a program in which some libraries cannot be imported."""
    env = {**os.environ, "PYTHONPATH": str(source.ROOT), "JAX_PLATFORMS": "cpu"}
    whole = BLOCK.replace("{blocked}", repr(blocked)) + code
    command = [sys.executable, "-c", whole]
    return subprocess.run(command, env=env, capture_output=True, text=True)


def test_the_core_imports_without_the_rest():
    lines = [f"import ceil_jax.{name}" for name in MODULES]
    done = run("\n".join(lines))
    assert done.returncode == 0, done.stderr


def test_the_core_works_without_the_rest():
    done = run(USE)
    assert done.returncode == 0, done.stderr
    assert done.stdout == ""


@pytest.mark.parametrize(
    ("words", "status", "told"),
    [
        (["--version"], 0, "ceil-jax "),
        (["--help"], 0, "--config.encoder.width=64"),
        (["--help", "--config=synthetic"], 0, "--config.encoder.width=16"),
        (["--config=regdb", "--workdir=w"], 2, "--mode train needs flax, "),
        (["--config=regdb", "--mode=prepare"], 2, "--mode prepare needs flax, "),
        (["--mode=convert", "--weights=a.pt", "--output=b"], 2, "--mode convert needs"),
    ],
)
def test_the_program_says_what_it_needs(words, status, told):
    done = run(f"from ceil_jax.main import main; sys.exit(main(['x', *{words!r}]))")
    assert done.returncode == status, done.stderr
    shown = done.stderr if status else done.stdout
    assert told in shown
    if status:
        assert shown.startswith("error: ")
        assert shown.count("\n") == 1
        extra = "model" if "--mode=convert" in words else "train"
        assert f"pip install '.[{extra}]'" in shown


SCORE = """
import numpy as np
from ceil_jax.datasets import named
from ceil_jax.main import main

for dataset in DATA_SETS:
    options = {"allow_partial": True}
    place = {"data_dir": PLACE + "/" + dataset, "options": options}
    if dataset == "synthetic":
        place = {}
    tests = named.list_tests(dataset, trial=1, **place)
    names = [*tests.visible.names, *tests.infrared.names]
    ids = [*tests.visible.identities, *tests.infrared.identities]
    file = f"{PLACE}/{dataset}.npz"
    np.savez(file, features=np.eye(200)[ids], name=np.array(names))
    words = [f"--config={dataset}", f"--features={file}", f"--workdir={PLACE}/out"]
    if place:
        words += [f"--config.data_dir={place['data_dir']}", "--config.allow_partial"]
    status = main(["x", "--mode=score", *words, "--config.compilation_cache=off"])
    assert status == 0, dataset
assert not {"flax", "tensorflow_datasets", "PIL"} & {*sys.modules}
"""


def test_what_loads_a_model_names_the_extra():
    done = run("import ceil_jax\nceil_jax.load('x')")
    assert done.returncode == 1
    last = done.stderr.splitlines()[-1]
    assert "ceil_jax.load needs flax, PIL" in last
    assert last.endswith("pip install '.[model]' in the folder of ceil-jax")


def test_the_core_scores_features_of_every_data_set(tmp_path):
    for name, tree in TREES.items():
        tree.write(tmp_path / name)
    data_sets = ["synthetic", *TREES]
    code = f"PLACE, DATA_SETS = {str(tmp_path)!r}, {data_sets}\n{SCORE}"
    done = run(code)
    assert done.returncode == 0, done.stderr
    told = "warning: no report.html is written: it needs "
    assert done.stderr.count(told) == len(data_sets), done.stderr
    assert done.stdout.count("100.00") > 5 * 12


COMPARE = """
import os
from ceil_jax.main import main
from tests.ceil_jax.evaluation.paired_runs import run
from tests.ceil_jax.experiment.modes import run_folders

os.chdir(PLACE)
for seed, better in ((1, 0.0), (2, 0.1)):
    run_folders.write(run_folders.Path(str(seed)), run(seed, better))
sys.exit(main(["x", "--mode", "compare", "1", "2"]))
"""


def test_the_core_compares_runs(tmp_path):
    done = run(f"PLACE = {str(tmp_path)!r}\n{COMPARE}")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("These two checkpoints differ: B is better")
    assert "no page is written: it needs jinja2, markupsafe, matplotlib" in done.stderr
    assert not list(tmp_path.glob("*.html"))


EMBED = """
import pathlib
import numpy as np
from PIL import Image
from ceil_jax import encoder, weights
from ceil_jax.datasets import images
from ceil_jax.embedding import embedder, step
from ceil_jax.pretrained import SYNTHETIC

weights.convert(SYNTHETIC, PLACE + "/converted")
variables = weights.load(PLACE + "/converted")
sizes = weights.architecture(variables)
Image.new("RGB", (40, 80), (200, 30, 90)).save(PLACE + "/image.png")
image = images.read_image(pathlib.Path(PLACE, "image.png"), (64, 32))
batch = image[None].astype(np.float32) / 255
rows = encoder.Encoder(*sizes).apply(variables, visible=batch)
assert rows.shape == (1, 512)
assert abs(float((rows**2).sum()) - 1) < 1e-5
"""


def test_the_model_layer_embeds_images(tmp_path):
    code = f"PLACE = {str(tmp_path)!r}\n{EMBED}"
    done = run(code, OTHERS_THAN_MODEL)
    assert done.returncode == 0, done.stderr


EXPORT = """
from ceil_jax.main import main
from ceil_jax.pretrained import SYNTHETIC

START = ["x", "--mode=export", "--config=synthetic", "--config.compilation_cache=off"]
FILES = [f"--weights={SYNTHETIC}", f"--workdir={PLACE}/file"]
for words in ([f"--workdir={PLACE}/run"], FILES):
    for form in FORMATS:
        assert main([*START, *words, f"--format={form}"]) == 0, (words, form)
assert main([*START, *FILES]) == 2
"""


@pytest.mark.parametrize(
    ("extra", "formats", "names"),
    [
        ("export", ["onnx", "stablehlo"], ["visible.onnx", "infrared.stablehlo"]),
        ("model", ["torch"], ["model.safetensors"]),
    ],
)
def test_models_are_exported_without_training(tmp_path, extra, formats, names):
    add_checkpoint(tmp_path / "run", weights.load(SYNTHETIC), 4)
    start = f"PLACE, FORMATS = {str(tmp_path)!r}, {formats}\n"
    # PyTorch may be there; it is looked for, and not imported for what is asserted.
    done = run(start + EXPORT, OTHERS - {*extras.EXTRAS[extra], "torch"})
    assert done.returncode == 0, done.stderr
    assert done.stderr.startswith("error: --mode export needs ")
    for place, size in (("run", "32x16"), ("file", "64x32")):
        for name in names:
            [path] = (tmp_path / place).glob(f"*{name}")
            assert f"{path.stat().st_size / 1e6:.2f} MB, written to {path}\n" in (
                done.stdout
            )
        assert f", {size}, " in done.stdout


EMBED_FOLDER = """
import os
from PIL import Image
from ceil_jax.main import main

os.environ["CEIL_JAX_CACHE"] = PLACE + "/cache"
os.mkdir(PLACE + "/images")
Image.new("RGB", (40, 80), (200, 30, 90)).save(PLACE + "/images/a.png")
words = [f"--workdir={PLACE}/run", f"--images={PLACE}/images", "--modality=infrared"]
assert main(["x", "--mode=embed", *words, f"--output={PLACE}/rows.npz"]) == 0
"""


def test_folders_are_embedded_without_training(tmp_path):
    add_checkpoint(tmp_path / "run", weights.load(SYNTHETIC), 4)
    code = f"PLACE = {str(tmp_path)!r}\n{EMBED_FOLDER}"
    done = run(code, OTHERS - {*extras.EXTRAS["model"]})
    assert done.returncode == 0, done.stderr
    told = f"1 rows of 512 numbers written to {tmp_path / 'rows.npz'}\n"
    assert done.stdout == told


def test_a_folder_of_converted_weights_names_its_extra(tmp_path):
    (tmp_path / "_CHECKPOINT_METADATA").touch()
    code = f"from ceil_jax import weights; weights.load({str(tmp_path)!r})"
    done = run(code)
    assert "MissingExtraError: a folder of converted weights needs flax" in done.stderr
