"""Metrics, classical baselines and the bound: how good is a posterior, and how good could it be."""
