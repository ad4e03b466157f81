"""The first files of a new function, which run as they are.

Knows the starters in `templates`, and how they are put in a project; knows nothing of how functions
run. Nothing that is there already is touched: a function is written beside its place and moved
there when it is whole.
"""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal

from edgelet.errors import FunctionError
from edgelet_host.project.config import Language
from edgelet_host.project.layout import Layout, checked_slug

Template = Literal["hello", "embed", "chat", "search"]

ADDRESS = "http://127.0.0.1:54321/functions/v1"
"""Where `edgelet functions serve` answers."""

TYPES = "_shared/edge-runtime.d.ts"
"""What TypeScript functions refer to for the types of `Supabase.ai`: in `templates`, and beside the
functions of a project."""

_QUESTIONS: dict[Template, str] = {
    "hello": "name=Ada",
    "embed": "input=Hello world",
    "chat": "prompt=Why is the sky blue?",
    "search": "query=How do plants make food?",
}


@dataclass(frozen=True, slots=True)
class Starter:
    """What was written, and the command that asks the function when it is served."""

    files: tuple[Path, ...]
    curl: str


def write_starter(layout: Layout, name: str, language: Language, template: Template) -> Starter:
    """Write a new function into the project: all of it, or nothing.

    Raises `OptionError` for what cannot be its name, and `FunctionError` when there is something in
    its place already, or nothing can be written there.
    """
    folder = layout.functions / checked_slug(name)
    if folder.is_symlink() or (folder.exists() and not _is_empty(folder)):
        raise FunctionError(f"{folder} exists already; choose another name, or remove it first")
    types = layout.functions / TYPES
    needs_types = language == "javascript" and not types.exists()
    own = _files(name, language, template)
    try:
        with ExitStack() as undo:
            _make_folder(layout.functions, undo)
            with TemporaryDirectory(prefix=".new-", dir=layout.functions) as temporary:
                made = Path(temporary) / name
                for file, text in own.items():
                    _write(made / file, text)
                if needs_types:
                    _write(Path(temporary) / TYPES, _template(TYPES))
                    _make_folder(types.parent, undo)
                    (Path(temporary) / TYPES).rename(types)
                    undo.callback(types.unlink)
                if folder.exists():
                    folder.rmdir()  # it is empty, or this fails
                made.rename(folder)
            undo.pop_all()
    except OSError as error:
        raise FunctionError(f"{folder} cannot be written: {error.strerror}") from error
    written = [folder / file for file in own] + [types] * needs_types
    return Starter(tuple(written), f"curl {' '.join(_asking(name, template))}")


def _files(name: str, language: Language, template: Template) -> dict[str, str]:
    if language == "python":
        return {"main.py": _template(f"python/{template}.py") + _ending("#", name, template)}
    source = _template(f"typescript/{template}.ts")
    return {
        "index.ts": source + _ending("//", name, template),
        "deno.json": _template("typescript/deno.json"),
    }


def _ending(sign: str, name: str, template: Template) -> str:
    """The comment that says how to ask the function."""
    address, *rest = _asking(name, template)
    blank = "\n\n" if sign == "#" else "\n"
    lines = [
        "Ask it:",
        "",
        f"  curl {address} \\",
        f"    {' '.join(rest)}",
        "",
        "`edgelet functions serve` answers there, and prints such a line with the key filled in.",
    ]
    if sign == "#":
        asked = f'edgelet functions invoke {name} --get "{_QUESTIONS[template]}"'
        lines += ["Without a server:", "", f"  {asked}"]
    return blank + "".join(f"{sign} {line}".rstrip() + "\n" for line in lines)


def _asking(name: str, template: Template) -> list[str]:
    """The arguments of `curl`; what comes in pieces is shown as it comes."""
    return [
        f'--get "{ADDRESS}/{name}"',
        f'--data-urlencode "{_QUESTIONS[template]}"',
        '-H "Authorization: $ANON_KEY"',
        *(["--no-buffer"] if template == "chat" else []),
    ]


def _template(name: str) -> str:
    return files("edgelet_host.project").joinpath("templates", *name.split("/")).read_text("utf-8")


def _is_empty(folder: Path) -> bool:
    return folder.is_dir() and not any(folder.iterdir())


def _make_folder(folder: Path, undo: ExitStack) -> None:
    for each in [folder, *folder.parents][::-1]:
        if not each.exists():
            each.mkdir()
            undo.callback(each.rmdir)


def _write(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, "utf-8", newline="\n")
