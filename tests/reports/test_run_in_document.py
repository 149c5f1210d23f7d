"""What the JSON document says of a run."""

from __future__ import annotations

import json
import math

import msgspec

from inspector.reports import json_run
from inspector.run_schema import CallState, InputSet, SampleArgument, Seen, Warned
from inspector.schema import Argument, Source, TensorStats
from tests.fake_model import lenet, module, transformer
from tests.reports.json_shapes import Document
from tests.reports.runs import Reported, failed, healthy
from tests.run_events import called, guessed, operation, table_of, tensor


def test_the_document_has_the_shapes_of_the_contract() -> None:
    for report in (healthy(), failed(), failed("guessed")):
        document = msgspec.json.decode(report.json(), type=Document)
        assert document.run is not None
        assert document.run.ok is (report.root.state is CallState.DONE)


def test_a_module_has_its_last_calls_values_and_the_sums_of_all_calls() -> None:
    twice = called("", called("fc1", out=(1, 2), own_flops=3), called("fc1", out=(3, 4), own_flops=3, seconds=0.5))
    document = Reported(table_of(lenet()), twice, guessed("x", 2)).document()
    fc1 = next(each for each in document["modules"] if each["path"] == "fc1")
    assert (fc1["calls"], fc1["flops"], fc1["seconds"]) == (2, 6, 0.5)
    assert [each["shape"] for each in fc1["outputs"]] == [[3, 4]]
    fc2 = next(each for each in document["modules"] if each["path"] == "fc2")
    assert (fc2["calls"], fc2["flops"], fc2["seconds"], fc2["outputs"]) == (0, 0, None, [])


def test_without_a_run_nothing_is_claimed_of_one() -> None:
    assert json_run.UNKNOWN["calls"] is None
    assert json_run.inputs(None)["origin"] == "none"


def test_the_trace_lists_every_call_in_order() -> None:
    report = healthy()
    trace = report.document()["run"]["trace"]
    assert [each["operation"] or each["path"] for each in trace[:4]] == ["", "conv1", "F.relu", "F.max_pool2d"]
    assert trace[1]["inputs"] == [[2, 1, 32, 32]]
    assert trace[7]["notes"] == ["a view of its input"]
    assert trace[7]["line"]["line"] == 20
    assert [each["parent"] for each in trace] == [None] + [0] * 10
    assert trace[0]["flops"] == sum(each["flops"] for each in trace[1:])


def test_a_huge_trace_is_bounded_and_says_so() -> None:
    long = called("", *(operation("+", out=(1,)) for _ in range(json_run.TRACE_CALLS + 4)))
    document = Reported(table_of(module("Net", "Net")), long, guessed("x", 2)).document()
    assert len(document["run"]["trace"]) == json_run.TRACE_CALLS
    assert document["run"]["trace_left_out"] == 5
    assert document["run"]["operations"] == json_run.TRACE_CALLS + 4


def test_a_failed_forward_is_the_error_and_a_finding() -> None:
    document = failed().document()
    assert document["error"]["stage"] == "forward"
    assert document["error"]["source"]["line"] == 21
    assert document["error"]["traceback"].startswith("Traceback")
    assert [(each["id"], each["path"], each["call"]) for each in document["findings"]] == [("NN201", "fc1", 8)]
    assert document["findings"][0]["expected"] == "2×576"
    assert document["run"]["ok"] is False


def test_a_failure_with_guessed_inputs_is_a_finding_and_no_error() -> None:
    document = failed("guessed").document()
    assert document["error"] is None
    assert document["run"]["ok"] is False
    assert document["findings"][0]["id"] == "NN201"


def test_numbers_that_are_not_finite_are_strings_and_times_that_nobody_took_are_null() -> None:
    stats = TensorStats(4, 1, minimum=-1.0, maximum=1.0, mean=math.nan, std=math.inf)
    root = called("", outputs=(tensor(2, 2, stats=stats),), seconds=math.nan)
    text = Reported(table_of(lenet()), root, guessed("x", 2), {"seconds": math.nan, "spread": math.nan}).json()
    document = json.loads(text, parse_constant=lambda word: (_ for _ in ()).throw(ValueError(word)))
    assert document["run"]["seconds"] is None
    assert document["modules"][0]["outputs"][0]["stats"]["mean"] == "nan"
    assert document["modules"][0]["outputs"][0]["stats"]["std"] == "inf"
    assert document["modules"][0]["seconds"] is None


def test_arguments_are_told_apart_by_how_they_are_passed() -> None:
    given = (
        SampleArgument("x", False, "x=2x3", (tensor(2, 3, path="x"),)),
        SampleArgument("how", True, "how='conv'", (Seen("how", text="'conv'"),)),
    )
    signature = (Argument("x", "Tensor", None, True), Argument("how", "str", "'lin'"))
    inputs = InputSet("file", given, where="example_inputs, model.py:40", signature=signature)
    said = json_run.inputs(inputs)
    assert [each["name"] for each in said["args"]] == ["x"]
    assert said["kwargs"]["how"]["values"] == ["'conv'"]
    assert said["args"][0]["values"][0]["shape"] == [2, 3]
    assert [each["required"] for each in said["signature"]] == [True, False]


def test_flops_that_could_not_be_counted_are_null_and_not_nought() -> None:
    document = healthy(flops_by="").document()
    assert document["totals"]["flops"] is None
    assert {each["flops"] for each in document["modules"]} == {None}
    assert {each["flops"] for each in document["run"]["trace"]} == {None}
    counted = healthy(uncounted=(("lstm", 2),)).document()["totals"]
    assert (counted["flops"], counted["uncounted"]) == (1_288_224, {"lstm": 2})


def test_modules_whose_weights_were_used_are_named_by_their_paths() -> None:
    report = Reported(table_of(transformer(3)), called(""), guessed("x", 2), {"uncalled_but_used": (1,)})
    assert report.document()["run"]["uncalled_but_used"] == [report.table.path(1)]


def test_warnings_have_their_line() -> None:
    warning = Warned("UserWarning", "two\nlines", Source("model.py", 3, "warn()"), 2)
    said = healthy(warnings=(warning,)).document()["run"]["warnings"]
    source = {"file": "model.py", "line": 3, "code": "warn()"}
    assert said == [{"category": "UserWarning", "text": "two\nlines", "source": source, "times": 2}]
