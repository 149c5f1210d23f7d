"""What colours mean: one style for each role, in the terminal's own sixteen colours, in a Textual theme's, or in none.

The terminal's own colours are the default: they follow a light or dark terminal without asking, survive 16 colours,
and take the fewest bytes. No role says anything by colour alone; every mark is a letter or a glyph as well.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from rich.style import Style
from textual.theme import Theme

from inspector.schema import Group

PLAIN = Style.null()


@dataclass(frozen=True)
class Palette:
    """Styles by role."""

    base: Style = PLAIN
    dim: Style = Style(dim=True)
    strong: Style = Style(bold=True)
    heading: Style = Style(bold=True)
    bar: Style = PLAIN
    """The title line and the line of keys."""
    key: Style = Style(bold=True)
    cursor: Style = Style(reverse=True)
    cursor_away: Style = Style(underline=True, bold=True)
    """The cursor's line in a pane that does not have the focus."""
    good: Style = PLAIN
    warning: Style = Style(bold=True)
    error: Style = Style(bold=True)
    alarm: Style = Style(bold=True, reverse=True)
    """What must not be overlooked in the title line."""
    accent: Style = PLAIN
    groups: dict[str, Style] = field(default_factory=dict)
    code: dict[str, Style] = field(default_factory=dict)

    def group(self, group: Group) -> Style:
        return self.groups.get(group, self.base)


def without_colour() -> Palette:
    """Bold, dim, underline and reverse are all there is."""
    code = {"keyword": Style(bold=True), "comment": Style(dim=True), "string": Style(italic=True)}
    return Palette(code=code, groups={"user": Style(bold=True), "container": Style(dim=True)})


def of_the_terminal() -> Palette:
    """The sixteen colours that the terminal's owner chose."""
    return _palette(
        base="",
        bar="black on white",
        cursor="black on cyan",
        colours={
            "blue": "blue", "cyan": "cyan", "green": "green", "yellow": "yellow", "magenta": "magenta", "red": "red",
            "violet": "bright_magenta", "sky": "bright_blue",
        },
    )  # fmt: skip


def of_theme(theme: Theme) -> Palette:
    """The colours of one of Textual's themes."""
    colours = theme.to_color_system().generate()
    background, foreground = colours["background"], colours["foreground"]

    def plain(name: str) -> str:
        return colours[name][:7]

    return _palette(
        base=f"{foreground[:7]} on {background[:7]}",
        bar=f"{foreground[:7]} on {plain('panel')}",
        cursor=f"{background[:7]} on {plain('primary')}",
        colours={
            "blue": plain("primary"), "cyan": plain("secondary"), "green": plain("success"),
            "yellow": plain("warning"), "magenta": plain("accent"), "red": plain("error"),
            "violet": plain("accent"), "sky": plain("secondary"),
        },
    )  # fmt: skip


_GROUPS = {
    "container": "dim", "convolution": "blue", "linear": "cyan", "normalization": "green", "activation": "yellow",
    "pooling": "sky", "dropout": "magenta", "recurrent": "sky", "attention": "violet", "embedding": "violet",
    "loss": "red", "user": "bold",
}  # fmt: skip
"""The colour or the attribute of each family of modules."""


def _palette(*, base: str, bar: str, cursor: str, colours: dict[str, str]) -> Palette:
    ground = Style.parse(base) if base else PLAIN

    def style(text: str) -> Style:
        return ground + Style.parse(text)

    groups = {group: style(colours.get(colour, colour)) for group, colour in _GROUPS.items()}
    return Palette(
        base=ground,
        dim=style("dim"),
        strong=style("bold"),
        heading=style(f"bold {colours['blue']}"),
        bar=Style.parse(bar),
        key=Style.parse(f"{bar} bold"),
        cursor=Style.parse(cursor),
        cursor_away=style("bold underline"),
        good=style(colours["green"]),
        warning=style(f"bold {colours['yellow']}"),
        error=style(f"bold {colours['red']}"),
        alarm=style(f"bold reverse {colours['red']}"),
        accent=style(colours["cyan"]),
        groups=groups,
        code={
            "keyword": style(colours["magenta"]),
            "name": style(f"bold {colours['blue']}"),
            "string": style(colours["green"]),
            "number": style(colours["cyan"]),
            "comment": style("dim italic"),
            "builtin": style(colours["cyan"]),
        },
    )
