"""The conformance cases of the ONNX operator Attention: inputs, attributes and outputs as ONNX publishes them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest
import torch
from torch import Tensor

import regard as rg
from regard import conventions
from regard.attention.shapes import space_of

pytest.importorskip("onnx")

import numpy as np
from onnx import helper
from onnx.backend.test.case import node as node_cases
from onnx.backend.test.case.node import attention  # noqa: F401  (its import fills the list of cases)

INPUTS = ("Q", "K", "V", "attn_mask", "past_key", "past_value", "nonpad_kv_seqlen")
OUTPUTS = ("Y", "present_key", "present_value", "qk_matmul_output")


@dataclass(frozen=True)
class Case:
    """One case: tensors by the operator's names, and its attributes."""

    name: str
    inputs: dict[str, Tensor]
    outputs: dict[str, Tensor]
    attributes: dict[str, float]
    rtol: float
    atol: float


def tensor_of(array: np.ndarray) -> Tensor:
    """A torch tensor of any array, bfloat16 included."""
    if array.dtype.name == "bfloat16":
        return torch.from_numpy(array.astype(np.float32)).bfloat16()
    return torch.from_numpy(array.copy())


def named(names: tuple[str, ...], given: list[str], arrays: list[np.ndarray]) -> dict[str, Tensor]:
    """Tensors by the operator's names; an empty place was not given."""
    used = [name for name, here in zip(names, given, strict=False) if here]
    return {name: tensor_of(array) for name, array in zip(used, arrays, strict=True)}


def cases() -> Iterator[Case]:
    """Every case of the operator; the expanded ones are the same, spelt with other operators."""
    for case in node_cases._NodeTestCases:
        (node, *others) = case.model.graph.node
        if node.op_type != "Attention" or others or case.name.endswith("_expanded"):
            continue
        ((inputs, outputs),) = case.data_sets
        yield Case(
            case.name.removeprefix("test_attention_"),
            named(INPUTS, node.input, inputs),
            named(OUTPUTS, node.output, outputs),
            {attribute.name: helper.get_attribute_value(attribute) for attribute in node.attribute},
            case.rtol,
            case.atol,
        )


CASES = list(cases())


def apart(tensor: Tensor, heads: float | None) -> Tensor:
    """(batch, time, heads x size) as (batch, heads, time, size); four axes as they are."""
    return tensor if tensor.dim() == 4 else tensor.unflatten(-1, (int(heads), -1)).transpose(1, 2)


def question(case: Case) -> tuple[Tensor, Tensor, Tensor, rg.Where, rg.Dot]:
    """Query, new keys, new values, where and score of a case."""
    given, attributes = case.inputs, case.attributes
    query = apart(given["Q"], attributes.get("q_num_heads"))
    key, value = (apart(given[name], attributes.get("kv_num_heads")) for name in "KV")
    past = given["past_key"].shape[2] if "past_key" in given else 0
    where = conventions.from_onnx(
        query.shape[2],
        past + key.shape[2],
        given.get("attn_mask"),
        is_causal=bool(attributes.get("is_causal", 0)),
        past_sequence_length=past,
        nonpad_kv_seqlen=given.get("nonpad_kv_seqlen"),
        left_window_size=int(attributes.get("left_window_size", -1)),
        right_window_size=int(attributes.get("right_window_size", -1)),
    )
    return (
        query,
        key,
        value,
        where,
        conventions.score_from_onnx(attributes.get("scale"), attributes.get("softcap", 0.0)),
    )


def looked_at(mode: float, query: Tensor, key: Tensor, where: rg.Where, score: rg.Dot) -> Tensor:
    """The operator's fourth output: scores, capped scores, scores with their mask, or weights."""
    if mode == 3:
        return rg.weights(query, key, score=score, where=where)
    score = rg.Dot(score.scale) if mode == 0 else score
    keys = key.repeat_interleave(query.shape[1] // key.shape[1], 1)
    scores = score.tile(score.prepare_query(query), score.prepare_key(keys))
    seen = where.seen(space_of(query, key).whole())
    if mode < 2:
        return scores
    scores = scores if seen.prior is None else scores + seen.prior
    return scores if seen.visible is None else scores.masked_fill(~seen.visible, -torch.inf)


def assert_as_published(found: Tensor, expected: Tensor, case: Case) -> None:
    """Within the case's tolerance; in 16 bits, within a few roundings."""
    rounding = 8 * torch.finfo(expected.dtype).eps if expected.dtype in (torch.float16, torch.bfloat16) else 0.0
    torch.testing.assert_close(
        found.to(expected.dtype), expected, rtol=max(case.rtol, rounding), atol=max(case.atol, rounding)
    )


def test_there_are_the_cases_that_onnx_had_when_this_was_written():
    assert len(CASES) >= 93


@pytest.mark.parametrize("path", ["reference", "blockwise"])
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_attention_gives_what_onnx_publishes(case, path):
    query, key, value, where, score = question(case)
    if "past_key" in case.inputs:
        key, value = (
            torch.cat((case.inputs[f"past_{name}"], new), 2) for name, new in (("key", key), ("value", value))
        )
    context = rg.attend(query, key, value, score=score, where=where, path=path)
    expected = case.outputs["Y"]
    assert_as_published(context if expected.dim() == 4 else context.transpose(1, 2).flatten(2), expected, case)


@pytest.mark.parametrize("case", [case for case in CASES if "past_key" in case.inputs], ids=lambda case: case.name)
def test_a_memory_is_the_cache(case):
    query, key, value, where, score = question(case)
    memory = rg.Memory(case.inputs["past_key"], case.inputs["past_value"], score=score).append(key, value)
    context, expected = memory.ask(query, where=where), case.outputs["Y"]
    assert_as_published(context if expected.dim() == 4 else context.transpose(1, 2).flatten(2), expected, case)


LOOKED_AT = [case for case in CASES if "qk_matmul_output" in case.outputs]


@pytest.mark.parametrize("case", LOOKED_AT, ids=lambda case: case.name)
def test_scores_and_weights_are_those_that_onnx_publishes(case):
    query, key, _, where, score = question(case)
    if "past_key" in case.inputs:
        key = torch.cat((case.inputs["past_key"], key), 2)
    mode = case.attributes.get("qk_matmul_output_mode", 0)
    assert_as_published(looked_at(mode, query, key, where, score), case.outputs["qk_matmul_output"], case)
