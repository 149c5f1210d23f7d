"""Everything that is printed instead of opening a window: load, run, report, exit code."""

from __future__ import annotations

import argparse
import os
import shutil
import sys
from typing import TYPE_CHECKING, Any, TextIO

from inspector.exit_codes import ExitCode, code_of, complain
from inspector.options import checkpoint_request, run_request

if TYPE_CHECKING:  # What a form of output needs is imported when it is known which one it is.
    from inspector.config import Config
    from inspector.launch import Server
    from inspector.outcome import Outcome
    from inspector.run_schema import Finding, Severity


def write(options: argparse.Namespace, config: Config, server: Server, log: TextIO | None) -> ExitCode:
    """Load what was asked for, and run it as far as was asked; print it in the form that was asked for."""
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
        return max(write_card(options, outcome, config), _conclude(outcome, told=False))
    findings = kept(outcome.findings(soft=options.check), config.ignore)
    try:
        text = _checked(options, outcome, findings) if options.check else _report(options, config, outcome, findings)
    except QueryError as error:
        return complain(str(error))
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
        return ExitCode.ENGINE if outcome.died else code_of(outcome.failure)
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


def write_card(options: argparse.Namespace, outcome: Outcome | None, config: Config) -> ExitCode:
    """A building block explained: a class of torch.nn, or a module of a model with its own numbers."""
    from inspector import card_command

    width = shutil.get_terminal_size().columns
    try:
        sys.stdout.write(card_command.text(options, outcome, width, ascii_only=config.ascii))
    except card_command.NoSuchCardError as error:
        return complain(f"--card {options.card}: {error}")
    return ExitCode.FINE
