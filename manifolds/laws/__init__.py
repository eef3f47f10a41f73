"""One file a family of laws.

gaussian       a Gaussian on a subspace
cube, ball     uniform on bounded flat pieces
sphere, torus  uniform on curved ones
atoms          finite sets of points: data, codes, the nodes of quadrature rules
surfaces       curves and surfaces given by a chart: ellipse, trefoil, swiss roll, Moebius band
images         smooth families of images, which are surfaces in pixel space
product        independent blocks
mixture        laws on affine subspaces, mixed; low-rank Gaussian mixtures
unions         mixtures of balls in subspaces and of spheres
scale_mixture  laws on all of R^d that depend on |y| alone
"""
