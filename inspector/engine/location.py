"""From what was typed to the file that is meant, and the name under which Python would import it."""

from __future__ import annotations

import difflib
import os
from typing import NamedTuple

from inspector.engine.command import shortest, spell
from inspector.engine.failure import LoadFailed, refuse, sendable
from inspector.messages import Load

_PACKAGE = "__init__.py"
_OTHER_KINDS = {
    ".ipynb": ("a Jupyter notebook", "Save its code as a script:  jupyter nbconvert --to script "),
    ".pt": ("a checkpoint", "Name the Python file that defines the model"),
    ".pth": ("a checkpoint", "Name the Python file that defines the model"),
    ".bin": ("a checkpoint", "Name the Python file that defines the model"),
    ".ckpt": ("a checkpoint", "Name the Python file that defines the model"),
    ".safetensors": ("a checkpoint", "Name the Python file that defines the model"),
    ".onnx": ("an ONNX graph", "Name the Python file that defines the model"),
    ".pyc": ("compiled Python", "Name the .py file that it was made from"),
    ".json": ("a configuration", "Name the Python file, and give this one after --config"),
    ".yaml": ("a configuration", "Name the Python file, and give this one after --config"),
    ".toml": ("a configuration", "Name the Python file, and give this one after --config"),
}


class Location(NamedTuple):
    """Where a target is, before anything is imported."""

    typed: str
    """The path or dotted name as typed."""
    file: str
    """Real path of the .py file, a package's `__init__.py`; empty for a dotted name, which only an import finds."""
    root: str
    """The folder that goes on sys.path: the first one, upwards, that is no package."""
    parts: tuple[str, ...]
    """The dotted name, apart; of files and folders, which may have dots in their names."""

    @property
    def is_package(self) -> bool:
        """Whether it is a folder that Python would import."""
        return os.path.basename(self.file) == _PACKAGE

    @property
    def label(self) -> str:
        """What to call it: `mymodel.py`, `package`, `dotted.module`."""
        name = ".".join(self.parts) if not self.file or self.is_package else os.path.basename(self.file)
        return sendable(name)


def locate(where: str, request: Load) -> Location:
    """Find the file that is meant. Raises LoadFailed when there is none, or none that Python could import."""
    path = os.path.expanduser(where)
    if os.path.isdir(path):
        return _of_folder(where, os.path.realpath(path), request)
    if os.path.isfile(path):
        return _of_file(where, os.path.realpath(path))
    if os.path.exists(path):
        raise refuse("target", "NotAFile", f"{where} is neither a file nor a folder", mend="Name a .py file")
    if os.sep not in path and not path.endswith(".py") and all(part.isidentifier() for part in path.split(".")):
        return _of_dotted_name(path)
    raise _missing(where, path, request)


def _of_file(where: str, file: str) -> Location:
    stem, suffix = os.path.splitext(os.path.basename(file))
    if suffix != ".py":
        kind, mend = _OTHER_KINDS.get(suffix.lower(), ("not a Python file", "Name a .py file"))
        mend += where if mend.endswith(" ") else ""
        raise refuse("target", "NotPython", f"{where} is {kind}", mend=mend)
    try:
        with open(file, "rb"):
            pass
    except OSError as error:
        raise refuse("target", type(error).__name__, f"{where} cannot be read: {error.strerror}") from None
    folder = os.path.dirname(file)
    root, parts = _climb(folder)
    return Location(where, file, root, parts if stem == "__init__" and parts else (*parts, stem))


def _of_folder(where: str, folder: str, request: Load) -> Location:
    file = os.path.join(folder, _PACKAGE)
    if os.path.isfile(file):
        return Location(where, file, *_climb(folder))
    names = _python_files(folder)
    if not names:
        raise refuse("target", "NotAPackage", f"The folder {where} holds no Python file", mend="Name a .py file")
    shown = ", ".join(names[:6]) + (f" and {len(names) - 6} more" if len(names) > 6 else "")
    raise refuse(
        "target",
        "NotAPackage",
        f"The folder {where} is no package: it has no {_PACKAGE}",
        mend=f"Name one of its files: {shown}",
        command=spell(request, os.path.join(where, names[0]) + request.target[len(where) :]),
    )


def _of_dotted_name(name: str) -> Location:
    if name == "__main__":
        raise refuse("target", "NoFile", "__main__ is this program itself", mend="Name a file or a module")
    return Location(name, "", os.getcwd(), tuple(name.split(".")))


def _climb(folder: str) -> tuple[str, tuple[str, ...]]:
    """The first folder, from this one upwards, that is no package, and the packages on the way, outermost first."""
    parts: list[str] = []
    while os.path.isfile(os.path.join(folder, _PACKAGE)) and os.path.dirname(folder) != folder:
        folder, name = os.path.split(folder)
        parts.insert(0, name)
    return folder, tuple(parts)


def _missing(where: str, path: str, request: Load) -> LoadFailed:
    looked_for = os.path.abspath(path)
    folder, name = os.path.split(looked_for)
    if os.path.islink(path):
        return refuse("target", "FileNotFound", f"{where} is a link to {os.readlink(path)}, which is not there")
    if not os.path.isdir(folder):
        return refuse("target", "FileNotFound", f"There is no folder {folder}", mend=_nearest_folder(folder))
    message = f"There is no file {looked_for}"
    names = _python_files(folder)
    near = _nearest(name, names)
    if near:
        path = shortest(os.path.join(folder, near))
        command = spell(request, path + request.target[len(where) :])
        return refuse("target", "FileNotFound", message, mend=f"Was {near} meant?", command=command)
    there = f"The Python files there: {', '.join(names[:8])}" if names else f"There is no Python file in {folder}"
    return refuse("target", "FileNotFound", message, mend=there)


def _nearest(name: str, names: list[str]) -> str:
    if f"{name}.py" in names:
        return f"{name}.py"
    by_lower = {known.lower(): known for known in names}
    wanted = name.lower() if name.lower().endswith(".py") else f"{name.lower()}.py"
    return by_lower.get(next(iter(difflib.get_close_matches(wanted, by_lower, 1, 0.6)), ""), "")


def _nearest_folder(folder: str) -> str:
    parent, name = os.path.split(folder)
    if not os.path.isdir(parent):
        return ""
    folders = [entry for entry in os.listdir(parent) if os.path.isdir(os.path.join(parent, entry))]
    near = difflib.get_close_matches(name, folders, 1, 0.6)
    return f"Was {os.path.join(parent, near[0])} meant?" if near else ""


def _python_files(folder: str) -> list[str]:
    try:
        return sorted(entry for entry in os.listdir(folder) if entry.endswith(".py"))
    except OSError:
        return []
