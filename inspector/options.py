"""The options there are, which of them go together, and what they ask of an engine."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Literal

from inspector import __version__

if TYPE_CHECKING:  # Not for --help.
    from inspector.messages import CompareCheckpoint, Run

EXAMPLES = """\
examples:
  nn-inspect model.py                              open the model of a file
  nn-inspect model.py:Net                          this class, factory or instance of it
  nn-inspect 'model.py:Net(num_classes=10)'        with constructor arguments
  nn-inspect model.py --arg num_classes=10         the same without quoting parentheses
  nn-inspect package.models:build_model            a dotted module
  nn-inspect model.py --input 2x3x224x224          what goes in: one of these for each argument of forward
  nn-inspect model.py --input ids=2x16:int64:0-99  by name, with dtype and range; @batch.pt reads a file
  nn-inspect model.py --device meta                without allocating a byte for its weights
  nn-inspect model.py --json | jq .totals          for programs; --tree, --markdown, --summary for people
  nn-inspect model.py --tree --no-run              the structure alone
  nn-inspect model.py --tree --mode both           train against eval: which modules make the difference, and why
  nn-inspect model.py --checkpoint best.pt         does this file fit? missing keys, prefixes, shapes
  nn-inspect model.py --tree --backward            gradients: which are missing, vanish, or are NaN, and where
  nn-inspect model.py --check --format github      in CI: the problems as annotations, exit 1 when there are some
  nn-inspect --explain NN103                       what a problem's id means, and what mends it
  nn-inspect --card Conv2d                         what a building block is: formula, arguments, shapes
  nn-inspect model.py --card layer1.0.conv1        the same with this layer's own numbers
  ssh -t box nn-inspect model.py                   over SSH in one line (-t gives it a terminal)
"""


SHELLS = ("bash", "zsh", "tcsh")
"""Those for which shtab writes completion."""


class _Parser(argparse.ArgumentParser):
    """Help that begins with examples."""

    def format_help(self) -> str:
        return f"{EXAMPLES}\n{super().format_help()}"


def parser() -> argparse.ArgumentParser:
    """All options there are."""
    found = _Parser(
        prog="nn-inspect",
        description="The terminal inspector for PyTorch models.",
        epilog="exit codes: 0 fine · 1 --check found problems · 2 usage, target not found or ambiguous · "
        "3 the file's own code failed · 4 the engine died or timed out · 130 interrupted",
    )
    found.add_argument("target", nargs="?", help="model.py[:Name[(arguments)]], a folder, or dotted.module:Name")
    _add_model(found.add_argument_group("the model"))
    _add_run(found.add_argument_group("the run (one forward; the model is left as it was found)"))
    _add_output(found.add_argument_group("plain output (the tree is the default when stdout is no terminal)"))
    _add_problems(found.add_argument_group("problems"))
    _add_window(found.add_argument_group("the window"))
    other = found.add_argument_group("other")
    other.add_argument("--log", default="", metavar="FILE", help="write every message between the processes")
    other.add_argument("--info", action="store_true", help="versions, terminal, configuration: for bug reports")
    other.add_argument("--completion", choices=SHELLS, help="print what this shell needs to complete the command line")
    other.add_argument("--version", action="version", version=f"nn-inspect {__version__}")
    return found


def _add_model(model: argparse._ArgumentGroup) -> None:
    model.add_argument("--arg", action="append", default=[], metavar="NAME=VALUE", help="a constructor argument")
    model.add_argument("--config", default="", metavar="FILE", help="constructor arguments: .json, .toml or .yaml")
    model.add_argument(
        "--checkpoint",
        default="",
        metavar="FILE",
        help="say whether this file fits the model; nothing is loaded into it",
    )
    model.add_argument(
        "--unsafe-load", action="store_true", help="let the checkpoint run code of its own, if it cannot be read else"
    )
    model.add_argument("--device", default="cpu", help="cpu (default), cuda, cuda:N, or meta: no memory for weights")


def _add_run(run: argparse._ArgumentGroup) -> None:
    run.add_argument(
        "--input",
        action="append",
        default=[],
        metavar="VALUE",
        help="[name=]2x3x32x32[:dtype[:range]], @file or a literal; else what file or model hold, or a guess",
    )
    run.add_argument(
        "--mode", default="eval", choices=("train", "eval", "both"), help="eval (default), train, or both, compared"
    )
    run.add_argument("--seed", type=int, default=0, metavar="N", help="of made-up inputs and of what forward draws (0)")
    run.add_argument(
        "--backward", action="store_true", help="then forward and backward in train mode: every parameter's gradient"
    )
    run.add_argument("--dry", action="store_true", help="shapes alone: nothing is computed")
    run.add_argument("--no-run", action="store_true", help="structure alone")
    run.add_argument(
        "--timeout", type=float, metavar="SECONDS", help="give up after that long, the run included (plain output)"
    )


def _add_output(output: argparse._ArgumentGroup) -> None:
    forms = output.add_mutually_exclusive_group()
    forms.add_argument("--tree", action="store_true", help="structure and run as text")
    forms.add_argument("--json", action="store_true", help="one document, schema nn-inspect/1")
    forms.add_argument("--summary", action="store_true", help="torchinfo's table of the structure")
    forms.add_argument("--markdown", action="store_true", help="structure and run as a Markdown table")
    forms.add_argument("--check", action="store_true", help="the problems alone, and exit 1 when there are some")
    output.add_argument(
        "--card", metavar="NAME", help="a class of torch.nn explained, or a module of the target by its path"
    )
    output.add_argument("--depth", type=int, metavar="N", help="levels below the root (the window too)")
    output.add_argument("--filter", default="", metavar="TEXT", help="rows: words, type:, is: (the window too)")


def _add_problems(problems: argparse._ArgumentGroup) -> None:
    problems.add_argument(
        "--fail-on", choices=("note", "warning", "error"), help="what --check takes for a problem (warning), or worse"
    )
    problems.add_argument("--format", choices=("text", "github", "sarif"), help="of --check (text)")
    problems.add_argument(
        "--ignore",
        action="append",
        default=[],
        metavar="ID[:PATH]",
        help="not this one, or not at this path, where * is anything; several with commas (the window too)",
    )
    problems.add_argument("--no-probes", action="store_true", help="skip the checks that run forward again")
    problems.add_argument("--explain", metavar="ID", help="what a problem is and what mends it; needs no target")


def _add_window(window: argparse._ArgumentGroup) -> None:
    window.add_argument("--no-watch", action="store_true", help="do not reload when the file is saved")
    window.add_argument("--ascii", action="store_true", help="no character beyond ASCII")
    window.add_argument("--no-mouse", action="store_true", help="leave the mouse to the terminal")
    window.add_argument("--no-color", action="store_true", help="no colours (NO_COLOR does the same)")
    window.add_argument("--theme", default="", metavar="NAME", help="one of Textual's themes instead of the terminal's")


def complaint(options: argparse.Namespace, *, plain: bool) -> str:
    """What is wrong with them together, for `plain` output or for the window; empty when nothing is."""
    if not options.target:
        return "which file? nn-inspect model.py (nn-inspect --help has examples)"
    if (options.depth is not None and options.depth < 0) or (options.timeout is not None and options.timeout <= 0):
        return "--depth wants no negative number, and --timeout a positive one"
    if not 0 <= options.seed < 2**63:
        return "--seed wants a whole number from 0 to 2^63 - 1"
    if options.filter and (options.json or options.summary):
        return "--filter goes with the tree, --markdown and the window; the whole document is one | jq away"
    if options.card is not None and (options.check or options.summary or options.tree):
        return "--card is a form of its own; --json and --markdown go with it"
    if options.unsafe_load and not options.checkpoint:
        return "--unsafe-load goes with --checkpoint"
    if options.checkpoint and (options.summary or options.card is not None):
        return "--checkpoint goes with the window, the tree, --json, --markdown and --check"
    if options.mode == "both" and not plain:
        return "--mode both goes with plain output: --tree, --json, --markdown, --check; in the window, d compares"
    if options.backward and (options.no_run or options.dry or options.summary or options.device == "meta"):
        return "--backward needs a real run: take --no-run, --dry, --summary or --device meta away, or it"
    if options.backward and not plain:
        return "--backward goes with plain output: --tree, --json, --markdown, --check; in the window, B does it"
    return _complaint_about_check(options) or _complaint_about_run(options)


def _complaint_about_check(options: argparse.Namespace) -> str:
    if not options.check:
        return "--fail-on and --format go with --check" if options.fail_on or options.format else ""
    if options.depth is not None or options.filter:
        return "--check looks at the whole model: --depth and --filter go with the tree; --ignore NN302:path silences"
    return ""


def _complaint_about_run(options: argparse.Namespace) -> str:
    """Nothing that was asked for is silently left out."""
    if options.no_run and (options.input or options.dry or options.mode != "eval"):
        return "--no-run leaves out what --input, --mode and --dry are about: take it away, or them"
    if options.mode == "both" and (options.dry or options.device == "meta"):
        return "--mode both compares values, and a dry run has none: take --dry or --device meta away"
    if options.summary and (options.input or options.dry or options.mode != "eval"):
        return (
            "--summary is about the structure alone: --input, --mode and --dry go with the tree, --json and --markdown"
        )
    return ""


# --- what they ask for ----------------------------------------------------------------------------------------------


def checkpoint_request(options: argparse.Namespace) -> CompareCheckpoint | None:
    """Which file is to be compared with the model."""
    from inspector.messages import CompareCheckpoint

    return CompareCheckpoint(options.checkpoint, options.unsafe_load) if options.checkpoint else None


def run_request(options: argparse.Namespace) -> Run | None:
    """What is to run by itself: nothing with --no-run, and on meta there are shapes alone."""
    from inspector.messages import Run

    if options.no_run:
        return None
    dry = options.dry or options.device == "meta"
    # What both modes make of it is asked for after that.
    mode: Literal["train", "eval"] = "train" if options.mode == "train" else "eval"
    return Run(inputs=tuple(options.input), mode=mode, dry=dry, seed=options.seed)
