"""Objects of other installed packages."""

import pytest

from ceil_jax.common import plugins
from tests.ceil_jax.common.packages import install

GROUP = "ceil_jax.tests"


def test_objects_are_found_by_name(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    points = f"[{GROUP}]\none = plugin_of_one:VALUE\n"
    install(tmp_path, "one", points, {"plugin_of_one.py": "VALUE = 17\n"})
    assert plugins.names(GROUP) == {"one"}
    assert plugins.load(GROUP, "one") == 17
    assert plugins.names("ceil_jax.others") == set()


def test_what_is_wrong_is_told(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    points = f"[{GROUP}]\nlost = plugin_that_is_lost:X\nbare = plugin_of_two:X\n"
    install(tmp_path, "two", points, {"plugin_of_two.py": ""})
    assert plugins.names(GROUP) == {"lost", "bare"}
    with pytest.raises(
        ValueError, match=r"'lost' of ceil_jax.tests, .* of two, cannot"
    ):
        plugins.load(GROUP, "lost")
    with pytest.raises(ValueError, match=r"cannot be imported: .*no attribute 'X'"):
        plugins.load(GROUP, "bare")
    with pytest.raises(ValueError, match="no installed package has 'none' in ceil_j"):
        plugins.load(GROUP, "none")


def test_a_name_that_two_packages_have_is_refused(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    for name in ("three", "four"):
        install(tmp_path, name, f"[{GROUP}]\nx = plugin_of_{name}:X\n", {})
    message = "twice: plugin_of_four:X of four and plugin_of_three:X of three; remove"
    with pytest.raises(ValueError, match=message):
        plugins.load(GROUP, "x")
