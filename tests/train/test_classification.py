from __future__ import annotations

import pytest
import torch

from regard.train.bag_of_words import majority, tf_idf
from regard.train.classification import calibration_error, class_reports, classification_metrics, confusion


def drawn(examples: int = 211, classes: int = 5) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(3)
    scores = torch.randn(examples, classes, generator=generator, dtype=torch.float64)
    return scores.softmax(1), torch.randint(classes, (examples,), generator=generator)


def test_reports_agree_with_scikit_learn():
    metrics = pytest.importorskip("sklearn.metrics")
    probabilities, true = drawn()
    predicted = probabilities.argmax(1)
    table = confusion(predicted, true, 5)
    assert table.tolist() == metrics.confusion_matrix(true, predicted).tolist()
    expected = metrics.precision_recall_fscore_support(true, predicted)
    found = class_reports(table, list("abcde"))
    for name, values in zip(("precision", "recall", "f1", "support"), expected, strict=True):
        assert [getattr(one, name) for one in found] == pytest.approx(values.tolist())
    told = {one.name: one.value for one in classification_metrics(probabilities, true, list("abcde"), "made up")}
    assert told["macro-F1"] == pytest.approx(100 * metrics.f1_score(true, predicted, average="macro"))
    assert told["accuracy"] == pytest.approx(100 * metrics.accuracy_score(true, predicted))


def test_classes_that_nobody_has_or_predicts_count_as_0_and_not_in_the_mean():
    found = classification_metrics(torch.eye(3, dtype=torch.float64)[[0, 0]], torch.tensor([0, 1]), list("abc"), "x")
    told = {one.name: one.value for one in found}
    assert (told["F1 a"], told["F1 b"], told["F1 c"]) == (pytest.approx(200 / 3), 0, 0)
    assert told["macro-F1"] == pytest.approx(100 / 3)


def test_calibration_error_agrees_with_a_loop_over_bins():
    probabilities, true = drawn()
    confidence, predicted = probabilities.max(1)
    expected = 0.0
    for place in range(7):
        inside = (confidence > place / 7) & (confidence <= (place + 1) / 7)
        if inside.any():
            accuracy = (predicted[inside] == true[inside]).double().mean()
            expected += float(inside.double().mean() * (accuracy - confidence[inside].mean()).abs())
    assert calibration_error(probabilities, true, bins=7) == pytest.approx(expected)


def test_probabilities_that_tell_the_truth_have_no_error():
    probabilities = torch.tensor([[0.75, 0.25]] * 4)
    assert calibration_error(probabilities, torch.tensor([0, 0, 0, 1])) == pytest.approx(0, abs=1e-7)
    assert calibration_error(torch.tensor([[1.0, 0.0]]), torch.tensor([1])) == pytest.approx(1)
    assert calibration_error(torch.zeros(0, 2), torch.zeros(0, dtype=torch.int64)) == 0


def test_bad_input_is_named():
    with pytest.raises(ValueError, match="classes are 0 to 2, expected 0 to 1"):
        confusion(torch.tensor([0]), torch.tensor([2]), 2)
    with pytest.raises(ValueError, match=r"predicted has shape \(1,\) and true \(2,\)"):
        confusion(torch.tensor([0]), torch.tensor([0, 1]), 2)
    with pytest.raises(ValueError, match="true is empty"):
        classification_metrics(torch.zeros(0, 2), torch.zeros(0, dtype=torch.int64), ["a", "b"], "x")
    with pytest.raises(ValueError, match="bins is 0"):
        calibration_error(torch.eye(2), torch.tensor([0, 1]), bins=0)
    with pytest.raises(ValueError, match=r"probabilities has shape \(2, 2\) and true \(3,\)"):
        calibration_error(torch.eye(2), torch.tensor([0, 1, 1]))


def test_the_classical_answers():
    texts, labels = ["good film", "very good", "bad film", "so bad"] * 3, ["+", "+", "-", "-"] * 3
    assert majority(["a", "b", "b"], ["a", "b", "c", "b"]).value == 50
    pytest.importorskip("sklearn")
    assert tf_idf(texts, labels, ["good", "bad"], ["+", "-"]).value == 100


def test_without_scikit_learn_the_table_says_how_to_install_it(monkeypatch):
    monkeypatch.setattr("regard.train.bag_of_words.find_spec", lambda name: None)
    found = tf_idf([], [], [], [])
    assert found.value != found.value
    assert "pip install 'regard[bench]'" in found.protocol
