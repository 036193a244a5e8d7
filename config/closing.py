"""Under Daphne, sockets may close with 1008, 1012 and 1013, too.

Autobahn's `sendClose()` lets an application say 1000 and 3000 to 4999 only, and raises on the others. They are for
servers to say, and browsers act on them: a page comes back after 1012, and would stay away after 1000.
"""

from daphne.ws_protocol import WebSocketFactory, WebSocketProtocol


class ClosingProtocol(WebSocketProtocol):
    def serverClose(self, code: int | None = None) -> None:  # noqa: N802  (Daphne's name)
        if self.state == self.STATE_OPEN:
            self.sendCloseFrame(code=code or 1000)


def allow_close_codes() -> None:
    WebSocketFactory.protocol = ClosingProtocol
