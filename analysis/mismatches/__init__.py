"""Parts of the experiment `analysis.mismatch`: what the coefficients of a sampler do, and what blindness does."""
