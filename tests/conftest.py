"""Settings of the whole suite: one thread, reproducible hypothesis examples."""

import os

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(name, "1")

import hypothesis  # noqa: E402  BLAS reads the environment when it loads
import torch  # noqa: E402

torch.set_num_threads(1)
# Examples are derived from the test itself, so that a green run stays green; no deadline, because machines are shared.
hypothesis.settings.register_profile("suite", derandomize=True, deadline=None, database=None, max_examples=50)
hypothesis.settings.load_profile("suite")
