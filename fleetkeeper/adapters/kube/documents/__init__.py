"""The JSON documents of the Kubernetes API, down to the fields that we need."""
