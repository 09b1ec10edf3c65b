"""`python -m fleetkeeper` is the command line."""

from fleetkeeper.cli import main

main()
