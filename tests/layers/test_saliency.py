"""The saliency map against formulas in plain loops, and against what stands out to anyone."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from regard.layers import Saliency, SaliencyMap, feature_maps, fixations
from regard.layers.pyramid import centre_surround, orientations, pyramid
from regard.layers.saliency import promote

HEIGHT, WIDTH = 131, 179


def image(seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(2, 3, HEIGHT, WIDTH, generator=generator, dtype=torch.float64)


def halved(picture: np.ndarray) -> np.ndarray:
    weights = np.outer([1, 4, 6, 4, 1], [1, 4, 6, 4, 1]) / 256
    padded = np.pad(picture, 2, mode="edge")
    return np.array(
        [
            [(padded[row : row + 5, column : column + 5] * weights).sum() for column in range(0, picture.shape[1], 2)]
            for row in range(0, picture.shape[0], 2)
        ]
    )


def enlarged(picture: np.ndarray, height: int, width: int) -> np.ndarray:
    """Linear interpolation between the middles of cells, constant beyond the outer ones."""

    def along(line: np.ndarray, size: int) -> np.ndarray:
        return np.interp((np.arange(size) + 0.5) * len(line) / size - 0.5, np.arange(len(line)), line)

    wide = np.array([along(row, width) for row in picture])
    return np.array([along(column, height) for column in wide.T]).T


def promoted(picture: np.ndarray) -> np.ndarray:
    spread = picture.max() - picture.min()
    if spread < 1e-12:
        return np.zeros_like(picture)
    scaled = (picture - picture.min()) / spread
    peaks = []
    for row in range(scaled.shape[0]):
        for column in range(scaled.shape[1]):
            around = scaled[max(0, row - 1) : row + 2, max(0, column - 1) : column + 2]
            if scaled[row, column] >= around.max() and scaled[row, column] > around.min():
                peaks.append(scaled[row, column])
    others = sorted(peaks)[:-1]
    return scaled * (1 - (sum(others) / len(others) if others else 0)) ** 2


def reduced(picture: np.ndarray, height: int, width: int) -> np.ndarray:
    def part(place: int, size: int, total: int) -> slice:
        return slice(place * total // size, -(-(place + 1) * total // size))

    rows = [part(row, height, picture.shape[0]) for row in range(height)]
    columns = [part(column, width, picture.shape[1]) for column in range(width)]
    return np.array([[picture[row, column].mean() for column in columns] for row in rows])


def conspicuity(levels: list[np.ndarray]) -> np.ndarray:
    height, width = levels[4].shape
    total = np.zeros((height, width))
    for centre in (2, 3, 4):
        for delta in (3, 4):
            coarse = enlarged(levels[centre + delta], *levels[centre].shape)
            total += reduced(promoted(abs(levels[centre] - coarse)), height, width)
    return total


def levels_of(picture: np.ndarray) -> list[np.ndarray]:
    levels = [picture]
    for _ in range(8):
        levels.append(halved(levels[-1]))
    return levels


@pytest.fixture(scope="module")
def found() -> Saliency:
    return SaliencyMap()(image())


def test_intensity_is_that_of_the_paper_in_loops(found):
    picture = image()[1].numpy()
    levels = levels_of((picture / picture.max()).mean(0))
    torch.testing.assert_close(found.intensity[1], torch.from_numpy(conspicuity(levels)))


def test_colour_is_that_of_the_paper_in_loops(found):
    picture = image()[1].numpy()
    brightness = picture.mean(0)
    bright = brightness > brightness.max() / 10
    r, g, b = (np.where(bright, channel / brightness, 0) for channel in picture)
    red, green, blue = (np.maximum(x - (y + z) / 2, 0) for x, y, z in ((r, g, b), (g, r, b), (b, r, g)))
    yellow = np.maximum((r + g) / 2 - abs(r - g) / 2 - b, 0)
    total = np.zeros(found.colour.shape[1:])
    for one, other in ((red, green), (blue, yellow)):
        levels = [np.subtract(*pair) for pair in zip(levels_of(one), levels_of(other), strict=True)]
        total += conspicuity(levels)
    torch.testing.assert_close(found.colour[1], torch.from_numpy(total))


def test_orientation_and_saliency_are_put_together_as_in_the_paper(found):
    kinds = feature_maps(image()).orientation
    total = np.zeros(found.orientation.shape[1:])
    for direction in range(4):
        maps = [maps[1, direction].numpy() for maps in kinds]
        total += promoted(sum(reduced(promoted(part), *total.shape) for part in maps))
    torch.testing.assert_close(found.orientation[1], torch.from_numpy(total))
    parts = (found.intensity, found.colour, found.orientation)
    expected = sum(promoted(part[1].numpy()) for part in parts) / 3
    torch.testing.assert_close(found.saliency[1], torch.from_numpy(expected))


def test_flat_ground_between_peaks_is_no_peak():
    maps = torch.zeros(1, 2, 11, 13, dtype=torch.float64)
    for row, column, height in ((2, 3, 5.0), (8, 3, 2.0), (5, 9, 3.0)):
        maps[0, 0, row, column] = maps[0, 1, row, column] = height
    maps[0, 1, 5, 10] = 3.0  # A plateau of two counts twice.
    found = promote(maps)[0]
    assert found[0].max().item() == pytest.approx((1 - (0.4 + 0.6) / 2) ** 2)
    assert found[1].max().item() == pytest.approx((1 - (0.4 + 0.6 + 0.6) / 3) ** 2)


def test_there_are_forty_two_maps():
    found = feature_maps(image())
    assert [sum(maps.shape[1] for maps in kind) for kind in (found.intensity, found.colour, found.orientation)] == [
        6,
        12,
        24,
    ]


@pytest.mark.parametrize("direction", range(4))
def test_stripes_are_felt_in_the_direction_they_change_in(direction):
    down, across = torch.meshgrid(torch.arange(41.0), torch.arange(43.0), indexing="ij")
    angle = math.pi * direction / 4
    wave = torch.sin(2 * math.pi / 7 * (across * math.cos(angle) + down * math.sin(angle)))
    felt = orientations(wave[None, None], 4)[0, :, 20, 21]
    assert felt.argmax() == direction
    assert felt[(direction + 2) % 4] < felt[direction] / 100


ODD = (216, 296)


def bars(odd: str) -> torch.Tensor:
    """Upright green bars on grey, 80 pixels apart, of which one is red, or lies down, or is twice as bright."""
    picture = torch.full((1, 3, 480, 640), 0.2)
    for row in range(56, 440, 80):
        for column in range(56, 600, 80):
            colour, height, width = torch.tensor([0.25, 0.4, 0.25]), 44, 14
            if (row, column) == ODD:
                if odd == "colour":
                    colour = torch.tensor([0.4, 0.25, 0.25])
                elif odd == "intensity":
                    colour = colour * 2
                else:
                    height, width = width, height
            top, left = row - height // 2, column - width // 2
            picture[0, :, top : top + height, left : left + width] = colour[:, None, None]
    return picture


@pytest.mark.parametrize("odd", ["colour", "intensity", "orientation"])
def test_the_odd_one_out_is_looked_at_first(odd):
    found = SaliencyMap()(bars(odd))
    for place in (found.saliency, getattr(found, odd)):
        x, y = ((fixations(place, 1)[0, 0] + 1) / 2 * torch.tensor([640, 480])).tolist()
        assert abs(y - ODD[0]) <= 24
        assert abs(x - ODD[1]) <= 24


def test_red_on_green_stands_out_in_colour_though_not_in_intensity():
    picture = torch.tensor([0.2, 0.6, 0.2]).reshape(1, 3, 1, 1).repeat(1, 1, 256, 256)
    picture[:, :, 96:120, 160:184] = torch.tensor([0.6, 0.2, 0.2]).reshape(3, 1, 1)
    found = SaliencyMap()(picture)
    # The channels of a pixel add up in another order, so intensity is flat but for rounding.
    assert (found.intensity == 0).all()
    assert divmod(int(found.colour.argmax()), 16) == (6, 10)


def test_a_flat_image_has_nothing_salient_and_gradients_are_finite():
    flat = torch.tensor([0.7, 0.1, 0.33]).reshape(1, 3, 1, 1).expand(1, 3, 137, 149).clone().requires_grad_()
    black = torch.zeros(1, 3, 137, 149, requires_grad=True)
    for picture in (flat, black):
        saliency = SaliencyMap()(picture).saliency
        assert (saliency == 0).all()
        saliency.sum().backward()
        assert torch.isfinite(picture.grad).all()
    varied = image().requires_grad_()
    SaliencyMap()(varied).saliency.square().sum().backward()
    assert torch.isfinite(varied.grad).all()
    assert (varied.grad != 0).any()


def test_images_do_not_know_each_other_and_brightness_has_no_scale():
    both, alone = SaliencyMap()(image()).saliency, SaliencyMap()(image()[1:] * 255).saliency
    torch.testing.assert_close(both[1:], alone)


def test_the_gaze_goes_from_peak_to_peak_and_does_not_return():
    generator = torch.Generator().manual_seed(1)
    saliency = torch.rand(2, 11, 17, generator=generator, dtype=torch.float64)
    found = fixations(saliency, 6, radius=3.5)
    for batch in range(2):
        left = {(row, column): saliency[batch, row, column].item() for row in range(11) for column in range(17)}
        for place in range(6):
            row, column = max(left, key=left.get)
            expected = [(column + 0.5) / 17 * 2 - 1, (row + 0.5) / 11 * 2 - 1]
            assert found[batch, place].tolist() == pytest.approx(expected, abs=1e-6)
            left = {at: value for at, value in left.items() if math.dist(at, (row, column)) >= 3.5}
    assert torch.equal(fixations(saliency, 2), fixations(saliency, 2, radius=11 / 6))
    beyond = fixations(saliency, 3, radius=100.0)
    assert torch.isfinite(beyond[:, 0]).all()
    assert torch.isnan(beyond[:, 1:]).all()


def test_bad_input_is_named():
    with pytest.raises(ValueError, match="directions is 0"):
        SaliencyMap(0)
    with pytest.raises(ValueError, match=r"image has shape \(1, 3, 100, 200\)"):
        SaliencyMap()(torch.zeros(1, 3, 100, 200))
    with pytest.raises(ValueError, match=r"image has shape \(1, 1, 200, 200\)"):
        feature_maps(torch.zeros(1, 1, 200, 200))
    with pytest.raises(ValueError, match="scales is 0"):
        pyramid(torch.zeros(1, 1, 8, 8), 0)
    with pytest.raises(ValueError, match="count is 0"):
        orientations(torch.zeros(1, 1, 8, 8), 0)
    with pytest.raises(ValueError, match="there are 2 scales"):
        centre_surround([torch.zeros(1, 1, 8, 8)] * 2)
    with pytest.raises(ValueError, match=r"maps have shape \(3, 3\)"):
        promote(torch.zeros(3, 3))
    with pytest.raises(ValueError, match="count is 0 and radius is 1"):
        fixations(torch.zeros(1, 3, 3), 0, 1.0)
    with pytest.raises(ValueError, match=r"saliency has shape \(3, 3\)"):
        fixations(torch.zeros(3, 3), 1)
