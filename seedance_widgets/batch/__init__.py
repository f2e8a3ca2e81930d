"""Tables of requests: every row a clip, made once, however often the table is run."""

from seedance_widgets.batch.batch import Batch
from seedance_widgets.batch.sweep import sweep

__all__ = ["Batch", "sweep"]
