"""ParameterForm: every parameter of a request as a control, built from the catalog, and the price of it.

Changing the model changes what is offered. `ParameterForm.params` is the headless twin: the same dict that
`Studio.submit` takes. Sending happens on the engine, so the kernel is free at once; what it says comes back
as words under the button, and a finished clip as a plain output that outlasts the kernel.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import ipywidgets as w

from seedance_widgets import catalog
from seedance_widgets.background_loop import engine
from seedance_widgets.catalog.model import ADAPTIVE
from seedance_widgets.errors import InvalidRequest, Problem, SeedanceError, error_text
from seedance_widgets.request.fields import FROM_DRAFT, MODE_TITLES, PARAMETERS, TASK_MODES, TASK_TYPE, Kind
from seedance_widgets.request.legacy_flags import LENGTHS, SENT, take_flags
from seedance_widgets.request.model_options import parameters_of
from seedance_widgets.request.task_request import TaskRequest
from seedance_widgets.task.card import brief
from seedance_widgets.units import cost_text, count_text
from seedance_widgets.widgets.controls import STYLE, Control, Words, say
from seedance_widgets.widgets.examples import EXAMPLES, HINTS
from seedance_widgets.widgets.form_inputs import Inputs
from seedance_widgets.widgets.front_end import style
from seedance_widgets.widgets.key_guard import Keys, Press
from seedance_widgets.widgets.price_table import price_html
from seedance_widgets.widgets.prompt_flags import PromptFlags, with_flags
from seedance_widgets.widgets.static_output import LastingOutput, display_widget

if TYPE_CHECKING:
    from collections.abc import Callable

    from seedance_widgets.catalog.model import Model
    from seedance_widgets.request.legacy_flags import Taken
    from seedance_widgets.studio import Studio
    from seedance_widgets.task.task import Task

__all__ = ["ParameterForm"]

_MAIN = sorted((name for name, row in PARAMETERS.items() if row.main), key=lambda name: PARAMETERS[name].main)
_MORE = sorted((name for name, row in PARAMETERS.items() if row.more), key=lambda name: PARAMETERS[name].more)
_PROMPT_WORDS = 1000  # advice of the create reference, no limit


class ParameterForm(w.VBox):
    """A form for one studio.

    Parameters
    ----------
    studio
        Where requests go when Generate is pressed; nothing is sent before.

    Attributes
    ----------
    tasks
        What was sent from here, oldest first.
    """

    def __init__(self, studio: Studio) -> None:
        self._studio = studio
        self._sending = False
        self._quiet = True
        self._last: TaskRequest | None = None
        self._listeners: list[Callable[[Task], None]] = []
        self.tasks: list[Task] = []
        self._lasting = LastingOutput()
        self._build()
        super().__init__(self._rows())
        self.add_class("sw-form")
        self._quiet = False
        self._offer()
        for name, value in studio.defaults.own.items():
            if name in self._controls:
                self._controls[name].set(value)

    # --- the headless twin -------------------------------------------------------------------------------

    @property
    def model(self) -> Model:
        """The chosen model."""
        return catalog.find(self._model.value)

    @property
    def mode(self) -> str:
        """text, first_frame, first_last_frame, reference or from_draft."""
        return str(self._mode.value)

    @property
    def params(self) -> dict[str, Any]:
        """What `Studio.submit` would be given, without the crop of a first frame.

        Flags of the prompt are in it as parameters, in the place of what the controls show.
        """
        given = {name: control.value for name, control in self._controls.items()}
        params: dict[str, Any] = {"model": self.model.name, **self._inputs.params(self.mode)}
        params |= {name: value for name, value in given.items() if self._is_said(name, value)}
        params = with_flags(params, self._taken)
        if params.get("frames") is not None or self.mode in self.model.length_of_input:
            params.pop("duration", None)
        return params

    def _is_said(self, name: str, value: Any) -> bool:
        """Whether a control's value belongs into the request: a choice at its default may be left out."""
        row = PARAMETERS[name]
        is_plain = row.kind is Kind.CHOICE and not (row.spelled or row.logged)
        return value is not None and not (is_plain and value == self._controls[name].default)

    @property
    def _taken(self) -> Taken:
        return take_flags(self._prompt.value if self.mode != FROM_DRAFT else "")

    @property
    def request(self) -> TaskRequest:
        """The request as it would be sent, its first frame cropped as the cropper shows.

        Raises
        ------
        InvalidRequest
            Something is still missing or wrong.
        """
        if problems := self._taken.problems:
            raise InvalidRequest(problems)
        return TaskRequest(**self._inputs.cropped(self.mode, self.params), legacy_flags=SENT)

    @property
    def problems(self) -> list[Problem]:
        """What is wrong with the form as it stands."""
        taken = self._taken
        try:
            request = TaskRequest(**self.params, legacy_flags=SENT)
        except InvalidRequest as error:
            return [*taken.problems, *(taken.named(problem) for problem in error.problems)]
        if taken.problems:
            return list(taken.problems)
        missing = self._inputs.missing(self.mode) if request.mode != self.mode else None
        return [Problem(missing, None, f"choose one for {MODE_TITLES[self.mode]}")] if missing else []

    def load(self, task: Task | TaskRequest) -> None:
        """Fill the form with what a task was asked for."""
        request = task if isinstance(task, TaskRequest) else task.request
        self._quiet = True
        try:
            self._model.value = request.spec.name
            self._mode.options = self._modes()
            self._mode.value = request.mode
            self._prompt.value = request.prompt
            self._inputs.load(request)
        finally:
            self._quiet = False
        self._offer()
        for name, control in self._controls.items():
            control.set(getattr(request, name))
        self._refresh()

    def on_task(self, callback: Callable[[Task], None]) -> None:
        """Call back with each task that was sent from here, as soon as the service has accepted it.

        Parameters
        ----------
        callback
            Given the `Task`, in a thread of its own. What it raises is shown in the form.
        """
        self._listeners.append(callback)

    # --- building ----------------------------------------------------------------------------------------

    def _build(self) -> None:
        wide = w.Layout(width="auto", max_width="540px")
        names = [(self._title_of(model), model.name) for model in catalog.models()]
        self._model = w.Dropdown(
            options=names,
            value=catalog.find(self._studio.defaults.model).name,
            description="Model",
            style=STYLE,
            layout=wide,
        )
        words = self._lines = Words()
        self._advice = words.line("hint")
        self._mode = w.Dropdown(options=self._modes(), description="Mode", style=STYLE, layout=wide)
        self._example = w.Dropdown(
            options=[("a sample prompt...", -1), *((each.title, n) for n, each in enumerate(EXAMPLES))],
            description="Try one",
            style=STYLE,
            layout=wide,
        )
        self._prompt = w.Textarea(
            description="Prompt", rows=4, style=STYLE, layout=w.Layout(width="auto"), continuous_update=True
        )
        self._words = words.line("hint")
        self._prompt_line = words.line()
        self._chips = w.HBox(layout=w.Layout(flex_flow="row wrap"))
        self._chip_layout = w.Layout(width="auto", flex="0 0 auto")
        self._prompt_box = w.VBox([self._prompt, self._words, self._chips, self._prompt_line])
        self._flags = PromptFlags(words, self._prompt_box, self._take_flags)
        self._inputs = Inputs(self._studio, words, self._refresh)
        spec = parameters_of(self.model, self.mode)
        self._controls = {name: Control(spec[name], words, self._refresh) for name in (*_MAIN, *_MORE)}
        self._more = w.Checkbox(value=False, description="More parameters", style=STYLE)
        self._more_box = _columns([self._controls[name].box for name in _MORE])
        self._notice = words.line("notice")
        self._general = words.line()
        self._price = w.HTML()
        self._price.add_class("sw-form-price")
        self._keys = Keys()
        self._button = Press(self._keys, description="Generate", button_style="primary", disabled=True)
        self._button.add_class("sw-form-generate")
        self._again = Press(
            self._keys, description="Same again, new seed", disabled=True, layout=w.Layout(width="auto")
        )
        self._status = words.line("status")
        for control in (self._model, self._mode):
            control.observe(lambda _: self._offer(), "value")
        self._prompt.observe(lambda _: self._refresh(), "value")
        self._example.observe(self._take_example, "value")
        self._more.observe(lambda _: self._show_more(), "value")
        self._button.on_click(lambda _: self._press())
        self._again.on_click(lambda _: self._press_again())
        self._show_more()

    def _rows(self) -> list[w.Widget]:
        main = [self._controls[name].box for name in _MAIN]
        return [
            style("form"),
            self._keys,
            w.VBox([self._model, self._advice, self._mode, self._example]),
            self._prompt_box,
            self._inputs.box,
            _columns([*main, self._more]),
            self._more_box,
            self._notice,
            self._price,
            self._general,
            w.HBox([self._button, self._again]),
            self._status,
        ]

    def _modes(self) -> list[tuple[str, str]]:
        modes = [*self.model.modes, *([FROM_DRAFT] if self.model.draft else [])]
        return [(MODE_TITLES[mode], mode) for mode in modes]

    # --- following the person ----------------------------------------------------------------------------

    def _offer(self) -> None:
        """Offer what this model takes in this mode, keeping what still fits."""
        if self._quiet:
            return
        self._quiet = True
        changed = []
        try:
            modes = self._modes()
            if list(self._mode.options) != modes:
                before = self._mode.value
                self._mode.options = modes
                kept = before if before in dict(modes).values() else modes[0][1]
                if kept != before:
                    changed.append(f"{MODE_TITLES[before]} is not offered here: now {MODE_TITLES[kept]}.")
                self._mode.value = kept
            spec = parameters_of(self.model, self.mode)
            changed += [
                text
                for name, control in self._controls.items()
                if (text := control.offer(spec[name])) and name != TASK_TYPE
            ]
            self._prompt.layout.display = "none" if self.mode == FROM_DRAFT else ""
            self._inputs.offer(self.model, self.mode)
        finally:
            self._quiet = False
        say(self._notice, " ".join(changed))
        self._describe()
        self._refresh()

    def _describe(self) -> None:
        model = self.model
        formula = "" if self.mode == FROM_DRAFT else f"Prompt = {model.prompt_formula}. "
        guide = f"More on prompts: {model.guide}." if model.guide else ""
        say(self._advice, f"{self._retirement_note(model) or model.advice} {guide}".strip())
        self._prompt.placeholder = formula + HINTS[self.mode]

    def _title_of(self, model: Model) -> str:
        return f"{model.title} · {model.name}{' (retired)' if self._retirement_note(model) else ''}"

    def _retirement_note(self, model: Model) -> str:
        """By the studio's clock, "" for a model that is not."""
        end = model.retirement
        if end is None or not end.is_past(self._studio.runtime.clock()):
            return ""
        instead = f" Take {catalog.find(end.replacement).name} instead." if end.replacement else ""
        return f"Retired on {end.date} ({end.status}); the service decides whether it still answers.{instead}"

    def _refresh(self) -> None:
        """Check, price, and enable what may be pressed."""
        if self._quiet:
            return
        by_input = self.mode == FROM_DRAFT or self.mode in self.model.length_of_input
        by_frames = self._controls["frames"].value is not None
        self._controls["duration"].box.layout.display = "none" if by_input or by_frames else ""
        if self.mode in TASK_MODES:  # the mode says it
            self._controls[TASK_TYPE].box.layout.display = "none"
        self._follow_draft()
        self._offer_chips()
        params = self.params
        words = len(params["prompt"].split())
        long = f"; the service advises at most {_PROMPT_WORDS:,}" if words > _PROMPT_WORDS else ""
        say(self._words, f"{count_text(words, 'word')}{long}" if self.mode != FROM_DRAFT else "")
        self._inputs.aim(self.model, params.get("resolution"), params.get("ratio") or ADAPTIVE)
        problems = self.problems
        self._explain(problems)
        self._flags.show(self._taken, problems)
        self._show_price(params)
        self._button.disabled = bool(problems) or self._sending
        self._again.disabled = self._last is None or self._sending

    def _follow_draft(self) -> None:
        """A draft narrows other parameters: show that before it is refused."""
        spec = parameters_of(self.model, self.mode, draft=bool(self.params.get("draft")))
        self._quiet = True
        try:
            for name, control in self._controls.items():
                if text := control.offer(spec[name]):
                    say(self._notice, text)
        finally:
            self._quiet = False

    def _explain(self, problems: list[Problem]) -> None:
        texts: dict[str, list[str]] = {}
        for problem in problems:
            hint = "" if problem.nearest is None else f" Nearest: {problem.nearest}."
            texts.setdefault(problem.parameter.partition("[")[0], []).append(f"{problem.reason}.{hint}")
        for name, control in self._controls.items():
            control.explain(" ".join(texts.pop(name, [])))
        # an empty form is not yet wrong: the button says enough
        missing = texts.pop("prompt", [])
        say(self._prompt_line, " ".join(missing) if self._prompt.value else "")
        self._inputs.explain(texts)
        say(self._general, " ".join(f"{name}: {' '.join(reasons)}" for name, reasons in texts.items()))

    def _show_price(self, params: dict[str, Any]) -> None:
        known = {name: value for name, value in params.items() if name != "prompt"}
        try:
            self._price.value = price_html(TaskRequest.sketch(mode=self.mode, **known))
        except InvalidRequest:
            self._price.value = "<div>No price while a parameter is not legal.</div>"

    def _offer_chips(self) -> None:
        """A button for each name of a reference, which writes it into the prompt."""
        names = self._inputs.names(self.mode)
        if names == [chip.description for chip in self._chips.children]:
            return

        def chip(name: str) -> w.Button:
            button = w.Button(description=name, tooltip=f"Write {name} into the prompt")
            button.layout = self._chip_layout
            button.on_click(lambda _: self._insert(name))
            return button

        self._chips.children = [chip(name) for name in names]

    def _insert(self, text: str) -> None:
        gap = "" if not self._prompt.value or self._prompt.value.endswith((" ", "\n")) else " "
        self._prompt.value += f"{gap}{text} "

    def _take_flags(self) -> None:
        """Move the flags of the prompt into the controls."""
        taken = self._taken
        if model := taken.params.get("model"):
            self._model.value = catalog.find(model).name
        for name in LENGTHS if taken.params.keys() & set(LENGTHS) else ():
            self._controls[name].set(None)
        for name, value in taken.params.items():
            if name in self._controls:
                self._controls[name].set(value)
        # last: until then the flags still count, whatever the controls show
        self._prompt.value = taken.prompt

    def _take_example(self, change: Any) -> None:
        if change["new"] < 0:
            return
        example = EXAMPLES[change["new"]]
        if example.mode not in self.model.modes:
            able = next(model for model in catalog.models() if example.mode in model.modes)
            self._model.value = able.name
        self._mode.value = example.mode
        for name, value in example.params.items():
            if name in self._controls:
                self._controls[name].set(value)
        self._prompt.value = example.prompt
        self._example.value = -1

    def _show_more(self) -> None:
        self._more_box.layout.display = "" if self._more.value else "none"

    # --- sending -----------------------------------------------------------------------------------------

    def _press(self) -> None:
        """Generate was pressed: hand over to the engine; a second press while sending is passed over."""
        if self._sending or self.problems:
            return
        self._send_soon(self._inputs.snapshot(self.mode, self.params))

    def _press_again(self) -> None:
        if self._sending or self._last is None:
            return
        last = self._last.replace(seed=None)
        self._send_soon(lambda: last)

    def _send_soon(self, make: Callable[[], TaskRequest]) -> None:
        self._sending = True
        self._button.disabled = self._again.disabled = True
        say(self._status, "Sending...")
        engine.submit(self._deliver(make))

    async def _deliver(self, make: Callable[[], TaskRequest]) -> None:
        try:
            # cropping a large photograph takes a moment: not on the kernel, and not on the engine's loop
            request = await asyncio.to_thread(make)
            task = await self._studio.submit(request)
        except Exception as error:  # noqa: BLE001 - a callback's error has no other place to be seen
            self._finish(brief(error_text(error)))
            return
        self._last = request
        self.tasks.append(task)
        self._finish(f"Task {task.key} is {task.status}. Go on working; its clip appears below.")
        self._lasting.add(task)
        for listener in self._listeners:
            try:
                await asyncio.to_thread(listener, task)
            except Exception as error:  # noqa: BLE001 - the same
                say(self._notice, f"on_task: {brief(error_text(error))}")
        try:
            await task
        except SeedanceError as error:
            say(self._status, brief(str(error)))
        else:
            cost = cost_text(task.usd)
            simulated = " (simulated, not billed)" if self._studio.runtime.simulated else ""
            say(self._status, f"Task {task.key} is done: {cost}{simulated}.")
        self._lasting.redraw()

    def _finish(self, text: str) -> None:
        self._sending = False
        say(self._status, text)
        self._refresh()

    # --- showing -----------------------------------------------------------------------------------------

    def show_lasting(self) -> None:
        """Open a plain output in this cell that keeps finished clips without a kernel."""
        self._lasting.show()

    def _ipython_display_(self) -> None:
        display_widget(self)
        self.show_lasting()


def _columns(boxes: list[w.Widget]) -> w.Box:
    """As many columns as there is room for."""
    box = w.Box(boxes)
    box.add_class("sw-form-columns")
    return box
