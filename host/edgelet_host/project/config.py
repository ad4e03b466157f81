"""What a project's configuration says: `supabase/config.toml` or `edgelet.toml`.

    [functions.<name>]
    enabled = true                     # false: it is not served
    verify_jwt = true                  # false: anyone may call it
    entrypoint = "./functions/<name>/index.ts"
    import_map = "./functions/<name>/deno.json"
    static_files = ["./functions/<name>/*.html"]
    allow_hosts = ["api.example.com"]  # what it may reach beside the inference host
    allow_models = ["org/name"]        # models of the hub, beside the built-in ones
    memory_mb = 256
    timeout_s = 150                    # until its answer begins

    [auth]
    jwt_secret = "env(JWT_SECRET)"
    jwks_url = "https://…/auth/v1/.well-known/jwks.json"

    [edge_runtime.secrets]
    API_KEY = "env(API_KEY)"

Of a Supabase configuration, everything else is passed over.

Source: https://supabase.com/docs/guides/local-development/cli/config#functions-config
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from math import inf
from pathlib import Path
from typing import Any, Literal

from edgelet.errors import OptionError
from edgelet_host.project.layout import ENTRY_FILES, SLUG, Layout, entry_file

LOCAL_JWT_SECRET = "super-secret-jwt-token-with-at-least-32-characters-long"  # noqa: S105
"""The secret of Supabase's local stack. Everyone knows it: it protects nothing."""

Language = Literal["javascript", "python"]


@dataclass(frozen=True, slots=True)
class FunctionConfig:
    """One function: where it lies, who may call it, and what it may use.

    `timeout_s` is how many seconds it may take until its answer begins. `static_files` are paths
    and patterns of files that it may read.
    """

    name: str
    entrypoint: Path
    verify_jwt: bool = True
    import_map: Path | None = None
    static_files: tuple[Path, ...] = ()
    allow_hosts: tuple[str, ...] = ()
    allow_models: tuple[str, ...] = ()
    memory_mb: int = 256
    timeout_s: float = 150

    @property
    def folder(self) -> Path:
        """The function's own folder."""
        return self.entrypoint.parent

    @property
    def language(self) -> Language:
        """What it is written in."""
        return "python" if self.entrypoint.suffix == ".py" else "javascript"


@dataclass(frozen=True, slots=True)
class AuthConfig:
    """What tokens are checked with: the secret of HS256, and where the public keys are."""

    jwt_secret: str = field(default=LOCAL_JWT_SECRET, repr=False)
    jwks_url: str | None = None

    @property
    def is_local(self) -> bool:
        """Whether it is the secret that everyone knows."""
        return self.jwt_secret == LOCAL_JWT_SECRET


@dataclass(frozen=True, slots=True)
class ProjectConfig:
    """A project's functions, by name, and what holds for all of them.

    `notes` are sentences for whoever runs it: what was passed over, and why.
    """

    layout: Layout
    functions: Mapping[str, FunctionConfig]
    auth: AuthConfig = AuthConfig()
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)
    notes: tuple[str, ...] = ()


def read_config(layout: Layout, environment: Mapping[str, str] = os.environ) -> ProjectConfig:
    """What the project says, and the functions found in its folder.

    `environment` is where `env(NAME)` is looked up. Raises `OptionError`, one sentence that names
    the file and the key, and `FunctionError` for a folder whose function is ambiguous.
    """
    shown = layout.config_name
    reader = _Reader(shown, _parsed(layout.config, shown), environment)
    tables = reader.table(reader.document, "functions", "")
    functions = {}
    for name in sorted({*_found(layout.functions), *tables}):
        function = reader.function(layout, name)
        if function is not None:
            functions[name] = function
    auth = reader.auth()
    return ProjectConfig(layout, functions, auth, reader.secrets(), tuple(reader.notes))


def _parsed(file: Path, shown: str) -> dict[str, Any]:
    try:
        with file.open("rb") as opened:
            return tomllib.load(opened)
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise OptionError(f"{shown} cannot be read: {error}") from None


def _found(functions: Path) -> Iterator[str]:
    """The names of the folders that have a function in them."""
    if not functions.is_dir():
        return
    for folder in functions.iterdir():
        if SLUG.fullmatch(folder.name) and any((folder / name).is_file() for name in ENTRY_FILES):
            yield folder.name


class _Reader:
    """Reads one document; `shown` names it in errors."""

    def __init__(
        self, shown: str, document: dict[str, Any], environment: Mapping[str, str]
    ) -> None:
        self.shown = shown
        self.document = document
        self.environment = environment
        self.notes: list[str] = []

    def table(self, within: Mapping[str, Any], key: str, where: str) -> dict[str, Any]:
        """A table, empty when it is not there."""
        found: dict[str, Any] = self._value(within, where, key, dict, "a table", {})
        return found

    def function(self, layout: Layout, name: str) -> FunctionConfig | None:
        """The function of that name; None when it is not to be served."""
        where = f"functions.{name}"
        table = self.table(self.table(self.document, "functions", ""), name, "functions")
        if not SLUG.fullmatch(name):
            raise OptionError(f"{self.shown}: [{where}] is no name of a function")
        if not self._value(table, where, "enabled", bool, "true or false", True):
            return None
        entrypoint = self._path(layout, table, where, "entrypoint")
        entrypoint = entrypoint or entry_file(layout.functions / name)
        if entrypoint is None or not entrypoint.is_file():
            missing = (
                "there is no such function" if entrypoint is None else f"{entrypoint} is missing"
            )
            self.notes.append(f"{self.shown}: [{where}] is passed over: {missing}")
            return None
        for key in table.keys() - _KEYS:
            self.notes.append(f"{self.shown}: [{where}] has {key}, which has no meaning here")
        return FunctionConfig(
            name,
            entrypoint,
            verify_jwt=self._value(table, where, "verify_jwt", bool, "true or false", True),
            import_map=self._path(layout, table, where, "import_map"),
            static_files=tuple(
                layout.base / each for each in self._texts(table, where, "static_files")
            ),
            allow_hosts=self._texts(table, where, "allow_hosts"),
            allow_models=self._texts(table, where, "allow_models"),
            memory_mb=self._number(table, where, "memory_mb", int, 256),
            timeout_s=self._number(table, where, "timeout_s", (int, float), 150),
        )

    def auth(self) -> AuthConfig:
        """The table `[auth]`."""
        table = self.table(self.document, "auth", "")
        secret = self._text(table, "auth", "jwt_secret")
        if secret is None and table.get("jwt_secret"):  # everyone could sign with the local secret
            raise OptionError(
                f"{self.shown}: [auth] jwt_secret is {table['jwt_secret']}, which is not set"
            )
        if secret is not None and len(secret.encode()) < 32:
            raise OptionError(
                f"{self.shown}: [auth] jwt_secret is shorter than 32 bytes, which HS256 needs"
            )
        return AuthConfig(secret or LOCAL_JWT_SECRET, self._text(table, "auth", "jwks_url"))

    def secrets(self) -> dict[str, str]:
        """The table `[edge_runtime.secrets]`."""
        runtime = self.table(self.document, "edge_runtime", "")
        table = self.table(runtime, "secrets", "edge_runtime")
        values = {name: self._text(table, "edge_runtime.secrets", name) for name in table}
        return {name: value for name, value in values.items() if value is not None}

    def _text(self, table: Mapping[str, Any], where: str, key: str) -> str | None:
        value = self._value(table, where, key, str, "text", None)
        named = None if value is None else re.fullmatch(r"env\((\w+)\)", value)
        if named is None:
            return value or None
        if named[1] not in self.environment:
            self.notes.append(f"{self.shown}: [{where}] {key} names {named[1]}, which is not set")
        return self.environment.get(named[1]) or None

    def _texts(self, table: Mapping[str, Any], where: str, key: str) -> tuple[str, ...]:
        values = self._value(table, where, key, list, "a list of texts", [])
        if not all(isinstance(each, str) for each in values):
            raise OptionError(f"{self.shown}: [{where}] {key} must be a list of texts")
        return tuple(values)

    def _path(self, layout: Layout, table: Mapping[str, Any], where: str, key: str) -> Path | None:
        text = self._text(table, where, key)
        return None if text is None else Path(os.path.normpath(layout.base / text))

    def _number(
        self, table: Mapping[str, Any], where: str, key: str, kind: Any, default: int
    ) -> Any:
        value = self._value(table, where, key, kind, "a number above 0", default)
        if not 0 < value < inf:
            raise OptionError(f"{self.shown}: [{where}] {key} must be a number above 0")
        return value

    def _value(
        self, table: Mapping[str, Any], where: str, key: str, kind: Any, expected: str, default: Any
    ) -> Any:
        value = table.get(key, default)
        wrong = not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool)
        if wrong and value is not default:
            place = f"[{where}] {key}" if where else f"[{key}]"
            raise OptionError(f"{self.shown}: {place} must be {expected}")
        return value


_KEYS = {
    "enabled", "verify_jwt", "entrypoint", "import_map", "static_files",
    "allow_hosts", "allow_models", "memory_mb", "timeout_s",
}  # fmt: skip
