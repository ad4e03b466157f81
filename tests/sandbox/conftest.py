"""One arena for all proofs of a module; a proof that kills workers may use it, too."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest_asyncio

from tests.sandbox.attacks import Arena, neighbour
from tests.sandbox.attacks import arena as new_arena
from tests.sandbox.proofs import undisturbed


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared_arena(model_folder: object) -> AsyncIterator[Arena]:
    async with new_arena() as arena:
        yield arena


@pytest_asyncio.fixture(loop_scope="module")
async def arena(shared_arena: Arena) -> AsyncIterator[Arena]:
    """The arena, with the neighbour being asked all the while."""
    async with neighbour(shared_arena):
        yield shared_arena


@pytest_asyncio.fixture(loop_scope="module")
async def watched(shared_arena: Arena) -> AsyncIterator[Arena]:
    """The arena, with a neighbour that is answered soon, and workers that live on."""
    async with undisturbed(shared_arena):
        yield shared_arena
