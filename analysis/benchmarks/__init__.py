"""What `python -m analysis.benchmark` measures, by subject."""
