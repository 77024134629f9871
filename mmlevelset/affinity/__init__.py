"""Pairs of pixels and the losses of the networks that learn their affinity."""
