"""What would mend an exception of the user's code: rules that look at what was measured, each for one way to fail.

A rule returns None when it does not apply. The first one that applies is the answer; no rule is no answer.
"""

from __future__ import annotations

import os
import re
from types import FrameType

from inspector.engine import import_mends
from inspector.engine.case import Case, WayOut
from inspector.engine.command import spell

_GUARD = 'Put what should only run as a script under  if __name__ == "__main__":'


def find(case: Case) -> WayOut:
    """The way out of this failure, if any rule knows one."""
    for rule in _RULES:
        found = rule(case)
        if found is not None:
            return found if case.request.target else found._replace(command="")
    return WayOut("")


# --- the rules --------------------------------------------------------------------------------------------------------


def _exits(case: Case) -> WayOut | None:
    if not case.is_a(SystemExit):
        return None
    if any(frame.f_code.co_filename.endswith("argparse.py") for frame in case.stack()):
        return WayOut(f"argparse found no arguments: sys.argv holds the file's own name alone. {_GUARD}")
    return WayOut(_GUARD if case.stage == "import" else "Raise an exception instead: it can say what is wrong")


def _reads_stdin(case: Case) -> WayOut | None:
    lost = case.is_a(RuntimeError) and "lost sys.stdin" in case.message
    if not lost and not (case.is_a(EOFError) and re.search(r"\binput\(|\bstdin\b", case.code)):
        return None
    return WayOut(f"Standard input is closed here: nobody can answer. {_GUARD}")


def _left_unwritten(case: Case) -> WayOut | None:
    if not case.is_a(SyntaxError) or case.source is None:
        return None
    code = case.source.code
    if re.match(r"(<<<<<<<|=======|>>>>>>>)", code):
        return WayOut("A merge conflict was left in the file: choose one side")
    if re.match(r"[%!]\s*\w", code):
        return WayOut("This line is a notebook's command, not Python: take it out")
    if case.is_a(TabError):
        return WayOut("Tabs and spaces are mixed in this block: use spaces alone")
    return None


def _is_no_utf8(case: Case) -> WayOut | None:
    if not case.is_a(SyntaxError, ValueError) or not _names_bytes(case.message):
        return None
    try:
        with open(case.file, "rb") as stream:
            data = stream.read()
    except OSError:
        return None
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return WayOut("The file is saved as UTF-16: save it as UTF-8")
    if b"\0" in data:
        line = data[: data.index(b"\0")].count(b"\n") + 1
        return WayOut(f"There is a zero byte in line {line}: the file is damaged, or no text at all")
    try:
        data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        return WayOut(f"Line {line} is not UTF-8: save the file as UTF-8, or declare its coding in line 1")
    return None


def _names_bytes(message: str) -> bool:
    return re.search(r"null byte|codec can't decode|Non-UTF-8|utf-8|encoding problem", message) is not None


def _was_never_initialized(case: Case) -> WayOut | None:
    """A module that was given attributes before nn.Module.__init__ made the places for them."""
    if not case.is_a(AttributeError):
        return None
    for frame in reversed(list(case.stack())):
        kind = _uninitialized_self(frame)
        if kind is not None:
            return WayOut(how_to_initialize(kind))
    return None


def how_to_initialize(kind: type) -> str:
    """What to do about a class whose __init__ leaves out nn.Module's."""
    if "__dataclass_fields__" in vars(kind):
        return f"The __init__ that @dataclass writes for {kind.__name__} calls no super().__init__(): write it by hand"
    code = getattr(vars(kind).get("__init__"), "__code__", None)
    where = f" (line {code.co_firstlineno} of {os.path.basename(code.co_filename)})" if code is not None else ""
    return f"Call super().__init__() first in {kind.__name__}.__init__{where}"


def _uninitialized_self(frame: FrameType) -> type | None:
    import torch

    me = frame.f_locals.get("self")
    if not issubclass(type(me), torch.nn.Module) or "_modules" in object.__getattribute__(me, "__dict__"):
        return None
    return type(me)


def _wants_cuda(case: Case) -> WayOut | None:
    import torch

    asks = any(
        frame.f_code.co_name in ("_lazy_init", "_check_cuda", "_cuda_deserialize", "_validate_device")
        and os.path.dirname(frame.f_code.co_filename).startswith(os.path.dirname(torch.__file__))
        for frame in case.stack()
    )
    refused = case.is_a(RuntimeError, AssertionError) and "CUDA" in case.message
    if not (asks or refused) or case.is_named("OutOfMemoryError"):
        return None
    if torch.version.cuda is None and torch.version.hip is None:
        return WayOut(
            f"The code asks for CUDA by itself, and this PyTorch ({torch.__version__}) is built without it: let it "
            'choose,  "cuda" if torch.cuda.is_available() else "cpu";  or, where there is a GPU, add --device cuda'
        )
    if case.request.device.startswith("cuda"):
        return None
    return WayOut(
        "The code asks for CUDA by itself, but a GPU is opened only when told to: add --device cuda",
        spell(case.request, device="cuda"),
    )


def _needs_memory(case: Case) -> WayOut | None:
    if not case.is_named("MemoryError", "OutOfMemoryError") and "can't allocate memory" not in case.message:
        return None
    return WayOut("The structure needs no values: --device meta allocates none", spell(case.request, device="meta"))


def _computes_on_meta(case: Case) -> WayOut | None:
    if case.request.device != "meta" or case.stage != "construct":
        return None
    return WayOut(
        "It was built on the meta device, where tensors have no values to compute with: open it without --device meta",
        spell(case.request, device="cpu"),
    )


def _misses_a_file(case: Case) -> WayOut | None:
    name = case.text("filename")
    if not case.is_a(FileNotFoundError) or not name or os.path.isabs(name):
        return None
    folder = os.path.dirname(case.file)
    if folder and os.path.exists(os.path.join(folder, name)):
        return WayOut(f"{name} is beside the file: start nn-inspect from {folder}, or build the path from __file__")
    return WayOut(f"{name} was looked for from {os.getcwd()}, where nn-inspect was started")


def _wants_the_network(case: Case) -> WayOut | None:
    if not case.is_named("URLError", "gaierror", "ConnectionError", "MaxRetryError", "LocalEntryNotFoundError"):
        return None
    return WayOut("The code wants the network: build the model without it (pretrained=False, weights=None)")


def _never_ends(case: Case) -> WayOut | None:
    if not case.is_a(RecursionError) or case.source is None:
        return None
    return WayOut(f"Line {case.source.line} leads back to itself without end")


_RULES = (
    _exits,
    _reads_stdin,
    _is_no_utf8,
    _left_unwritten,
    _was_never_initialized,
    import_mends.misses_a_module,
    import_mends.imports_relatively,
    import_mends.imports_in_a_circle,
    _wants_cuda,
    _needs_memory,
    _computes_on_meta,
    _misses_a_file,
    _wants_the_network,
    _never_ends,
)
