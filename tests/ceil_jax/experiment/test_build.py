"""Devices, batches and weights as the configuration asks for them."""

from typing import Any

import jax
import numpy as np
import pytest

from ceil_jax import weights
from ceil_jax.common.errors import UserError
from ceil_jax.embedding.embedder import unit_rows
from ceil_jax.encoder import Encoder
from ceil_jax.evaluation import permutations, protocols, scoring
from ceil_jax.evaluation.results import Results
from ceil_jax.experiment import build, sources
from ceil_jax.experiment.config import Config
from ceil_jax.training import steps
from tests.ceil_jax.datasets.trees import write_regdb
from tests.ceil_jax.experiment.wires import SPLITS

SIDES: Any = [None, None]
RESULTS = Results("p", "none", 1, {})
TESTED = sources.Tested(SPLITS.test_visible, SPLITS.test_infrared)


@pytest.mark.parametrize(("asked", "given"), [(0, 4), (1, 1), (3, 3), (4, 4)])
def test_devices(asked, given):
    devices = build.devices_of(Config(num_devices=asked))
    assert devices == jax.local_devices()[:given]


def test_more_devices_than_there_are():
    with pytest.raises(UserError, match=r"num_devices=5, but there are 4 local"):
        build.devices_of(Config(num_devices=5))


@pytest.mark.parametrize(
    ("rows", "per_proxy", "devices", "would", "fewer"),
    [
        (20, 5, 8, "40", 5),
        (20, 5, 3, "15 or 30", 2),
        (6, 2, 4, "4 or 8", 3),
        (7, 1, 4, "4 or 8", 1),
    ],
)
def test_a_batch_that_does_not_divide(rows, per_proxy, devices, would, fewer):
    config = Config()
    config.batch.visible_rows, config.batch.images_per_proxy = rows, per_proxy
    message = f"={rows} .* the {devices} devices: {would} would, or .*devices={fewer}$"
    with pytest.raises(UserError, match=message):
        build.check_batch(config, devices)
    for number in would.split(" or "):
        config.batch.visible_rows = int(number)
        assert int(number) % per_proxy == 0
        build.check_batch(config, devices)
    config.batch.visible_rows = rows
    build.check_batch(config, fewer)


def test_the_encoder_is_the_configured_one():
    config = Config()
    config.encoder.stage_sizes, config.encoder.width = (1, 2, 1, 1), 8
    config.encoder.dtype = "bfloat16"
    encoder = build.encoder_of(config, synchronised=False)
    assert encoder == Encoder((1, 2, 1, 1), 8, dtype=np.dtype("bfloat16"))
    assert build.encoder_of(config, synchronised=True).axis_name == "batch"


def test_weights_that_cannot_be_read(tmp_path):
    config = Config(init_from=str(tmp_path / "none.safetensors"))
    with pytest.raises(UserError, match=r"config\.init_from.*none\.safetensors"):
        build.initial_state(config)


class TestInitialState:
    """Which weights a training starts from, and how a mistake is named."""

    @pytest.fixture
    def config(self):
        made = Config(init_from="a.safetensors", image_size=(48, 32), seed=5)
        made.encoder.stage_sizes, made.encoder.width = (1, 2, 1, 1), 8
        return made

    @pytest.fixture
    def given(self, monkeypatch):
        """What the first state is made of; the file holds the configured encoder."""
        found = weights.Architecture((1, 2, 1, 1), 8)
        monkeypatch.setattr(weights, "load", lambda path: {"of": path})
        monkeypatch.setattr(weights, "architecture", lambda variables: found)
        monkeypatch.setattr(steps, "init_state", lambda *args, **options: options)

    def test_weights_of_a_file(self, config, given):
        options = build.initial_state(config)
        assert options == {"seed": 5, "variables": {"of": "a.safetensors"}}

    def test_random_ones_where_they_are_asked_for(self, config, given):
        options = build.initial_state(config, from_weights=False)
        assert options == {"seed": 5, "variables": None}
        config.init_from = ""
        assert build.initial_state(config) == options

    @pytest.mark.parametrize(
        ("sizes", "width"), [((1, 1, 1, 1), 8), ((1, 2, 1, 1), 16)]
    )
    def test_weights_of_another_architecture(self, config, given, sizes, width):
        config.encoder.stage_sizes, config.encoder.width = sizes, width
        with pytest.raises(UserError, match=r"--weights=a\.saf.* is an encoder of"):
            build.initial_state(config, flag="--weights")

    def test_the_flag_that_named_them_is_told(self, config, given, monkeypatch):
        def fail(*args, **options):
            raise ValueError("no such thing")

        monkeypatch.setattr(steps, "init_state", fail)
        for flag in ("--weights", "config.init_from"):
            with pytest.raises(UserError, match=rf"^{flag}=a\.safetensors: no such th"):
                build.initial_state(config, flag=flag)
        monkeypatch.setattr(weights, "load", fail)
        for flag in ("--weights", "config.init_from"):
            with pytest.raises(UserError, match=rf"^{flag}: no such thing$"):
                build.initial_state(config, flag=flag)


class TestScorer:
    """What the protocol and the images decide beside the configuration."""

    @pytest.fixture(autouse=True)
    def plan(self, monkeypatch):
        made = protocols.Plan("p", {})
        monkeypatch.setattr(protocols, "plan", lambda *args, **options: made)
        monkeypatch.setattr(scoring, "score_protocol", lambda *args, **_: RESULTS)

    @pytest.mark.parametrize(
        ("protocol", "split"), [("regdb", 4), ("regdb_released", None), ("llcm", None)]
    )
    def test_the_split_is_told_where_one_is_tested(self, protocol, split):
        made = build.scorer_of(Config(trial=4), protocol, TESTED)
        assert made.score(SIDES, "x").split == split

    def test_what_is_wrong_with_the_images_is_told_and_does_not_compare(self):
        made = build.scorer_of(Config(), "regdb", TESTED, warnings=("not whole",))
        results = made.score(SIDES, "x")
        assert (results.warnings, results.comparable) == (("not whole",), False)
        assert build.scorer_of(Config(), "regdb", TESTED).score(SIDES, "x").comparable

    @pytest.mark.parametrize("protocol", ["regdb", "llcm", "standard"])
    def test_only_sysu_mm01_has_listed_galleries(self, protocol, monkeypatch):
        monkeypatch.setattr(permutations, "read", lambda path: pytest.fail(str(path)))
        config = Config(data_dir="/images")
        config.evaluation.sampling = "official"
        build.scorer_of(config, protocol, TESTED)


def test_rows_become_unit_rows():
    rows = unit_rows(np.array([[3.0, 4.0], [0.0, 0.0]], np.float32))
    np.testing.assert_allclose(rows, [[0.6, 0.8], [0.0, 0.0]], rtol=1e-6)


class TestTested:
    """Which images a model is scored on."""

    @pytest.fixture
    def config(self, tmp_path):
        folder = tmp_path
        made = Config(dataset="regdb", data_dir=str(write_regdb(folder / "RegDB")))
        made.prepared_dir, made.image_size = str(folder / "prepared"), (32, 16)
        made.allow_partial, made.trial = True, 3
        return made

    def test_a_model_is_scored_on_its_own_split(self, config):
        images = sources.load_images(config)
        tested = sources.tested(config, images)
        assert sources.protocol_of(config) == "regdb"
        assert (tested.visible, tested.infrared) == images[2:4]
        assert tested.splits is None
        assert not set(tested.visible.identities) & set(images[0].identities)

    def test_regdb_released_is_scored_on_every_split(self, config):
        config.evaluation.protocol = "regdb_released"
        images = sources.load_images(config)
        tested = sources.tested(config, images)
        assert sources.protocol_of(config) == "regdb_released"
        assert tested.splits is not None
        for side, name in ((tested.visible, "visible"), (tested.infrared, "infrared")):
            assert tested.splits[name].shape == (len(side), 10)
        # Split 3's own people are among them.
        mine = np.unique(tested.visible.identities[tested.splits["visible"][:, 2]])
        np.testing.assert_array_equal(mine, np.unique(images.test_visible.identities))

    def test_it_is_regdbs(self):
        other = Config(dataset="synthetic")
        other.evaluation.protocol = "regdb_released"
        with pytest.raises(
            UserError, match=r"is RegDB's, config\.dataset is synthetic"
        ):
            sources.protocol_of(other)
