"""What users name, represent and print stands in every report as text, and commands no terminal and no browser."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from inspector.messages import Run
from inspector.mode_schema import Comparison, OutputDifference
from inspector.reports import failure_text, problem_text, remarks
from inspector.run_schema import CallState, Finding, InputSet, SampleArgument, Seen, Warned
from inspector.schema import Argument, Candidate, Failure, Source, Target, TensorStats
from inspector.table import ModelTable
from tests.fake_model import lenet
from tests.mode_events import difference
from tests.reports.rendering import rendered
from tests.reports.runs import Reported
from tests.run_events import called, operation, table_of

EVIL = "\x1b]0;owned\x07\x1b[31m\r\x00\x7f\x9b\u202e\ud800|<b>`"
SENT = EVIL.replace("\ud800", "")
"""What of it can cross between the processes."""
CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


class EvilTensor(Tensor):
    pass


EvilTensor.__name__ = EVIL.replace("\x00", "").replace("\ud800", "")


class Evil(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.register_parameter(f"{EVIL}p", nn.Parameter(torch.zeros(2)))
        self.register_buffer(f"{EVIL}b", torch.zeros(3).as_subclass(EvilTensor))
        self.add_module(f"{EVIL}m", nn.Linear(2, 2))
        vars(self)[f"{EVIL}g"] = [nn.Linear(1, 1)]
        self.register_forward_hook(lambda *_: None)

    def extra_repr(self) -> str:
        return f"{EVIL}\nsecond line"


Evil.__name__ = Evil.__qualname__ = "Evil\x1b[2J\u202e"
EVIL_TARGET = Target(file=f"m{EVIL}.py", name=EVIL, line=1, call=f"{EVIL}()", device="cpu", chosen=EVIL)


@pytest.mark.parametrize("kind", ["tree", "ascii", "markdown", "json"])
def test_no_control_character_of_a_model_reaches_a_report(kind: str) -> None:
    made = rendered(nn.Sequential(Evil()), EVIL_TARGET)
    writers: dict[str, Callable[[], str]] = {
        "tree": made.tree,
        "ascii": lambda: made.tree(ascii_only=True),
        "markdown": made.markdown,
        "json": lambda: made.json(printed=(EVIL, f"{EVIL}\n", 0)),
    }
    text = writers[kind]()
    assert not CONTROL.search(text)
    assert r"\x1b]0;owned\x07" in text.replace("\\\\", "\\")


def test_the_decoded_strings_of_the_document_have_no_control_characters() -> None:
    failure = _failure()
    made = rendered(nn.Sequential(Evil()), EVIL_TARGET)
    document = json.loads(made.json(failure=failure, printed=(EVIL, f"\x1b[0m{EVIL}\n\tdone", 3)))
    found = list(strings(document))
    assert not [text for text in found if CONTROL.search(text)]
    assert document["printed"]["stderr"].endswith("\n\tdone")
    assert document["error"]["message"].startswith(r"\x1b]0;owned\x07")


def test_a_line_end_in_a_name_is_escaped_and_one_in_a_message_is_kept() -> None:
    made = rendered(nn.Module())
    made.model.add_module("two\nlines", nn.Linear(1, 1))
    document = rendered(made.model).document()
    assert document["modules"][1]["path"] == r"two\nlines"
    assert len(rendered(made.model).tree().splitlines()) == len(made.tree().splitlines()) + 1
    assert "first\nsecond" in failure_text.write(Failure(stage="import", type="E", message="first\nsecond"))


def test_a_failure_is_told_without_control_characters() -> None:
    text = failure_text.write(_failure())
    assert not CONTROL.search(text)
    assert r"\x1b" in text


def test_markdown_shows_html_and_bars_as_they_are_written() -> None:
    text = rendered(nn.Sequential(Evil())).markdown()
    assert "<b>" not in text
    assert all(line.replace("\\|", "").count("|") == 6 for line in text.splitlines() if line.startswith("|"))


@pytest.mark.parametrize("kind", ["tree", "ascii", "markdown", "json", "card", "modes card", "remarks", "check"])
def test_no_control_character_of_a_run_reaches_a_report(kind: str) -> None:
    made = _evil_run()
    run, modes = made.rows().record, made.comparison
    assert run is not None
    assert modes is not None
    writers: dict[str, Callable[[], str]] = {
        "tree": made.tree,
        "ascii": lambda: made.tree(ascii_only=True),
        "markdown": made.markdown,
        "json": made.json,
        "card": lambda: failure_text.card(run),
        "modes card": lambda: failure_text.card(modes),
        "remarks": lambda: "\n".join(
            [*remarks.write(None, None, Run(), made.inputs, run), *remarks.of_what_followed(modes, None, _failure())]
        ),
        "check": lambda: problem_text.checked(made.findings(), None, "/"),
    }
    text = writers[kind]()
    assert not CONTROL.search(text)
    assert r"\x1b]0;owned\x07" in text.replace("\\\\", "\\")
    assert not [said for said in strings(made.document()) if CONTROL.search(said)]


def _evil_run() -> Reported:
    """A run all of whose texts are hostile."""
    seen = Seen(SENT, (2, 3), SENT, SENT, SENT, (1, 2), stats=TensorStats(6, note=SENT))
    text = Seen(SENT, text=SENT)
    source = Source(SENT, 3, SENT)
    root = called(
        "",
        called("fc1", outputs=(seen, text), inputs=(seen, text), notes=(SENT,)),
        operation(SENT, outputs=(seen,)),
        outputs=(seen, text),
        state=CallState.FAILED,
    )
    signature = (Argument(SENT, SENT, SENT, True, SENT),)
    given = (SampleArgument(SENT, False, SENT, (seen, text), SENT), SampleArgument(SENT, True, "", (text,)))
    inputs = InputSet("guessed", given, SENT, SENT, signature, SENT)
    facts = {
        "device": SENT,
        "uncounted": ((SENT, 2),),
        "warnings": (Warned(SENT, SENT, source),),
        "notes": (SENT,),
        "guard": SENT,
        "changed": (SENT,),
        "finding": Finding("NN299", "error", 0, SENT, SENT, SENT, source, SENT, SENT, SENT, 0),
        "failure": _failure(),
    }
    table = table_of(lenet())
    noticed = (Finding("NN103", "warning", 1, SENT, SENT, SENT, source, SENT, SENT, SENT),)
    return Reported(table, root, inputs, facts, EVIL_TARGET, _evil_comparison(table, inputs, source), noticed)


def _evil_comparison(table: ModelTable, inputs: InputSet, source: Source) -> Comparison:
    told: dict[str, Any] = {"reason": SENT, "note": SENT, "source": source, "looks": source}
    return Comparison(
        inputs=inputs,
        seed=0,
        device=SENT,
        seconds=0.1,
        differences=(difference(table, "fc1", "source", 0.5, **told),),
        outputs=(OutputDifference(SENT, (2,), 0.5, 0.5, 0.0, 0.0),),
        sources=(0,),
        warnings=(Warned(SENT, SENT, source),),
        notes=(SENT,),
        guard=SENT,
        changed=(SENT,),
        finding=Finding("NN299", "error", 0, SENT, SENT, SENT, source, SENT, SENT, SENT, 0),
        failure=_failure(),
    )


def _failure() -> Failure:
    return Failure(
        stage="construct",
        type=f"Error{EVIL}",
        message=f"{EVIL}\nsecond",
        source=Source(f"m{EVIL}.py", 3, EVIL),
        context=((3, EVIL),),
        mend=EVIL,
        traceback=f"Traceback\n  {EVIL}",
        candidates=(Candidate(EVIL, "class", 1, EVIL),),
        command=EVIL,
    )


def strings(value: Any) -> Iterator[str]:
    """Every string of a document, keys included."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield key
            yield from strings(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from strings(inner)
    elif isinstance(value, str):
        yield value
