"""Optima of fixed instances, and the peer on the same ones."""
