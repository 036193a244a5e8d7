"""Why a verb of a broadcast is not carried out."""

from .broadcast_event import BroadcastEvent


class EditedMeanwhile(Exception):
    """Somebody else has changed it since this editor began. ``by_name`` and ``at`` say who and when."""

    def __init__(self, event: BroadcastEvent | None):
        super().__init__("The broadcast was changed meanwhile.")
        self.by_name = event.by_name if event else ""
        self.at = event.at if event else None


class WrongState(ValueError):
    """This cannot be done with a broadcast in its state: it was done already, or it is too late."""

    def __init__(self, wanted: str, state: str):
        super().__init__(f"A broadcast that is {state} cannot be {wanted}.")
        self.state = state
