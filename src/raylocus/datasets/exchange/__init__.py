"""Datasets in other tools' formats: Parquet tables and DeepMIMO scenarios."""
