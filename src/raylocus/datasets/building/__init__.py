"""Building a dataset: units of work, and the engines that perform them."""
