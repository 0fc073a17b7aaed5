"""The chaos suite: a stack under load whose processes, disks, clock and network fail; see `run`."""
