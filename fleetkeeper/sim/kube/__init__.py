"""The read side of the Kubernetes API over simulated clusters, with the real server's bodies (apiserver v0.36.4)."""
