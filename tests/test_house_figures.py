"""Every figure says what it shows, to readers and to who cannot see it; nothing of it lies where nobody can see it."""

import importlib
import re
from pathlib import Path

import figure_boxes
import house
import matplotlib
import pandas
import pytest
from matplotlib import pyplot

from analysis import registry
from analysis.integrators.figures import dimension_free
from analysis.runs import drawing, manifest
from analysis.runs.tables import frame_from_csv

RESULTS = house.ROOT / "results"
FIGURES = [(name, figure) for name in registry.NAMES for figure in registry.load(name).figures]


def module_of(name, figure):
    return importlib.import_module(f"{registry.load(name).drawn_in}.{figure}")


def committed(name):
    """The tables of an experiment in results/, as its figures get them."""
    files = manifest.read(RESULTS / manifest.NAME).get(name, {}).get("files", {})
    wanted = [f for f in files if re.fullmatch(r"tables/\w+\.csv", f) and f != "tables/controls.csv"]
    return {Path(f).stem: frame_from_csv((RESULTS / f).read_bytes()) for f in wanted}


@pytest.mark.parametrize(("name", "figure"), FIGURES)
def test_caption_and_alternative_text(name, figure):
    module, claims = module_of(name, figure), {c.id for c in registry.load(name).claims}
    caption, alt = module.CAPTION, module.ALT
    assert 80 <= len(caption) <= 700 and 40 <= len(alt) <= 160
    assert "\n" not in caption + alt
    assert caption.endswith(".") and alt.endswith(".")
    named = set(re.findall(r"\b[A-Z]\d+[a-d]?\b", "".join(re.findall(r"claims? ([^)]*)\)", caption))))
    assert named <= claims, f"claims of no question of {name}: {named - claims}"
    own = {c.id for q in registry.load(name).questions if figure in q.figures for c in q.claims}
    assert not own or named & own, "the caption names no claim of the question that it belongs to"


@pytest.mark.parametrize(("name", "figure"), FIGURES)
def test_nothing_of_a_committed_figure_is_hidden_or_too_small(name, figure):
    files = manifest.read(RESULTS / manifest.NAME).get(name, {}).get("files", {})
    tables = committed(name)
    assert tables or not files, f"results/ hold no tables of {name}"
    with matplotlib.rc_context():
        drawn = module_of(name, figure).draw(tables)
        assert drawn is not None or f"figures/{figure}.png" not in files
        if drawn is not None:  # results/ may hold no measurement of it yet
            try:
                drawing._lay_out(drawn)
                assert figure_boxes.faults(drawn) == []
                assert drawn.get_suptitle(), "the figure does not state what it shows"
            finally:
                pyplot.close(drawn)


def test_what_is_hidden_is_seen():
    with pyplot.style.context(["default", {"figure.dpi": 100}]):  # whatever figures were drawn before
        shown, axis = pyplot.subplots(figsize=(6.6, 4.8))
        shown.suptitle("a finding over words", y=0.5)
        shown.text(0.5, 0.48, "words", size=12)
        axis.errorbar([1.0, 2.0], [1.0, 1.0], yerr=[0.5, 3.0], label="bar")
        axis.set_ylim(0.0, 2.0)
        axis.text(0.5, 1.5, "outside the picture", size=12, transform=shown.transFigure)
        axis.tick_params(labelsize=12)
        axis.text(1.2, 1.5, "tiny", size=10)
        axis.legend(["a"], loc="center left", bbox_to_anchor=(1.2, 0.5), fontsize=12)
        found = figure_boxes.faults(shown)
        pyplot.close(shown)
    seen = {line.split(":")[0] for line in found}
    assert seen == {
        "legend beyond the canvas",
        "text beyond the canvas",
        "text of 5 pt",  # 10 pt, of a figure that is shown half as wide as it is drawn
        "error bar cut by the axes",
        "text under the headline",
    }
    assert [line for line in found if "headline" in line] == ["text under the headline: 'words'"]
    assert "text beyond the canvas: 'outside the picture'" in found


def test_the_interval_of_one_clean_run_is_the_scatter_of_runs_about_their_integrators_means():
    runs = pandas.DataFrame({"integrator": ["ddim", "ddim", "euler", "euler"], "w1": [0.0, 2.0, 11.0, 11.0]})
    # two deviations of 1 and two of 0, two degrees of freedom; Student's quantile from a table
    assert dimension_free._reach(runs) == pytest.approx(4.302653, rel=1e-6)
    assert dimension_free._reach(runs[::2]) == 0.0
