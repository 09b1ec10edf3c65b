"""A simulated fleet: worlds of clusters, served as EKS and Kubernetes over HTTP, for the demo, tests and benchmarks."""
