"""The level set against what others use for the same work: ``python -m tools.benchmark``."""
