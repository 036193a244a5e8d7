"""The tutorial's site: the same database, sessions and bus as ours; a channel layer from Channels' documentation."""

import os

from config.settings import *  # noqa: F403
from config.settings import REDIS_URL

LAYERS = {"core": "channels_redis.core.RedisChannelLayer", "pub/sub": "channels_redis.pubsub.RedisPubSubChannelLayer"}
CHANNEL_LAYERS = {
    "default": {
        "BACKEND": LAYERS[os.environ.get("TUTORIAL_LAYER", "core")],
        # Without the timeout set to none, the core layer stops receiving after five idle seconds with redis-py 8.
        "CONFIG": {"hosts": [{"address": REDIS_URL, "socket_timeout": None}]},
    },
}
