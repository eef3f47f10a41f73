"""The README's code runs as it stands, and what it says of it is true."""

import json
import re
from pathlib import Path

import pytest
import torch

import manifolds
from analysis import readme
from analysis.runs import claims_file

ROOT = Path(__file__).resolve().parent.parent
BLOCKS = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), flags=re.S)


@pytest.fixture
def registry():
    before = dict(manifolds.REGISTRY)
    yield manifolds.REGISTRY
    manifolds.REGISTRY.clear()
    manifolds.REGISTRY.update(before)


def test_the_example_runs_and_its_samples_lie_near_the_sphere(capsys):
    scope = {}
    exec(compile(BLOCKS[0], "README.md", "exec"), scope)
    assert capsys.readouterr().out.count("\n") == 1
    terms, run = scope["terms"], scope["run"]
    assert terms.total.value == pytest.approx(
        terms.init.value + terms.blind.value + terms.discretisation.value, rel=1e-9
    )
    assert run.x.shape == (1000, 10) and scope["law"].distance(run.x).max() < 0.02


def test_the_law_of_the_readme_is_exact(registry):
    exec(compile(BLOCKS[1], "README.md", "exec"), {})
    law = manifolds.make("coin", dim=1, ambient=3)
    atoms = torch.tensor([[-1.0, 0, 0], [1.0, 0, 0]], dtype=torch.float64)
    y = law.add_noise(law.sample(6, manifolds.stream(0)), 0.7, manifolds.stream(1))
    square = torch.cdist(y, atoms) ** 2
    share = torch.softmax(-square / (2 * 0.49), dim=1)
    mean = share @ atoms
    assert torch.allclose(law.denoise(y, 0.7), mean, atol=1e-13)
    assert torch.allclose(law.posterior_trace(y, 0.7), 1 - mean.square().sum(1), atol=1e-13)
    assert torch.allclose(law.squared_distance(y, 0.7), (share * square).sum(1), atol=1e-12)
    spread = square - (share * square).sum(1, keepdim=True)
    assert torch.allclose(law.distance_covariance(y, 0.7), (share * spread) @ atoms, atol=1e-12)
    assert torch.allclose(law.distance_variance(y, 0.7), (share * spread**2).sum(1), atol=1e-11)


def test_every_figure_and_file_it_shows_exists():
    text = (ROOT / "README.md").read_text()
    shown = re.findall(r"\]\((results/[^)]+)\)", text)
    assert len(shown) >= 4
    assert [path for path in shown if not (ROOT / path).is_file()] == []


def test_its_table_of_verdicts_is_that_of_the_results():
    text, results = (ROOT / "README.md").read_text(), ROOT / "results"
    claims = claims_file.read(results / claims_file.CLAIMS, claims_file.CLAIM_COLUMNS)
    assert len(claims) > 20
    assert readme.update(ROOT / "README.md", results).decode() == text
    rows = [line for line in text.splitlines() if re.match(r"\| [A-Z]\d+[a-z]* \|", line)]
    verdicts = {c["claim"]: f"**{c['verdict']}** |" for c in claims}
    headline = [c for c in readme.HEADLINE if c in verdicts]
    assert [(r.split(" | ")[0][2:], r.split(" | ")[-1]) for r in rows] == [(c, verdicts[c]) for c in headline]
    assert len(headline) >= 10 and text.count("\n") < 250


def test_the_cost_is_that_of_the_manifest(tmp_path):
    runs = {"short": 60.0, "long": 600.0, "middle": 240.0, "least": 12.0}
    content = {"experiments": {name: {"cell_seconds": seconds} for name, seconds in runs.items()}}
    (tmp_path / "manifest.json").write_text(json.dumps(content))
    said = readme.cost(tmp_path)
    assert "about 8 minutes on two cores" in said and "15 core minutes" in said  # 912 s
    assert said.endswith("most of them long 10, middle 4, short 1.") and "by the clock of a machine" in said
    for run in content["experiments"].values():
        run["cell_cpu_seconds"] = run["cell_seconds"] / 2
    (tmp_path / "manifest.json").write_text(json.dumps(content))
    assert "about 4 minutes on two cores" in readme.cost(tmp_path) and "8 core minutes of CPU" in readme.cost(tmp_path)
    # its work is in other processes
    content["experiments"]["alone"] = {"cell_seconds": 180.0, "cell_cpu_seconds": 0.01}
    (tmp_path / "manifest.json").write_text(json.dumps(content))
    assert "about 7 minutes on two cores" in readme.cost(tmp_path) and "11 core minutes of CPU" in readme.cost(tmp_path)


def test_a_readme_without_its_markers_is_refused(tmp_path):
    (tmp_path / "README.md").write_text("no markers")
    with pytest.raises(ValueError, match="markers"):
        readme.update(tmp_path / "README.md", ROOT / "results")
