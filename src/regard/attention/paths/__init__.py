"""The ways to compute one attention: each agrees with `reference`."""
