"""The command line: one noun a file, thin, with every heavy import inside a function."""
