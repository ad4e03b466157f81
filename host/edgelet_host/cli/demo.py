"""`edgelet demo`: the first impression. Three sentences, their vectors, and how near they are."""

from __future__ import annotations

from array import array
from time import perf_counter

from rich.table import Table
from rich.text import Text

from edgelet import __version__
from edgelet.embedding import Embeddings
from edgelet.host import Host
from edgelet.models import DEFAULT_MODEL
from edgelet.sync import SyncSession
from edgelet_host.cli.console import output
from edgelet_host.cli.hosting import host_in_use
from edgelet_host.cli.model_progress import ModelProgress
from edgelet_host.cli.vectors import cosine, first_values, sparkline

SENTENCES = (
    "A cat is sleeping on the warm windowsill.",
    "A kitten naps in the sun by the window.",
    "The stock market fell sharply on Monday.",
)

_NEXT = (
    f'edgelet run {DEFAULT_MODEL} "Hello world"',
    "edgelet embed notes.txt -o notes.npy",
    "edgelet models list",
)
_NEXT_WITH_A_SERVER = (
    "AI_INFERENCE_API_HOST=http://127.0.0.1:11434 \\",
    '  edgelet run mistral "Why is the sky blue?"',
)

_COLD = (28, 44, 92)
_HOT = (232, 108, 36)
_SPARKLINE_WIDTH = 36


def show_demo(given_host: Host | None) -> None:
    """Embed the three sentences with the default model and show what came out."""
    console = output()
    started = perf_counter()
    with (
        ModelProgress() as progress,
        host_in_use(given_host, progress),
        SyncSession(DEFAULT_MODEL) as session,
    ):
        # The first run pages the weights in; what is timed is what every later one takes.
        card = session.embed(SENTENCES).card
        ready = perf_counter()
        progress.stop()
        embeddings = session.embed(SENTENCES)
        done = perf_counter()
    vectors = [_vector(embeddings, index) for index in range(len(SENTENCES))]
    console.print(f"[bold]edgelet {__version__}[/]", markup=True)
    console.print(
        f"[dim]{card.model} in {card.precision}: warm after {ready - started:.2f} s, "
        f"then {len(SENTENCES)} sentences in {(done - ready) * 1000:.1f} ms[/]\n",
        markup=True,
    )
    for index, (sentence, vector) in enumerate(zip(SENTENCES, vectors, strict=True), 1):
        console.print(f"[bold]{index}[/]  {sentence}", markup=True)
        console.print(f"   [cyan]{sparkline(vector, _SPARKLINE_WIDTH)}[/]", markup=True)
        console.print(
            f"   [dim]{first_values(vector, 6)} ({len(vector)} dimensions)[/]", markup=True
        )
    console.print("\n[bold]How near they are[/] [dim](cosine similarity)[/]\n", markup=True)
    console.print(_similarities(vectors))
    console.print("\n[bold]Try next[/]", markup=True)
    for command in _NEXT:
        console.print(f"  {command}", style="green")
    console.print("[dim]  with Ollama or another server of language models:[/]", markup=True)
    for line in _NEXT_WITH_A_SERVER:
        console.print(f"  {line}", style="green")


def _vector(embeddings: Embeddings[array[float]], index: int) -> list[float]:
    width = embeddings.dimensions
    return embeddings.values[index * width : (index + 1) * width].tolist()


def _similarities(vectors: list[list[float]]) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 1), show_header=True, header_style="bold")
    table.add_column("")
    for index in range(len(vectors)):
        table.add_column(str(index + 1), justify="center")
    for index, one in enumerate(vectors):
        cells = [_heat(cosine(one, other)) for other in vectors]
        table.add_row(Text(f"  {index + 1}", style="bold"), *cells)
    return table


def _heat(similarity: float) -> Text:
    """The number on a colour from cold to hot."""
    warmth = min(max(similarity, 0.0), 1.0)
    red, green, blue = (
        round(cold + (hot - cold) * warmth) for cold, hot in zip(_COLD, _HOT, strict=True)
    )
    return Text(f"  {similarity:5.2f}  ", style=f"white on rgb({red},{green},{blue})")
