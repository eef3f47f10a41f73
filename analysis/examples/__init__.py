"""Short programs to copy from, each run by a test: `python -m analysis.examples.network`.

law         a law of one's own, checked and sampled
network     a float32 network that predicts noise, certified; a mistake in its declaration, named
sampler     an integrator of one's own, certified
data        a denoiser on data whose law is not known
steps       levels and steps for given data, and the run
"""
