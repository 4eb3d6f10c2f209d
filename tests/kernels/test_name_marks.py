"""The marks of groups: any marked row marks its group, and the last time decides."""

from __future__ import annotations

import numpy as np

from promontory.kernels.name_marks import DROPPED, KEPT, UNSEEN, note_marks, settle_marks


def test_a_group_is_marked_at_the_times_at_which_a_marked_row_is_present() -> None:
    present = np.array([[True, True, False], [False, True, False], [True, False, False]])
    for note in (note_marks, note_marks.py_func):
        states = np.zeros((2, 3), np.uint8)
        note(present, np.array([0, 0, 1], np.int32), np.array([False, True, True]), states)
        assert states.tolist() == [[KEPT, DROPPED, UNSEEN], [DROPPED, UNSEEN, UNSEEN]]
        assert settle_marks(states).tolist() == [True, True]


def test_the_last_time_at_which_there_are_rows_decides() -> None:
    states = np.array([[DROPPED, KEPT, UNSEEN], [KEPT, UNSEEN, DROPPED], [UNSEEN, UNSEEN, UNSEEN]], np.uint8)
    assert settle_marks(states).tolist() == [False, True, False]
    assert settle_marks(np.zeros((2, 0), np.uint8)).tolist() == [False, False]
