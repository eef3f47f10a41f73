"""`python -m analysis.certify module:object --law sphere --dim 8 --ambient 128`: the certificate of a denoiser.

On data whose law is not known, `--data PATH`; of an integrator, `--sampler NAME`.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch

from analysis.certify.calculation import certify
from analysis.certify.data import certify_data
from analysis.certify.files import read_data
from analysis.certify.record import Found
from analysis.certify.samplers import certify_sampler
from analysis.certify.wrapping import PREDICTIONS, wrap
from analysis.runs import positive_float, positive_int
from analysis.runs.arguments import seed
from analysis.runs.command import guarded
from analysis.runs.options import Parser, UsageError
from manifolds.denoisers import NoisePrior
from manifolds.law import Law
from manifolds.references import load
from manifolds.registry import law_name, make

__all__ = ["main"]

PROG = "python -m analysis.certify"
FILE = "certificate.json"
DTYPES: dict[str, torch.dtype | str] = {
    "float64": torch.float64,
    "float32": torch.float32,
    "numpy64": "float64",
    "numpy32": "float32",
}


def _law(text: str) -> str:
    try:
        return law_name(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _parser() -> Parser:
    parser = Parser(prog=PROG, description=__doc__, allow_abbrev=False)
    parser.add_argument(
        "denoiser", metavar="module:object", nargs="?", help="f(y) or f(y, sigma), a function, class or network"
    )
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--data", metavar="PATH", help="data without a law: .npy, .npz, folder of images, module:object")
    what.add_argument("--sampler", metavar="NAME", help="an integrator instead of a denoiser, or module:object")
    parser.add_argument("--against", metavar="module:object", help="with --data: the told one of a blind one, or back")
    parser.add_argument("--law", type=_law, default="sphere", help="data law, or module:object (default: sphere)")
    parser.add_argument("--dim", type=positive_int, default=8, help="intrinsic dimension k (default: 8)")
    parser.add_argument("--ambient", type=positive_int, default=128, help="ambient dimension d (default: 128)")
    parser.add_argument("--build", action="store_true", help="the object is called with the law and returns a denoiser")
    parser.add_argument("--predicts", choices=PREDICTIONS, default="clean", help="what it returns (default: clean)")
    parser.add_argument("--dtype", choices=tuple(DTYPES), default="float64", help="what it computes in")
    parser.add_argument("--shape", type=positive_int, nargs="+", help="shape of one image, for instance 1 28 28")
    parser.add_argument("--device", help="torch device on which it is called")
    told = parser.add_mutually_exclusive_group()
    told.add_argument("--blind", dest="blind", action="store_true", default=None, help="it is called without the level")
    told.add_argument("--told", dest="blind", action="store_false", help="it is called with the level")
    parser.add_argument("--sigma-low", type=positive_float, help="smallest noise level (default: from the law)")
    parser.add_argument("--sigma-high", type=positive_float, help="largest noise level (default: from the law)")
    parser.add_argument("--exponent", type=float, help="of the prior sigma^e of a blind one (default: the best fit)")
    parser.add_argument("--levels", type=positive_int, default=8, help="noise levels (default: 8)")
    parser.add_argument("--points", type=positive_int, default=256, help="noisy points a level (default: 256)")
    parser.add_argument("--seed", type=seed, default=0, help="seed of all draws (default: 0)")
    parser.add_argument("--no-runs", dest="runs", action="store_false", help="no ledger, samples and step curve")
    parser.add_argument("--out", type=Path, help=f"folder for {FILE} (default: none is written)")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Exit status 0 (no finding), 1 (findings) or 2 (a bad argument, in one line)."""
    return guarded(lambda: _run(_parser().parse_args(sys.argv[1:] if argv is None else list(argv))))


def _run(options: argparse.Namespace) -> int:
    try:
        certificate = _certificate(options)
    except ValueError as error:
        raise UsageError(f"{PROG}: {error}") from None
    print(certificate)
    if options.out is not None:
        try:
            options.out.mkdir(parents=True, exist_ok=True)
            certificate.to_json(options.out / FILE)
        except OSError as error:
            raise UsageError(f"{PROG}: argument --out: cannot write {options.out / FILE}: {error.strerror}") from None
    return 0 if certificate.ok else 1


def _certificate(options: argparse.Namespace) -> Found:
    if options.sampler is not None:
        if options.denoiser is not None:
            raise ValueError(f"argument --sampler: takes no denoiser, got {options.denoiser!r}")
        return certify_sampler(options.sampler)
    if options.denoiser is None:
        raise ValueError("one of these arguments is required: module:object, --sampler")
    if options.against is not None and options.data is None:
        raise ValueError("argument --against: needs --data")
    shared = {name: getattr(options, name) for name in ("sigma_low", "sigma_high", "levels", "points", "seed")}
    if options.data is not None:
        return _on_data(options, shared)
    law = make(options.law, dim=options.dim, ambient=options.ambient)
    f = _denoiser(options, law)
    prior = None
    if options.exponent is not None:
        if options.sigma_low is None or options.sigma_high is None:
            raise ValueError("argument --exponent: needs --sigma-low and --sigma-high, the range of the prior")
        prior = NoisePrior.power(options.exponent, options.sigma_low, options.sigma_high)
    return certify(f, law, prior=prior, runs=options.runs, **shared)


def _on_data(options: argparse.Namespace, shared: dict[str, Any]) -> Found:
    if options.build or options.exponent is not None:
        raise ValueError(f"argument {'--build' if options.build else '--exponent'}: needs a law, not --data")
    data = read_data(options.data)
    f = _wrapped(options, _load(options.denoiser), data[:1].size, options.blind)
    against = None
    if options.against is not None:
        other = None if options.blind is None else not options.blind
        against = _wrapped(options, _load(options.against), data[:1].size, other)
    return certify_data(f, data, against=against, **shared)


def _load(reference: str, *given: Law) -> Callable[..., Any]:
    """What the reference names; classes are called, builders with the law that is given."""
    found = load(reference, "denoiser")
    if not given and not isinstance(found, type):
        return found
    try:
        return found(*given)
    except Exception as error:  # a stranger's code
        words = " ".join(str(error).split())
        raise ValueError(f"denoiser {reference!r} cannot be built ({type(error).__name__}: {words})") from error


def _denoiser(options: argparse.Namespace, law: Law) -> Callable[..., Any]:
    found = _load(options.denoiser, law) if options.build else _load(options.denoiser)
    return _wrapped(options, found, law.ambient_dim, options.blind)


def _wrapped(options: argparse.Namespace, found: Callable[..., Any], d: int, blind: bool | None) -> Callable[..., Any]:
    declared = (options.predicts, options.dtype, options.shape, options.device, blind)
    if declared == ("clean", "float64", None, None, None):
        return found
    shape = tuple(options.shape) if options.shape else None
    if shape is not None and torch.Size(shape).numel() != d:
        of = f"--ambient {d}" if options.data is None else f"the {d}"
        raise ValueError(f"argument --shape: must hold {of} numbers, got {shape}")
    return wrap(found, options.predicts, blind, shape, DTYPES[options.dtype], options.device)
