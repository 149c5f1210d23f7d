"""The command line: arguments → a front end and an exit code. Imports neither torch nor textual."""

from __future__ import annotations

import argparse
import os
import shutil
import sys
from collections.abc import MutableMapping
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn, TextIO

from inspector.exit_codes import ExitCode, code_of, complain
from inspector.options import checkpoint_request, complaint, parser, run_request

if TYPE_CHECKING:  # What a front end needs is imported when it is known which one it is.
    from inspector.config import Config
    from inspector.launch import Server


def main(arguments: list[str] | None = None) -> NoReturn:
    """The console script."""
    try:
        code = run(arguments)
        sys.stdout.flush()
    except KeyboardInterrupt:
        code = ExitCode.INTERRUPTED
    except BrokenPipeError:
        # `| head` has seen enough. Python would complain once more when it closes stdout.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = ExitCode.FINE
    sys.exit(int(code))


def run(arguments: list[str] | None = None) -> ExitCode:
    """Parse, choose a front end, and run it to its end."""
    options = parser().parse_args(arguments)
    if options.info:
        return _info()
    if options.completion is not None:
        return _complete(options.completion)
    if options.explain is not None:
        return _explain(options.explain)
    if options.card is not None and not options.target:
        return _class_card(options)
    forms = (options.tree, options.json, options.summary, options.markdown, options.check, options.card is not None)
    plain = any(forms) or not _has_terminal()
    if words := complaint(options, plain=plain):
        return complain(words)
    server = _start_server(None if plain else sys.stderr.fileno())
    try:
        config = _configured(options)
        log = _opened(options.log)
    except ValueError as error:
        server.close()
        return complain(str(error))
    if not plain:
        return _open_window(options, config, server, log)
    from inspector import plain_output

    return plain_output.write(options, config, server, log)


def _complete(shell: str) -> ExitCode:
    """Print the script that completes the command line in this shell."""
    from inspector.completion import script

    print(script(shell))
    return ExitCode.FINE


def _start_server(terminal: int | None) -> Server:
    """First of all: torch takes longer to import than everything else together."""
    from inspector.launch import start_server

    return start_server(terminal)


def _has_terminal() -> bool:
    """Textual reads stdin and writes to stderr; a window needs all three to be a terminal that can move its cursor."""
    return (
        sys.stdout.isatty()
        and sys.stdin.isatty()
        and sys.stderr.isatty()
        and os.environ.get("TERM", "dumb") not in ("", "dumb", "unknown")
    )


def _configured(options: argparse.Namespace) -> Config:
    """The configuration with the flags over it. Raises ValueError with what is wrong with it."""
    from dataclasses import replace

    from inspector.config import ConfigError, load
    from inspector.problems import patterns

    try:
        ignored = patterns(options.ignore)
    except ValueError as error:
        raise ValueError(f"--ignore: {error}") from error
    try:
        config = load(os.environ, Path.cwd())
    except ConfigError as error:
        raise ValueError(str(error)) from error
    for warning in config.warnings:
        print(f"nn-inspect: {warning}", file=sys.stderr)
    return replace(
        config,
        theme=options.theme or config.theme,
        ascii=options.ascii or config.ascii or not _speaks_unicode(),
        mouse=config.mouse and not options.no_mouse,
        watch=config.watch and not options.no_watch,
        probes=config.probes and not options.no_probes,
        ignore=(*config.ignore, *ignored),
    )


def _opened(log: str) -> TextIO | None:
    """The file of --log, which stays open to the end of the process. Raises ValueError when it cannot be written."""
    try:
        return open(log, "w", encoding="utf-8") if log else None
    except OSError as error:
        raise ValueError(f"--log {log}: {error.strerror}") from error


def _calm_over_ssh(environment: MutableMapping[str, str]) -> None:
    """Over a slow line: no animation, half the frames, no scrolling by pixels; what the user has set stays."""
    if environment.get("SSH_CONNECTION") or environment.get("SSH_TTY"):
        environment.setdefault("TEXTUAL_ANIMATIONS", "none")
        environment.setdefault("TEXTUAL_FPS", "30")
        environment.setdefault("TEXTUAL_SMOOTH_SCROLL", "0")


def _speaks_unicode() -> bool:
    """Whether the locale says otherwise; where it says nothing, terminals of this century do."""
    said = os.environ.get("LC_ALL") or os.environ.get("LC_CTYPE") or os.environ.get("LANG") or "utf-8"
    return "utf" in said.lower()


# --- the window -----------------------------------------------------------------------------------------------------


def _open_window(options: argparse.Namespace, config: Config, server: Server, log: TextIO | None) -> ExitCode:
    _calm_over_ssh(os.environ)  # before textual is imported, which reads it then
    if options.no_color:
        os.environ["NO_COLOR"] = "1"
    from inspector.messages import Load
    from inspector.tui.opening import WindowCrashError, WindowError, open_window

    request = Load(options.target, tuple(options.arg), options.config, options.device)
    try:
        failure = open_window(
            request,
            config,
            server,
            log,
            depth=options.depth,
            filter_words=options.filter,
            run=run_request(options),
            ignored=frozenset(config.ignore),
            probes=config.probes,
            checkpoint=checkpoint_request(options),
        )
    except WindowError as error:
        server.close()
        return complain(str(error))
    except WindowCrashError as error:
        server.close()
        complain(str(error))
        return ExitCode.ENGINE
    if failure is None:
        return ExitCode.FINE
    from inspector.reports import failure_text

    # The window is gone, and with it everything that stood in it.
    sys.stderr.write(failure_text.write(failure))
    return code_of(failure)


# --- what needs no model ---------------------------------------------------------------------------------------------


def _explain(name: str) -> ExitCode:
    """What a finding means and what mends it."""
    from inspector.catalogue import CATALOGUE
    from inspector.problems import no_such
    from inspector.reports import explanation

    entry = CATALOGUE.get(name.strip().upper())
    if entry is None:
        return complain(f"--explain: {no_such(name)}")
    sys.stdout.write(explanation.write(entry, shutil.get_terminal_size().columns))
    return ExitCode.FINE


def _class_card(options: argparse.Namespace) -> ExitCode:
    """A class of torch.nn by itself: no model, no torch."""
    from inspector.plain_output import write_card

    try:
        return write_card(options, None, _configured(options))
    except ValueError as error:
        return complain(str(error))


def _info() -> ExitCode:
    """Everything that a bug report should say."""
    from inspector.config import ConfigError
    from inspector.surroundings import lines

    try:
        for line in lines():
            print(line)
    except ConfigError as error:
        return complain(str(error))
    return ExitCode.FINE
