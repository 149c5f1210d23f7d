"""Example values for arguments that only the user can know, so that a command line is ready to be typed and changed."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable

from inspector.engine.command import FILL_IN
from inspector.schema import Argument

_BY_NAME = (
    (r"(num_|n_?)?class(es)?|num_labels|out_(features|dim|channels)|output_(size|dim)", "10"),
    (r"(in_|input_|num_|n_)?(channels|chans)|channels_in", "3"),
    (r".*vocab.*|num_embeddings|n_?tokens?|num_tokens", "1000"),
    (r".*(size|dim|dims|width|hidden|features|d_model|embd|embed|units|planes|filters)|d_\w+|hidden.*|embed.*", "64"),
    (r".*(layers|depth|blocks|levels|stages)|n_?layer", "2"),
    (r".*heads?", "4"),
    (r"kernel.*", "3"),
    (r"stride|padding|dilation|groups", "1"),
    (r".*(drop|dropout).*|.*_rate|p|alpha|eps|momentum", "0.1"),
)
"""What a name suggests, first match first."""

_BY_TYPE = {
    "int": "1", "float": "0.1", "bool": "True", "list": "[64, 64]", "tuple": "(64, 64)", "Sequence": "[64, 64]",
    "Iterable": "[64, 64]", "List": "[64, 64]", "Tuple": "(64, 64)", "dict": "{}", "Dict": "{}", "Mapping": "{}",
    "Size": "(64, 64)",
}  # fmt: skip

_WRITTEN = frozenset(
    {*_BY_TYPE, "str", "bytes", "complex", "set", "None", "Optional", "Union", "Any", "Literal", "typing"}
)
"""Types whose values can be written as literals, and the words that join them."""


def examples(arguments: Iterable[Argument]) -> list[str]:
    """`name=value` for every argument that must be given and was not; `name=...` where nothing plausible is known."""
    return [
        f"{argument.name}={_example(argument)}" for argument in arguments if argument.required and not argument.value
    ]


def wants_object(argument: Argument) -> bool:
    """Whether its annotation asks for something that no literal can be: a module, a configuration object."""
    words = _words(argument.annotation)
    return bool(words) and not any(word in _WRITTEN for word in words)


def _example(argument: Argument) -> str:
    words = _words(argument.annotation)
    if "Literal" in words:
        return _first_literal(argument.annotation)
    by_name = next((value for pattern, value in _BY_NAME if re.fullmatch(pattern, argument.name.lower())), "")
    outer = next((word for word in words if word in _BY_TYPE), "")
    if outer == "int" and by_name:
        return by_name if "." not in by_name else "1"
    if outer:
        return by_name if outer == "float" and "." in by_name else _BY_TYPE[outer]
    return by_name if by_name and not words else FILL_IN


def _first_literal(annotation: str) -> str:
    found = re.search(r"Literal\[(.+?)[,\]]", annotation)
    return found.group(1).strip() if found else FILL_IN


def _words(annotation: str) -> list[str]:
    """The type names of an annotation, outermost first: `Optional[list[int]]` → Optional, list, int."""
    try:
        tree = ast.parse(annotation, mode="eval")
    except (SyntaxError, ValueError):
        return []
    words = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            words.append(node.id)
        elif isinstance(node, ast.Attribute):
            words.append(node.attr)
        elif isinstance(node, ast.Constant) and node.value is None:
            words.append("None")
    return words
