"""How many steps, as a function of dimension and accuracy: the cells, fits and decisions behind `analysis.scaling`."""
