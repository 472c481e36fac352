"""Link abstraction: from SINR to effective SINR, block error rate, CQI and throughput, without decoding."""
