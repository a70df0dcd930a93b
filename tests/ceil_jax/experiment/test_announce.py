"""What a run says of itself, from plain numbers."""

import pytest

from ceil_jax.experiment import announce


def test_the_first_lines_name_devices_images_epochs_and_steps():
    text = announce.opening(
        ["NVIDIA H100", "NVIDIA H100"],
        {"visible": 22258, "infrared": 11909},
        (50, 40),
        (200, 150),
    )
    assert text.splitlines() == [
        "training on 2 x NVIDIA H100: 22,258 visible and 11,909 infrared images",
        "90 epochs (50 of stage 1 with 200 steps, 40 of stage 2 with 150 steps); the "
        "expected time is told after the first epoch, from what that took",
    ]


def test_what_is_not_there_is_not_named():
    text = announce.opening(["cpu"], {"visible": 12, "infrared": 0}, (1, 0), (5, 7))
    first, second = text.splitlines()
    assert first == "training on 1 x cpu: 12 visible images"
    assert second.startswith("1 epoch (1 of stage 1 with 5 steps); ")


def test_epochs_that_are_done_are_told():
    text = announce.opening(["cpu"], {"visible": 9}, (4, 2), (5, 7), done=3)
    assert "), 3 of them done; " in text


@pytest.mark.parametrize(
    ("measured", "left", "seconds"),
    [
        # One epoch of stage 1 took 20 s: a step 2 s, so an epoch of stage 2 takes 10.
        ([(1, 20.0)], (3, 4), 3 * 20 + 4 * 10),
        # The first epoch, which compiled, is left out once there is a second.
        ([(1, 90.0), (1, 20.0), (1, 30.0)], (2, 0), 2 * 25),
        ([(1, 90.0), (1, 30.0)], (1, 0), 30),
        ([(1, 90.0), (1, 30.0), (2, 40.0), (2, 8.0)], (0, 2), 16),
        # Stage 2 has been measured itself.
        ([(1, 20.0), (2, 7.0)], (0, 3), 21),
        # A run that was resumed in stage 2 knows no epoch of stage 1.
        ([(2, 7.0)], (0, 2), 14),
        ([(1, 20.0)], (0, 0), 0),
    ],
)
def test_the_time_left_is_what_others_of_the_stage_took(measured, left, seconds):
    assert announce.time_left(measured, left, (10, 5)) == pytest.approx(seconds)


def test_the_time_left_in_words():
    assert announce.remaining(130) == "about 2 min 10 s left"
    assert announce.remaining(0) == ""


def test_what_comes_next_has_commands_and_the_picture(tmp_path):
    (tmp_path / "ranked_lists.png").touch()
    (tmp_path / "report.html").touch()
    text = announce.next_steps(tmp_path)
    assert f"--workdir {tmp_path} --mode export" in text
    assert f"--workdir {tmp_path} --mode evaluate" in text
    assert f"{tmp_path}/ranked_lists.png" in text
    assert f"{tmp_path}/report.html" in text
    plain = announce.next_steps(tmp_path / "mine", scored=False)
    assert "--mode export" in plain
    assert "evaluate" not in plain
    assert "ranked_lists" not in plain
    assert "report.html" not in plain
