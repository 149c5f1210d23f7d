"""What a load may lack: which model of the file, or which arguments. One question at a time lies over the window."""

from __future__ import annotations

import os
from typing import Any

from textual.app import App
from textual.screen import ModalScreen

from inspector.messages import Load
from inspector.schema import Candidate, Failure
from inspector.tui.argument_form import ArgumentForm
from inspector.tui.conversation import Conversation
from inspector.tui.picker_screen import PickerScreen


class Questions:
    """Asks, and loads with the answer; a load that ends otherwise takes an open question away."""

    def __init__(self, app: App[Any], talk: Conversation) -> None:
        self._app = app
        self._talk = talk
        self._open: ModalScreen[Any] | None = None
        self._about: object = None
        """What the open question is about: asked again about the same, it stays as the person has filled it in."""
        self.missing: Failure | None = None
        """The last load that lacked arguments: what the form asks for."""

    def ask_for(self, failure: Failure) -> bool:
        """Ask for what a load lacked; False, and no question is open any more, when asking would not help."""
        if failure.candidates:
            self.choose_model(failure.candidates)
        elif failure.arguments:
            self.missing = failure
            self.ask_arguments(failure)
        else:
            self.withdraw()
        return self._open is not None

    def ask_arguments(self, failure: Failure) -> None:
        """Let the person fill in constructor arguments, beginning with what was typed or given last."""
        given = dict(argument.partition("=")[::2] for argument in self._talk.request.arguments)
        if isinstance(self._open, ArgumentForm):
            given |= self._open.typed()
        self._ask(ArgumentForm(failure, given), (failure.call, failure.arguments))

    def choose_model(self, candidates: tuple[Candidate, ...], *, others: bool = False) -> None:
        """Let the person choose among the models of the file, or among those that are not open."""
        self._ask(PickerScreen(candidates, others=others), candidates)

    def withdraw(self) -> None:
        """Take the open question away, unanswered."""
        if self._open is not None and self._open.is_current:
            self._open.dismiss(None)
        self._open = self._about = None

    def _ask(self, question: ModalScreen[Any], about: object) -> None:
        if self._open is not None and about == self._about:
            return
        self.withdraw()
        self._open, self._about = question, about
        answered = self._arguments_given if isinstance(question, ArgumentForm) else self._model_chosen

        def closed(answer: Any) -> None:
            if self._open is question:  # else it was withdrawn
                self._open = self._about = None
                answered(answer)

        self._app.push_screen(question, closed)

    def _model_chosen(self, name: str | None) -> None:
        if name is not None:
            asked = self._talk.request
            self._talk.load(Load(f"{file_part(asked.target)}:{name}", (), asked.config, asked.device))

    def _arguments_given(self, arguments: tuple[str, ...] | None) -> None:
        if arguments is not None:
            asked = self._talk.request
            self._talk.load(Load(asked.target, arguments, asked.config, asked.device))


def file_part(target: str) -> str:
    """model.py:Net(3) → model.py; behind the first colon there may be others, in the arguments."""
    return target if os.path.exists(target) else target.partition(":")[0]
