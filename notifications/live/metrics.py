"""What operators can watch, per process, at /metrics."""

from prometheus_client import Counter, Gauge, Histogram

SOCKETS = Gauge("belfry_sockets", "Open sockets that have said where their page stands.")
TASKS = Gauge("belfry_tasks", "Tasks of the event loop: three a socket, and a handful.")
FRAMES = Counter("belfry_frames", "Frames handed to sockets.")
FRAME_BYTES = Counter("belfry_frame_bytes", "Bytes of these frames.")
CLOSES = Counter("belfry_closes", "Sockets that the server closed, by code.", ["code"])
FLUSH_SECONDS = Histogram("belfry_flush_seconds", "From the beginning of a flush until its frames are handed out.")
SWEPT = Counter("belfry_swept", "Pages that the sweep found behind: nudges that were lost or are late.")
NUDGES = Counter("belfry_nudges", "Messages to the bus, by what became of them.", ["result"])
BUS_UP = Gauge("belfry_bus_up", "1 while the hub hears its own messages on the bus, 0 while it does not.")
SHED = Counter(
    "belfry_bus_shed", "Messages of the bus that came faster than they could be looked at, and were dropped."
)
REFUSED = Counter("belfry_refused", "Connections that were refused or cut, by reason.", ["reason"])
