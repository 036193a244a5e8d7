"""What `.ci/` has already: programs that are installed where that can be, and a PostgreSQL."""

import sys

from .machine import ROOT

sys.path.insert(0, str(ROOT / ".ci"))

from programs import ensure_gcc, ensure_nginx, install, is_there
from test import postgresql

__all__ = ["ensure_gcc", "ensure_nginx", "install", "is_there", "postgresql"]
