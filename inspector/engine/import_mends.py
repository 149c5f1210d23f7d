"""What would mend an import that failed: the rules about modules that are missing, hidden or half imported."""

from __future__ import annotations

import difflib
import importlib.machinery
import os
import sys

from inspector.engine.case import Case, WayOut
from inspector.engine.command import shortest, spell
from inspector.engine.source_files import is_library, module_file

_DISTRIBUTIONS = {
    "PIL": "pillow", "cv2": "opencv-python", "skimage": "scikit-image", "sklearn": "scikit-learn", "yaml": "pyyaml",
    "dotenv": "python-dotenv", "pytorch_lightning": "pytorch-lightning", "flash_attn": "flash-attn",
    "segmentation_models_pytorch": "segmentation-models-pytorch", "torch_geometric": "torch-geometric",
    "open_clip": "open-clip-torch", "git": "GitPython", "bs4": "beautifulsoup4", "attr": "attrs",
}  # fmt: skip
"""Modules whose distribution has another name."""


def misses_a_module(case: Case) -> WayOut | None:
    name = case.text("name")
    if not case.is_a(ModuleNotFoundError) or not name:
        return None
    top = name.partition(".")[0]
    folder = _folder_holding(top, case)
    if top != name and top in sys.modules:
        return WayOut(_lacks(top, name[len(top) + 1 :], folder))
    if folder:
        return WayOut(
            f"{top} is in {folder}, which is not on the path: start with that folder in PYTHONPATH",
            f"PYTHONPATH={shortest(folder)} {spell(case.request)}",
        )
    near = _neighbours_like(top, case)
    if near:
        return WayOut(f"Beside the file there is {near}.py: was that meant?")
    if top in sys.stdlib_module_names:
        return WayOut(f"{top} belongs to Python, but this Python was built without it, or is for another system")
    distribution = _DISTRIBUTIONS.get(top, top)
    return WayOut(f"{sys.executable} -m pip install {distribution}")


def _lacks(top: str, rest: str, folder: str) -> str:
    """A module that was imported, but from another place than was meant, or without a part that was expected."""
    file = module_file(sys.modules[top])
    if folder and os.path.dirname(file) not in (folder, os.path.join(folder, top)):
        return f"The name {top} is taken by {file} here: import relatively  (from .{rest} import …)"
    return f"{top} ({file}) has no {rest}: another version is meant, or the name is misspelt"


def _folder_holding(top: str, case: Case) -> str:
    """The folder, from the user's file upwards or here, where a module of this name lies though it was not found."""
    folder = os.path.dirname(case.file) if case.file else os.getcwd()
    above = [folder]
    while os.path.dirname(above[-1]) != above[-1] and len(above) < 8:
        above.append(os.path.dirname(above[-1]))
    for folder in (*above, os.getcwd()):
        ways = (f"{top}.py", os.path.join(top, "__init__.py"))
        if any(os.path.isfile(os.path.join(folder, way)) for way in ways):
            return folder
    return ""


def _neighbours_like(name: str, case: Case) -> str:
    folder = os.path.dirname(case.file)
    names = [entry[:-3] for entry in os.listdir(folder) if entry.endswith(".py")] if folder else []
    return next(iter(difflib.get_close_matches(name, names, 1, 0.8)), "")


def imports_relatively(case: Case) -> WayOut | None:
    if not case.is_a(ImportError) or "relative import" not in case.message:
        return None
    folder = os.path.dirname(case.file) or os.getcwd()
    if os.path.exists(os.path.join(folder, "__init__.py")):
        return WayOut("The import climbs out of its package: one dot less, or an __init__.py in the folder above")
    return WayOut(f"A relative import needs a package: put an empty __init__.py into {folder}")


def imports_in_a_circle(case: Case) -> WayOut | None:
    if not case.is_a(ImportError, AttributeError) or "partially initialized module" not in case.message:
        return None
    file = module_file(sys.modules.get(case.text("name"))) or case.file
    stem = os.path.splitext(os.path.basename(file))[0]
    if stem in sys.stdlib_module_names or (not is_library(file) and _installed_elsewhere(stem, file)):
        return WayOut(f"{file} hides a library of the same name: rename the file")
    return WayOut("Two files import each other: move the import into the function that needs it")


def _installed_elsewhere(name: str, file: str) -> bool:
    path = [entry for entry in sys.path if os.path.realpath(entry or ".") != os.path.dirname(os.path.realpath(file))]
    return importlib.machinery.PathFinder.find_spec(name, path) is not None
