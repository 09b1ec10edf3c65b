"""Moving pods off nodes: which pod goes now, which waits and for what, and which node may go. All of it is pure."""
