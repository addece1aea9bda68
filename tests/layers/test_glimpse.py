from __future__ import annotations

import pytest
import torch

from regard.layers import Glimpse, crops

BATCH, CHANNELS, HEIGHT, WIDTH = 2, 3, 11, 17


def image() -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.randn(BATCH, CHANNELS, HEIGHT, WIDTH, generator=generator, dtype=torch.float64)


def pixel(picture: torch.Tensor, row: int, column: int) -> torch.Tensor:
    inside = 0 <= row < HEIGHT and 0 <= column < WIDTH
    return picture[:, row, column] if inside else picture.new_zeros(CHANNELS)


@pytest.mark.parametrize("size", [2, 5])
def test_crops_at_whole_pixels_are_averages_of_pixels(size):
    # The upper left pixel of the first crop, for each image; one crop hangs over the image's edges.
    corners = torch.tensor([[3, 6], [-1, 14]])
    middle = corners.double() + size / 2
    location = torch.stack((middle[:, 1] / WIDTH, middle[:, 0] / HEIGHT), dim=-1) * 2 - 1
    if size % 2:
        # Twice an odd size is even: there the middle of a crop lies between pixels, here within one.
        found = crops(image(), location, size, 1)
    else:
        found = crops(image(), location, size, 3)
    for batch in range(BATCH):
        for scale in range(found.shape[1]):
            factor = 2**scale
            top, left = (corners[batch] - size * (factor - 1) // 2).tolist()
            for row in range(size):
                for column in range(size):
                    block = [
                        pixel(image()[batch], top + row * factor + y, left + column * factor + x)
                        for y in range(factor)
                        for x in range(factor)
                    ]
                    torch.testing.assert_close(found[batch, scale, :, row, column], torch.stack(block).mean(0))


def test_between_pixels_the_image_is_interpolated_linearly():
    picture = image()
    # A quarter of a pixel right and three quarters down from the middle of pixel (4, 7).
    location = torch.tensor([[(7 + 0.5 + 0.25) / WIDTH, (4 + 0.5 + 0.75) / HEIGHT]], dtype=torch.float64) * 2 - 1
    found = crops(picture[:1], location, 1, 1)[0, 0, :, 0, 0]
    upper = 0.75 * picture[0, :, 4, 7] + 0.25 * picture[0, :, 4, 8]
    lower = 0.75 * picture[0, :, 5, 7] + 0.25 * picture[0, :, 5, 8]
    torch.testing.assert_close(found, 0.25 * upper + 0.75 * lower)


def test_crops_are_differentiable_in_image_and_location():
    location = torch.tensor([[0.13, -0.31], [0.87, 0.44]], dtype=torch.float64, requires_grad=True)
    picture = image()[:, :1].clone().requires_grad_()
    assert torch.autograd.gradcheck(lambda picture, location: crops(picture, location, 3, 2), (picture, location))


def test_a_glimpse_joins_what_and_where():
    torch.manual_seed(1)
    glimpse = Glimpse(CHANNELS, 3, 2, 7, 5).double()
    location = torch.tensor([[0.2, -0.4], [0.9, 0.1]], dtype=torch.float64)
    seen = crops(image(), location, 3, 2)
    what = torch.clamp(seen.reshape(BATCH, -1) @ glimpse.what.weight.T + glimpse.what.bias, min=0)
    where = torch.clamp(location @ glimpse.where.weight.T + glimpse.where.bias, min=0)
    total = what @ glimpse.from_what.weight.T + where @ glimpse.from_where.weight.T + glimpse.from_what.bias
    torch.testing.assert_close(glimpse(image(), location), torch.clamp(total, min=0))


def test_bad_input_is_named():
    with pytest.raises(ValueError, match="size is 0 and scales is 1"):
        crops(image(), torch.zeros(2, 2), 0, 1)
    with pytest.raises(ValueError, match=r"location has shape \(2, 3\), expected \(2, 2\)"):
        crops(image(), torch.zeros(2, 3), 1, 1)
    with pytest.raises(ValueError, match=r"image has shape \(3, 11, 17\)"):
        crops(image()[0], torch.zeros(3, 2), 1, 1)
    with pytest.raises(ValueError, match="hidden_size is 0"):
        Glimpse(1, 2, 3, 0, 4)
    with pytest.raises(ValueError, match="image has 3 channels, but Glimpse was built for 1"):
        Glimpse(1, 2, 1, 3, 4).double()(image(), torch.zeros(2, 2).double())
