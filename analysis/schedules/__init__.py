"""Parts of the experiments `analysis.schedule` and `analysis.integrators`: their cells and the rules that read their tables."""
