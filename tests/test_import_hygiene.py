"""Who may enter which room, in a clean interpreter: what an import really loads, lazily or through others."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "inspector"
ROOMS = ("cards", "engine", "tui", "reports")

HEAVY = ("torch", "torchinfo", "numpy", "inspector.engine")
WINDOW = ("textual", "inspector.tui")
SHARED = {
    "inspector", "inspector.schema", "inspector.run_schema", "inspector.checkpoint_schema",
    "inspector.mode_schema", "inspector.gradient_schema", "inspector.messages",
    "inspector.wire", "inspector.figures", "inspector.catalogue", "inspector.free_memory",
}  # fmt: skip
"""What both kinds of process import."""


def modules(folder: Path) -> list[str]:
    """Every module in a folder and below, by name."""
    files = sorted(file.relative_to(PACKAGE.parent).with_suffix("") for file in folder.rglob("*.py"))
    return [".".join(file.parts).removesuffix(".__init__") for file in files if file.name != "__main__"]


def front_room() -> list[str]:
    """The modules that are in no room; a folder of them that is imported as one stands for its files."""
    outside = (name for name in modules(PACKAGE) if name.split(".")[1:2] not in [[room] for room in ROOMS])
    return sorted({".".join(name.split(".")[:2]) for name in outside})


def loaded(code: str) -> set[str]:
    """What stands in sys.modules when this code has run, or has left by SystemExit."""
    wrapped = f"import sys\ntry:\n    {code}\nexcept SystemExit:\n    pass\nprint('loaded', *sys.modules)"
    result = subprocess.run([sys.executable, "-c", wrapped], capture_output=True, text=True, timeout=60)
    assert result.returncode == 0, result.stderr
    return set(result.stdout.splitlines()[-1].split())


def trespassers(names: list[str], forbidden: tuple[str, ...]) -> set[str]:
    assert names
    present = loaded("import " + ", ".join(names))
    assert present.issuperset(names)
    return {name for name in present if name.startswith(tuple(f"{wall}." for wall in forbidden)) or name in forbidden}


def test_the_front_room_loads_neither_torch_nor_a_window() -> None:
    assert trespassers(front_room(), (*HEAVY, *WINDOW, "inspector.reports")) == set()


def test_the_reports_load_neither_torch_nor_a_window() -> None:
    assert trespassers(modules(PACKAGE / "reports"), (*HEAVY, *WINDOW)) == set()


def test_the_cards_load_neither_torch_nor_a_front_end() -> None:
    front = [name for name in front_room() if name not in SHARED]
    assert trespassers(modules(PACKAGE / "cards"), (*HEAVY, *WINDOW, *front, "rich", "inspector.reports")) == set()


def test_the_window_loads_no_torch_and_no_report() -> None:
    assert trespassers(modules(PACKAGE / "tui"), (*HEAVY, "inspector.reports")) == set()


def test_the_engine_loads_no_front_end() -> None:
    front = [name for name in front_room() if name not in SHARED]
    forbidden = (*WINDOW, *front, "rich", "inspector.cards", "inspector.reports")
    assert trespassers(modules(PACKAGE / "engine"), forbidden) == set()


def test_the_contracts_name_every_module_of_the_front_room() -> None:
    """import-linter checks only what is listed, and a new module is easily forgotten there."""
    text = (PACKAGE.parent / "pyproject.toml").read_text(encoding="utf-8")
    contracts = text.split("[[tool.importlinter.contracts]]")[1:]
    never_torch, no_front_end, only_the_tui = (set(re.findall(r'"(inspector\.\w+)"', text)) for text in contracts[:3])
    front = set(front_room()) - {"inspector"}
    assert never_torch >= front
    assert no_front_end >= front - SHARED
    assert only_the_tui >= front - {"inspector.cli"}  # which opens the window, when it is known that there is to be one


def test_the_server_is_started_before_anything_heavy_is_loaded() -> None:
    present = loaded("from inspector.launch import start_server")
    assert present.isdisjoint({"msgspec", "asyncio", "typing", "dataclasses", "argparse", "inspector.schema"})


def test_the_client_needs_no_event_loop_to_be_imported() -> None:
    assert loaded("import inspector.client").isdisjoint({"asyncio", "dataclasses", "argparse"})


@pytest.mark.parametrize("option", ["--help", "--version"])
def test_help_and_version_load_next_to_nothing(option: str) -> None:
    present = loaded(f"from inspector.cli import main; main(['{option}'])")
    assert "inspector.cli" in present
    assert present.isdisjoint({"torch", "textual", "rich", "inspector.client", "inspector.engine", "subprocess"})


def test_importing_the_package_alone_loads_nothing_of_it() -> None:
    assert not [name for name in loaded("import inspector") if name.startswith(("inspector.", "torch", "textual"))]
