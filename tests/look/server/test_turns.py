"""Turns of questions: passes one after another, parts beside them."""

import threading

import anyio
import pytest

from regard.look.server.turns import AT_ONCE, Turns


def most_at_once(ask_all) -> int:
    """How many questions were being worked out at the same time."""
    lock, running, most = threading.Lock(), [], []

    def work():
        with lock:
            running.append(None)
            most.append(len(running))
        threading.Event().wait(0.02)
        with lock:
            running.pop()

    async def main():
        turns = Turns()
        async with anyio.create_task_group() as group:
            for ask in ask_all(turns):
                group.start_soon(ask, work)

    anyio.run(main)
    return max(most)


def test_passes_are_worked_out_one_after_another():
    assert most_at_once(lambda turns: [turns.whole] * 9) == 1


def test_parts_of_maps_wait_for_no_pass_and_only_few_are_worked_out_at_once():
    assert most_at_once(lambda turns: [turns.part] * 23) == AT_ONCE
    assert most_at_once(lambda turns: [turns.whole, turns.part]) == 2


def test_a_fault_gives_the_turn_back():
    def broken():
        raise ArithmeticError("once")

    async def main():
        turns = Turns()
        for ask in (turns.whole, turns.part):
            with pytest.raises(ArithmeticError, match="once"):
                await ask(broken)
            assert await ask(lambda: 7) == 7

    anyio.run(main)
