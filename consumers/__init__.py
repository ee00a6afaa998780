"""Events to requests: one engine, and a folder per platform.

A platform of your own lives in a folder `consumers/NAME` anywhere on the Python path.
"""

import pkgutil

__path__ = pkgutil.extend_path(__path__, __name__)
