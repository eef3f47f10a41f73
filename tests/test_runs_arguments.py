"""What no cell could compute is refused before anything is written, in one line that names the option and its range."""

import pytest

from analysis import registry
from analysis.runs import between, main, whole

REFUSED = [
    ("ledger", "--sigma-start 1e300", "argument --sigma-start: must be a number from 1e-50 to 1e+50, got '1e300'"),
    ("ledger", "--sigma-end 1e-300", "argument --sigma-end: must be a number from 1e-50 to 1e+50"),
    ("ledger", "--a 0.9999999999999999", "argument --a: must be a number from 1e-100 to 0.99"),
    ("ledger", "--a 0", "argument --a: must be a number from 1e-100 to 0.99"),
    ("ledger", "--ambient 10**400", "argument --ambient: must be a whole number from 1 to 1e18, got '10**400'"),
    ("ledger", "--ambient 1e50", "argument --ambient: must be a whole number from 1 to 1e18"),
    ("ledger", "--dim 1e6 --ambient 1e9", "argument --dim: must be a whole number from 1 to 10000"),
    ("ledger", "--dim 8 --ambient 9", "ambient must be >= 10 for sphere"),
    ("ledger", "--steps 1e12", "argument --steps: must be a whole number from 1 to 1000000"),
    ("ledger", "--denoiser scaled:1e300", "scaled:FACTOR (at most 1e+06), got 'scaled:1e300'"),
    ("mismatch", "--ambient 1", "argument --ambient: must be a whole number >= 17, got '1'"),
    ("mismatch", "--law random_code --ambient 31", "argument --ambient: ambient must be >= 32 for random_code"),
    ("mismatch", "--steps 1e9", "argument --steps: must be a whole number from 1 to 100000"),
    (
        "noise_level",
        "--dim 64 --ambient 32",
        "argument --ambient: must be at least 4 m for some law at --dim 64, got 32",
    ),
    (
        "noise_level",
        "--dim 2 64 --ambient 32",
        "argument --dim: must be at most d/4 for some law and d of --ambient 32",
    ),
    ("noise_level", "--ambient 64 1e30", "argument --ambient: must be a whole number from 1 to 1e18"),
    ("scaling", "--dim 64 --ambient 32", "argument --ambient: ambient must be >= 65 for gaussian"),
    ("scaling", "--ambient 1e30", "argument --ambient: must be a whole number from 1 to 1e18"),
    ("schedule", "--dim 2 --ratio 1", "argument --ratio: must give a law d >= 4 m, got 1 (d = 4 at --dim 2)"),
    ("schedule", "--dim 1e9", "argument --dim: must be a whole number from 1 to 1000, got '1e9'"),
    ("integrators", "--dim 300", "argument --dim: must be a whole number from 1 to 256, got '300'"),
    ("training", "--replicates 1e12", "argument --replicates: must be a whole number from 1 to 1000"),
    ("images", "--part real --size 10**6", "argument --size: must be a whole number from 1 to 4096"),
]


@pytest.mark.parametrize(("name", "words", "says"), REFUSED, ids=[f"{n} {w}" for n, w, _ in REFUSED])
def test_what_no_cell_could_compute_is_refused(tmp_path, capsys, name, words, says):
    out = tmp_path / "out"
    assert main(registry.load(name), ["--profile", "smoke", *words.split(), "--dry-run", "--out", str(out)]) == 2
    shown, said = capsys.readouterr()
    assert (shown, len(said.splitlines())) == ("", 1)
    assert says in said
    assert not out.exists()


ALLOWED = [
    ("ledger", "--sigma-start 1e50 --sigma-end 1e-50 --a 0.99 --ambient 1e18 --steps 1"),
    ("mismatch", "--ambient 17"),
    ("noise_level", "--law gaussian --dim 8 --ambient 32"),
    ("schedule", "--dim 2 --ratio 4"),
    ("integrators", "--dim 256"),
]


@pytest.mark.parametrize(("name", "words"), ALLOWED)
def test_the_ends_of_the_ranges_are_allowed(tmp_path, capsys, name, words):
    out = tmp_path / "out"
    assert main(registry.load(name), ["--profile", "smoke", *words.split(), "--dry-run", "--out", str(out)]) == 0
    assert "nothing was computed" in capsys.readouterr().out
    assert not out.exists()


def test_ranges_hold_their_ends_and_say_them():
    import argparse

    assert [whole(2, 10**18)(t) for t in ("2", "10**18", "1e18")] == [2, 10**18, 10**18]
    assert whole(0)("1e300") == int(1e300)
    assert [between(0.5, 2)(t) for t in ("0.5", "2")] == [0.5, 2.0]
    for type_, text, allowed in (
        (whole(2, 10**18), "1", "a whole number >= 2"),
        (whole(2, 10**18), "1000000000000000001", "a whole number from 2 to 1e18"),
        (whole(0), "1e301", "a whole number from 0 to 1e300"),
        (between(0.5, 2), "0.4999", "a number from 0.5 to 2"),
        (between(0.5, 2), "nan", "a number from 0.5 to 2"),
    ):
        with pytest.raises(argparse.ArgumentTypeError, match=f"must be {allowed}, got"):
            type_(text)
