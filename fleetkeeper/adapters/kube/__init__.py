"""The Kubernetes API servers: configuration and transport by the official client, hot paths read as raw bytes."""
