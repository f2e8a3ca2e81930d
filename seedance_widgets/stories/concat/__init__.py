"""Joining clips into a story: `concat` for people, the rooms behind it for each of its jobs.

::

    join        concat: clips named and put in order, the plan, the result
    story       the result, and how a notebook shows it
    clips       one clip, read through
    joints      does a clip repeat the last picture of the one before
    agreement   what keeps streams from being copied
    placing     where each clip stands
    video       frames copied or encoded
    sound       samples copied or encoded, in step
    writing     the file, whole or not at all
"""

from seedance_widgets.stories.concat.join import concat
from seedance_widgets.stories.concat.story import Story

__all__ = ["Story", "concat"]
