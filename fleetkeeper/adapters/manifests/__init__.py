"""Reads manifests for `scan`: files, folders, standard input and rendered Helm charts."""
