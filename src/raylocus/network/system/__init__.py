"""Link abstraction: from SINR to modulation, errors and throughput (TS 38.214)."""
