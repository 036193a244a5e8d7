"""How far a job has come: loops add up, phases add up, and nothing ever goes backwards."""

import pytest

from notifications.models.job_words import JobWords
from notifications.progress import Progress


def at(progress):
    columns = progress.columns()
    return columns["current"], columns["total"], columns["fraction"]


def test_a_loop_counts_and_stays_when_it_has_ended():
    progress = Progress()
    assert at(progress) == (0, None, None)
    part = progress.begin_part(4)
    assert at(progress) == (0, 4, 0.0)
    part.current = 3
    assert at(progress) == (3, 4, 0.75)
    part.current = 4
    progress.end_part(part)
    assert at(progress) == (4, 4, 1.0)


def test_loops_within_loops_add_up_and_the_outer_one_is_told():
    progress = Progress()
    files = progress.begin_part(10)
    files.current = 2
    rows = progress.begin_part(4)
    rows.current = 2
    assert at(progress) == (2, 10, 0.25)
    progress.end_part(rows)
    files.current = 3
    assert at(progress) == (3, 10, 0.3)
    unknown = progress.begin_part(None)
    unknown.current = 99
    assert at(progress) == (3, 10, 0.3)


def test_phases_are_equal_shares_and_each_begins_at_nothing():
    progress = Progress()
    progress.planned = ("Reading", "Writing")
    assert at(progress)[2] == 0.0
    progress.begin_phase("Reading")
    progress.begin_part(2).current = 1
    assert at(progress) == (1, 2, 0.25)
    progress.begin_phase("Writing")
    assert at(progress) == (0, None, 0.5)
    assert progress.columns()["phase"] == 2


def test_a_phase_that_was_not_planned_or_is_over_is_refused():
    progress = Progress()
    progress.planned = ("Reading", "Writing")
    progress.begin_phase("Writing")
    for wrong in ("Reading", "Dreaming"):
        with pytest.raises(ValueError, match="The next phase is one of none"):
            progress.begin_phase(wrong)


@pytest.mark.parametrize(("current", "total"), [(5, None), (5, 4), (0, 0)])
def test_what_is_not_known_is_not_guessed(current, total):
    progress = Progress()
    progress.begin_part(total).current = current
    assert at(progress) == (current, total, None)


def test_a_share_that_would_shrink_is_not_known_until_it_is_more_than_before():
    progress = Progress()
    part = progress.begin_part(10)
    part.current = 5
    assert at(progress)[2] == 0.5
    part.total = 20
    assert at(progress)[2] is None
    part.current = 15
    assert at(progress)[2] == 0.75


class Row(JobWords):
    def __init__(self, **columns):
        self.__dict__.update(columns)


@pytest.mark.parametrize(
    ("current", "total", "said"),
    [
        (0, None, ""),
        (1204, None, "1,204"),
        (1204, 2000, "1,204 of 2,000"),
        (1204, 1000, "1,204 of about 1,000"),
        (0, 0, "0 of 0"),
    ],
)
def test_numbers_are_said_as_they_are(current, total, said):
    assert Row(current=current, total=total).count_text == said


def test_all_but_one_is_not_all():
    assert Row(fraction=0.99999).percent == 99
