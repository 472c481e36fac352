"""Radio link control: retransmissions and queues of a bearer (TS 38.322)."""
