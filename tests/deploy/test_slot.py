"""The room for a function in a component."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgelet_standalone.slot import SIZE, content, filled, room

EMPTY = room()


@settings(max_examples=30, deadline=None)
@given(st.binary(max_size=2000), st.binary(max_size=50), st.binary(max_size=50))
def test_what_is_written_is_read_and_nothing_moves(
    function: bytes, before: bytes, after: bytes
) -> None:
    component = filled(before + EMPTY + after, function)
    assert component.startswith(before)
    assert component.endswith(after)
    assert len(component) == len(before) + SIZE + len(after)
    assert content(component[len(before) : len(before) + SIZE]) == function


def test_every_copy_of_the_room_is_filled() -> None:
    component = filled(EMPTY + b"|" + EMPTY, b"function")
    assert content(component) == content(component[SIZE + 1 :]) == b"function"


def test_all_of_the_room_can_be_used_and_no_more() -> None:
    function = b"x" * (SIZE - 4)
    assert content(filled(EMPTY, function)) == function
    with pytest.raises(ValueError, match="there is room for 4,194,300 bytes, not 4,194,301"):
        filled(EMPTY, function + b"x")


def test_a_component_without_room_is_refused() -> None:
    with pytest.raises(ValueError, match="there is no room for a function"):
        filled(EMPTY[:-1], b"function")
