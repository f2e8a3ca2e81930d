"""Seedance video generation from Jupyter notebooks.

Public names are loaded when first used, so that importing this package costs next to nothing and a script
that never shows a widget never loads one.

Where to look, for one request from top to bottom:

- what may be asked: `request.task_request`, `request.fields` (the one table of parameters), `request.rules`
  (faults), `catalog` (models as data), `request.pricing` (estimates);
- sending it: `studio` -> `sending.outbox` -> `log.journal` (the intent) -> `sending.gates` ->
  `modelark.client` -> `modelark.http_exchange` -> `log.journal` (the task's id);
- what becomes of it: `task.registry` publishes each new row, and `following.dispatcher` reacts to its
  state -> `following.watcher` -> `log.journal` (the status) -> `following.saver` -> `media.store` ->
  `log.journal`;
- what people hold: `task.task` -> `task.failure` (what went wrong), `task.card` (what a cell shows);
- after a crash or a lost answer: `recovery.recovery` -> `recovery.reconcile`; beside other kernels:
  `recovery.leases`, `recovery.failover`.

All of that runs on the one loop of `engine`; `runtime` makes the parts of a home and shares them.
"""

from __future__ import annotations

import importlib
import logging
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from seedance_widgets import catalog as catalog
    from seedance_widgets.background_loop import run as run
    from seedance_widgets.batch.batch import Batch as Batch
    from seedance_widgets.batch.sweep import sweep as sweep
    from seedance_widgets.drafts.economics import draft_economics as draft_economics
    from seedance_widgets.drafts.fidelity import draft_fidelity as draft_fidelity
    from seedance_widgets.errors import *  # noqa: F403
    from seedance_widgets.inputs.crop import Crop as Crop
    from seedance_widgets.inputs.crop import center_crop as center_crop
    from seedance_widgets.inputs.crop import offset_crop as offset_crop
    from seedance_widgets.inputs.prepare import prepare_image as prepare_image
    from seedance_widgets.inputs.video import VideoInput as VideoInput
    from seedance_widgets.log import Log as Log
    from seedance_widgets.log.budget import Budget as Budget
    from seedance_widgets.log.exports import read_log as read_log
    from seedance_widgets.nested_loops import allow_nested_loops as allow_nested_loops
    from seedance_widgets.request.pricing import Estimate as Estimate
    from seedance_widgets.request.pricing import estimate as estimate
    from seedance_widgets.request.task_request import TaskRequest as TaskRequest
    from seedance_widgets.sending.limits import Limits as Limits
    from seedance_widgets.simulator import Simulator as Simulator
    from seedance_widgets.stories.concat import concat as concat
    from seedance_widgets.studio import Studio as Studio
    from seedance_widgets.study.judging.rater_model import RaterModel as RaterModel
    from seedance_widgets.study.study import Study as Study
    from seedance_widgets.task.task import Task as Task
    from seedance_widgets.widgets.board import TaskBoard as TaskBoard
    from seedance_widgets.widgets.compare import CompareGrid as CompareGrid
    from seedance_widgets.widgets.cropper import ImageCropper as ImageCropper
    from seedance_widgets.widgets.form import ParameterForm as ParameterForm
    from seedance_widgets.widgets.gallery import Gallery as Gallery
    from seedance_widgets.widgets.log_table import LogTable as LogTable
    from seedance_widgets.widgets.panel import Panel as Panel
    from seedance_widgets.widgets.player import VideoPlayer as VideoPlayer
    from seedance_widgets.widgets.rater import BlindRater as BlindRater

# silent until somebody switches it on: logging.basicConfig(level="INFO")
logging.getLogger(__name__).addHandler(logging.NullHandler())

# public name -> module that has it
_HOMES = {
    "Batch": "batch.batch",
    "BlindRater": "widgets.rater",
    "Budget": "log.budget",
    "CompareGrid": "widgets.compare",
    "Crop": "inputs.crop",
    "Estimate": "request.pricing",
    "Gallery": "widgets.gallery",
    "ImageCropper": "widgets.cropper",
    "Limits": "sending.limits",
    "Log": "log",
    "LogTable": "widgets.log_table",
    "Panel": "widgets.panel",
    "ParameterForm": "widgets.form",
    "RaterModel": "study.judging.rater_model",
    "Simulator": "simulator",
    "Studio": "studio",
    "Study": "study.study",
    "Task": "task",
    "TaskBoard": "widgets.board",
    "TaskRequest": "request",
    "VideoInput": "inputs.video",
    "VideoPlayer": "widgets.player",
    "allow_nested_loops": "nested_loops",
    "center_crop": "inputs.crop",
    "concat": "stories.concat",
    "draft_economics": "drafts.economics",
    "draft_fidelity": "drafts.fidelity",
    "estimate": "request.pricing",
    "offset_crop": "inputs.crop",
    "prepare_image": "inputs.prepare",
    "read_log": "log.exports",
    "run": "background_loop",
    "sweep": "batch.sweep",
}
_ERRORS = (
    "APIError",
    "AnswerLost",
    "AuthenticationFailed",
    "BadRequest",
    "BudgetExceeded",
    "ChainStopped",
    "Conflict",
    "DownloadError",
    "EstimateDriftWarning",
    "GateClosed",
    "InvalidCatalogEntry",
    "InvalidRequest",
    "InvalidStudy",
    "LegacyFlagsWarning",
    "LogError",
    "MediaError",
    "MissingAPIKey",
    "ModelNotOpen",
    "NotFound",
    "NotSent",
    "OutcomeUnknown",
    "PermissionDenied",
    "Problem",
    "RateLimited",
    "RequestRejected",
    "RetiredModelWarning",
    "SeedanceError",
    "ServerFault",
    "ServiceError",
    "TaskCancelled",
    "TaskError",
    "TaskExpired",
    "TaskFailed",
    "WaitTimeout",
)
_HOMES.update(dict.fromkeys(_ERRORS, "errors"))

_MODULES = ("catalog", "metrics")

__all__ = sorted([*_HOMES, *_MODULES, "__version__"])  # noqa: PLE0605 - derived from the table above


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return importlib.import_module(f"seedance_widgets.{name}")
    if name == "__version__":
        from importlib.metadata import version

        return version("seedance-widgets")
    if name not in _HOMES:
        raise AttributeError(f"module 'seedance_widgets' has no attribute {name!r}")
    value = getattr(importlib.import_module(f"seedance_widgets.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def load_ipython_extension(shell: Any) -> None:
    """``%load_ext seedance_widgets`` brings in ``%%seedance`` and ``%seedance``."""
    from seedance_widgets.magics import load

    load(shell)


def __dir__() -> list[str]:
    return __all__
