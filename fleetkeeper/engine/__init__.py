"""Effects, only through ports: observing, and later executing and notifying."""
