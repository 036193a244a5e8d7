"""celery-progress in an environment of its own: seconds of CPU for so many `set_progress()` in one task."""

import sys
import time

from celery import Celery
from celery_progress.backend import ProgressRecorder

broker, count = sys.argv[1], int(sys.argv[2])
app = Celery("bench", broker=broker, backend=broker)


@app.task(bind=True)
def work(self: object) -> float:
    recorder = ProgressRecorder(self)
    began = time.process_time()
    for number in range(count):
        recorder.set_progress(number, count)
    return time.process_time() - began


work.push_request(id="bench")
print(work.run())
