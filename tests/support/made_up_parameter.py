"""Run with a copy of the package that has the parameters ``sparkle`` and ``container``: where they are found.

Prints JSON. The working folder takes two homes.
"""

from __future__ import annotations

import json
import sqlite3
import warnings
from types import SimpleNamespace

import seedance_widgets as sw
from seedance_widgets.magics import complete

MODEL = {"model": "seedance-1-5-pro"}
SMALL = {**MODEL, "resolution": "480p", "ratio": "1:1", "duration": 4, "seed": 11}
GIVEN = {"sparkle": True, "container": "MOV"}


def refusals(**params):
    try:
        sw.TaskRequest.from_params("a fox", **params)
    except sw.InvalidRequest as error:
        return {problem.parameter: [problem.reason, problem.nearest] for problem in error.problems}
    return {}


def of_requests():
    request = sw.TaskRequest("a fox", **SMALL, **GIVEN)
    return {
        "request": repr(request),
        "body": request.to_dict(),
        "read back": sw.TaskRequest.from_dict(json.loads(request.to_json())).to_dict(),
        "flag": sw.TaskRequest.from_flags("a fox --sparkle true", **MODEL).sparkle,
        "wrong": refusals(sparkle="yes", container="movie", **MODEL),
        "another model": refusals(model="seedance-1-0-pro", **GIVEN),
        "another mode": refusals(first_frame="https://example.com/fox.png", sparkle=True, **MODEL),
        "misspelt": refusals(sparkel=True, **MODEL),
        "options": [
            option
            for option in complete(None, SimpleNamespace(line="%%seedance "))
            if option.endswith(("sparkle", "container"))
        ],
    }


def of_tasks(simulator):
    with sw.Studio("runs", simulate=simulator) as studio:
        one, other = (sw.run(studio.generate("a fox", **SMALL, **given)) for given in (GIVEN, {}))
        with sqlite3.connect("runs/log.sqlite") as log:
            answers = log.execute("SELECT body FROM answers WHERE key = ? ORDER BY id", [one.key]).fetchall()
        form = sw.ParameterForm(studio)
        labels = [form._controls[name]._input.description for name in ("sparkle", "container")]
        form.load(one)
        return {
            "id": one.id,
            "answer": json.loads(answers[-1][0]),
            "log": studio.log.to_pandas()["sparkle"].tolist(),
            "diff": studio.log.diff(one, other).T.to_dict("list"),
            "captions": [clip["captions"] for clip in sw.CompareGrid([one, other]).clips],
            "code": one.to_code(),
            "labels": labels,
            "form": form.params,
        }


def of_adopted(simulator, task_id):
    """The answer alone says what was asked."""
    with sw.Studio("other", simulate=simulator) as studio:
        sw.run(studio.adopt(task_id))
        return {"adopted": studio.log.to_pandas()["sparkle"].tolist()}


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    simulator = sw.Simulator(speed=500)
    found = {"file": sw.__file__, **of_requests(), **of_tasks(simulator)}
    print(json.dumps({**found, **of_adopted(simulator, found["id"])}))
