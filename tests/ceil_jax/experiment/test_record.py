"""What a resumed run may change, field by field."""

import copy

import pytest

from ceil_jax.common.errors import UserError
from ceil_jax.experiment import record, settings
from ceil_jax.experiment.config import Config, field_names

TRAINING_FIELDS = sorted(n for n, tag in settings.tags().items() if tag == "training")
FREE_FIELDS = sorted(n for n, tag in settings.tags().items() if tag == "free")
EPOCHS = {"config.stage1_epochs", "config.stage2_epochs"}


def other(value):
    """Another value of the same type."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, tuple):
        return (*value[:-1], other(value[-1]))
    return value + "x" if isinstance(value, str) else value + 16


def with_changed(name):
    config = Config()
    *groups, leaf = name.removeprefix("config.").split(".")
    part = config
    for group in groups:
        part = getattr(part, group)
    setattr(part, leaf, other(getattr(part, leaf)))
    return config


def check(config, done=60, init_digest="", noted=None):
    noted = record.record_of(Config()) if noted is None else noted
    record.check_resumable(config, noted, done, init_digest=init_digest)


def test_the_same_goes_on():
    check(Config())


@pytest.mark.parametrize("name", sorted({*TRAINING_FIELDS} - EPOCHS))
def test_a_changed_training_field_is_refused_with_both_values(name):
    config = with_changed(name)
    with pytest.raises(UserError) as error:
        check(config, init_digest="d" if name == "config.init_from" else "")
    was, now = field_names(Config())[name], field_names(config)[name]
    was = list(was) if isinstance(was, tuple) else was
    assert f"{name} was {was!r} and is now {now!r}" in str(error.value).replace(
        f"was {tuple(was)!r}" if isinstance(was, list) else "\0", f"was {was!r}"
    )
    assert "--workdir alone" in str(error.value)
    assert "another --workdir" in str(error.value)


@pytest.mark.parametrize("name", FREE_FIELDS)
def test_a_free_field_may_change(name):
    check(with_changed(name))


def test_every_changed_field_is_named():
    config = Config(seed=9)
    config.optimizer.rate = 0.01
    config.encoder.dtype = "bfloat16"
    with pytest.raises(UserError) as error:
        check(config)
    for part in ("config.seed was 1 and is now 9", "0.00035", "0.01", "bfloat16"):
        assert part in str(error.value)


def test_more_epochs_where_the_schedule_does_not_depend_on_them():
    check(Config(stage2_epochs=80))
    check(Config(stage1_epochs=70), done=50)
    with pytest.raises(UserError, match=r"config\.stage1_epochs was 50 and is now 70"):
        check(Config(stage1_epochs=70), done=51)
    with pytest.raises(UserError, match=r"config\.stage1_epochs was 50 and is now 30"):
        check(Config(stage1_epochs=30), done=40)


@pytest.mark.parametrize("field", ["stage1_epochs", "stage2_epochs"])
def test_a_cosine_schedule_keeps_its_length(field):
    config = Config()
    config.optimizer.schedule = "cosine"
    noted = record.record_of(config)
    check(config, done=3, noted=noted)
    longer = copy.deepcopy(config)
    setattr(longer, field, 99)
    with pytest.raises(UserError, match=rf"config\.{field} was .* on their number"):
        check(longer, done=3, noted=noted)


def test_the_same_weights_may_lie_elsewhere():
    noted = record.record_of(Config(init_from="a/one.pt"), init_digest="d")
    check(Config(init_from="b/two.pt"), init_digest="d", noted=noted)
    with pytest.raises(UserError, match=r"config\.init_from was 'weights of another"):
        check(Config(init_from="b/one.pt"), init_digest="e", noted=noted)


def test_a_record_without_a_configuration_is_held_to_its_seed():
    noted = record.record_of(Config())
    del noted["config"], noted["init_digest"]
    check(with_changed("config.optimizer.rate"), noted=noted)
    with pytest.raises(UserError, match=r"config\.seed=4, .* began with seed 1"):
        check(Config(seed=4), noted=noted)


def test_the_folder_may_move_if_the_images_are_the_same():
    noted = record.record_of(Config(), fingerprint="a" * 64)
    record.check_fingerprint(noted, "a" * 64, "/elsewhere")
    with pytest.raises(UserError, match=r"config\.data_dir=/b holds other training im"):
        record.check_fingerprint(noted, "b" * 64, "/b")
    del noted["data"]["fingerprint"]
    record.check_fingerprint(noted, "b" * 64, "/b")


def test_architecture_and_image_size_are_the_checkpoints():
    trained = Config(image_size=(96, 48))
    trained.encoder.width = 16
    got = record.of_model(Config(data_dir="/b"), record.record_of(trained))
    assert (got.encoder.width, got.image_size) == (16, (96, 48))
    assert got.data_dir == "/b"
    assert record.of_model(Config(), {}) == Config()
