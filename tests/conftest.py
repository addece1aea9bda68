"""Property tests draw the same examples everywhere and are not timed: a busy machine is no failure."""

from hypothesis import settings

settings.register_profile("regard", deadline=None, derandomize=True)
settings.load_profile("regard")
