"""A task's files on disk: clips, posters, inputs."""
