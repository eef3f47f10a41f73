"""Labelled streams: reproducible, independent of batch size, distinct by label."""

import numpy as np
import pytest
import torch
from scipy import stats

import manifolds


def test_same_labels_same_draws_and_other_labels_other_draws():
    a, b = manifolds.stream(3, "x", 1).normal(50), manifolds.stream(3, "x", np.int64(1)).normal(50)
    assert torch.equal(a, b)
    for other in (
        manifolds.stream(4, "x", 1),
        manifolds.stream(3, "x", 2),
        manifolds.stream(3, "x", "1"),
        manifolds.stream(3, ("x", 1)),
    ):
        assert not torch.equal(a, other.normal(50))


def test_labels_that_look_like_others_are_not_theirs():
    """Commas, brackets and separators inside a text do not make it several labels; equal labels stay equal."""
    different = [
        (("a", "b"),),
        (("a,s:b",),),
        (("a", "b]"), "c"),
        (("a", "b],s:c"),),
        (("a",), "b"),
        ("a", "b"),
        ("a\x1fs:b",),
        ("\\a\\1f;s:b",),
        (("\\a\\2c;s:b",),),
        (((("a",), "b"),),),
        (((("a", "b"),),),),
        (1,),
        (True,),
        (1.0,),
        ("1",),
        ("True",),
        ("b:True",),
        ((1,),),
        ("t:[i:1]",),
    ]
    drawn = [tuple(manifolds.stream(0, *labels).normal(4).tolist()) for labels in different]
    assert len(set(drawn)) == len(different)
    again = manifolds.stream(0, ("a,s:b",)).normal(4)
    assert tuple(again.tolist()) == drawn[1]


def test_labels_in_use_keep_the_streams_that_they_had():
    """Draws of labels without special characters, as they were before texts that look like others were set apart."""
    assert manifolds.stream(0, "sphere", ("a", 1), 0.5, True).child("x, [y]").normal(2).tolist() == [
        1.9046157554221181,
        -0.04932751422537992,
    ]


def test_child_does_not_depend_on_what_was_drawn_and_spawn_never_repeats():
    fresh, used = manifolds.stream(0, "a"), manifolds.stream(0, "a")
    used.normal(7)
    assert torch.equal(fresh.child("b").normal(5), used.child("b").normal(5))
    assert not torch.equal(fresh.spawn().normal(5), fresh.spawn().normal(5))


def test_draws_have_their_declared_law():
    source = manifolds.stream(11, "law")
    assert stats.kstest(source.normal(20000).numpy(), "norm").pvalue > 1e-3
    assert stats.kstest(source.uniform(20000).numpy(), "uniform").pvalue > 1e-3
    assert stats.kstest(source.chi2(7, 20000).numpy(), stats.chi2(7).cdf).pvalue > 1e-3
    assert stats.kstest(source.gamma(2.5, 20000).numpy(), stats.gamma(2.5).cdf).pvalue > 1e-3
    assert float(source.chi2(0, 10).abs().max()) == 0.0
    counts = torch.bincount(source.categorical(torch.tensor([0.2, 0.5, 0.3]), 20000), minlength=3).numpy()
    assert stats.chisquare(counts, [4000, 10000, 6000]).pvalue > 1e-3


@pytest.mark.parametrize("seed", [-1, 1.5, True, "0"])
def test_a_bad_seed_is_named(seed):
    with pytest.raises(ValueError, match="seed must be an integer >= 0"):
        manifolds.stream(seed)


def test_a_bad_label_is_named():
    with pytest.raises(ValueError, match="label must be"):
        manifolds.stream(0, None)
