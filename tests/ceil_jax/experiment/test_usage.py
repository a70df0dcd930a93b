"""The help: every field with a comment of its own."""

from ceil_jax.experiment import usage
from ceil_jax.experiment.config import Config, field_names


def test_every_field_has_a_comment():
    comments = usage.comments()
    assert set(comments) == set(field_names(Config()))
    assert [name for name, comment in comments.items() if not comment] == []


def test_comments_belong_to_their_fields():
    comments = usage.comments()
    # The same leaf in several groups.
    assert comments["config.optimizer.weight_decay"] == "added to the gradient, as L2"
    assert comments["config.clustering.k1"] == "neighbours of the Jaccard distance"
    assert comments["config.rerank.k1"] == "neighbours that an image is linked to"
    assert comments["config.synthetic.seed"] == "of people and cameras"


def test_values_stand_beside_comments():
    lines = usage.text(Config(seed=7), "Fields").splitlines()
    start = lines.index("Fields:")
    fields = lines[start + 1 :]
    assert len(fields) == len(field_names(Config()))
    [seed] = [line for line in fields if line.startswith("  --config.seed=")]
    value, comment = seed.split("  #")
    assert value.strip() == "--config.seed=7"
    assert comment.startswith(" of the training")
