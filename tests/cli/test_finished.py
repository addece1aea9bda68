"""Whether a folder is of what is asked for: settings of every task, as they are asked for and as they are kept."""

from __future__ import annotations

import pytest

import regard
from regard.cli.finished import _check_settings
from regard.cli.settings import parse
from regard.tasks import TASKS, task
from regard.train.run_folder import Identity, RunFolder

NAMES = [one.name for one in TASKS]


def kept(path, name, settings):
    folder = RunFolder(path)
    _config, text = parse(task(name).kind().recipe, [*settings])
    folder.create(text, Identity(name, regard.__version__, "some data"))
    return folder


@pytest.mark.parametrize("name", NAMES)
def test_all_that_a_task_is_trained_with_is_the_same_when_it_is_asked_for_again(name, tmp_path):
    kind = task(name).kind()
    asked = [kind.smoke, *(one.settings for one in kind.variants), *(run for one in kind.anchors for run in one.runs)]
    for place, settings in enumerate(dict.fromkeys(asked)):
        wanted = [*settings, "training.seed=7"]
        folder = kept(tmp_path / f"run-{place}", name, wanted)
        _check_settings(folder, name, wanted)
        with pytest.raises(ValueError, match=r"trained with training\.seed=7, but training\.seed=11 is asked for"):
            _check_settings(folder, name, [*wanted, "training.seed=11"])


def test_a_setting_that_only_the_other_has_is_told(tmp_path):
    folder = kept(tmp_path / "run", "translation", ["model=Transformer"])
    with pytest.raises(ValueError, match="was trained with model=Transformer, but model=Recurrent is asked for"):
        _check_settings(folder, "translation", ["data.folder=anywhere"])
    folder = kept(tmp_path / "other", "recommend", ["model=MaskedItems", "model.hidden=0.37"])
    with pytest.raises(
        ValueError, match=r"was trained with model\.hidden=0\.37, but model\.hidden=0\.2 is asked for"
    ):
        _check_settings(folder, "recommend", ["model=MaskedItems"])
    _check_settings(folder, "recommend", ["model=MaskedItems", "model.hidden=0.37", "data.folder=anywhere"])
    with pytest.raises(ValueError, match="with candidates=NEW, but candidates=ALL is asked for"):
        _check_settings(folder, "recommend", ["model=MaskedItems", "model.hidden=0.37", "candidates=ALL"])
    # What is the default anyway may be said.
    folder = kept(tmp_path / "plain", "recommend", ["model=MaskedItems"])
    _check_settings(folder, "recommend", ["model=MaskedItems", "model.hidden=0.2"])
