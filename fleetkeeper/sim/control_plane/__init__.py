"""A real Kubernetes control plane on loopback, for the tests that must not believe our own simulator."""
