"""`inspector.inspect(model, *args, **kwargs)`: the report of a model that is there, for notebooks, tests and debuggers.

It runs in the caller's process, guarded: the model, its gradients and the random numbers are as before afterwards. What
is printed and written is the same as on the command line.
"""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Iterator
from importlib import import_module
from typing import Any, TextIO

from inspector.headless import HeadlessLoad
from inspector.messages import Load, Request, Run
from inspector.mode_rows import ModeRows
from inspector.outcome import Outcome
from inspector.run_schema import RunRecord
from inspector.schema import Failure


class Report:
    """What is known of one model, of one forward of it in eval mode, and of what was asked for besides."""

    def __init__(self, outcome: Outcome) -> None:
        self.outcome = outcome
        """All of it, as records."""

    @property
    def run(self) -> RunRecord | None:
        """The run; None when there was nothing to run with."""
        return self.outcome.ran

    def print(self, file: TextIO | None = None) -> None:
        """Write the plain tree: modules, shapes, parameters, cost; of a forward that failed where and why as well."""
        (file or sys.stdout).write(str(self))

    def to_json(self) -> str:
        """The JSON document that the command line gives with --json."""
        from inspector.reports import json_document
        from inspector.versions import of_tools

        outcome, rows = self.outcome, self.outcome.run_rows()
        built, table = outcome.built, rows.table if rows is not None else self.outcome.table()
        return json_document.write(
            tool=of_tools(outcome.torch),
            asked="",
            target=built.target if built is not None else None,
            table=table,
            failure=outcome.failure,
            printed=(outcome.stdout, outcome.stderr, outcome.dropped),
            inputs=outcome.inputs,
            run=outcome.ran,
            rows=rows,
            modes=self._modes(),
            gradients=outcome.gradient_rows(table) if table is not None else None,
            findings=outcome.findings(),
        )

    def _modes(self) -> ModeRows | None:
        table = self.outcome.table()
        return self.outcome.mode_rows(table) if table is not None else None

    def __str__(self) -> str:
        from inspector.reports import failure_text, remarks, text_tree

        outcome, rows = self.outcome, self.outcome.run_rows()
        table = rows.table if rows is not None else outcome.table()
        text = ""
        if table is not None and outcome.built is not None:
            more: Any = {"inputs": outcome.inputs, "modes": self._modes(), "findings": outcome.findings()}
            more["gradients"] = outcome.gradient_rows(table)
            text = text_tree.write(table, outcome.built.target, rows=rows, **more)
        asked = outcome.run_request
        for remark in remarks.write(outcome.built, outcome.finished, asked, outcome.inputs, outcome.ran):
            text += f"{remark}\n"
        followed = outcome.comparison, outcome.noticed.get("probes"), outcome.unprobed
        backward = remarks.of_backward(outcome.backward, outcome.no_backward)
        for remark in (*remarks.of_what_followed(*followed), *backward):
            text += f"{remark}\n"
        if outcome.failure is not None:
            text += failure_text.write(outcome.failure)
        for failed in outcome.failed():
            text += failure_text.card(failed)
        return text


def inspect(
    model: Any, *args: Any, probes: bool = True, compare: bool = False, backward: bool = False, **kwargs: Any
) -> Report:
    """Describe an nn.Module and run it once on these arguments; with none, on inputs that it or its file holds, or on a
    guess. A forward that raises is told of in the report; only Ctrl-C comes out.

    As on the command line, a run that went well is followed by the checks that need further forwards, unless probes is
    False (`--no-probes`), with compare=True by train against eval (`--mode both`), and with backward=True by forward
    and backward in train mode (`--backward`).
    """
    look = import_module("inspector.engine.in_process").look  # By its name: nothing else out here may import torch.
    heard = HeadlessLoad(Load(target=""), Run(), None, compare=compare, probe=probes, backward=backward)
    heard.outcome.torch = str(sys.modules["torch"].__version__)
    asked: deque[Request] = deque()
    heard.ask = asked.append
    look(model, args, kwargs, lambda event: heard.hear(0, event), asked)
    if any(failure.type == "KeyboardInterrupt" for failure in _failures(heard.outcome)):
        raise KeyboardInterrupt
    return Report(heard.outcome)


def _failures(outcome: Outcome) -> Iterator[Failure]:
    """Everything that was raised on the way."""
    raised = [outcome.failure, outcome.unprobed, outcome.no_backward, *(failed.failure for failed in outcome.failed())]
    yield from (failure for failure in raised if failure is not None)
