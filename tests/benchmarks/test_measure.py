"""What a record says of the machine it was made on."""

import re

import numpy as np

from benchmarks import measure


def test_a_processor_is_told_by_more_than_its_name(monkeypatch, tmp_path):
    info = "model name\t: AMD EPYC\nmodel\t\t: 17\ncpu family\t: 25\n"
    place = tmp_path / "cpuinfo"
    place.write_text(info)
    monkeypatch.setattr(measure, "Path", lambda path: place)
    assert measure.machine()["processor"] == "AMD EPYC, family 25, model 17"


def test_a_machine_without_that_file_has_a_name_too(monkeypatch, tmp_path):
    monkeypatch.setattr(measure, "Path", lambda path: tmp_path / "none")
    assert measure.machine()["processor"]


def test_the_matrix_rate_is_operations_by_seconds(monkeypatch):
    moments = iter([0.0, 2.0, 5.0, 6.0])
    monkeypatch.setattr(measure.time, "perf_counter", lambda: next(moments))
    rate = measure.matrix_rate.__wrapped__(10, 2)
    np.testing.assert_allclose(rate, 2 * 10**3 / 1.0 / 1e9)


def test_two_records_of_one_process_are_of_one_machine():
    one, two = measure.machine(), measure.machine()
    assert one == two
    assert re.fullmatch(r"\d+ GFLOP/s", one["float32 matrix rate"])
    assert one["simd"].split() == measure.instruction_sets()
