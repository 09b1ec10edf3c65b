"""Real programs that tests run against, taken from Debian's packages into the cache: no root, nothing is installed."""
