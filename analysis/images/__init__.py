"""Cells of the training experiment: each trains one network from flat parameters and measures it."""
