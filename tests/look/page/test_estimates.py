"""A map of many rows in a browser: estimated first, then exact."""

import re

import numpy as np
import pytest
import torch

import regard as rg
from regard.look.views import Address, views_of
from regard.look.views_map import Sinks
from tests.look.page.seen import drawn, until

LENGTH = 20_011
# A page waits three seconds for its first picture; a slow machine may need more.
PATIENT = "const later = setTimeout; window.setTimeout = (done, time) => later(done, time === 3000 ? 1e6 : time)"


@pytest.fixture(scope="module")
def long():
    random = torch.Generator().manual_seed(5)
    model = rg.Attention(where=rg.Causal())
    with rg.record(model) as seen:
        model(*(torch.randn(1, 1, LENGTH, 3, generator=random) for _each in range(3)))
    return seen.record


def test_all_that_is_seen_is_estimated_before_any_of_it_is_asked_for(opened, served, long):
    page = opened(served(long, {sinks: views_of(long, sinks) for sinks in Sinks}), before=PATIENT)
    drawn(page)
    until(page, "regard.opened.then(page => page.tracks.value !== null && page.overviews.value.size === 1)")
    asked = page.evaluate("performance.getEntriesByType('resource').map(one => one.name)")
    found = [re.search(r"/api/(glance|tile)/0/0/0/(\d+)/(\d+)/(\d+)", one) for one in asked]
    steps = [one.groups() for one in found if one and one[2] != "0"]
    zoom = int(steps[0][1])
    side = -(-LENGTH // (256 << zoom))
    places = {(str(down), str(across)) for down in range(side) for across in range(side)}
    assert side > 1
    for kind, part in (("glance", steps[: side**2]), ("tile", steps[side**2 :])):
        assert {step[0] for step in part} == {kind}
        assert len(part) == side**2
        assert {step[2:] for step in part} == places
    passes = [place for place, one in enumerate(asked) if re.search("/api/(tracks|overview)/", one)]
    assert len(passes) == 2
    assert min(passes) > max(place for place, one in enumerate(asked) if "/api/glance/" in one)
    at = Address(layer=0, head=0, batch=0, zoom=zoom, down=1, across=0)
    exact = views_of(long).tile(at)
    shown = page.evaluate(
        f"regard.opened.then(page => page.tiles.value(page.place.value, 'sum', {zoom}, {256 << zoom}, 0))"
    )
    np.testing.assert_allclose(shown, exact[0, 0], rtol=1e-4)
