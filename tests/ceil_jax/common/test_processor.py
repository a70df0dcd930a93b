"""What `/proc/cpuinfo` says, and nothing where there is none."""

from ceil_jax.common import processor


def test_fields_of_a_file(tmp_path, monkeypatch):
    place = tmp_path / "cpuinfo"
    monkeypatch.setattr(processor, "CPUINFO", place)
    assert processor.facts() == {}
    place.write_text("processor\t: 0\nmodel name\t: A: B\nflags\t\t: fpu amx_bf16\n\n")
    assert processor.facts() == {
        "processor": "0",
        "model name": "A: B",
        "flags": "fpu amx_bf16",
    }
