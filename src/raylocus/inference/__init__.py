"""The locator: a trained model that answers with posteriors and fixes."""
