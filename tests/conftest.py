"""Property tests draw the same examples everywhere and are not timed: a busy machine is no failure."""

from collections.abc import Iterator

import pytest
import torch
from hypothesis import settings

settings.register_profile("regard", deadline=None, derandomize=True)
settings.load_profile("regard")


@pytest.fixture(autouse=True)
def threads_as_before() -> Iterator[None]:
    """As many threads of PyTorch after a test as before it: more of them add up otherwise, and round otherwise."""
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)
