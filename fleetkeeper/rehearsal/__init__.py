"""Plans played in advance: the real engine over a simulated copy of a cluster, in virtual time."""
