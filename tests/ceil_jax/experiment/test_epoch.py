"""Schedules by the configuration, and an epoch: what each of its parts is given."""

import time

import jax
import numpy as np
import pytest

from ceil_jax import clustering
from ceil_jax.common import parallel
from ceil_jax.common.errors import UserError
from ceil_jax.datasets.imageset import ArraySource, ImageSet
from ceil_jax.experiment.build import schedule_of
from ceil_jax.experiment.config import Config
from ceil_jax.experiment.epoch import Clusters, Drawing, Partners, Timer, Trainer
from ceil_jax.training import fit, pseudo_labels
from ceil_jax.training.pseudo_labels import PseudoLabels
from ceil_jax.training.state import TrainState


def test_the_released_schedule():
    rate = schedule_of(Config())
    base = 3.5e-4
    want = {1: 0.01, 6: 0.505, 11: 1, 30: 1, 31: 0.1, 50: 0.1, 51: 0.01, 90: 0.01}
    for epoch, factor in want.items():
        assert rate(epoch) == pytest.approx(base * factor)


def test_the_demos_schedule():
    config = Config(stage1_epochs=2, stage2_epochs=2)
    config.optimizer.schedule, config.optimizer.warmup_epochs = "cosine", 0
    config.optimizer.rate = 1.0
    rates = [schedule_of(config)(epoch) for epoch in (1, 2, 3, 4)]
    assert rates == pytest.approx([1, (1 + 0.5**0.5) / 2, 0.5, (1 - 0.5**0.5) / 2])


@pytest.mark.parametrize(
    ("schedule", "field", "value", "message"),
    [
        ("cosine", "warmup_epochs", 90, "warmup_epochs=90"),
        ("multistep", "milestones", (50, 30), "milestones"),
    ],
)
def test_schedules_that_do_not_fit(schedule, field, value, message):
    config = Config()
    config.optimizer.schedule = schedule
    setattr(config.optimizer, field, value)
    with pytest.raises(UserError, match=rf"config\.optimizer: .*{message}"):
        schedule_of(config)


def test_times_of_parts_add_up(monkeypatch):
    moments = iter([10.0, 12.5, 20.0, 21.0, 30.0, 30.5])
    monkeypatch.setattr(time, "monotonic", lambda: next(moments))
    timer = Timer()
    for name in ("embed", "fit", "embed"):
        with timer.part(name):
            pass
    assert timer.seconds == {"embed": 3.0, "fit": 1.0}


def image_set(identities, cameras):
    """Black images of one pixel."""
    images = ArraySource(np.zeros((len(identities), 1, 1, 3), np.uint8))
    names = np.array([f"{n}.jpg" for n in range(len(identities))])
    columns = np.array(identities, np.int32), np.array(cameras, np.int32)
    return ImageSet(images, *columns, names)


# Three people; two images of each make a proxy and a cluster in either modality.
VISIBLE = image_set([7, 7, 8, 8, 9, 9], [1, 1, 1, 1, 1, 1])
INFRARED = image_set([8, 8, 9, 9, 7, 7], [2, 2, 2, 2, 2, 2])
NOBODY = image_set([], [])
RIGHT, TURNED = np.array([2, 0, 1]), np.array([1, 2, 0])
LABELS = PseudoLabels(
    kept=np.arange(6),
    clusters=np.array([0, 0, 1, 1, 2, 2], np.int32),
    proxies=np.array([0, 0, 1, 1, 2, 2], np.int32),
    tables=clustering.ProxyTables(
        np.array([[0], [1], [2]], np.int32),
        np.zeros(3, np.int32),
        np.arange(3, dtype=np.int32),
        np.array([1]),
    ),
    num_images=6,
)
STATE = TrainState({"w": np.ones(1)}, {"mean": np.zeros(1)}, None, np.int32(0))
DRAWN = ["first batch", "second batch"]


class Calls:
    """Stands for what an epoch calls, and keeps what it was given."""

    def __init__(self, monkeypatch):
        self.embedded, self.found, self.fitted, self.drawn = [], [], [], []
        self.matched = None
        self.across = [(RIGHT, TURNED), (TURNED, TURNED)]
        self.rows = {
            "visible": np.repeat(np.eye(3, 4, dtype=np.float32), 2, 0),
            "infrared": np.repeat(np.eye(3, 4, 1, dtype=np.float32), 2, 0),
        }
        monkeypatch.setattr(pseudo_labels, "find", self.find)
        monkeypatch.setattr(pseudo_labels, "match_across", self.match)
        monkeypatch.setattr(fit, "batches", self.batches)
        monkeypatch.setattr(fit, "fit", self.fit)
        monkeypatch.setattr(parallel, "send", lambda batch, devices: (batch, devices))

    def embed(self, variables, images, modality):
        self.embedded.append((variables, images, modality))
        return self.rows[modality]

    def find(self, rows, images, modality, **options):
        self.found.append((rows, images, modality, options))
        return LABELS._replace(num_images=6 if modality == "visible" else 60)

    def match(self, memories, labels, **options):
        self.matched = (memories, labels, options)
        return self.across

    def batches(self, *sides, **options):
        self.drawn.append((sides, options))
        yield from DRAWN

    def fit(self, step, state, memories, tables, rate, source, **options):
        given = {"step": step, "memories": memories, "tables": tables, "rate": rate}
        self.fitted.append(given | options | {"batches": list(source)})
        return state._replace(step=9), {"loss": 1.5, "cdl": 0.5}


@pytest.fixture
def calls(monkeypatch):
    return Calls(monkeypatch)


def trainer_with(calls, **changes):
    """A trainer of two epochs of stage 1, whose numbers are all different."""
    parts = {
        "sets": (VISIBLE, INFRARED),
        "devices": jax.local_devices()[1:3],
        "embed": calls.embed,
        "renormalise": False,
        "steps": {1: "step of stage 1", 2: "step of stage 2"},
        "rate_of": lambda epoch: {1: 0.1, 2: 0.25, 3: 0.5, 4: 0.75}[epoch],
        "stage1_epochs": 2,
        "clusters": Clusters(11, 7, 0.3, 5),
        "partners": Partners(13, 4),
        "drawing": Drawing(6, 3, (17, 23), 5),
    }
    return Trainer(**parts | changes)


class TestEpoch:
    @pytest.mark.parametrize(
        ("epoch", "stage", "rate", "num_steps"),
        [(1, 1, 0.1, 17), (2, 1, 0.25, 17), (3, 2, 0.5, 23), (4, 2, 0.75, 23)],
    )
    def test_stage_rate_and_draws_are_those_of_the_epoch(
        self, calls, epoch, stage, rate, num_steps
    ):
        state, record = trainer_with(calls).epoch(STATE, epoch)
        (fitted,), (drawn,) = calls.fitted, calls.drawn
        assert fitted["step"] == f"step of stage {stage}"
        assert fitted["rate"] == record["learning_rate"] == rate
        assert (fitted["epoch"], fitted["num_steps"]) == (epoch, num_steps)
        assert drawn[1] == {
            "visible_rows": 6,
            "images_per_proxy": 3,
            "num_steps": num_steps,
            "seed": (5, epoch),
            "done": 0,
        }
        assert (state.params, state.step) == (STATE.params, 9)
        assert (record["epoch"], record["stage"]) == (epoch, stage)

    def test_the_record(self, calls):
        _, record = trainer_with(calls).epoch(STATE, 3)
        seconds = record.pop("seconds")
        assert list(seconds) == ["embed", "cluster", "match", "fit"]
        counts = {"clusters": 3, "proxies": 3, "kept": 6}
        counts |= {"purity": 1.0, "recall": 1.0}
        assert record == {
            "epoch": 3,
            "stage": 2,
            "right_matches": 1.0,
            "loss": 1.5,
            "cdl": 0.5,
            "learning_rate": 0.5,
            "visible": counts | {"images": 6},
            "infrared": counts | {"images": 60},
        }

    def test_images_are_embedded_with_the_state_and_clustered(self, calls):
        trainer_with(calls).epoch(STATE, 1)
        variables = {"params": STATE.params, "batch_stats": STATE.batch_stats}
        assert calls.embedded == [
            (variables, VISIBLE, "visible"),
            (variables, INFRARED, "infrared"),
        ]
        options = {"k1": 11, "k2": 7, "eps": 0.3, "min_samples": 5}
        assert [call[1:] for call in calls.found] == [
            (VISIBLE, "visible", options),
            (INFRARED, "infrared", options),
        ]
        for rows, _, modality, _ in calls.found:
            assert rows is calls.rows[modality]

    def test_batches_are_of_the_images_and_their_labels_and_sent(self, calls):
        trainer = trainer_with(calls)
        trainer.epoch(STATE, 1)
        visible, infrared = calls.drawn[0][0]
        assert (visible.images, infrared.images) == (VISIBLE, INFRARED)
        assert (visible.labels.num_images, infrared.labels.num_images) == (6, 60)
        sent = [(batch, trainer.devices) for batch in DRAWN]
        assert calls.fitted[0]["batches"] == sent

    def test_memories_are_the_centres_of_the_features(self, calls):
        trainer = trainer_with(calls)
        trainer.epoch(STATE, 1)
        memories = calls.fitted[0]["memories"]
        for memory, modality in zip(memories, ("visible", "infrared"), strict=True):
            for rows in memory:
                assert rows.sharding.device_set == set(trainer.devices)
                np.testing.assert_allclose(rows[:3], calls.rows[modality][::2])

    def test_averages_are_made_unit_rows_again(self, calls):
        calls.rows["visible"] = calls.rows["visible"] * np.float32(0.8)
        trainer_with(calls, renormalise=True).epoch(STATE, 1)
        norms = np.linalg.norm(calls.found[0][0], axis=1)
        np.testing.assert_allclose(norms, 1, rtol=1e-6)

    def test_other_rows_are_left_as_they_are(self, calls):
        calls.rows["visible"] = calls.rows["visible"] * np.float32(0.8)
        trainer_with(calls).epoch(STATE, 1)
        assert calls.found[0][0] is calls.rows["visible"]


class TestMatching:
    def test_its_numbers_and_what_is_matched(self, calls):
        trainer_with(calls).epoch(STATE, 3)
        memories, labels, options = calls.matched
        assert options == {"k1": 13, "k2": 4}
        np.testing.assert_allclose(memories.visible.proxies, calls.rows["visible"][::2])
        np.testing.assert_allclose(
            memories.infrared.clusters, calls.rows["infrared"][::2]
        )
        assert [label.num_images for label in labels] == [6, 60]

    def test_partners_arrive_in_the_tables(self, calls):
        calls.across = [([2, 0, 1], [1, 2, 0]), ([0, 2, 1], [2, 1, 0])]
        calls.across = [(np.array(a), np.array(b)) for a, b in calls.across]
        trainer_with(calls).epoch(STATE, 3)
        tables = calls.fitted[0]["tables"]
        for table, (proxies, clusters) in zip(tables, calls.across, strict=True):
            np.testing.assert_array_equal(table.across_proxies, proxies)
            np.testing.assert_array_equal(table.across_clusters, clusters)

    @pytest.mark.parametrize(
        ("partners", "share"), [(RIGHT, 1.0), (TURNED, 0.0), ([2, 0, 0], 2 / 3)]
    )
    def test_the_share_of_right_matches(self, calls, partners, share):
        # Of the visible proxies alone: whatever else is matched must not count.
        wrong = np.array([0, 1, 2])
        calls.across = [(np.asarray(partners), wrong), (wrong, wrong)]
        _, record = trainer_with(calls).epoch(STATE, 3)
        assert record["right_matches"] == pytest.approx(share)

    def test_the_share_is_left_out_where_people_are_unknown(self, calls):
        unknown = image_set([-1] * 6, [2] * 6)
        trainer = trainer_with(calls, sets=(VISIBLE, unknown))
        assert "right_matches" not in trainer.epoch(STATE, 3)[1]

    def test_stage_1_matches_nothing(self, calls):
        _, record = trainer_with(calls).epoch(STATE, 2)
        assert calls.matched is None
        assert "right_matches" not in record
        assert "match" not in record["seconds"]
        assert not np.any(calls.fitted[0]["tables"].visible.across_proxies)


class TestOneModality:
    @pytest.mark.parametrize(("place", "there"), [(0, "visible"), (1, "infrared")])
    def test_the_other_is_left_out_everywhere(self, calls, place, there):
        sets = [NOBODY, NOBODY]
        sets[place] = (VISIBLE, INFRARED)[place]
        _, record = trainer_with(calls, sets=tuple(sets)).epoch(STATE, 1)
        assert [modality for *_, modality in calls.embedded] == [there]
        assert [modality for _, _, modality, _ in calls.found] == [there]
        fitted, sides = calls.fitted[0], calls.drawn[0][0]
        for both in (fitted["memories"], fitted["tables"], sides):
            assert both[1 - place] is None
            assert both[place] is not None
        assert sides[place].images is sets[place]
        other = ("infrared", "visible")[place]
        assert there in record
        assert other not in record

    def test_without_any_image_there_is_no_trainer(self, calls):
        with pytest.raises(UserError, match="there are no training images"):
            trainer_with(calls, sets=(NOBODY, NOBODY))


def test_stages_of_epochs(calls):
    stages = [trainer_with(calls).stage_of(epoch) for epoch in (1, 2, 3, 4)]
    assert stages == [1, 1, 2, 2]
