"""`edgelet embed`: every text of some files, into one file of vectors.

Three passes over the inputs: count and check them, embed what is not embedded yet (each block goes
to the journal), write the output beside its place and move it there. Memory stays flat: one block
of texts and its vectors exist at any moment.
"""

from __future__ import annotations

import json
import os
from array import array
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from time import perf_counter
from typing import IO

import typer

from edgelet.errors import EdgeletError, TextTooLong
from edgelet.host import Host
from edgelet.models import DEFAULT_MODEL, ModelCard, Precision
from edgelet.sync import SyncSession
from edgelet_host.cli.console import say
from edgelet_host.cli.embed_input import (
    STDIN,
    Format,
    Record,
    Source,
    all_records,
    can_be_read_again,
    open_sources,
)
from edgelet_host.cli.embed_output import Writer, writer_for
from edgelet_host.cli.embed_progress import EmbedProgress
from edgelet_host.cli.hosting import host_in_use
from edgelet_host.cli.journal import Description, Journal, append
from edgelet_host.cli.model_progress import ModelProgress

BLOCK = 512
"""Texts embedded, and kept, at once."""


@dataclass(frozen=True, slots=True)
class Job:
    """What `edgelet embed` was asked to do; see `edgelet embed --help`."""

    files: tuple[Path, ...]
    output: Path
    model: str | None = None
    precision: Precision | None = None
    format: Format | None = None
    field: str = "text"
    normalize: bool = True
    max_tokens: int | None = None
    truncate: bool = True
    resume: bool = False
    overwrite: bool = False
    quiet: bool = False
    as_json: bool = False


def embed_files(given_host: Host | None, job: Job) -> None:
    """Do it.

    Raises `typer.BadParameter` for a bad file name, `EdgeletError` for anything else that is wrong,
    `KeyboardInterrupt` after saying how to go on.
    """
    writer = writer_for(job.output)
    _check_inputs(job)
    _check_output(job)
    journal = Journal(job.output)
    with (
        _disk_failures(job),
        journal.locked(),
        open_sources(job.files, job.format, job.field, job.output.parent) as sources,
    ):
        _check_journal(job, journal)
        total = writer.check(all_records(sources))
        with (
            ModelProgress(quiet=job.quiet) as progress,
            host_in_use(given_host, progress),
            SyncSession(job.model or DEFAULT_MODEL, precision=job.precision) as session,
        ):
            # No texts: this opens the model, and tells what the vectors will be.
            card = session.embed([], max_tokens=job.max_tokens).card
            progress.stop()
            run = _Run(job, sources, journal, card, total)
            with _saying_how_to_go_on(run):
                run.embed(session)
                run.write(writer)
        journal.remove()
    run.summarize()


class _Run:
    """One run: the job, what it reads, and how far it has come."""

    def __init__(
        self,
        job: Job,
        sources: Sequence[Source],
        journal: Journal,
        card: ModelCard,
        total: int,
    ) -> None:
        self.job = job
        self.journal = journal
        self.total = total
        self._sources = sources
        self._card = card
        self._description = _describe(job, card, sources)
        self._resumed = self._open_journal()
        self._truncated = 0
        self._seconds = 0.0

    @property
    def done(self) -> int:
        """How many texts are embedded and kept."""
        return self.journal.row_count(self._card.dimensions)

    def embed(self, session: SyncSession) -> None:
        """Embed what the journal does not hold yet, a block at a time."""
        started = perf_counter()
        todo = islice(all_records(self._sources), self._resumed, None)
        with (
            self.journal.appending(self._card.dimensions) as rows,
            EmbedProgress(self.total, self._resumed, shown=not self.job.quiet) as progress,
        ):
            while block := list(islice(todo, BLOCK)):
                self._embed_block(session, block, rows, progress)
        self._seconds = perf_counter() - started
        if self.done != self.total or _identities(self._sources) != self._description.inputs:
            raise EdgeletError(
                "an input was changed while it was being read; leave the files as they are, and "
                "start over with --overwrite"
            )

    def write(self, writer: Writer) -> None:
        """Write the output beside its place, then move it there."""
        output = self.job.output
        beside = output.with_name(output.name + ".part.out")
        try:
            with beside.open("wb") as file:
                writer.write(file, self._rows(), self.total, self._card.dimensions)
                file.flush()
                os.fsync(file.fileno())
            beside.replace(output)
        finally:
            beside.unlink(missing_ok=True)
        self._truncated = sum(cut for _, cut in self.journal.rows(self._card.dimensions))

    def summarize(self) -> None:
        """Say what was done; what was cut is always part of it."""
        embedded = self.total - self._resumed
        speed = embedded / self._seconds if self._seconds else 0.0
        if self.job.as_json:
            summary = {
                "texts": self.total,
                "resumed": self._resumed,
                "truncated": self._truncated,
                "seconds": round(self._seconds, 3),
                "texts_per_second": round(speed, 1),
                "model": self._card.model,
                "precision": self._card.precision,
                "dimensions": self._card.dimensions,
                "output": str(self.job.output),
            }
            print(json.dumps(summary))
        elif not self.job.quiet:
            before = f" ({self._resumed:,} of them before)" if self._resumed else ""
            say(
                f"{self.job.output}: {self.total:,} texts{before}, "
                f"{self._card.dimensions} dimensions, "
                f"{self._seconds:.1f} s, {speed:,.0f} texts/s"
            )
            if self._truncated:
                limit = self.job.max_tokens or self._card.max_tokens
                say(f"{self._truncated:,} texts were longer than {limit} tokens and were cut")

    def _open_journal(self) -> int:
        """Begin the journal, or go on with it; how many texts are in it."""
        if not (self.job.resume and self.journal.exists()):
            self.journal.begin(self._description)
            return 0
        kept = self.journal.description()
        differences = ["its description cannot be read"]
        if kept is not None:
            differences = kept.differences(self._description)
        if differences:
            raise EdgeletError(
                f"cannot go on with {self.journal.path}: {'; '.join(differences)}; "
                f"start over with --overwrite"
            )
        return min(self.done, self.total)

    def _embed_block(
        self,
        session: SyncSession,
        block: list[Record],
        rows: IO[bytes],
        progress: EmbedProgress,
    ) -> None:
        try:
            embeddings = session.embed(
                [record.text for record in block],
                normalize=self.job.normalize,
                truncate=self.job.truncate,
                max_tokens=self.job.max_tokens,
                progress=progress.within_block,
            )
        except TextTooLong as error:
            raise EdgeletError(
                f"{block[error.index].place}: the text is longer than {error.max_tokens} tokens; "
                f"split it, or leave --no-truncate away to have it cut"
            ) from None
        append(
            rows,
            embeddings.values,
            embeddings.dimensions,
            embeddings.truncated,
            len(block),
        )
        progress.block_done(len(block))

    def _rows(self) -> Iterator[tuple[Record, array[float]]]:
        """Every record with its vector."""
        rows = self.journal.rows(self._card.dimensions)
        for record, (vector, _) in zip(all_records(self._sources), rows, strict=True):
            yield record, vector


def _check_inputs(job: Job) -> None:
    """Refuse early what could not be read."""
    if job.files.count(STDIN) > 1:
        raise typer.BadParameter("- may be given once", param_hint="FILE")
    for path in job.files:
        if path != STDIN and not path.exists():
            raise typer.BadParameter(f"there is no file {path}", param_hint="FILE")
        if path.is_dir():
            raise typer.BadParameter(f"{path} is a folder", param_hint="FILE")
        if path != STDIN and not os.access(path, os.R_OK):
            raise typer.BadParameter(f"{path} is not readable", param_hint="FILE")
    if job.resume and not all(map(can_be_read_again, job.files)):
        raise typer.BadParameter("standard input cannot be resumed", param_hint="--resume")


def _check_output(job: Job) -> None:
    """Refuse early what could not be written in the end."""
    output = job.output
    if output.is_dir():
        raise typer.BadParameter(f"{output} is a folder", param_hint="--output")
    if not output.parent.is_dir():
        raise typer.BadParameter(f"there is no folder {output.parent}", param_hint="--output")
    if not os.access(output.parent, os.W_OK):
        raise typer.BadParameter(f"{output.parent} is not writable", param_hint="--output")
    if output.exists():
        if any(path != STDIN and output.samefile(path) for path in job.files):
            raise typer.BadParameter(f"{output} is an input, too", param_hint="--output")
        if not job.overwrite:
            raise EdgeletError(
                f"{output} exists; replace it with --overwrite, or name another file"
            )


def _check_journal(job: Job, journal: Journal) -> None:
    """Never throw finished work away unasked."""
    if not journal.exists() or (job.overwrite and not job.resume):
        return
    kept = journal.description()
    count = journal.row_count(kept.dimensions) if kept else 0
    if not job.resume:
        raise EdgeletError(
            f"{journal.path} holds {count:,} finished texts of a run that was stopped; "
            f"go on with --resume, or start over with --overwrite"
        )


def _describe(job: Job, card: ModelCard, sources: Sequence[Source]) -> Description:
    options = {
        "normalize": job.normalize,
        "truncate": job.truncate,
        "max_tokens": job.max_tokens,
        "field": job.field,
        "formats": [source.format for source in sources],
    }
    return Description(card.model, card.precision, card.dimensions, options, _identities(sources))


def _identities(sources: Sequence[Source]) -> list[dict[str, object]]:
    return [source.identity() for source in sources]


@contextmanager
def _saying_how_to_go_on(run: _Run) -> Iterator[None]:
    try:
        yield
    except KeyboardInterrupt:
        stopped = f"stopped after {run.done:,} of {run.total:,} texts"
        if not all(map(can_be_read_again, run.job.files)):
            run.journal.remove()
            say(f"{stopped}; standard input cannot be resumed")
        else:
            again = "--resume --overwrite" if run.job.output.exists() else "--resume"
            say(f"{stopped}; go on with {again}")
        raise


@contextmanager
def _disk_failures(job: Job) -> Iterator[None]:
    """Turn what the disk refuses into a sentence."""
    try:
        yield
    except (EdgeletError, BrokenPipeError):
        raise
    except OSError as error:
        where = error.filename or job.output
        way_on = " with --resume" if all(map(can_be_read_again, job.files)) else ""
        raise EdgeletError(
            f"{where}: {error.strerror or error}; mend that, and run the same again{way_on}"
        ) from error
