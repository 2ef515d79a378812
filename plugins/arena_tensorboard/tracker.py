"""Tracker for TensorBoard: event files through its own record writer, without torch's SummaryWriter or tensorflow."""

from __future__ import annotations

import io
import time
from collections.abc import Mapping
from typing import Any

from arena.errors import ArenaError
from arena.runs.run import Run
from arena.runs.trackers import grouped, hyperparameters
from arena.storage.files import Folder

try:
    # Not EventFileWriter: it imports tensorflow where that is installed, writes from a thread of its own up to two
    # minutes later, and names files by the second, which two sessions can share.
    from tensorboard.compat.proto.event_pb2 import Event, SessionLog
    from tensorboard.compat.proto.summary_pb2 import Summary
    from tensorboard.plugins.hparams import api_pb2, metadata
    from tensorboard.plugins.hparams.plugin_data_pb2 import (
        HParamsPluginData,
        SessionEndInfo,
        SessionStartInfo,
    )
    from tensorboard.summary.writer.record_writer import RecordWriter
except ModuleNotFoundError as error:
    raise ArenaError(
        f"tracker tensorboard needs {error.name}", "pip install tensorboard, or give --track none"
    ) from error

__all__ = ["TensorBoard"]

PREFIX = "events.out.tfevents."


class TensorBoard:
    """Tracker that writes one file for each session into ``RUN/tensorboard``; TensorBoard reads them by name.

    Each line of metrics is passed to the operating system before `log` returns, so that the files are never behind a
    checkpoint.

    Args:
        run: the run.
        step: current step of the run; TensorBoard drops what earlier sessions wrote of later steps.

    Raises:
        ArenaError: ``RUN/tensorboard`` is a link: a run folder may come from an unknown source.
        OSError: the folder cannot be written.
    """

    def __init__(self, run: Run, step: int) -> None:
        with Folder(run.folder, "tensorboard", create=True) as folder:
            self._writer = RecordWriter(io.BufferedWriter(folder.create(_next(folder))))
        try:
            self._write(step=0, file_version="brain.Event:2")
            # TensorBoard drops this step as well as those after it, and metrics of `step` itself are not void.
            self._write(step=step + 1, session_log=SessionLog(status=SessionLog.START))
            self._hparams(metadata.SESSION_START_INFO_TAG, step, session_start_info=_start_info(run))
        except BaseException:
            self._writer.close()
            raise

    def log(self, step: int, values: Mapping[str, float]) -> None:
        scalars = [Summary.Value(tag=tag, simple_value=value) for tag, value in grouped(values).items()]
        self._write(step=step, summary=Summary(value=scalars))

    def finish(self, result: Mapping[str, Any]) -> None:
        exact = {name: result[name] for name in ("optimum", "policy_value") if result[name] is not None}
        scalars = [Summary.Value(tag=f"evaluation/{name}", simple_value=exact[name]) for name in exact]
        self._write(step=result["steps"], summary=Summary(value=scalars))
        end = SessionEndInfo(status=api_pb2.STATUS_SUCCESS, end_time_secs=time.time())
        self._hparams(metadata.SESSION_END_INFO_TAG, result["steps"], session_end_info=end)

    def close(self) -> None:
        self._writer.close()

    def _hparams(self, tag: str, step: int, **data: Any) -> None:
        # No Experiment message: TensorBoard would apply the first one to all runs; without one it collects the
        # columns of the HPARAMS tab from every run.
        about = metadata.create_summary_metadata(HParamsPluginData(**data))
        value = Summary.Value(tag=tag, metadata=about, tensor=metadata.NULL_TENSOR)
        self._write(step=step, summary=Summary(value=[value]))

    def _write(self, **event: Any) -> None:
        self._writer.write(Event(wall_time=time.time(), **event).SerializeToString())
        self._writer.flush()


def _next(folder: Folder) -> str:
    """Name of a new file, after all existing ones by name."""
    numbers = [name.removeprefix(PREFIX) for name in folder.names() if name.startswith(PREFIX)]
    latest = max((int(number) for number in numbers if number.isdecimal()), default=0)
    return f"{PREFIX}{latest + 1:06d}"


def _start_info(run: Run) -> SessionStartInfo:
    # The seeds of one experiment are one row of the HPARAMS tab, averaged.
    info = SessionStartInfo(group_name=run.spec.id(0), start_time_secs=time.time())
    for name, value in hyperparameters(run.spec).items():
        if isinstance(value, bool):
            info.hparams[name].bool_value = value
        elif isinstance(value, str):
            info.hparams[name].string_value = value
        else:
            info.hparams[name].number_value = value
    return info
