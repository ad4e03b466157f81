"""The driver's own business: carrying failures in, and leaving nothing behind."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from edgelet.drive import drive
from edgelet.effects import Close, Env, Receive, Steps, Together
from edgelet.errors import OptionError
from edgelet.testing import FakeHost


class StuckHost(FakeHost):
    """A host that never sends a byte, and notes what it is told to close."""

    async def receive(self, response: Any) -> list[bytes]:
        await asyncio.Event().wait()
        return []


def receiving(body: list[Any], within: float | None = None) -> Steps[str]:
    try:
        yield Receive("response", within)
    except GeneratorExit:
        body.append("left alone")
        raise
    except BaseException:
        yield Close("response")
        raise
    return "done"


async def test_a_result_comes_out() -> None:
    def steps() -> Steps[str | None]:
        return (yield Env("NAME"))

    assert await drive(steps(), FakeHost(env={"NAME": "value"})) == "value"


@pytest.mark.parametrize("within", [None, 60.0])
async def test_a_hosts_own_timeout_is_no_deadline_of_ours(within: float | None) -> None:
    class Failing(FakeHost):
        async def receive(self, response: Any) -> list[bytes]:
            raise TimeoutError("the host's own")

    with pytest.raises(TimeoutError, match="the host's own"):
        await drive(receiving([], within), Failing())


async def test_a_wait_that_is_dropped_performs_no_further_effect() -> None:
    events: list[str] = []
    host = StuckHost()
    waiting = drive(receiving(events), host)
    waiting.send(None)

    waiting.close()

    assert events == ["left alone"]
    assert host.closed == 0


async def test_steps_run_side_by_side_and_answer_in_order() -> None:
    reached = [asyncio.Event(), asyncio.Event()]

    class Meeting(FakeHost):
        async def receive(self, response: int) -> list[bytes]:
            reached[response].set()
            await asyncio.wait_for(reached[1 - response].wait(), 5)
            return [bytes([response])]

    def lane(number: int) -> Steps[list[bytes]]:
        return (yield Receive(number))

    def both() -> Steps[list[Any]]:
        return (yield Together((lane(0), lane(1))))

    assert await drive(both(), Meeting()) == [[b"\0"], [b"\1"]]


async def test_the_first_failure_stops_the_others_and_is_the_one_that_is_seen() -> None:
    host = StuckHost()

    def failing() -> Steps[None]:
        yield Env("NAME")
        raise OptionError("wrong")

    def both() -> Steps[list[Any]]:
        return (yield Together((receiving([]), failing())))

    with pytest.raises(OptionError, match="wrong"):
        await drive(both(), host)
    assert host.closed == 1
