"""The one worker: it carries events to any platform, in order, inside its limits, and knows none of them."""
