"""The command line: one verb a file, thin, with every heavy import inside a function."""
