"""Workers in workerd: the function as it was deployed, and one that does nothing else than greet.

workerd compiles a Worker and starts its isolate before it listens, so that a new process does both
at once. A second isolate is started in a workerd that runs already, by a Worker that has another
started when it is asked, through the platform's own Worker Loader: time counts from the request.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from pathlib import Path

from bench.cold.copies import ADDED, measured_worker, with_marks, without_snapshot
from bench.cold.folders import Way, deploy
from bench.cold.functions import LANGUAGES
from tests.deploy.workers import modules, worker_config
from tests.js.workerd.workerd import install_workerd

_HOST = "AI_INFERENCE_API_HOST"
_BINDING = f'(name = "{_HOST}", fromEnvironment = "{_HOST}")'

_KINDS = {"ESModule": ("js", "text"), "CompiledWasm": ("wasm", "data"), "Data": ("data", "data")}
"""What the Worker Loader calls each kind of module, and as what its bytes are held before."""

_ALONE = """using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [(name = "main", worker = (
    modules = [(name = "main", esModule =
      "export default { fetch: () => new Response('Hello') };")],
    compatibilityDate = "2026-04-01",
  ))],
  sockets = [(name = "http", address = "127.0.0.1:0", http = (), service = "main")],
);
"""


def worker_ways(project: Path, work: Path) -> list[Way]:
    """workerd alone, and the function in both languages as a Worker, in the first and in a second
    isolate.
    """
    ways = [_way("workerd, a Worker that greets", work / "workerd-alone", _ALONE, ("hello",))]
    for language, shown in LANGUAGES.items():
        folder = work / f"worker-{language}"
        deploy(project, language, "cloudflare", folder)
        name, second = f"workerd, {shown}", f"workerd, {shown}, second isolate"
        without = without_snapshot(folder)
        ways += [
            _worker(name, folder),
            _worker(f"{name}, without snapshot", without, ("ask", "embed")),
            _isolate(second, folder),
            _isolate(second, with_marks(folder), ("embed",), stages=True),
        ]
    return ways


def measured_ways(work: Path) -> list[Way]:
    """The same Workers, telling of themselves."""
    return [
        _worker(f"workerd, {shown}", measured_worker(work / f"worker-{language}"))
        for language, shown in LANGUAGES.items()
    ]


def compressed(project: Path, work: Path, language: str) -> float:
    """Megabytes of the Worker without its model, compressed, as the command counts them."""
    said = json.loads(deploy(project, language, "cloudflare", work / "counted", "--json"))
    note = next(each["note"] for each in said["limits"] if each["name"] == "size of the Worker")
    return float(note.split()[0])


def _worker(name: str, folder: Path, figures: Sequence[str] = ("hello", "ask", "embed")) -> Way:
    return _way(name, _beside(folder, "worker"), worker_config(folder, [_BINDING]), figures)


def _isolate(
    name: str,
    folder: Path,
    figures: Sequence[str] = ("hello", "ask", "embed"),
    *,
    stages: bool = False,
) -> Way:
    place = _beside(folder, "isolates")
    shutil.copyfile(ADDED / "isolates.mjs", place / "isolates.mjs")
    return _way(name, place, _loader_config(folder, place), figures, stages=stages, since="ready")


def _beside(folder: Path, what: str) -> Path:
    """A folder for a configuration, which embeds what lies below it."""
    place = folder.with_name(f"{folder.name}-{what}")
    place.mkdir()
    (place / "folder").symlink_to(folder)
    return place


def _way(
    name: str,
    place: Path,
    config: str,
    figures: Sequence[str],
    *,
    stages: bool = False,
    since: str | None = None,
) -> Way:
    place.mkdir(exist_ok=True)
    (place / "config.capnp").write_text(config)
    serve = [str(install_workerd()), "serve", "--experimental", "--verbose", "config.capnp"]
    told = ["--control-fd=1"] if since is None else []
    listen = 'exec "$@" "--socket-addr=http=127.0.0.1:$PORT"'
    return Way(name, place, ["sh", "-c", listen, "sh", *serve, *told], figures, stages, since)


def _loader_config(folder: Path, place: Path) -> str:
    """The Worker that starts the other one: it has that one's modules as plain data."""
    wrangler = json.loads((folder / "wrangler.jsonc").read_text("utf-8"))
    found = modules(folder)
    worker = {
        "date": wrangler["compatibility_date"],
        "flags": wrangler["compatibility_flags"],
        "main": next(iter(found)),
        "modules": {name: _KINDS[kind][0] for name, (kind, _) in found.items()},
    }
    (place / "worker.json").write_text(json.dumps(worker))
    held = ", ".join(
        f'(name = "deployed/{name}", {_KINDS[kind][1]} = embed "folder/{path.relative_to(folder)}")'
        for name, (kind, path) in found.items()
    )
    assets, binding = wrangler["assets"]["directory"], wrangler["assets"]["binding"]
    return f"""using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [
    (name = "main", worker = (
      modules = [
        (name = "isolates.mjs", esModule = embed "isolates.mjs"),
        (name = "worker.json", json = embed "worker.json"),
        {held},
      ],
      bindings = [
        (name = "LOADER", workerLoader = ()),
        (name = "{binding}", service = "assets"),
        {_BINDING},
      ],
      compatibilityDate = "{wrangler["compatibility_date"]}",
      compatibilityFlags = ["experimental"],
    )),
    (name = "internet", network = (allow = ["public", "private"])),
    (name = "assets", disk = (path = "{folder / assets}")),
  ],
  sockets = [(name = "http", address = "127.0.0.1:0", http = (), service = "main")],
);
"""
