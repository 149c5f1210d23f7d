"""Tab in a shell: the script that --completion prints, tried in a real bash where there is one."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import shtab

from inspector.completion import script
from inspector.options import SHELLS, parser


def completed(folder: Path, *typed: str) -> list[str]:
    """What bash offers after these words, the last of which is only begun."""
    bash = shutil.which("bash")
    if bash is None:
        pytest.skip("needs bash")
    words = " ".join(f"'{word}'" for word in ("nn-inspect", *typed))
    asked = f"COMP_WORDS=({words}); COMP_CWORD={len(typed)}; _shtab_nn_inspect"
    program = f'{script("bash")}\n{asked}\nprintf "%s\\n" "${{COMPREPLY[@]}}"'
    done = subprocess.run(
        [bash, "--norc", "-c", program], capture_output=True, text=True, check=False, cwd=folder, timeout=30
    )
    return done.stdout.split()


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        (("--jso",), ["--json"]),
        (("--mode", "b"), ["both"]),
        (("--device", "m"), ["meta"]),
        (("--card", "AvgPool1"), ["AvgPool1d"]),
        (("--explain", "NN101"), ["NN101"]),
        (("--ignore", "NN101"), ["NN101"]),
        (("--config", "net"), ["net.toml"]),
        (("my",), ["mymodel.py"]),
    ],
)
def test_bash_is_offered_options_layers_ids_and_files(
    tmp_path: Path, typed: tuple[str, ...], offered: list[str]
) -> None:
    (tmp_path / "net.toml").touch()
    (tmp_path / "mymodel.py").touch()
    assert completed(tmp_path, *typed) == offered


def test_every_shell_that_is_promised_gets_a_script() -> None:
    assert set(SHELLS) <= set(shtab.SUPPORTED_SHELLS)
    for shell in SHELLS:
        assert "--fail-on" in script(shell)


def test_completing_words_forbids_no_others() -> None:
    script("bash")
    assert parser().parse_args(["model.py", "--card", "layer1.0.conv1", "--device", "cuda:1"]).device == "cuda:1"


def test_the_script_is_printed_without_torch_or_textual() -> None:
    code = (
        "import sys; sys.argv = ['nn-inspect', '--completion', 'bash']\n"
        "from inspector.cli import main\n"
        "try:\n    main()\nexcept SystemExit as left:\n"
        "    print(left.code, [m for m in ('torch', 'textual', 'rich', 'asyncio') if m in sys.modules])\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "complete -o bashdefault" in done.stdout
    assert done.stdout.rstrip().endswith("0 []")
