"""The locator's network: radio encoder, map encoder, fusion, heads and losses."""
