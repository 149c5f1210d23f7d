"""The command line: arguments → a front end and an exit code. Imports neither torch nor textual."""

from __future__ import annotations

import argparse
import os
import shutil
import sys
from collections.abc import MutableMapping
from enum import IntEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, TextIO

from inspector.options import checkpoint_request, complaint, parser, run_request

if TYPE_CHECKING:  # What a front end needs is imported when it is known which one it is.
    from inspector.config import Config
    from inspector.headless import Outcome
    from inspector.launch import Server
    from inspector.run_schema import Finding, Severity
    from inspector.schema import Failure


class ExitCode(IntEnum):
    """What the shell is told; an interface like any other."""

    FINE = 0
    PROBLEMS = 1
    """--check has found some."""
    USAGE = 2
    """Usage, target not found or ambiguous, bad configuration."""
    USER_CODE = 3
    """The user's file failed: import, constructor or forward."""
    ENGINE = 4
    """The engine died or timed out."""
    INTERRUPTED = 130


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
        return _complain(words)
    server = _start_server(None if plain else sys.stderr.fileno())
    try:
        config = _configured(options)
        log = _opened(options.log)
    except ValueError as error:
        server.close()
        return _complain(str(error))
    return _print_report(options, config, server, log) if plain else _open_window(options, config, server, log)


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


def _complain(words: str) -> ExitCode:
    print(f"nn-inspect: {words}", file=sys.stderr)
    return ExitCode.USAGE


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
        return _complain(str(error))
    except WindowCrashError as error:
        server.close()
        _complain(str(error))
        return ExitCode.ENGINE
    if failure is None:
        return ExitCode.FINE
    from inspector.reports import failure_text

    # The window is gone, and with it everything that stood in it.
    sys.stderr.write(failure_text.write(failure))
    return _code(failure)


_ASKED_WRONGLY = ("MissingArguments", "UnknownArguments", "MisfitArguments")
"""Failures to build a model that are the command line's, not the constructor's."""


def _code(failure: Failure) -> ExitCode:
    if failure.stage in ("target", "config", "torch", "inputs", "checkpoint") or failure.type in _ASKED_WRONGLY:
        return ExitCode.USAGE
    return ExitCode.ENGINE if failure.stage == "engine" else ExitCode.USER_CODE


# --- plain output ---------------------------------------------------------------------------------------------------


def _print_report(options: argparse.Namespace, config: Config, server: Server, log: TextIO | None) -> ExitCode:
    from inspector import headless
    from inspector.messages import Load
    from inspector.problems import kept
    from inspector.query import QueryError

    request = Load(options.target, tuple(options.arg), options.config, options.device)
    summary_depth = (options.depth if options.depth is not None else 3) if options.summary else None
    asked = None if options.summary else run_request(options)
    if asked is not None and not asked.dry and options.device == "cpu":
        from msgspec.structs import replace

        from inspector.free_memory import free_bytes

        asked = replace(asked, unless_larger=free_bytes())
    outcome = headless.run(
        request,
        run_request=asked,
        checkpoint=checkpoint_request(options),
        compare=options.mode == "both",
        probe=config.probes and options.card is None,
        backward=options.backward,
        describe=options.card,
        timeout=options.timeout,
        summary_depth=summary_depth,
        log=log,
        server=server,
    )
    if options.card is not None:
        return max(_card(options, outcome, config), _conclude(outcome, told=False))
    findings = kept(outcome.findings(soft=options.check), config.ignore)
    try:
        text = _checked(options, outcome, findings) if options.check else _report(options, config, outcome, findings)
    except QueryError as error:
        return _complain(str(error))
    sys.stdout.write(text)
    code = _conclude(outcome, told=options.json)
    if not options.check or outcome.failure is not None:
        return code
    return max(code, _judge(options.fail_on or "warning", findings))


def _conclude(outcome: Outcome, *, told: bool) -> ExitCode:
    """Say beside the report what must be said, failures too unless the document has `told` them; the exit code."""
    from inspector.reports import failure_text, remarks

    run = outcome.built, outcome.finished, outcome.run_request, outcome.inputs, outcome.ran
    followed = outcome.comparison, outcome.noticed.get("probes"), outcome.unprobed, outcome.checkpoint
    backward = remarks.of_backward(outcome.backward, outcome.no_backward)
    for remark in (*remarks.write(*run), *remarks.of_what_followed(*followed), *backward):
        print(f"nn-inspect: {remark}", file=sys.stderr)
    if outcome.failure is not None:
        if not told:
            sys.stderr.write(failure_text.write(outcome.failure))
        return ExitCode.ENGINE if outcome.died else _code(outcome.failure)
    code = ExitCode.FINE
    for failed in outcome.failed():
        if not told:
            sys.stderr.write(failure_text.card(failed))
        # A guess may be what is wrong, and a healthy model must not fail a job.
        code = code if failed.inputs.origin == "guessed" else ExitCode.USER_CODE
    return code


def _judge(limit: Severity, findings: list[Finding]) -> ExitCode:
    """Say how many problems there are; whether one of them is as grave as that."""
    from inspector.problems import counted, reached

    print(f"nn-inspect: {counted(findings) or 'no problems'}", file=sys.stderr)
    return ExitCode.PROBLEMS if reached(findings, limit) else ExitCode.FINE


def _checked(options: argparse.Namespace, outcome: Outcome, findings: list[Finding]) -> str:
    """What goes to stdout of a check."""
    from inspector.reports import github, problem_text, sarif
    from inspector.schema import Source

    target = outcome.built.target if outcome.built is not None else None
    place = Source(target.file, target.line) if target is not None else None
    if options.format == "sarif":
        return sarif.write(findings, place, os.getcwd(), outcome.failure)
    if options.format == "github":
        folder = os.environ.get("GITHUB_WORKSPACE") or os.getcwd()
        failed = github.failure(outcome.failure, folder) if outcome.failure is not None else ""
        return github.write(findings, place, folder) + failed
    return problem_text.checked(findings, place, os.getcwd())


def _report(options: argparse.Namespace, config: Config, outcome: Outcome, findings: list[Finding]) -> str:
    """What goes to stdout."""
    from inspector.reports import json_document, markdown, summary_text, text_tree
    from inspector.versions import of_tools

    rows = outcome.run_rows()
    table = rows.table if rows is not None else outcome.table()
    modes = outcome.mode_rows(table) if table is not None else None
    gradients = outcome.gradient_rows(table) if table is not None else None
    target = outcome.built.target if outcome.built is not None else None
    if options.json:
        return json_document.write(
            tool=of_tools(outcome.torch),
            asked=options.target,
            target=target,
            table=table,
            failure=outcome.failure,
            printed=(outcome.stdout, outcome.stderr, outcome.dropped),
            inputs=outcome.inputs,
            run=outcome.ran,
            rows=rows,
            modes=modes,
            checkpoint=outcome.checkpoint,
            gradients=gradients,
            findings=findings,
        )
    if outcome.summary is not None:
        return summary_text.write(outcome.summary, ascii_only=config.ascii)
    if table is None or target is None or outcome.finished is None:
        return ""
    if outcome.failure is not None and outcome.failure.stage in ("inputs", "checkpoint"):
        return ""  # What was typed is wrong, and nothing but that is to be read.
    shown: Any = {
        "rows": rows,
        "inputs": outcome.inputs,
        "modes": modes,
        "checkpoint": outcome.checkpoint,
        "gradients": gradients,
        "findings": findings,
        "depth": options.depth,
        "keep": options.filter,
    }
    if options.markdown:
        return markdown.write(table, target, **shown)
    return text_tree.write(
        table,
        target,
        **shown,
        ascii_only=config.ascii,
        painted=text_tree.paint if _wants_colour(options) else text_tree.paint_nothing,
        width=shutil.get_terminal_size().columns if sys.stdout.isatty() else None,
    )


def _wants_colour(options: argparse.Namespace) -> bool:
    if options.no_color or os.environ.get("NO_COLOR"):
        return False
    return bool(os.environ.get("FORCE_COLOR")) or (sys.stdout.isatty() and os.environ.get("TERM", "dumb") != "dumb")


def _explain(name: str) -> ExitCode:
    """What a finding means and what mends it."""
    from inspector.catalogue import CATALOGUE
    from inspector.problems import no_such
    from inspector.reports import explanation

    entry = CATALOGUE.get(name.strip().upper())
    if entry is None:
        return _complain(f"--explain: {no_such(name)}")
    sys.stdout.write(explanation.write(entry, shutil.get_terminal_size().columns))
    return ExitCode.FINE


def _class_card(options: argparse.Namespace) -> ExitCode:
    """A class of torch.nn by itself: no model, no torch."""
    try:
        return _card(options, None, _configured(options))
    except ValueError as error:
        return _complain(str(error))


def _card(options: argparse.Namespace, outcome: Outcome | None, config: Config) -> ExitCode:
    """A building block explained: a class of torch.nn, or a module of a model with its own numbers."""
    from inspector import card_command

    width = shutil.get_terminal_size().columns
    try:
        sys.stdout.write(card_command.text(options, outcome, width, ascii_only=config.ascii))
    except card_command.NoSuchCardError as error:
        return _complain(f"--card {options.card}: {error}")
    return ExitCode.FINE


def _info() -> ExitCode:
    """Everything that a bug report should say."""
    from inspector.config import ConfigError
    from inspector.surroundings import lines

    try:
        for line in lines():
            print(line)
    except ConfigError as error:
        return _complain(str(error))
    return ExitCode.FINE
