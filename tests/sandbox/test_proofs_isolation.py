"""Functions that break CPython itself, or what the guest runs on: only their instance breaks."""

from __future__ import annotations

import asyncio
import json

import pytest

from edgelet import Request
from edgelet_host.sandbox import Function, Grants
from edgelet_host.sandbox.errors import FunctionFailed, InstanceFaulted, LimitExceeded
from tests.sandbox.attacks import Arena
from tests.sandbox.attacks import arena as new_arena
from tests.sandbox.proofs import past_core

pytestmark = pytest.mark.asyncio(loop_scope="module")

BREAKING = {
    "garbage as code": "for n in range(256):\n"
    "    try: marshal.loads(bytes([n]) + os.urandom(64))\n"
    "    except (ValueError, EOFError, TypeError, MemoryError): pass\n"
    "eval(marshal.loads(marshal.dumps(compile('f(1)', 'a', 'eval')).replace(b'f', b'\\xff')))",
    "code with flipped bits": """
        whole = marshal.dumps(compile("[n for n in range(3)]", "a", "eval"))
        for n in range(len(whole) * 8):
            broken = bytearray(whole)
            broken[n // 8] ^= 1 << n % 8
            try: eval(marshal.loads(bytes(broken)))
            except BaseException: pass
        raise ValueError("it survived")
    """,
    "a fault in C": "import faulthandler\nfaulthandler._sigsegv()",
    "a stack overflow in C": "import faulthandler\nfaulthandler._stack_overflow()",
    "a fatal error": "import faulthandler\nfaulthandler._fatal_error_c_thread()",
    "sys.exit": "sys.exit('bye')",
    "sys.exit in a class's name": """
        class Meta(type):
            @property
            def __name__(cls): raise SystemExit
        class Error(BaseException, metaclass=Meta): pass
        raise Error
    """,
    "KeyboardInterrupt": "raise KeyboardInterrupt",
    "GeneratorExit": "raise GeneratorExit",
    "CancelledError": "raise asyncio.CancelledError",
    "a loop that is closed": "asyncio.get_running_loop().close()",
    "a loop that is stopped": "asyncio.get_running_loop().stop()\nawait asyncio.sleep(1)",
    "no modules": "sys.modules.clear()\nraise ValueError",
    "no builtins": "builtins.__dict__.clear()\nraise ValueError",
    "no output": "del sys.stdout, sys.stderr\nraise ValueError",
    "the guest without its parts": """
        import edgelet_guest.app as app
        vars(app).clear()
        raise ValueError
    """,
    "the guest within itself": "import edgelet_guest.app as app\napp.WitWorld().handle('{}')",
    "no response": "return None",
}
VANDALISM = """
import builtins, edgelet, edgelet_guest.app, json, os, sys
json.dumps = json.loads = lambda *_, **__: "vandalised"
builtins.len = lambda _: 7
builtins.print = None
edgelet.Response.json = None
edgelet_guest.app._guest.loop.wait = None
edgelet_guest.app.WitWorld.handle = lambda *_: None
sys.modules["random"] = json
os.environ["LEFT"] = "behind"
"""
NUMBERS = """
import builtins, json, os, random
from edgelet import Response, serve

@serve
def handler(request):
    return Response.json([json.dumps(len([1, 2])), print is None, dict(os.environ),
                          json.loads("[1]"), random.random()])
"""


@pytest.mark.parametrize("body", BREAKING.values(), ids=BREAKING)
async def test_whoever_breaks_its_instance_breaks_nothing_else(watched: Arena, body: str) -> None:
    outcome = await watched.run(past_core(body))

    assert isinstance(outcome.error, FunctionFailed | InstanceFaulted | LimitExceeded), outcome


async def test_vandalism_does_not_outlive_the_request(watched: Arena) -> None:
    seen = set()
    for _ in range(4):
        await watched.run(past_core(f"exec({VANDALISM!r})\nreturn Response('done')"))
        outcome = await watched.run(Function.of_source(NUMBERS, "attacker"))
        *right, number = json.loads(outcome.text())
        assert right == ["2", False, {}, [1]]
        seen.add(number)
    assert len(seen) == 4, "no two instances draw the same numbers"


async def test_vandalism_of_a_reused_instance_stays_within_its_function_and_terms() -> None:
    function = """
import json
from edgelet import Response, serve

@serve
def handler(request):
    left, json.left = getattr(json, "left", None), request.query["n"]
    return Response(f"{left}")
"""
    one, two = Function.of_source(function, "one"), Function.of_source(function, "two")

    async def ask(arena: Arena, of: Function, n: int, **env: str) -> str:
        answer = await arena.sandbox.respond(
            of, Request(f"http://localhost/?n={n}"), grants=Grants(env=env)
        )
        return await answer.text()

    async with new_arena(reuse="per-worker", concurrent_instances=2) as arena:
        said = [await ask(arena, one, n) for n in range(6)]
        assert said.count("None") <= 2, "one for each worker"
        assert await ask(arena, two, 9) == "None"
        assert await ask(arena, one, 9, TENANT="other") == "None", "another environment"
        assert await ask(arena, two, 9, TENANT="other") == "None"


async def test_only_descriptors_without_anything_behind_are_open(watched: Arena) -> None:
    outcome = await watched.run(
        """
        found = []
        for number in range(200):
            try: found.append(os.fstat(number).st_size)
            except OSError: pass
        said = [sys.stdin.read(), os.read(0, 10).decode(), os.getcwd(), sys.argv]
        return Response.json([found, said, os.write(1, b"unseen")])
        """
    )

    assert json.loads(outcome.text()) == [[0, 0, 0], ["", "", "/", []], 6]
    assert "unseen" not in outcome.console("stdout")


async def test_two_tenants_at_once_see_their_own_variables_modules_and_requests(
    watched: Arena,
) -> None:
    source = """
import asyncio, builtins, os, sys
from edgelet import Response, serve

@serve
async def handler(request):
    before = getattr(builtins, "seen", None)
    builtins.seen = sys.modules["seen"] = request.query["secret"]
    await asyncio.sleep(0.05)
    return Response.json([before, dict(os.environ), builtins.seen, await request.text()])
"""
    function = Function.of_source(source, "shared")

    async def ask(tenant: str, number: int) -> None:
        secret = f"{tenant}-{number}"
        request = Request(f"http://localhost/?secret={secret}", method="POST", body=secret)
        answer = await watched.sandbox.respond(
            function, request, grants=Grants(env={"TENANT": tenant, tenant: "1"})
        )
        assert await answer.json() == [None, {"TENANT": tenant, tenant: "1"}, secret, secret]

    await asyncio.gather(*(ask(tenant, n) for n in range(10) for tenant in ("ONE", "TWO")))
