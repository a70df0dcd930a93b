"""Words of a command line before it is parsed."""

import pytest

from ceil_jax.experiment import words


@pytest.mark.parametrize(
    ("argv", "want"),
    [
        (["main"], None),
        (["main", "--config"], None),
        (["main", "--config="], None),
        (["main", "--config=a"], "a"),
        (["main", "-config", "a", "--config=b"], "b"),
        (["main", "--config.seed=3"], None),
    ],
)
def test_the_last_word_of_a_flag(argv, want):
    assert words.word_of(argv, "config") == want


def test_words_without_the_configuration():
    argv = ["main", "--config", "a", "--mode=x", "-config=b", "--config.seed=1"]
    assert words.without_config(argv) == ["main", "--mode=x", "--config.seed=1"]


def test_the_configuration_that_a_run_recorded(tmp_path):
    argv = ["main", f"--workdir={tmp_path}"]
    assert words.recorded_path(argv, None) is None
    recorded = tmp_path / "config.json"
    recorded.touch()
    assert words.recorded_path(argv, None) == str(recorded)
    assert words.recorded_path(argv, "a.py") is None
    assert words.recorded_path(argv, "a.json") == "a.json"
    assert words.recorded_path(["main"], None) is None
