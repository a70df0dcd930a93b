"""What may not be trained beside."""

import json

import pytest

from ceil_jax.common.errors import UserError
from ceil_jax.experiment.workdir import check_no_scores


def test_no_training_beside_figures_of_features(tmp_path):
    (tmp_path / "results.json").write_text(json.dumps({"features": {"digest": "0"}}))
    with pytest.raises(UserError, match=r"figures of features .* another folder"):
        check_no_scores(tmp_path)


@pytest.mark.parametrize("text", [None, "{}", '{"trained_with": {}}', "[]", "{"])
def test_other_folders_may_be_trained_in(text, tmp_path):
    if text is not None:
        (tmp_path / "results.json").write_text(text)
    check_no_scores(tmp_path)
    check_no_scores(tmp_path / "not there")
