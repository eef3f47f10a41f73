"""What is learned, sampled and measured: samplers, metrics, bounds and the experiments that put them together."""
