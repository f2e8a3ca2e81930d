"""The command line: ``seedance-widgets demo | simulate | resume | log | webhook``."""

from __future__ import annotations

import argparse
import contextlib
import math
import os
import signal
import socket
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from seedance_widgets.terminal import say
from seedance_widgets.units import count_text, usd_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

__all__ = ["main"]

_unheard: list[Exception] = []  # why lines could not be printed


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit status."""
    from seedance_widgets.errors import SeedanceError

    _unheard.clear()
    args = _parser().parse_args(argv)
    try:
        status = int(args.run(args))
    except (SeedanceError, OSError) as error:
        say(f"seedance-widgets: {error}", error=True)
        status = 1
    except KeyboardInterrupt:
        status = 130
    return status or _end_output()


def _print(text: str) -> None:
    """Print a line; the work goes on where nobody hears of it, and the exit status tells it."""
    if (unheard := say(text)) is not None:
        _unheard.append(unheard)


def _end_output() -> int:
    """The exit status where all that could be done is done: 1 if what it printed did not arrive."""
    if not _unheard:
        return 0
    if not isinstance(_unheard[0], BrokenPipeError):  # whoever reads has seen enough, as in `... | head`
        say(f"seedance-widgets: the output could not be written: {_unheard[0]}", error=True)
    with contextlib.suppress(OSError, ValueError):
        # or Python fails once more at its end, with what is left to be written
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 1


def _parser() -> argparse.ArgumentParser:
    from seedance_widgets import __version__

    parser = argparse.ArgumentParser(
        prog="seedance-widgets", description="Seedance video generation from Jupyter notebooks."
    )
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    demo = commands.add_parser("demo", help="open the quickstart notebook on the embedded simulator")
    demo.add_argument("--headless", action="store_true", help="run it here, without a browser")
    demo.add_argument("jupyter", nargs="*", help="further arguments for jupyter lab, after --")
    demo.set_defaults(run=_demo)

    simulate = commands.add_parser("simulate", help="serve the simulated service on this machine")
    simulate.add_argument("--port", type=_port, default=0, help="port to listen on (default: a free one)")
    simulate.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    simulate.add_argument("--speed", type=_speed, default=1.0, help="how much faster than real (default: 1)")
    simulate.add_argument("--state", type=Path, metavar="DIR", help="folder where tasks outlive the process")
    simulate.set_defaults(run=_simulate)

    resume = commands.add_parser("resume", help="follow unfinished tasks to their end and save their clips")
    _takes_home(resume)
    resume.add_argument("--simulate", action="store_true", help="its simulated tasks in place of the real")
    resume.set_defaults(run=_resume)

    log = commands.add_parser("log", help="print the log as a table")
    _takes_home(log)
    log.add_argument("--csv", type=Path, metavar="FILE", help="write every column as CSV instead")
    log.set_defaults(run=_log)

    webhook = commands.add_parser(
        "webhook",
        help="receive the service's callbacks for a studio's tasks",
        description="Prints the callback URL; a public address that leads to it is yours to provide.",
    )
    _takes_home(webhook)
    webhook.add_argument("--port", type=_port, default=0, help="port to listen on (default: a free one)")
    webhook.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    webhook.add_argument("--simulate", action="store_true", help="its simulated tasks in place of the real")
    webhook.set_defaults(run=_webhook)
    return parser


def _takes_home(command: argparse.ArgumentParser) -> None:
    command.add_argument("home", type=Path, metavar="HOME", help="a studio's folder")
    command.add_argument(
        "--log", metavar="WHERE", help="its log where that is elsewhere: a SQLite file, or a database's URL"
    )


def _port(text: str) -> int:
    if not (text.isdecimal() and int(text) < 1 << 16):
        raise argparse.ArgumentTypeError(f"a port is 0 to 65535, not {text}")
    return int(text)


def _speed(text: str) -> float:
    with contextlib.suppress(ValueError):
        if 0 < (speed := float(text)) < math.inf:
            return speed
    raise argparse.ArgumentTypeError(f"a speed is a number above 0, not {text}")


def _demo(args: argparse.Namespace) -> int:
    from seedance_widgets.demo import demo

    return demo(args.jupyter, headless=args.headless)


def _simulate(args: argparse.Namespace) -> int:
    from seedance_widgets.simulator import Simulator

    simulator = Simulator(speed=args.speed, state=args.state)
    with (
        contextlib.closing(simulator),
        _stop_signal() as wait_for_stop,
        simulator.serve(port=args.port, host=args.host) as base_url,
    ):
        # who started this process reads one line, then goes to work
        _print(base_url)
        wait_for_stop()
    return 0


def _resume(args: argparse.Namespace) -> int:
    from seedance_widgets.background_loop import run
    from seedance_widgets.errors import SeedanceError
    from seedance_widgets.studio import Studio

    failed = 0
    with Studio(args.home, log=_existing_log(args), simulate=args.simulate) as studio:
        resumed = run(studio.resume())
        _print(str(resumed))
        # what another kernel looks after may take as long as that kernel lives
        ours = [task for task in resumed if task.key not in resumed.elsewhere]
        for task in ours:
            try:
                run(task)
            except SeedanceError:
                failed += 1
            _print(repr(task))
        _print(f"{len(ours)} unfinished, {len(ours) - failed} done now, {failed} with an error")
    return 1 if failed else 0


def _log(args: argparse.Namespace) -> int:
    from seedance_widgets.log import Log
    from seedance_widgets.log.store import Store

    frame = Log(Store(_existing_log(args)), args.home.resolve()).to_pandas()
    if args.csv:
        frame.to_csv(args.csv)
        _print(f"{count_text(len(frame), 'task')} in {args.csv}")
        return 0
    shown = frame[["status", "model", "resolution", "ratio", "frames", "seed", "tokens", "usd", "prompt"]]
    _print(shown.to_string(max_colwidth=40))
    settled = frame.loc[~frame["simulated"], "usd"].sum()
    simulated = int(frame["simulated"].sum())
    _print(f"{count_text(len(frame), 'task')}, {usd_text(settled)} billed, {simulated} simulated")
    return 0


def _webhook(args: argparse.Namespace) -> int:
    from seedance_widgets.background_loop import run
    from seedance_widgets.studio import Studio

    with (
        _stop_signal() as wait_for_stop,
        Studio(args.home, log=_existing_log(args), simulate=args.simulate) as studio,
        studio.webhook(args.port, args.host) as hook,
    ):
        resumed = run(studio.resume())
        _print(hook.url)
        _print(f"following {count_text(len(resumed), 'unfinished task')}; Ctrl-C ends")
        wait_for_stop()
    return 0


@contextlib.contextmanager
def _stop_signal() -> Iterator[Callable[[], object]]:
    """Have this process end in order when it is asked to; yields what waits until then.

    The system may hand a signal to any thread, and Python handles it in the main one, which sleeps on if it
    waits for a lock. A socket wakes it.
    """
    asked, wake = socket.socketpair()
    with asked, wake:
        wake.setblocking(False)
        before = signal.set_wakeup_fd(wake.fileno())
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: None)
        try:
            yield lambda: asked.recv(1)
        finally:
            signal.set_wakeup_fd(before)


def _existing_log(args: argparse.Namespace) -> Path | str:
    """Where the log of an existing studio is: a mistyped folder is not to become a new one."""
    from seedance_widgets.errors import LogError

    home = args.home.expanduser().resolve()
    if not home.is_dir():
        raise LogError(f"there is no folder {home}, and so no studio")
    if args.log is not None and "://" in args.log:
        return str(args.log)
    log = Path(args.log or home / "log.sqlite").expanduser()
    if not log.exists():
        raise LogError(f"there is no studio in {home}: it has no {log.name if args.log is None else log}")
    return log


if __name__ == "__main__":
    raise SystemExit(main())
