"""`pip install .` into a fresh environment, with a reader's own package beside it: the paths of CONTRIBUTING.md."""

import importlib.util
import os
import shutil
import subprocess
import sys
import sysconfig
import tomllib
import venv

import house
import pytest

if importlib.util.find_spec("pip") is None or importlib.util.find_spec("setuptools") is None:
    pytest.skip("needs pip and setuptools", allow_module_level=True)

SMALL = ["--law", "corners.law:Corners", "--dim", "2", "--ambient", "9", "--points", "64", "--levels", "4"]


@pytest.fixture(scope="module")
def environment(tmp_path_factory):
    """A function that runs a command of a new environment: ours and the example installed, not linked.

    What both depend on is read where the tests' own environment has it, for nothing may be downloaded here.
    """
    root = tmp_path_factory.mktemp("fresh")
    source = root / "source"
    for name in house.tracked():
        if name.startswith(("manifolds/", "analysis/")) or name in ("pyproject.toml", "README.md", "LICENSE"):
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(house.ROOT / name, source / name)
    example = shutil.copytree(house.ROOT / "tests" / "example_package", root / "example")
    venv.create(root / "venv", with_pip=False)
    python = root / "venv" / "bin" / "python"
    site = next((root / "venv" / "lib").glob("python*")) / "site-packages"
    (site / "dependencies.pth").write_text(sysconfig.get_paths()["purelib"] + "\n")
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "PIP_"))}
    clean |= {"OMP_NUM_THREADS": "1", "PIP_NO_INDEX": "1", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}

    def run(*words, status=0):
        done = subprocess.run(words, capture_output=True, text=True, env=clean, cwd=root, timeout=300, check=False)
        assert done.returncode == status, done.stdout + done.stderr
        assert "Traceback" not in done.stderr
        return done.stdout

    offline = ["--no-deps", "--no-build-isolation", "--ignore-installed", "-q"]
    run(sys.executable, "-m", "pip", "--python", str(python), "install", *offline, str(source), str(example))
    run.root, run.site, run.bin = root, site, root / "venv" / "bin"
    return run


def test_what_is_read_at_run_time_is_installed(environment):
    data = ("columns.csv", "plan/steps.csv", "plan/samplers.csv")
    for name in ("manifolds/py.typed", "analysis/py.typed", *(f"analysis/{file}" for file in data)):
        assert (environment.site / name).is_file(), name
    assert list((environment.site / "analysis" / "report" / "templates").iterdir())
    python = str(environment.bin / "python")
    where = environment(
        python, "-c", "import manifolds, analysis, corners.law as c; print(analysis.__file__, c.__file__)"
    )
    assert where.count(str(environment.site)) == 2


def test_the_console_script_plans_and_certifies(environment):
    script = str(environment.bin / "blind-diffusion")
    said = environment(script, "plan", "--dim", "2", "--ambient", "1000", "--eps", "0.2")
    assert "marginal law" in said
    words = [script, "certify", "corners.denoisers:shrunk", "--build", *SMALL, "--no-runs"]
    assert "not_optimal: is the optimal denoiser times 0.98" in environment(*words, status=1)
    said = environment(script, "certify", "--sampler", "corners.integrator:Forgetful", status=1)
    assert "level_not_kept" in said
    assert "not_a_command" in _refused(environment, script, "not_a_command")


def _refused(environment, *words):
    done = subprocess.run(words, capture_output=True, text=True, cwd=environment.root, check=False)
    assert done.returncode == 2 and done.stderr.count("\n") == 1
    return done.stderr


def test_the_experiment_runs_on_two_workers(environment):
    python = str(environment.bin / "python")
    words = [python, "-P", "-m", "corners", "--profile", "smoke", "--jobs", "2", "--out", "out"]
    said = environment(*words)
    assert "Z2" in said and "holds" in said
    code = "import analysis; r = analysis.results('out'); print(len(r['corners_share']), r.claims.verdict[0])"
    assert environment(python, "-c", code).split() == ["4", "holds"]


def test_the_law_of_the_package_is_exact(environment):
    code = "import manifolds; manifolds.check_law(manifolds.make('corners.law:Corners', dim=2, ambient=9)); print('ok')"
    assert environment(str(environment.bin / "python"), "-c", code).strip() == "ok"


def test_the_console_script_is_declared():
    scripts = tomllib.loads((house.ROOT / "pyproject.toml").read_text())["project"]["scripts"]
    assert scripts == {"blind-diffusion": "analysis.__main__:console"}
