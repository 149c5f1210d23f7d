"""nn-inspect: the terminal inspector for PyTorch models.

The window never freezes, never dies and never imports torch, whatever the user's file does; every number in it can
be trusted; and the user's model is left exactly as it was found. That takes two kinds of process:

        terminal                                            engine: one process for each loaded model
  ┌───────────────────┐   requests, imperative      ┌────────────────────────────────────┐
  │ inspector.tui     │ ──────────────────────────▶ │ inspector.engine                   │
  │ inspector.reports │                             │ torch, torchinfo, the user's file  │
  └───────────────────┘ ◀────────────────────────── └────────────────────────────────────┘
        inspector.client       events, past tense           forked from a warm server that has imported torch already

The rooms, and who may enter them (held by import-linter and by tests/test_import_hygiene.py):

  schema.py     the nouns: what is known about a model, as frozen records. Read this first
  run_schema.py the nouns of a run: what went in, every call with what flowed through it, what came of it;
                mode_schema.py those of train against eval, gradient_schema.py those of a backward pass,
                checkpoint_schema.py those of a file beside the model
  messages/     the verbs: every Request and every Event that crosses between the processes
  catalogue/    everything that can be noticed, by id: severity, title, a paragraph for people
  wire.py       one message as a length-framed MessagePack frame
  figures.py    11173962 → 11.2 M; bytes, shapes, durations; format.py cuts text and makes names safe to print
  free_memory.py how much of it a run, or what goes into one, may take
  table.py      the model's rows as a front end holds them: columns in arrays, records decoded when looked at
  run_table.py  the calls of a run, held likewise; run_rows.py joins them to the rows: what each had to do with the run
  query.py      what a search and a filter ask of those rows
  labels.py     what a row says of itself in words: marks and numbers, for window and reports alike; run_labels.py
                what a run says: shapes, times, costs, failures; mode_rows, gradient_rows, problems, producers,
                loss_labels, card_flow, card_drawings, checkpoint_labels and own_class likewise
  cards/        every building block of torch.nn explained, as data that needs no torch

  launch.py     starts the warm server, before anything else is imported
  client.py     forks engines, sends requests, hears events, kills and forks again; connection, streams, output,
                crash (which line), death (what ended it) and journal (--log) are its parts
  headless.py   one load and what follows it without a window; outcome.py what came of it, which the plain reports
                are made from
  report.py     inspect(model, *args): the same reports from Python, in the caller's process; surroundings
                and versions (--info)
  config.py     file, environment, flags: one order, one record
  options.py    the options there are, and which go together; completion.py tells a shell of them
  cli.py        arguments → a front end, the window or plain_output; exit_codes; imports neither textual nor torch

  engine/       the only room that imports torch, torchinfo or the user's file. server (warm), process (after the fork),
                watchdog (in which line it is), session (requests → events); target (file → one nn.Module) and failure
                (why not); structure (nn.Module → rows); detail, tensor_stats, summary (what is asked for);
                guard (left as found, and proven);
                inputs/ (typed, held or guessed), forward/ (a run, dry or real, call by call), modes/ (train against
                eval), backward/ (what each parameter gets), checkpoint/ (a file beside the model), findings/ (one rule
                for each fault), probing (further forwards), picture, trying (one layer), loss_trying (on what came out)
  tui/          the only room that imports textual. conversation and runs (what is known and asked), window and app
                (panes and keys), model_tree over shown_rows, trace_view, detail/ with one page a file, canvas (writes
                only what changed)
  reports/      the same records as text, JSON, Markdown: plain functions of records

  cli → tui, headless, reports → client → messages → schema          engine → messages → schema
  tui and reports never import each other; widgets and reports see the nouns, tables and words of the front room
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:  # Without an import of typing: this package is the first thing that a process loads.
    from typing import Any

__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    """`inspect` and `Report`, when somebody asks for them: importing this package imports nothing else."""
    if name in ("inspect", "Report"):
        from importlib import import_module

        return getattr(import_module("inspector.report"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
