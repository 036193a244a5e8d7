"""The tests' settings for the server of the browser tests, a process of its own on the same database and bus."""

import os

from config.settings_test import *  # noqa: F403
from config.settings_test import CHANNEL_LAYERS

REDIS_URL = os.environ["TESTS_REDIS_URL"]
CHANNEL_LAYERS["default"]["CONFIG"]["hosts"][0]["address"] = REDIS_URL
