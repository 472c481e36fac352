"""The Bayes posteriors that nobody with the same knowledge can beat, by an ensemble of worlds."""
