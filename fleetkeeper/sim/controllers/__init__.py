"""Kubernetes' controllers, scheduler and kubelets over the state of a simulated cluster: one module for each."""
