"""A backward pass in every form: what was propagated, the gradient of every parameter, and what failed."""

from __future__ import annotations

import json

import msgspec
import pytest

from inspector.gradient_rows import GradientRows
from inspector.gradient_schema import BackwardRecord
from inspector.messages import Load
from inspector.outcome import Outcome
from inspector.reports import failure_text, json_document, markdown, remarks, text_tree
from inspector.run_schema import Finding
from inspector.schema import Failure
from inspector.table import ModelTable
from tests import gradient_events
from tests.fake_model import lenet
from tests.reports.json_shapes import Document
from tests.reports.runs import TARGET
from tests.run_events import guessed, table_of

INPUTS = guessed("x", 2, 1, 32, 32)


@pytest.fixture
def table() -> ModelTable:
    return table_of(lenet())


def tree(table: ModelTable, record: BackwardRecord) -> list[str]:
    """The section of the plain tree."""
    text = text_tree.write(table, TARGET, gradients=GradientRows(table, record))
    section = next(part for part in text.split("\n\n") if part.startswith("backward"))
    return section.splitlines()


def document(table: ModelTable, record: BackwardRecord) -> Document:
    text = json_document.write(
        tool={},
        asked="",
        target=TARGET,
        table=table,
        failure=None,
        printed=("", "", 0),
        inputs=INPUTS,
        gradients=GradientRows(table, record),
    )
    return msgspec.convert(json.loads(text), Document)


def test_the_section_says_what_was_propagated_and_lists_every_parameter(table: ModelTable) -> None:
    assert tree(table, gradient_events.backward(table, INPUTS)) == [
        "backward    no loss in the model: gradients are those of a random projection of the output",
        "            train mode; forward 1.2 ms, backward 3.4 ms, both watched",
        "            3 of 5 parameters got a gradient, 1 got none, 1 of modules that were not called, "
        "1 with NaN or Inf, 1 all zeros, 2 frozen",
        "gradients   norm        largest  zeros %  not finite    parameter",
        "            0.25        0.125    10                     conv1.weight",
        "            0           0        all                    conv1.bias",
        "            1.5         0.75              3 NaN, 1 Inf  fc1.weight",
        "            none                                        fc1.bias",
        "            not called                                  fc2.weight",
        "guard       left as found: 10 tensors, 6 modes, hooks, RNG",
    ]


def test_a_loss_stands_with_its_value(table: ModelTable) -> None:
    record = gradient_events.backward(
        table, INPUTS, objective="loss", words="the loss that the model gives", value=2.3026, mode="kept"
    )
    lines = tree(table, record)
    assert lines[0] == "backward    the loss that the model gives (2.303)"
    assert lines[1].startswith("            train mode with parts in eval mode, as found; forward 1.2 ms")


def test_where_nothing_was_propagated_that_is_all(table: ModelTable) -> None:
    words = "no parameter requires grad: there is nothing to propagate to"
    lines = tree(table, gradient_events.backward(table, INPUTS, objective="", words=words, parameters=(), guard=""))
    assert lines == [f"backward    {words}", "            train mode"]


def test_more_parameters_than_anybody_reads_are_counted(table: ModelTable) -> None:
    many = (gradient_events.measured(table, "conv1.weight", 0.25),) * 130
    record = gradient_events.backward(table, INPUTS, parameters=many)
    assert "            and 30 more, with --json" in tree(table, record)
    assert len(document(table, record).backward.parameters) == 130  # type: ignore[union-attr]


def test_markdown_has_a_table_of_them(table: ModelTable) -> None:
    text = markdown.write(table, TARGET, gradients=GradientRows(table, gradient_events.backward(table, INPUTS)))
    assert "#### backward\n\n- no loss in the model" in text
    assert "| 0.25 | 0.125 | 10 |  | conv1.weight |" in text


def test_the_document_has_every_number_or_null(table: ModelTable) -> None:
    found = document(table, gradient_events.backward(table, INPUTS)).backward
    assert found is not None
    assert (found.objective, found.words, found.frozen) == ("projection", gradient_events.WORDS, 2)
    first, *_, last = found.parameters
    assert (first.path, first.state, first.norm, first.zeros) == ("conv1.weight", "measured", 0.25, 15)
    assert (last.path, last.state, last.norm, last.zeros) == ("fc2.weight", "uncalled", None, None)
    assert (found.parameters[2].nan, found.parameters[2].infinite) == (3, 1)
    assert [(layer.path, layer.call, layer.norm) for layer in found.layers] == [("conv1", 1, 0.125)]


def test_a_document_without_it_says_null(table: ModelTable) -> None:
    text = json_document.write(
        tool={}, asked="", target=TARGET, table=table, failure=None, printed=("", "", 0), inputs=INPUTS
    )
    assert json.loads(text)["backward"] is None


def test_a_backward_that_raised_has_a_card_and_is_no_guesss_fault(table: ModelTable) -> None:
    record = gradient_events.failed(table, INPUTS)
    assert tree(table, record)[0] == "backward    backward failed in fc2, line 21"
    card = failure_text.card(record)
    assert card.startswith("backward failed in fc2, line 21  NN502\n")
    assert " >   21  x += 1" in card
    outcome = Outcome(request=Load(""), backward=record)
    assert INPUTS.origin == "guessed"
    (found,) = outcome.findings(soft=True)
    assert (found.id, found.severity) == ("NN502", "error")
    found_in_document = document(table, record)
    assert found_in_document.backward is not None
    assert found_in_document.backward.failed_in == "backward"


def test_what_the_probes_told_is_told_once(table: ModelTable) -> None:
    from inspector.messages import FindingsReported

    told = Finding("NN314", "warning", 0, "", "the output carries no gradient: detach")
    again = Finding("NN314", "warning", 0, "", "the output carries no gradient: detach, in train mode")
    record = gradient_events.backward(table, INPUTS, findings=(again,))
    outcome = Outcome(request=Load(""), backward=record, noticed={"probes": FindingsReported("probes", (told,))})
    assert outcome.findings() == [told]


def test_why_there_was_none_is_said_beside_the_report() -> None:
    refused = Failure(stage="backward", type="DryRun", message="the run was dry")
    assert list(remarks.of_backward(None, refused)) == ["no backward pass: the run was dry"]


def test_what_it_left_otherwise_than_found_is_said_beside_the_report(table: ModelTable) -> None:
    record = gradient_events.backward(table, INPUTS, changed=("conv1.weight: its gradient is new",))
    assert list(remarks.of_backward(record, None)) == ["not left as found: conv1.weight: its gradient is new"]
