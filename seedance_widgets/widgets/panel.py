"""Panel: the form with its cropper, the board of tasks, and the player, in one view."""

from __future__ import annotations

from typing import TYPE_CHECKING

import ipywidgets as w

from seedance_widgets.widgets.board import TaskBoard
from seedance_widgets.widgets.form import ParameterForm
from seedance_widgets.widgets.front_end import style
from seedance_widgets.widgets.player import VideoPlayer
from seedance_widgets.widgets.static_output import display_widget

if TYPE_CHECKING:
    from seedance_widgets.studio import Studio
    from seedance_widgets.task.task import Task

__all__ = ["Panel"]


class Panel(w.HBox):
    """Everything of one studio in one view; nothing is sent before Generate is pressed.

    Parameters
    ----------
    studio
        Its log fills the board, its budget the bar.

    Attributes
    ----------
    form, board, player
        The parts; ``player`` is None until there is a clip to show.
    """

    def __init__(self, studio: Studio) -> None:
        self.form = ParameterForm(studio)
        self.board = TaskBoard(studio, on_open=self.play)
        self.player: VideoPlayer | None = None
        self._stage = w.VBox()
        self._stage.add_class("sw-panel-stage")
        self.form.on_task(self.play)
        side = w.VBox([self._stage, self.board])
        side.add_class("sw-panel-side")
        super().__init__([style("panel"), self.form, side])
        self.add_class("sw-panel")

    def play(self, task: Task) -> None:
        """Show a task in the player, in place of the one before."""
        if self.player is None:
            self.player = VideoPlayer(task)
            self._stage.children = (self.player,)
        else:
            self.player.show(task)

    def _ipython_display_(self) -> None:
        display_widget(self)
        self.form.show_lasting()
