from typing import Any

import pytest

from config.tests.addresses import Things


@pytest.fixture
def people(bo: Any, chi: Any, ada: Any) -> dict[str, Any]:
    """Nobody; Bo, whose things they are; Chi, a stranger; Ada, who is staff and may do everything."""
    ada.is_superuser = True
    ada.save()
    return {"nobody": None, "bo": bo, "chi": chi, "ada": ada}


@pytest.fixture
def things(people: dict[str, Any], django_capture_on_commit_callbacks: Any) -> Things:
    with django_capture_on_commit_callbacks(execute=True):
        return Things(people["bo"], people["chi"], people["ada"])
