"""Runs of the sampler against exact Gaussian recursions, written here independently of the denoisers of the package."""

import math

import numpy as np
import pytest
import torch
from scipy import stats

from analysis.samplers import (
    INTEGRATORS,
    BrownianNoise,
    Coefficients,
    IndependentNoise,
    Integrator,
    KadkhodaieSimoncelli,
    Schedule,
    get_integrator,
    sample,
    walk,
)
from manifolds import Space, stream

S = 1.5  # standard deviation of the data in each core direction


def gaussian_denoiser(core_dim):
    """E[X | y, sigma] for N(0, S^2 I) on the first `core_dim` coordinates, dense or reduced."""

    def denoise(y, sigma):
        out = torch.zeros_like(y)
        level = torch.as_tensor(sigma, dtype=torch.float64).reshape(-1, 1)  # a number, or one per point
        out[:, :core_dim] = y[:, :core_dim] * S**2 / (S**2 + level**2)
        return out

    return denoise


def tangential_variance(steps, assumed=None):
    """Exact variance of Y_N in a core direction, from N(0, sigma_0^2)."""
    levels = np.asarray(steps.levels if assumed is None else assumed)
    variance = float(steps.levels[0]) ** 2
    for i, (c, noise) in enumerate(zip(np.asarray(steps.contraction), np.asarray(steps.noise_variance))):
        keep = S**2 / (S**2 + levels[i] ** 2)
        factor = keep + c * (1 - keep)
        variance = factor**2 * variance + noise
    return variance


def assert_chi2_scale(squares, degrees, variance):
    """Sum of squares / variance is chi-square with the given degrees of freedom, at 99.9 %."""
    low, high = stats.chi2.ppf([5e-4, 1 - 5e-4], degrees)
    assert low <= float(squares) / variance <= high


ONE_EVALUATION = sorted(
    name for name in INTEGRATORS if INTEGRATORS[name].evaluations == 1 and not INTEGRATORS[name].memory
)


@pytest.mark.parametrize(("ambient", "reduced"), [(5, False), (40, False), (5, True), (1000, True), (10**9, True)])
@pytest.mark.parametrize("name", ONE_EVALUATION)
def test_gaussian_run_has_the_variances_of_the_exact_recursion(name, ambient, reduced):
    n, core = 3000, 2
    space = Space(ambient, core, reduced=reduced)
    schedule = Schedule.karras(6.0, 0.1, a=0.3, steps=15)
    integrator = KadkhodaieSimoncelli(h0=None) if name == "kadkhodaie_simoncelli" else get_integrator(name)
    run = sample(
        gaussian_denoiser(core),
        space,
        schedule,
        n,
        stream(1, "recursion", name, ambient, reduced),
        integrator,
        adaptive=False,
        record="levels",
    )
    steps = integrator.coefficients(schedule)
    assert run.status == "done" and run.steps == steps.steps and run.calls == steps.steps + 1
    assert_chi2_scale((run.y[:, :core] ** 2).sum(), n * core, tangential_variance(steps))
    normal = steps.normal_variance()
    for i in (0, 5, 15):
        degrees = n * (ambient - core)
        spread = stats.chi2.ppf([5e-4, 1 - 5e-4], degrees) / degrees
        assert spread[0] <= float(run.normal_variance[i].mean() / normal[i]) <= spread[1]
    keep = S**2 / (S**2 + 0.1**2)
    torch.testing.assert_close(run.x[:, :core], keep * run.y[:, :core], rtol=1e-13, atol=0)
    residual = ((run.x - run.y) ** 2).sum(1) / ambient
    torch.testing.assert_close(run.sigma_hat[-1] ** 2, residual, rtol=1e-13, atol=0)


def test_heun_run_follows_the_exact_flow_at_second_order():
    """The flow multiplies core coordinates by sqrt((S^2 + sigma_T^2) / (S^2 + sigma_0^2)), others by their levels."""
    space = Space(4, 2)
    start = 3.0 * stream(2, "heun").normal(50, 4)
    ratio = math.sqrt((S**2 + 0.01) / (S**2 + 9.0))
    counts, errors = [32, 64, 128, 256], []
    for count in counts:
        schedule = Schedule.proportional(3.0, 0.1, a=0.0, steps=count)
        run = sample(gaussian_denoiser(2), space, schedule, 50, stream(2, "heun"), "heun", start=start)
        assert run.calls == 2 * count + 1
        torch.testing.assert_close(run.y[:, 2:], start[:, 2:] * 0.1 / 3.0, rtol=1e-12, atol=0)
        factors = run.y[:, :2] / start[:, :2]
        assert float(factors.max() - factors.min()) < 1e-13
        errors.append(abs(float(factors[0, 0]) - ratio))
    local = np.log2(np.array(errors[:-1]) / errors[1:])
    extrapolated = 2 * local[1:] - local[:-1]
    assert (abs(extrapolated - 2) < 0.005).all()


@pytest.mark.parametrize("name", ["heun", "ddim", "exponential_euler"])
def test_dense_and_reduced_runs_agree_path_by_path_without_noise(name):
    """A blind denoiser with a component along y's normal direction, negative enough to cross zero in a step.

    The reduced one relies on being given a norm: at a negative last coordinate its core part would be another.
    """
    dense, reduced = Space(6, 2), Space(6, 2, reduced=True)

    def f(y):
        return torch.cat([torch.tanh(y[:, :2]) * (1 + y[:, 2:].norm(dim=1, keepdim=True)), -0.9 * y[:, 2:]], dim=1)

    def g(y):
        return torch.cat([torch.tanh(y[:, :2]) * (1 + y[:, 2:]), -0.9 * y[:, 2:]], dim=1)

    y = 2.0 * stream(3, "cross").normal(40, 6)
    folded = torch.cat([y[:, :2], y[:, 2:].norm(dim=1, keepdim=True)], dim=1)
    schedule = Schedule.proportional(2.0, 0.02, a=0.0, steps=4)
    first = sample(f, dense, schedule, 40, stream(3), name, start=y)
    second = sample(g, reduced, schedule, 40, stream(3), name, start=folded)
    torch.testing.assert_close(second.y[:, :2], first.y[:, :2], rtol=1e-12, atol=1e-14)
    torch.testing.assert_close(second.y[:, 2], first.y[:, 2:].norm(dim=1), rtol=1e-12, atol=1e-14)
    torch.testing.assert_close(second.sigma_hat, first.sigma_hat, rtol=1e-12, atol=0)


@pytest.mark.parametrize("reduced", [False, True])
@pytest.mark.parametrize("adaptive", [False, True])
def test_results_do_not_depend_on_batch_or_chunk_size_bit_for_bit(reduced, adaptive):
    space = Space(12, 3, reduced=reduced)
    schedule = Schedule.proportional(5.0, 0.5, a=0.4, steps=8)

    def f(y):
        return torch.cat([y[:, :3] / (1 + y[:, :3].abs()), 0 * y[:, 3:]], dim=1)

    whole = sample(f, space, schedule, 50, stream(4), adaptive=adaptive)
    for n, chunk in ((50, 7), (50, 1), (13, None), (1, None)):
        part = sample(f, space, schedule, n, stream(4), adaptive=adaptive, chunk=chunk)
        assert torch.equal(part.y, whole.y[:n]) and torch.equal(part.x, whole.x[:n])
        assert torch.equal(part.stopped_at, whole.stopped_at[:n])
        assert torch.equal(part.sigma_hat, whole.sigma_hat[: part.steps + 1, :n])


def test_blind_and_conditional_runs_get_the_same_start_and_noise():
    """With f = 0 whatever the level is, the two runs are the same numbers; a different seed gives others."""
    space, schedule = Space(5, 1), Schedule.proportional(5.0, 0.1, a=0.5, steps=6)
    blind = sample(lambda y: 0 * y, space, schedule, 20, stream(5))
    conditional = sample(lambda y, sigma: 0 * y, space, schedule, 20, stream(5))
    assert torch.equal(blind.y, conditional.y)
    assert not torch.equal(blind.y, sample(lambda y: 0 * y, space, schedule, 20, stream(6)).y)


def test_conditional_denoiser_is_told_the_levels_and_assumed_ones_replace_them():
    told, space = [], Space(3, 1)
    schedule = Schedule.karras(5.0, 0.1, a=0.5, steps=4)

    def f(y, sigma):
        told.append(sigma)
        return 0 * y

    run = sample(f, space, schedule, 2, stream(7))
    assert told == schedule.sigma.tolist() == run.levels.tolist()
    told.clear()
    assumed = 1.25 * schedule.sigma
    run = sample(f, space, schedule, 2, stream(7), assumed_sigma=assumed)
    assert told == assumed.tolist() == run.levels.tolist()


def test_run_told_wrong_levels_has_the_variance_of_the_wrong_recursion():
    n, schedule = 20_000, Schedule.proportional(6.0, 0.1, a=0.5, steps=12)
    assumed = 1.5 * schedule.sigma
    run = sample(gaussian_denoiser(2), Space(3, 2), schedule, n, stream(8), assumed_sigma=assumed)
    steps = get_integrator("exponential_euler").coefficients(schedule)
    wrong, right = tangential_variance(steps, assumed), tangential_variance(steps)
    assert_chi2_scale((run.y[:, :2] ** 2).sum(), 2 * n, wrong)
    assert abs(wrong / right - 1) > 0.1


def normal_only(y):
    return 0 * y


@pytest.mark.parametrize("name", ["exponential_euler", "ancestral"])
@pytest.mark.parametrize("factor", [2, 6])
def test_coupled_noise_makes_linear_normal_runs_equal_at_every_step_count(name, factor):
    """Where f = 0 the exponential Euler step is exact: coarse and fine runs on one Brownian path end at one point."""
    space, fine = Space(7, 0), Schedule.karras(4.0, 0.1, a=0.5, steps=12)
    coarse = Schedule.from_levels(fine.sigma[::factor], a=0.5)
    start = 4.0 * stream(9, "start").normal(30, 7)
    kept = [
        sample(normal_only, space, s, 30, stream(9), name, start=start, noise=BrownianNoise(fine, stream(9, "path"))).y
        for s in (coarse, fine)
    ]
    torch.testing.assert_close(kept[0], kept[1], rtol=1e-11, atol=1e-13)
    uncoupled = sample(
        normal_only, space, fine, 30, stream(9), name, start=start, noise=IndependentNoise(stream(9, "path"))
    )
    assert torch.equal(uncoupled.y, kept[1])


@pytest.mark.parametrize("name", ["euler", "score_freezing", "euler_maruyama"])
def test_coupled_plain_increments_are_sums_of_the_fine_ones(name):
    fine = Schedule.proportional(4.0, 0.1, a=0.5, steps=12)
    coarse = Schedule.proportional(4.0, 0.1, a=0.5, steps=4)
    space, noise = Space(6, 0), BrownianNoise(fine, stream(10))
    noise.check(coarse, get_integrator(name))
    variance = (fine.plain_variance if name != "euler_maruyama" else 2 * fine.a(fine.t[:-1]) * fine.h).tolist()
    for i in range(4):
        parts = [
            math.sqrt(variance[j]) * space.draw(9, stream(10).child("step", j)).normal for j in range(3 * i, 3 * i + 3)
        ]
        expected = sum(parts) / math.sqrt(sum(variance[3 * i : 3 * i + 3]))
        torch.testing.assert_close(noise.draw(space, i, 9).normal, expected, rtol=1e-12, atol=1e-14)


def test_coupled_runs_of_a_curved_denoiser_converge_pathwise_at_order_one():
    """Strong order 1 (additive noise): the coupled distance between N and 2N steps falls as 1/N."""
    finest = Schedule.proportional(4.0, 0.2, a=0.5, steps=512)

    def final(count):
        schedule = Schedule.proportional(4.0, 0.2, a=0.5, steps=count)
        noise = BrownianNoise(finest, stream(11))
        return sample(lambda y: y / (1 + y * y).sqrt() / 2, Space(4, 0), schedule, 1000, stream(11), noise=noise).y

    counts = np.array([32, 64, 128, 256])
    ends = [final(int(count)) for count in (*counts, 512)]
    errors = [float((coarse - fine).pow(2).sum(1).mean().sqrt()) for coarse, fine in zip(ends[:-1], ends[1:])]
    fit = stats.linregress(-np.log(counts), np.log(errors))
    half = stats.t.ppf(0.975, len(counts) - 2) * fit.stderr
    assert fit.slope - half <= 1.0 <= fit.slope + half and half < 0.05


def test_coupled_noise_refuses_grids_and_integrators_that_do_not_fit():
    coarse = Schedule.proportional(4.0, 0.1, a=0.5, steps=5)
    noise = BrownianNoise(Schedule.proportional(4.0, 0.1, a=0.5, steps=12), stream(12))
    with pytest.raises(ValueError, match="noise must have a fine schedule"):
        sample(normal_only, Space(3, 0), coarse, 2, stream(12), noise=noise)
    with pytest.raises(ValueError, match="coupled for kadkhodaie_simoncelli"):
        sample(
            normal_only,
            Space(3, 0),
            coarse,
            2,
            stream(12),
            "kadkhodaie_simoncelli",
            noise=BrownianNoise(coarse, stream(12)),
        )


def test_adaptive_run_in_pure_noise_multiplies_the_residual_by_the_law_of_the_step():
    """f = 0 in d dimensions: sigma_hat^2 is |Y|^2/d, and at d = 10^9 its ratio a step is c^2 + eta^2/sigma^2."""
    space, schedule = Space(10**9, 0, reduced=True), Schedule.proportional(4.0, 0.05, a=0.2, steps=30)
    run = sample(normal_only, space, schedule, 20, stream(13), adaptive=True)
    ratio = run.sigma_hat[1:31] / run.sigma_hat[:30]
    expected = (0.05 / 4.0) ** (1 / 30)
    assert float((ratio / expected - 1).abs().max()) < 6 / math.sqrt(2e9)
    assert run.status == "done"
    assert set(run.stopped_at.tolist()) <= {30, 31}
    stops = run.stopped_at
    columns = torch.arange(20)
    assert bool((run.sigma_hat[stops, columns] <= 0.05).all())
    assert bool((run.sigma_hat[stops - 1, columns] > 0.05).all())


def test_adaptive_spread_of_the_log_residual_grows_linearly():
    """Derived here, f = 0: Var(log sigma_hat_N) = 1/(2d) + N Var(log step ratio) (independent steps), d = 50."""
    d, n, count = 50, 20_000, 12
    schedule = Schedule.proportional(4.0, 0.5, a=0.5, steps=count)
    steps = get_integrator("exponential_euler").coefficients(schedule)
    run = sample(
        normal_only, Space(d, 0, reduced=True), schedule, n, stream(14), adaptive=True, sigma_min=1e-9, max_steps=count
    )
    assert run.status == "step_cap" and run.steps == count
    c, eta2 = float(steps.contraction[0]), float(steps.noise_ratio[0])
    # one step from |Y|^2 = d: |Y'|^2 / d is eta2/d times a noncentral chi-square, d degrees, noncentrality d c^2/eta2
    law = stats.ncx2(d, d * c * c / eta2)
    mean, square = (law.expect(lambda v, p=p: (0.5 * np.log(eta2 * v / d)) ** p) for p in (1, 2))
    start = stats.chi2(d)
    mean0, square0 = (start.expect(lambda v, p=p: (0.5 * np.log(v / d)) ** p) for p in (1, 2))
    expected = (square0 - mean0**2) + count * (square - mean**2)
    logs = (run.sigma_hat[-1] / 4.0).log().numpy()
    low, high = stats.chi2.ppf([5e-4, 1 - 5e-4], n - 1) / (n - 1) * expected
    half = 4 * math.sqrt(expected / n)
    assert low <= logs.var(ddof=1) <= high
    assert abs(logs.mean() - mean0 - count * mean) <= half


def test_adaptive_euler_maruyama_takes_the_27_steps_of_the_recursion():
    """h = .2, a = .2 sigma_hat^2: the squared level falls by .64 + .08 a step, 2 log(80) / -log(.72) = 26.7 steps."""
    schedule = Schedule.constant_step(h=0.2, a=0.2, sigma_start=4.0, sigma_end=0.05)
    run = sample(normal_only, Space(10**9, 0, reduced=True), schedule, 5, stream(15), "euler_maruyama", adaptive=True)
    assert run.stopped_at.tolist() == [27] * 5


class Unsquared(Integrator):
    """Plain Euler whose injected variance is 2 h a sigma_hat, not squared."""

    name = "unsquared"

    def coefficients(self, schedule):
        levels = [schedule.sigma_start]
        for _ in range(200):
            levels.append(math.sqrt(0.64 * levels[-1] ** 2 + 0.08 * levels[-1]))
        levels = torch.tensor(levels, dtype=torch.float64)
        return Coefficients(levels, torch.full((200,), 0.8, dtype=torch.float64), 0.08 * levels[:-1])


def test_noise_proportional_to_the_unsquared_level_stalls_at_its_fixed_point():
    """v = .64 v + .08 sqrt(v) at sqrt(v) = .08 / .36 = .222: never below .05; the capped run says so."""
    schedule = Schedule.constant_step(h=0.2, a=0.2, sigma_start=4.0, sigma_end=0.05)
    run = sample(
        normal_only, Space(10**9, 0, reduced=True), schedule, 5, stream(16), Unsquared(), adaptive=True, max_steps=200
    )
    assert run.status == "step_cap" and run.steps == 200
    assert float((run.sigma_hat[-1] * 0.36 / 0.08 - 1).abs().max()) < 1e-3


def test_own_estimator_replaces_the_residual_in_noise_stopping_and_record():
    """An estimator 1.2 times too large injects 1.44 times the variance and stops 1.2 times lower."""
    space, schedule = Space(10**9, 0, reduced=True), Schedule.proportional(4.0, 0.05, a=0.2, steps=30)
    run = sample(
        normal_only,
        space,
        schedule,
        5,
        stream(22),
        adaptive=True,
        estimator=lambda y, fy: 1.2 * y.norm(dim=1) / math.sqrt(1e9),
    )
    steps = get_integrator("exponential_euler").coefficients(schedule)
    ratio = math.sqrt(float(steps.contraction[0]) ** 2 + 1.44 * float(steps.noise_ratio[0]))
    expected = math.ceil(math.log(0.05 / 4.8) / math.log(ratio))
    assert run.stopped_at.tolist() == [expected] * 5
    assert float((run.sigma_hat[:6, 0] / (4.8 * ratio ** torch.arange(6)) - 1).abs().max()) < 1e-4


def test_kadkhodaie_simoncelli_run_stops_after_its_nominal_steps_in_high_dimension():
    schedule = Schedule.proportional(4.0, 0.05, a=0.8, steps=50)
    run = sample(normal_only, Space(10**9, 0, reduced=True), schedule, 5, stream(17), "kadkhodaie_simoncelli")
    assert run.stopped_at.tolist() == [80] * 5
    assert bool((run.sigma_hat[-1] <= 0.05).all()) and bool((run.sigma_hat[-2] > 0.05).all())


@pytest.mark.parametrize("where", ["output", "overflow"])
def test_a_sample_that_leaves_the_numbers_is_reported_and_does_not_touch_others(where):
    space, schedule = Space(3, 1), Schedule.proportional(4.0, 0.1, a=0.5, steps=10)
    start = torch.zeros(4, 3, dtype=torch.float64)
    start[2] = 100.0

    def f(y):
        assert bool(torch.isfinite(y).all())
        if where == "output":
            return torch.where(y[:, :1].abs() > 50, torch.nan, 0.0) * torch.ones_like(y)
        return torch.where(y[:, :1].abs() > 50, y**5, 0 * y)

    run = sample(f, space, schedule, 4, stream(18), start=start, record="path")
    assert run.status == "diverged"
    assert run.diverged.tolist() == [False, False, True, False]
    assert bool(torch.isnan(run.x[2]).all()) and bool(torch.isnan(run.sigma_hat[-1, 2]))
    calm = sample(f, space, schedule, 4, stream(18), start=torch.zeros(4, 3, dtype=torch.float64))
    assert torch.equal(run.y[[0, 1, 3]], calm.y[[0, 1, 3]])
    assert run.path.shape == (11, 4, 3) and torch.equal(run.path[-1, [0, 1, 3]], run.y[[0, 1, 3]])


def test_every_sample_lost_ends_the_run_at_once():
    run = sample(lambda y: y * math.nan, Space(3, 1), Schedule.proportional(4.0, 0.1), 4, stream(19))
    assert (run.status, run.steps, run.calls) == ("diverged", 0, 1) and bool(run.diverged.all())


def test_callback_counts_the_steps():
    seen = []
    sample(normal_only, Space(3, 1), Schedule.proportional(4.0, 0.1, steps=5), 2, stream(20), callback=seen.append)
    assert seen == [0, 1, 2, 3, 4]


GOOD = dict(f=normal_only, law=Space(3, 1), schedule=Schedule.proportional(4.0, 0.1, steps=5), n=2)


@pytest.mark.parametrize(
    ("change", "word"),
    [
        (dict(n=0), "n must"),
        (dict(n=1.5), "n must"),
        (dict(chunk=0), "chunk"),
        (dict(record="all"), "record"),
        (dict(integrator="rk4"), "integrator"),
        (dict(f=3), "denoiser"),
        (dict(f=lambda a, b, c: a), "denoiser"),
        (dict(f=lambda y: y[:, :1]), "denoiser must return"),
        (dict(start=torch.zeros(2, 4, dtype=torch.float64)), "start"),
        (dict(start=torch.zeros(5, 3, dtype=torch.float64)), "start"),
        (dict(start=torch.full((2, 3), math.nan, dtype=torch.float64)), "start"),
        (dict(assumed_sigma=torch.ones(3)), "assumed_sigma"),
        (dict(assumed_sigma=-torch.ones(6)), "assumed_sigma"),
        (dict(sigma_min=0.1), "adaptive"),
        (dict(adaptive=True, sigma_min=-0.1), "sigma_min"),
        (dict(adaptive=True, max_steps=0), "max_steps"),
    ],
)
def test_bad_arguments_are_named_in_one_line(change, word):
    with pytest.raises(ValueError, match=word) as caught:
        sample(**{**GOOD, "stream": stream(21), **change})
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("reduced", [False, True])
@pytest.mark.parametrize("name", ONE_EVALUATION)
def test_a_run_is_the_four_lines_of_walk_bit_for_bit(name, reduced):
    space, schedule = Space(9, 2, reduced=reduced), Schedule.karras(4.0, 0.1, a=0.3, steps=7)
    run = sample(gaussian_denoiser(2), space, schedule, 11, stream(23), name, adaptive=False)
    start = space.start(11, 4.0, stream(23).child("start"))
    steps = get_integrator(name).coefficients(schedule)
    assert torch.equal(walk(gaussian_denoiser(2), start, steps, space, stream(23)), run.x)


def test_an_adaptive_run_that_never_stops_is_capped_at_ten_times_the_nominal_steps():
    run = sample(
        normal_only,
        Space(3, 1),
        Schedule.proportional(4.0, 0.1, steps=6),
        2,
        stream(24),
        adaptive=True,
        estimator=lambda y, fy: torch.ones(len(y), dtype=torch.float64),
    )
    assert (run.status, run.steps, run.calls) == ("step_cap", 60, 61)


@pytest.mark.parametrize("name", sorted(INTEGRATORS))
@pytest.mark.parametrize("chunk", [None, 3])
def test_a_denoiser_that_writes_into_its_argument_changes_nothing(name, chunk):
    """torch's ReLU(inplace=True) is one: it is given memory of its own."""
    space, schedule = Space(6, 2), Schedule.proportional(4.0, 0.1, a=0.3, steps=5)
    runs = [
        sample(torch.nn.ReLU(inplace=inplace), space, schedule, 8, stream(25), name, False, chunk=chunk, record="path")
        for inplace in (False, True)
    ]
    assert torch.equal(runs[0].path, runs[1].path) and torch.equal(runs[0].x, runs[1].x)
    assert float(runs[0].path.min()) < 0  # ReLU had something to write


def test_a_denoiser_may_keep_its_argument_and_reuse_its_output():
    space, schedule, kept = Space(4, 1), Schedule.proportional(4.0, 0.1, steps=5), []
    out = torch.empty(3, 4, dtype=torch.float64)

    def f(y):
        kept.append((y, y.clone()))
        return torch.mul(y, 0.5, out=out)

    run = sample(f, space, schedule, 3, stream(26), "dpm_solver_2m", record="path")
    plain = sample(lambda y: 0.5 * y, space, schedule, 3, stream(26), "dpm_solver_2m", record="path")
    assert torch.equal(run.path, plain.path) and torch.equal(run.x, plain.x)
    assert all(torch.equal(given, copy) for given, copy in kept)
    x = run.x.clone()
    out.zero_()
    assert torch.equal(run.x, x)


def test_an_estimator_that_writes_into_its_arguments_changes_nothing():
    def greedy(y, fy):
        level = (y - fy).norm(dim=1) / math.sqrt(3)
        y.zero_(), fy.zero_()
        return level

    space, schedule = Space(3, 1), Schedule.proportional(4.0, 0.1, steps=5)
    run = sample(normal_only, space, schedule, 4, stream(27), estimator=greedy)
    assert torch.equal(run.y, sample(normal_only, space, schedule, 4, stream(27)).y)


def test_levels_between_grid_points_are_assumed_between_the_assumed_ones():
    told = []

    def f(y, sigma):
        told.append(sigma)
        return 0 * y

    schedule = Schedule.proportional(4.0, 0.25, a=0.5, steps=4)
    shift = torch.tensor([1.0, 2.0, 2.0, 2.0, 1.0], dtype=torch.float64)
    assumed = shift * schedule.sigma
    sample(f, Space(3, 1), schedule, 50, stream(28), "randomised_midpoint", assumed_sigma=assumed)
    assert [v for v in told if isinstance(v, float)] == assumed.tolist()
    between = [v for v in told if not isinstance(v, float)]
    sample(f, Space(3, 1), schedule, 50, stream(28), "randomised_midpoint")
    nominal = [v for v in told[len(told) // 2 :] if not isinstance(v, float)]
    for i, (own, right) in enumerate(zip(between, nominal)):
        high, low = float(schedule.sigma[i]), float(schedule.sigma[i + 1])
        assert bool(((right <= high) & (right >= low)).all()) and right.unique().numel() == 50
        part = (right / high).log() / math.log(low / high)
        expected = right * shift[i] ** (1 - part) * shift[i + 1] ** part
        torch.testing.assert_close(own, expected, rtol=1e-12, atol=0)


@pytest.mark.parametrize("name", ["edm", "randomised_midpoint"])
def test_own_noise_is_labelled_and_leaves_the_injected_noise_alone(name):
    space, schedule = Space(5, 2), Schedule.proportional(4.0, 0.1, a=0.5, steps=4)
    whole = sample(gaussian_denoiser(2), space, schedule, 20, stream(29), name)
    part = sample(gaussian_denoiser(2), space, schedule, 7, stream(29), name)
    if name == "edm":
        assert torch.equal(part.y, whole.y[:7])
    twice = sample(gaussian_denoiser(2), space, schedule, 20, stream(29), name)
    assert torch.equal(twice.y, whole.y) and not torch.equal(
        whole.y, sample(gaussian_denoiser(2), space, schedule, 20, stream(30), name).y
    )


@pytest.mark.parametrize(
    ("change", "word"),
    [
        (dict(stream=None), "stream must be a Stream"),
        (dict(law=None), "law must be a law or a Space, got NoneType"),
        (dict(schedule=None), "schedule must be a Schedule"),
        (dict(device="abacus"), "device must be one that this torch can use, got 'abacus'"),
    ],
)
def test_missing_pieces_are_refused_in_one_line(change, word):
    with pytest.raises(ValueError, match=word) as caught:
        sample(**{**GOOD, "stream": stream(21), **change})
    assert "\n" not in str(caught.value)


@pytest.mark.skipif(torch.cuda.is_available(), reason="this torch has CUDA")
def test_a_device_that_is_not_there_is_refused():
    with pytest.raises(ValueError, match="device must be one that this torch can use, got 'cuda'"):
        sample(**GOOD, stream=stream(21), device="cuda")


def test_blocks_of_rows_are_the_whole_bit_for_bit():
    """d = 1024: blocks of 32 rows, the last one short; beside the same run by the path that knows no blocks."""
    space, n = Space(1024, 2), 70
    schedule = Schedule.proportional(4.0, 0.1, a=0.4, steps=4)
    run = sample(gaussian_denoiser(2), space, schedule, n, stream(31))
    start = space.start(n, 4.0, stream(31).child("start"))
    steps = get_integrator("exponential_euler").coefficients(schedule)
    assert torch.equal(walk(gaussian_denoiser(2), start, steps, space, stream(31)), run.x)

    def residual(y, fy):
        return (space.sqnorm(fy - y) / 1024).sqrt()

    start = start * torch.linspace(0.3, 1.0, n, dtype=torch.float64)[:, None]  # samples stop one after another
    kinds = (
        sample(normal_only, space, schedule, n, stream(31), start=start, adaptive=True, estimator=estimator)
        for estimator in (None, residual)
    )
    fast, slow = kinds
    assert fast.stopped_at.unique().numel() > 2
    for field in ("y", "x", "sigma_hat", "stopped_at"):
        assert torch.equal(getattr(fast, field), getattr(slow, field))


def test_noise_in_blocks_is_the_draw_and_coupled_noise_keeps_its_own():
    space, fine = Space(5, 1), Schedule.proportional(4.0, 0.1, steps=4)
    coupled = BrownianNoise(fine, stream(32))
    coupled.check(Schedule.from_levels(fine.sigma[::2]), get_integrator("exponential_euler"))
    for noise in (IndependentNoise(stream(32)), coupled):
        whole, take = noise.draw(space, 1, 9).normal, noise.in_blocks(space, 1, 9)
        blocks = [take(4), take(4), take(1)]
        assert torch.equal(torch.cat(blocks), whole)
        blocks[0].zero_()
        assert torch.equal(noise.draw(space, 1, 9).normal, whole)
