"""What a function's author is told when it fails: the error, where, and nothing of our own."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from textwrap import dedent

import pytest
import pytest_asyncio

from edgelet import EdgeletError, Response
from edgelet_host.sandbox import Function, Printed, Sandbox, read_function
from edgelet_host.sandbox.errors import FunctionFailed, FunctionNotBooted
from tests.sandbox.running import get, running, written

pytestmark = pytest.mark.asyncio(loop_scope="module")


@dataclass(frozen=True)
class Fault:
    """A function at fault: its files, the error's message, and what its traceback has, in order."""

    files: dict[str, str]
    message: str
    shown: list[str] = field(default_factory=list)


START = "from edgelet import Response, serve\n"


def main(source: str, **others: str) -> dict[str, str]:
    named = {f"{name.replace('__', '/')}.py": dedent(text) for name, text in others.items()}
    return {"main.py": START + dedent(source), **named}


NOT_BOOTED = {
    "a mistake in the syntax": Fault(
        main("def handler(:\n    pass\n"),
        "SyntaxError: invalid syntax",
        ['File "main.py", line 2', "def handler(:", "^"],
    ),
    "a mistake in another file's syntax": Fault(
        main("import other\n", other="x = 1\nif x\n    pass\n"),
        "SyntaxError: expected ':'",
        ['File "other.py", line 2', "if x"],
    ),
    "indentation": Fault(main("if True:\nx = 1\n"), "IndentationError: ", ["line 3", "x = 1"]),
    "a null byte": Fault(main("x = '\0'\n"), "SyntaxError: source code string cannot contain null"),
    "a module that is not there": Fault(
        main("import numpy\n"),
        "ModuleNotFoundError: No module named 'numpy'",
        ['File "main.py", line 2', "import numpy"],
    ),
    "a name that a module has not": Fault(
        main("from other import missing\n", other="present = 1\n"),
        "ImportError: cannot import name 'missing' from 'other'",
        ['File "main.py", line 2', "from other import missing"],
    ),
    "an exception at import": Fault(
        main("import other\n", other="def load():\n    return {}['key']\n\nload()\n"),
        "KeyError: 'key'",
        [
            'File "main.py", line 2', "import other",
            'File "other.py", line 4', "load()",
            'File "other.py", line 2', "return {}['key']",
        ],
    ),
    "an exit at import": Fault(main("import sys\nsys.exit(3)\n"), "SystemExit: 3", ["sys.exit(3)"]),
    "no handler": Fault(
        {"main.py": "x = 1\n"}, "main.py serves no handler; decorate one with @serve"
    ),
    "two handlers": Fault(
        main("serve(print)\nserve(print)\n"),
        "main.py serves two handlers; decorate one with @serve",
        ['File "main.py", line 3', "serve(print)"],
    ),
    "a handler that is none": Fault(
        main("serve(1)\n"), "serve takes a function of one request, got int", ["serve(1)"]
    ),
    "asking for something at import": Fault(
        main(
            """
            import asyncio
            from edgelet import Session
            asyncio.new_event_loop
            Session("all-MiniLM-L6-v2").run("x").send(None)
            """
        ),
        "no running event loop",
        ['File "main.py", line 6'],
    ),
}  # fmt: skip

FAILED = {
    "a handler that returns a dict": Fault(
        main("@serve\ndef handler(request):\n    return {}\n"),
        "the handler returned dict instead of a Response; return Response(...) or Response.json",
    ),
    "a handler that returns nothing": Fault(
        main("@serve\nasync def handler(request):\n    pass\n"),
        "the handler returned nothing instead of a Response",
    ),
    "a handler that raises": Fault(
        main("@serve\nasync def handler(request):\n    raise ValueError('naïve')\n"),
        "ValueError: naïve",
        ["Traceback (most recent call last):", 'File "main.py", line 4, in handler',
         "raise ValueError('naïve')"],
    ),
    "a handler that raises in a package": Fault(
        main(
            "from pack.deep import fail\n@serve\nasync def handler(request):\n    fail(request)\n",
            pack__deep="def fail(request):\n    return request.query['missing'] + 1 / 0\n",
        ),
        "KeyError: 'missing'",
        ['File "main.py", line 5, in handler', "fail(request)",
         'File "pack/deep.py", line 2, in fail', "request.query['missing']"],
    ),
    "an error with a cause": Fault(
        main(
            """
            def inner():
                return int("x")
            @serve
            async def handler(request):
                try:
                    inner()
                except ValueError as error:
                    raise RuntimeError("outer") from error
            """
        ),
        "RuntimeError: outer",
        ["in inner", 'return int("x")', "ValueError: invalid literal", "The above exception",
         'line 10, in handler', 'raise RuntimeError("outer") from error'],
    ),
    "an error in a group": Fault(
        main(
            """
            import asyncio
            async def fail():
                await asyncio.sleep(0)
                raise ValueError("in a group")
            @serve
            async def handler(request):
                async with asyncio.TaskGroup() as group:
                    group.create_task(fail())
            """
        ),
        "ExceptionGroup: unhandled errors in a TaskGroup (1 sub-exception)",
        ["in handler", "asyncio.TaskGroup()", "in fail", 'raise ValueError("in a group")'],
    ),
    "an error while reading the request": Fault(
        main("@serve\nasync def handler(request):\n    return await request.json()\n"),
        "OptionError: the body is not JSON",
        ["in handler", "return await request.json()"],
    ),
    "an error of a session": Fault(
        main(
            "from edgelet import Session\n@serve\nasync def handler(request):\n"
            "    await Session('no/such').run('x', stream=True)\n"
        ),
        "no inference host is set that could run it",
        ["in handler", "await Session('no/such').run"],
    ),
    "an error of edgelet's in a group": Fault(
        main(
            """
            import asyncio
            from edgelet import Session, fetch
            @serve
            async def handler(request):
                try:
                    async with asyncio.TaskGroup() as group:
                        group.create_task(fetch("http://localhost:1/"))
                except* Exception:
                    await Session("tiny").run("x", stream=True)
            """
        ),
        "ModelError: 'tiny' is not a built-in embedding model",
        ["ConnectionFailed", "During handling of the above", "ModelError: 'tiny'"],
    ),
    "a message of several lines, and a note": Fault(
        main(
            """
            @serve
            def handler(request):
                error = ValueError("first\\nsecond")
                error.add_note("a note")
                raise error
            """
        ),
        "the function tested failed: ValueError: first",
        ["ValueError: first\nsecond\na note"],
    ),
    "a message that is no text": Fault(
        main("@serve\ndef handler(request):\n    raise ValueError('\\ud800')\n"),
        "ValueError: \\ud800",
    ),
    "an exit": Fault(
        main("import sys\n@serve\ndef handler(request):\n    sys.exit('bye')\n"),
        "SystemExit: bye",
        ["sys.exit('bye')"],
    ),
    "a cancellation of its own": Fault(
        main(
            "import asyncio\n@serve\nasync def handler(request):\n"
            "    asyncio.current_task().cancel()\n    await asyncio.sleep(1)\n"
        ),
        "CancelledError",
        ["await asyncio.sleep(1)"],
    ),
    "an exception that cannot be described": Fault(
        main(
            """
            class Bad(Exception):
                def __str__(self):
                    raise RuntimeError("no words")
            @serve
            def handler(request):
                raise Bad
            """
        ),
        "Bad: <exception str() failed>",
        ["raise Bad"],
    ),
    "a header that cannot be sent": Fault(
        main("@serve\ndef handler(request):\n    return Response(headers={'x': 'a\\nb'})\n"),
        "OptionError: the value of header x must be one line without NUL",
        ["return Response(headers="],
    ),
}  # fmt: skip


@dataclass
class Journal:
    printed: list[Printed] = field(default_factory=list)

    def record(self, printed: Printed) -> None:
        self.printed.append(printed)

    def text(self, stream: str) -> str:
        return "".join(each.text for each in self.printed if each.stream == stream)


@pytest.fixture(scope="module")
def journal() -> Journal:
    return Journal()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def sandbox(journal: Journal) -> AsyncIterator[Sandbox]:
    async with running(workers=1, concurrent_instances=2, console=journal.record) as sandbox:
        yield sandbox


@pytest.mark.parametrize("name", NOT_BOOTED)
async def test_a_function_that_cannot_be_loaded_says_why_and_where(
    name: str, sandbox: Sandbox, tmp_path: Path
) -> None:
    fault = NOT_BOOTED[name]
    tested = read_function(written(fault.files, tmp_path / "tested"))

    for _ in range(2):  # the same, the second time
        with pytest.raises(FunctionNotBooted) as caught:
            await sandbox.respond(tested, get())
        assert str(caught.value).startswith("the function tested cannot be loaded: ")
        assert fault.message in str(caught.value)
        shows(caught.value.traceback, fault)


@pytest.mark.parametrize("name", FAILED)
async def test_a_handler_that_fails_says_why_and_where(
    name: str, sandbox: Sandbox, tmp_path: Path
) -> None:
    fault = FAILED[name]
    tested = read_function(written(fault.files, tmp_path / "tested"))

    with pytest.raises(FunctionFailed) as caught:
        await sandbox.respond(tested, get())

    assert str(caught.value).startswith("the function tested failed: ")
    assert fault.message in str(caught.value)
    shows(caught.value.traceback, fault)


def shows(traceback: str, fault: Fault) -> None:
    """Assert that a traceback has what it should, in that order, and no frame of edgelet's."""
    at = 0
    for part in fault.shown:
        assert part in traceback[at:], traceback
        at = traceback.index(part, at) + len(part)
    frames = re.findall(r'File "([^"]+)"', traceback)
    assert set(frames) <= set(fault.files), traceback


LATE = {
    "before the first chunk": ("", ""),
    "after the first chunk": ("        yield 'first'\n", "first"),
    "after many chunks": ("        for n in range(99): yield 'x'\n", "x" * 99),
}


@pytest.mark.parametrize("when", LATE)
async def test_a_body_that_fails_breaks_off_with_the_error(when: str, sandbox: Sandbox) -> None:
    before, expected = LATE[when]
    source = (
        f"{START}@serve\ndef handler(request):\n    async def chunks():\n{before}"
        "        raise ValueError('late')\n        yield\n    return Response.stream(chunks())\n"
    )
    answer = await sandbox.respond(Function.of_source(source, "tested"), get())
    assert answer.status == 200

    read: list[bytes] = []
    with pytest.raises(FunctionFailed, match="the function tested failed: ValueError: late") as it:
        await read_into(read, answer)

    assert b"".join(read).decode() == expected
    shows(it.value.traceback, Fault({"main.py": source}, "", ["raise ValueError('late')"]))


async def read_into(chunks: list[bytes], answer: Response) -> None:
    async for chunk in answer.body:
        chunks.append(chunk)  # noqa: PERF401 (chunks before an error are kept)


async def test_a_chunk_that_is_no_text_breaks_the_body_off(sandbox: Sandbox) -> None:
    source = f"{START}@serve\ndef handler(request):\n    return Response.stream([1])\n"
    answer = await sandbox.respond(Function.of_source(source, "tested"), get())

    with pytest.raises(FunctionFailed, match="a chunk of a body must be text or bytes, got int"):
        await answer.text()


async def test_errors_are_edgelets_own_kind(sandbox: Sandbox) -> None:
    assert issubclass(FunctionFailed, EdgeletError)
    assert issubclass(FunctionNotBooted, EdgeletError)


async def test_what_is_printed_is_told_with_request_and_function(
    sandbox: Sandbox, journal: Journal
) -> None:
    source = """
import logging, sys, warnings
from edgelet import Response, serve
print("while loading")

@serve
def handler(request):
    print("to", "stdout", request.query["n"])
    print("without an end", end="")
    print("to stderr", file=sys.stderr)
    logging.getLogger("mine").warning("a warning")
    logging.getLogger("mine").info("not shown")
    sys.stdout.write("\\u2028 is no line's end, \\ud800 no text\\n")
    warnings.warn("warned")
    return Response("done")
"""
    journal.printed.clear()
    function = Function.of_source(source, "printing")

    await asyncio.gather(*(_asked(sandbox, function, n) for n in range(3)))

    assert {each.function for each in journal.printed} == {"printing"}
    requests: dict[str, list[Printed]] = {}
    for each in journal.printed:
        requests.setdefault(each.request_id, []).append(each)
    assert len(requests) == 3
    numbers = set()
    for printed in requests.values():
        one = Journal(printed)
        stdout = one.text("stdout")
        numbers.add(stdout.partition("to stdout ")[2][0])
        assert stdout.startswith("while loading\nto stdout ")
        assert stdout.endswith("\nwithout an end\u2028 is no line's end, \\ud800 no text\n")
        assert one.text("stderr").startswith("to stderr\na warning\n")
        assert "UserWarning: warned" in one.text("stderr")
    assert numbers == {"0", "1", "2"}


async def _asked(sandbox: Sandbox, function: Function, n: int) -> None:
    await (await sandbox.respond(function, get(f"?n={n}"))).text()


async def test_what_a_failing_handler_printed_is_told(sandbox: Sandbox, journal: Journal) -> None:
    source = f"{START}@serve\ndef handler(request):\n    print('before', end='')\n    1 / 0\n"
    journal.printed.clear()

    with pytest.raises(FunctionFailed, match="ZeroDivisionError"):
        await sandbox.respond(Function.of_source(source, "tested"), get())

    assert journal.text("stdout") == "before"
