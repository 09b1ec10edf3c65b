"""What the steps of a playbook come to for one cluster: a fold over steps and hops with the cluster as it will be."""
