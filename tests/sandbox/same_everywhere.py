"""Functions that must answer the same on CPython and in the sandbox: their files, by name.

Each is asked by a POST of `{"name": "Ada"}` to `/functions/v1/tested?q=a+b&q=c`.
"""

from __future__ import annotations

_START = "from edgelet import Response, Session, fetch, serve\n"


def _handler(body: str, before: str = "") -> dict[str, str]:
    """A function of one file, whose async handler has that body."""
    indented = "".join(f"    {line}\n" for line in body.strip().splitlines())
    return {"main.py": f"{_START}{before}\n@serve\nasync def handler(request):\n{indented}"}


def _answering(expression: str, before: str = "") -> dict[str, str]:
    """A function that answers an expression as JSON."""
    return _handler(f"return Response.json({expression})", before)


FUNCTIONS: dict[str, dict[str, str]] = {
    # What is asked, and what is answered.
    "the request": _answering(
        "[request.method, request.url, request.path, request.query.get_all('q'),"
        " request.headers.raw(), await request.text(), request.body_used]"
    ),
    "json": _answering("await request.json()"),
    "an embedding": _handler(
        "model = Session('all-MiniLM-L6-v2')\n"
        "return Response.json(await model.run(['a cat', 'Ein Hund'], mean_pool=True))"
    ),
    "vectors of every token": _answering(
        "await Session('all-MiniLM-L6-v2').run('a cat', mean_pool=False, normalize=True)"
    ),
    "bytes": _handler("return Response(bytes(range(256)))"),
    "no body": _handler("return Response(status=204)"),
    "several cookies": _handler(
        "headers = [('set-cookie', 'a=1; Path=/'), ('Set-Cookie', 'b=2'), ('x-note', 'caf\\xe9')]\n"
        "return Response('two', headers=headers)"
    ),
    "an error status": _handler("return Response('teapot', status=418)"),
    "a redirect": _handler("return Response.redirect('/elsewhere?é', 307)"),
    "a stream": _handler(
        "return Response.stream(numbers(), headers={'content-type': 'text/event-stream'})",
        "import asyncio\n"
        "async def numbers():\n"
        "    for n in range(20):\n"
        "        await asyncio.sleep(0.001)\n"
        "        yield f'data: {n}\\n\\n'\n",
    ),
    "a stream of an iterator": _handler("return Response.stream(str(n) for n in range(9))"),
    "a sync handler": {
        "main.py": _START + "@serve\ndef handler(request):\n    return Response('sync')\n"
    },
    "a handler that is an object": {
        "main.py": _START
        + "class App:\n    async def __call__(self, request):\n        return Response('object')\n"
        "serve(App())\n"
    },
    # Its own modules.
    "own modules": {
        "main.py": _START + "from helpers import shout\nimport pack.deep.leaf as leaf\n"
        "from pack import VALUE, twice\nimport importlib\n"
        "@serve\nasync def handler(request):\n"
        "    late = importlib.import_module('.late', 'pack')\n"
        "    return Response.json([shout('hi'), leaf.NAME, leaf.up(), VALUE, twice(2), late.X,"
        " __name__, __file__.endswith('main.py'), leaf.__package__, leaf.__file__[-7:]])\n",
        "helpers.py": "def shout(text):\n    return text.upper()\n",
        "pack/__init__.py": "from .values import VALUE\nfrom . import values\n"
        "from .deep.leaf import *\ndef twice(n):\n    return n * values.TWO\n",
        "pack/values.py": "VALUE = 'value'\nTWO = 2\n",
        "pack/late.py": "from .values import TWO as X\n",
        "pack/deep/__init__.py": "",
        "pack/deep/leaf.py": "from ..values import VALUE\n"
        "NAME = __name__\ndef up():\n    return VALUE\n",
    },
    "a package without __init__": {
        "main.py": _START + "from pack.inner.leaf import X\n"
        "@serve\nasync def handler(request):\n    return Response.json(X)\n",
        "pack/inner/leaf.py": "from ..other import Y\nX = Y + 1\n",
        "pack/other.py": "Y = 1\n",
    },
    "modules in a circle": {
        "main.py": _START + "import other\nNAME = 'main'\n"
        "@serve\nasync def handler(request):\n    return Response(other.name())\n",
        "other.py": "import main\ndef name():\n    return main.NAME\n",
    },
    # The language and its library.
    "dataclasses": _answering(
        "[asdict(p), repr(p), p == Point(1, 2), replace(p, y=3).y]",
        "from dataclasses import asdict, dataclass, field, replace\n"
        "@dataclass(frozen=True, slots=True)\nclass Point:\n"
        "    x: int\n    y: int\n    tags: list[str] = field(default_factory=list)\n"
        "p = Point(1, 2)\n",
    ),
    "enum, typing, abc, match": _answering(
        "[Color('r').name, kind({'a': 1}), kind([1, 2, 3]), isinstance(3, SupportsInt)]",
        "import enum\nfrom typing import SupportsInt\n"
        "class Color(enum.Enum):\n    RED = 'r'\n"
        "def kind(value):\n    match value:\n        case {'a': x}: return x\n"
        "        case [first, *rest]: return rest\n",
    ),
    "sqlite3 in memory": _handler(
        "import sqlite3\n"
        "with sqlite3.connect(':memory:') as db:\n"
        "    db.execute('create table t (n integer, s text)')\n"
        "    db.executemany('insert into t values (?, ?)', [(n, str(n) * n) for n in range(5)])\n"
        "    return Response.json(db.execute('select sum(n), max(s) from t').fetchall())"
    ),
    "gather, timeout, TaskGroup": _handler(
        "async def after(seconds, value):\n"
        "    await asyncio.sleep(seconds)\n"
        "    return value\n"
        "both = await asyncio.gather(after(0.02, 'slow'), after(0.01, 'fast'))\n"
        "try:\n"
        "    async with asyncio.timeout(0.01):\n"
        "        await after(10, 'never')\n"
        "except TimeoutError:\n"
        "    both.append('timeout')\n"
        "try:\n"
        "    async with asyncio.TaskGroup() as group:\n"
        "        done = group.create_task(after(0, 'in group'))\n"
        "        group.create_task(after(0.01, 'failing')).add_done_callback(print)\n"
        "        await done\n"
        "        raise ValueError('in group')\n"
        "except* ValueError as errors:\n"
        "    both.append(str(errors.exceptions[0]))\n"
        "queue = asyncio.Queue(1)\n"
        "async def fill():\n"
        "    for n in range(3): await queue.put(n)\n"
        "task = asyncio.create_task(fill())\n"
        "both += [await queue.get() for _ in range(3)]\n"
        "async for n in as_they_come(): both.append(n)\n"
        "return Response.json([*both, done.result(), task.done()])",
        "import asyncio\nasync def as_they_come():\n"
        "    for each in asyncio.as_completed([asyncio.sleep(0, 'x')]): yield await each\n",
    ),
    "contextvars": _handler(
        "var.set('outer')\n"
        "async def inner():\n    var.set('inner')\n    return var.get()\n"
        "seen = await asyncio.create_task(inner())\n"
        "return Response.json([seen, var.get()])",
        "import asyncio, contextvars\nvar = contextvars.ContextVar('var', default='none')\n",
    ),
    "time.sleep": _handler(
        "import time\nbefore = time.monotonic()\ntime.sleep(0.05)\n"
        "return Response.json(0.04 < time.monotonic() - before < 1)"
    ),
    "the time": _answering(
        "[time.time() > 1.7e9, datetime.now(UTC).year > 2024,"
        " str(datetime(2026, 1, 2, tzinfo=UTC) + timedelta(days=30))]",
        "import time\nfrom datetime import UTC, datetime, timedelta\n",
    ),
    "seeded random": _answering(
        "[random.Random(1).random(), random.Random('x').sample(range(99), 5)]", "import random\n"
    ),
    "digests": _answering(
        "[hashlib.sha256(b'x').hexdigest(), hashlib.md5(b'x').hexdigest(),"
        " hmac.new(b'key', b'text', 'sha512').hexdigest(), hashlib.blake2b(b'x').hexdigest(),"
        " zlib.crc32(b'x'), base64.b64encode(b'x?').decode(), str(uuid.uuid5(uuid.NAMESPACE_DNS,"
        " 'x')), hash('x') == hash('x'), sorted({'b', 'a', 'c'})]",
        "import base64, hashlib, hmac, uuid, zlib\n",
    ),
    "compression": _answering(
        "[gzip.decompress(gzip.compress(b'x' * 1000)).decode(), len(zlib.compress(b'x' * 1000))]",
        "import gzip, zlib\n",
    ),
    "text": _answering(
        "[unicodedata.normalize('NFKC', 'ﬁ'), re.sub(r'(?P<a>\\w+) (\\w+)', r'\\2 \\g<a>', 'a b'),"
        " textwrap.fill('a b c', 3), f'{1234.5:,.2f} {1/3!r}', 'ß'.casefold(), '%x' % 255,"
        " str(Decimal('0.1') + Decimal('0.2')), str(Fraction(1, 3)), difflib.get_close_matches("
        "'aple', ['apple', 'pear']), html.escape('<&>'), list(csv.reader(['a,\"b,c\"']))]",
        "import csv, difflib, html, re, textwrap, unicodedata\n"
        "from decimal import Decimal\nfrom fractions import Fraction\n",
    ),
    "numbers": _answering(
        "[2 ** 200, math.comb(50, 20), math.sqrt(2), math.sin(1), math.exp(1.5), 0.1 + 0.2,"
        " math.fsum([0.1] * 10), statistics.fmean([1, 2, 4]), round(2.5), -7 // 2, 7 % -3,"
        " struct.pack('<if', 1, 0.1).hex(), float('1e-320'), array('f', [0.1])[0]]",
        "import math, statistics, struct\nfrom array import array\n",
    ),
    "collections and tools": _answering(
        "[Counter('banana').most_common(), list(itertools.pairwise([1, 2, 3])),"
        " heapq.nsmallest(2, [3, 1, 2]), bisect.bisect([1, 2, 3], 2), fib(50),"
        " sorted({'b', 'a'}), pickle.loads(pickle.dumps({'a': (1, 2)}))['a'],"
        " copy.deepcopy([[1]]), urlencode({'a': 'b c'}), urljoin('http://a/b/c', '../d')]",
        "import bisect, copy, functools, heapq, itertools, pickle\n"
        "from collections import Counter\n"
        "from urllib.parse import urlencode, urljoin\n"
        "@functools.cache\ndef fib(n):\n    return n if n < 2 else fib(n - 1) + fib(n - 2)\n",
    ),
    "xml, html and mail": _answering(
        "[ET.fromstring('<a><b>1</b></a>').find('b').text, message['subject'],"
        " tomllib.loads('a = [1, 2]'), json.loads('[1.0, NaN]')[0]]",
        "import json, tomllib\nimport xml.etree.ElementTree as ET\n"
        "from email import message_from_string\n"
        "message = message_from_string('Subject: x\\n\\ny')\n",
    ),
    "exceptions": _handler(
        "try:\n"
        "    try:\n        {}['x']\n"
        "    except KeyError as error:\n        raise ValueError('wrapped') from error\n"
        "except ValueError as error:\n"
        "    error.add_note('a note')\n"
        "    return Response.json([str(error), repr(error.__cause__), error.__notes__,"
        " traceback.format_exception_only(error)[0],"
        " traceback.extract_tb(error.__traceback__)[0].line])",
        "import traceback\n",
    ),
    "deep recursion": _handler(
        "def down(n): return down(n + 1)\n"
        "try:\n    down(0)\nexcept RecursionError as error:\n"
        "    return Response(type(error).__name__)"
    ),
    "the source of a function": _answering(
        "[inspect.getsource(small), str(inspect.signature(small))]",
        "import inspect\ndef small(a, *, b=1):\n    return a\n",
    ),
    "logging": _handler(
        "logging.getLogger('x').warning('to %s', 'stderr')\n"
        "stream = io.StringIO()\n"
        "log = logging.getLogger('own')\n"
        "log.addHandler(logging.StreamHandler(stream))\n"
        "log.propagate = False\n"
        "log.error('kept %d', 1)\n"
        "return Response(stream.getvalue())",
        "import io, logging\n",
    ),
    "a function that knows edgelet's errors": _handler(
        "try:\n    await Session('nothing').run('x')\n"
        "except EdgeletError as error:\n"
        "    return Response.json([type(error).__name__, str(error)])",
        "from edgelet import EdgeletError\n",
    ),
    "a request of its own": _answering(
        "[own.method, own.query['a'], await own.json(), own.headers.raw()]",
        "from edgelet import Request\n"
        "own = Request('http://localhost/?a=b', method='PUT', body='[1]')\n",
    ),
}
