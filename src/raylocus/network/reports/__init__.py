"""Reports: the features as data, their tables and steps, stores and tables of reports, checks, and what they say."""
