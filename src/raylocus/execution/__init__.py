"""Units of work, and the engines that perform them: this process, worker processes, or a Ray cluster."""
