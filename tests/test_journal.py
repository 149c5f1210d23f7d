"""The log of messages can be read line by line, whatever the messages hold."""

from __future__ import annotations

import io
import json
import math

from inspector.journal import Journal
from inspector.messages import Load, Printed, RowsDescribed, TensorMeasured
from inspector.schema import TensorStats


def test_every_message_is_one_line_of_json() -> None:
    file = io.StringIO()
    journal = Journal(file)
    journal.write("sent", 1, Load("model.py:Net"))
    journal.write("heard", 1, RowsDescribed(512, b"\x00" * 4000, 7))
    journal.write("heard", 1, TensorMeasured(3, TensorStats(elements=1, mean=math.nan, minimum=-math.inf), 0.5))
    journal.write("heard", 1, Printed("stdout", "one\ntwo \udcff"))
    lines = [json.loads(line) for line in file.getvalue().splitlines()]
    assert [line["way"] for line in lines] == ["sent", "heard", "heard", "heard"]
    assert [line["engine"] for line in lines] == [1, 1, 1, 1]
    assert lines[0]["message"] == {"type": "load", "target": "model.py:Net"}
    assert lines[1]["message"] == {"type": "rows-described", "first": 512, "rows": "4000 bytes", "count": 7}
    assert lines[2]["message"]["stats"] == {"elements": 1, "mean": "nan", "minimum": "-inf"}
    assert lines[3]["message"]["text"] == "one\ntwo \\udcff"


def test_a_line_is_there_as_soon_as_its_message_was() -> None:
    class Flushed(io.StringIO):
        flushed = ""

        def flush(self) -> None:
            self.flushed = self.getvalue()

    file = Flushed()
    Journal(file).write("sent", 2, Load("a.py"))
    assert json.loads(file.flushed)["message"]["target"] == "a.py"
