"""Records of benchmarks, what is drawn of them, and the page that they make."""

import pytest

from benchmarks import cpu, markdown, measure, plots, record

TABLE = record.Table("Two things.", ["what", "s"], [["one", 0.12345], ["two", 12]])
CURVE = record.Curve("growth", "ours", "rows", "s", [10.0, 100.0], [1.0, 11.0])


def a_record(**fields):
    return record.Record("Growth", "python -m it", [TABLE], [CURVE], ["So."], **fields)


def test_a_written_record_reads_the_same(tmp_path):
    record.write(a_record(), tmp_path / "deep" / "it.json")
    assert record.read(tmp_path / "deep" / "it.json") == a_record()


def test_markdown_of_a_record():
    assert a_record().markdown().splitlines() == [
        "## Growth",
        "",
        "```bash",
        "python -m it",
        "```",
        "",
        "Two things.",
        "",
        "| what | s     |",
        "| ---- | ----- |",
        "| one  | 0.123 |",
        "| two  | 12    |",
        "",
        "So.",
    ]


def test_a_row_of_another_length_is_refused():
    with pytest.raises(ValueError, match="must have 2 cells"):
        markdown.table("Wrong.", ["a", "b"], [["one"]])


@pytest.mark.parametrize(
    ("value", "shown"), [(0.0001234, "0.000123"), (12.34, "12.3"), (45678.9, "45,679")]
)
def test_numbers_have_three_figures(value, shown):
    assert measure.number(value) == shown


def test_timings_take_turns():
    calls = []
    found = measure.timings(
        {"a": lambda: calls.append("a"), "b": lambda: calls.append("b")}, runs=3
    )
    assert "".join(calls) == "abababab"  # the first turn warms up
    assert found["a"].runs == 3
    assert found["a"].lowest <= found["a"].median <= found["a"].highest


def test_timing_is_the_median_with_its_spread():
    assert str(measure.timing([3.0, 1.0, 2.0])) == "2 (1-3)"
    assert str(measure.timing([0.5])) == "0.5"


def _fill(mebibytes: int) -> int:
    return len(bytearray(b"x") * (mebibytes << 20))


def _given(mebibytes: int) -> tuple[int]:
    _fill(4 * mebibytes)  # the memory of what prepares does not count
    return (mebibytes,)


def test_a_process_of_its_own_tells_its_peak():
    found = measure.in_new_process(_fill, 64, prepare=_given)
    assert found.result == 64 << 20
    assert 0.05 < found.peak_gib - found.before_gib < 0.12


def test_curves_of_one_label_are_joined_by_size():
    far = record.Curve("growth", "ours", "rows", "s", [1000.0, 10.0], [99.0, 2.0])
    other = record.Curve("growth", "theirs", "rows", "s", [10.0], [5.0])
    ours, theirs = plots.joined([CURVE, far, other])
    assert (ours.x, ours.y) == ((10.0, 100.0, 1000.0), (2.0, 11.0, 99.0))
    assert theirs.y == (5.0,)


def test_plots_are_drawn_by_name(tmp_path):
    other = record.Curve("memory", "ours", "rows", "GiB", [10.0, 100.0], [1.0, 1.0])
    found = plots.draw_all([CURVE, other], tmp_path)
    assert found == [tmp_path / "growth.png", tmp_path / "memory.png"]
    assert all(path.stat().st_size > 1000 for path in found)


def test_a_part_of_a_page_is_replaced():
    page = "Before.\n<!-- cpu -->\nold\n<!-- /cpu -->\nAfter.\n"
    new = markdown.replace_part(page, "cpu", "new")
    assert new == "Before.\n<!-- cpu -->\n\nnew\n\n<!-- /cpu -->\nAfter.\n"
    with pytest.raises(ValueError, match="<!-- gpu -->"):
        markdown.replace_part(page, "gpu", "new")


def test_the_section_names_machine_and_plots():
    one = a_record(machine={"processor": "slow", "cores": "1"}, date="2026-01-02")
    shown = cpu.section([one], [cpu.PICTURES / "growth.png"])
    assert "* 2026-01-02: processor slow, cores 1" in shown
    assert "![growth](images/growth.png)" in shown
    assert "\nS by rows: ours from 1 at 10 to 11 at 100.\n" in shown
    opened, closed = shown.index("<details>"), shown.index("</details>")
    assert opened < shown.index("python -m it") < shown.index("| one ") < closed
    assert shown.count("## Growth") == 1
    assert cpu.section([one, one], []).count("## Growth") == 1


def test_every_benchmark_of_the_suite_is_a_module():
    for module, *_ in (*cpu.SUITE.values(), *cpu.LONG.values()):
        path = cpu.ROOT.joinpath(*module.split(".")).with_suffix(".py")
        assert path.is_file()
    # Records of their own stand behind those of the suite and what adds to these.
    assert set(cpu.LONG) - {f"{name}_long" for name in cpu.SUITE} == {"search"}
