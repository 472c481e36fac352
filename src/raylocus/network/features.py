"""The features of a report as data: adding one is adding a row here and a function that fills it."""

from __future__ import annotations

from dataclasses import dataclass

from raylocus.errors import InputError


@dataclass(frozen=True)
class Feature:
    """One measured quantity of a token."""

    name: str
    unit: str
    low: float
    """Lower end of the report range; below it the report is censored."""
    high: float
    """Upper end of the report range; at and above it the report is censored."""
    step: float
    """Width of one report bin; 0 where it is not uniform or not quantised."""
    clause: str
    """Where the mapping is specified."""
    meaning: str
    layer: str
    """phy, mac, rrc, rlc, system or positioning."""
    token: str
    """What it is of: every `cell`, the `serving` cell, or a `beam` of the serving cell."""
    priority: int
    """1: what a locator needs most, to 4."""
    availability: float
    """Share of the reports of a usual network that have it, an engineer's estimate and no measurement."""
    needs: str = ""
    """What a UE or network must be set up for: sinr, downlink, uplink, phase, or nothing."""


def _rows(layer: str, token: str, *rows: tuple[object, ...]) -> tuple[Feature, ...]:
    return tuple(Feature(*(*row[:7], layer, token, *row[7:])) for row in rows)  # type: ignore[arg-type]


#: Every feature there is, in the order of columns. The first five are those of every `Reports`.
SCHEMA = (
    *_rows(
        "phy",
        "cell",
        (
            *("rsrp", "dBm", -156.0, -31.0, 1.0, "TS 38.133 10.1.6"),
            *("SS-RSRP of the cell's best beam, L3 filtered", 1, 1.0),
        ),
        ("rsrq", "dB", -43.0, 20.0, 0.5, "TS 38.133 10.1.11", "SS-RSRQ of the cell", 1, 0.95),
        ("sinr", "dB", -23.0, 40.0, 0.5, "TS 38.133 10.1.16", "SS-SINR of the cell", 1, 0.6, "sinr"),
    ),
    *_rows(
        "phy",
        "beam",
        (
            *("l1_rsrp", "dBm", -140.0, -44.0, 1.0, "TS 38.133 10.1.6"),
            *("L1-RSRP of one SSB beam of the serving cell", 1, 0.7),
        ),
    ),
    *_rows(
        "mac",
        "serving",
        (
            *("timing_advance", "T_A", 0.0, 3846.0, 1.0, "TS 38.213 4.2"),
            *("T_A of the serving cell, in its numerology's step", 1, 0.7),
        ),
    ),
    *_rows(
        "phy",
        "beam",
        ("l1_sinr", "dB", -23.0, 40.0, 0.5, "TS 38.133 10.1.16", "L1-SINR of the same beam", 3, 0.2, "sinr"),
    ),
    *_rows(
        "phy",
        "serving",
        ("cqi", "1", 0.0, 15.0, 1.0, "TS 38.214 5.2.2.1", "wideband channel quality indicator", 2, 0.9),
        ("ri", "1", 1.0, 8.0, 1.0, "TS 38.214 5.2.2", "rank indicator", 3, 0.9),
        ("pmi_i11", "1", 0.0, 63.0, 1.0, "TS 38.214 5.2.2.2.1", "horizontal beam of the precoder", 2, 0.6),
        (
            "pmi_i13",
            "1",
            0.0,
            3.0,
            1.0,
            "TS 38.214 5.2.2.2.1",
            "offset of the precoder's second beam",
            4,
            0.4,
        ),
        ("pmi_i2", "1", 0.0, 3.0, 1.0, "TS 38.214 5.2.2.2.1", "phase between polarisations", 4, 0.6),
        (
            *("condition_number", "dB", 0.0, 40.0, 0.0, "TR 38.901 8.2 (not reported, from SRS)"),
            *("largest over second singular value", 3, 0.5, "uplink"),
        ),
        (
            *("delay_spread", "s", 0.0, 1e-5, 0.0, "TR 38.901 7.7.3 (not reported, from SRS)"),
            *("RMS delay spread", 2, 0.5, "uplink"),
        ),
        (
            *("doppler_spread", "Hz", 0.0, 2e3, 0.0, "TR 38.901 7.7 (not reported, from SRS)"),
            *("RMS Doppler spread", 3, 0.5, "uplink"),
        ),
        ("snr", "dB", -30.0, 60.0, 0.0, "TS 38.215 5.1 (not reported, from SRS)", "uplink SNR", 3, 0.8),
    ),
    *_rows(
        "mac",
        "serving",
        (
            "timing_command",
            "step",
            -31.0,
            32.0,
            1.0,
            "TS 38.321 6.1.3.4",
            "T_A − 31 of the last command",
            3,
            0.3,
        ),
        ("power_headroom", "dB", -32.0, 38.0, 0.0, "TS 38.133 10.1.17", "type 1 power headroom", 2, 0.6),
        ("buffer_status", "1", 0.0, 254.0, 1.0, "TS 38.321 6.1.3.1", "long BSR index", 4, 0.8),
        (
            "scheduling_requests",
            "1/s",
            0.0,
            1e3,
            0.0,
            "TS 38.321 5.4.4",
            "rate of scheduling requests",
            4,
            0.8,
        ),
        ("harq_nack", "1", 0.0, 1.0, 0.0, "TS 38.321 5.3.2", "share of NACKs since the last report", 3, 0.9),
    ),
    *_rows(
        "rrc",
        "serving",
        ("event", "1", 0.0, 6.0, 1.0, "TS 38.331 5.5.4", "3 where A3 fired, 0 a periodic report", 3, 1.0),
        ("handovers", "1", 0.0, 1e3, 1.0, "TS 38.331 5.3.5", "handovers of the sequence so far", 3, 1.0),
        ("stay", "s", 0.0, 1e4, 0.0, "TS 38.331 5.3.5", "time since the last handover", 3, 1.0),
    ),
    *_rows(
        "system",
        "serving",
        ("mcs", "1", 0.0, 28.0, 1.0, "TS 38.214 5.1.3.1", "modulation and coding scheme", 3, 0.9),
        ("bler", "1", 0.0, 1.0, 0.0, "TS 38.214 5.1.3", "block error rate of first transmissions", 3, 0.9),
        ("throughput", "bit/s", 0.0, 1e10, 0.0, "TS 38.314 4.2.1", "downlink throughput of the UE", 3, 0.9),
    ),
    *_rows(
        "rlc",
        "serving",
        (
            "rlc_retransmissions",
            "1",
            0.0,
            32.0,
            0.0,
            "TS 38.322 5.3",
            "mean retransmissions of a PDU",
            4,
            0.8,
        ),
        ("round_trip", "s", 0.0, 4.0, 0.0, "TS 38.322 5.3", "mean time from a PDU to its status", 4, 0.5),
        ("latency", "s", 0.0, 10.0, 0.0, "TS 38.314 4.2.1", "mean packet delay of the bearer", 4, 0.5),
        ("jitter", "s", 0.0, 10.0, 0.0, "RFC 3550 6.4.1", "mean difference of packet delays", 4, 0.4),
    ),
    *_rows(
        "positioning",
        "cell",
        ("prs_rsrp", "dBm", -156.0, -31.0, 1.0, "TS 38.133 10.1.24.3", "PRS-RSRP", 2, 0.1, "downlink"),
        (
            *("rstd", "s", -5.0101e-4, 5.0101e-4, 0.0, "TS 38.133 10.1.23.3"),
            *("DL reference signal time difference to the serving cell", 1, 0.1, "downlink"),
        ),
        (
            *("ue_rx_tx", "s", -5.0101e-4, 5.0101e-4, 0.0, "TS 38.133 10.1.25.3"),
            *("UE Rx−Tx time difference", 1, 0.05, "downlink"),
        ),
        (
            *("gnb_rx_tx", "s", -5.0101e-4, 5.0101e-4, 0.0, "TS 38.133 13.2"),
            *("gNB Rx−Tx time difference", 1, 0.05, "uplink"),
        ),
        (
            *("ul_rtoa", "s", -5.0101e-4, 5.0101e-4, 0.0, "TS 38.133 13.1"),
            *("UL relative time of arrival", 1, 0.05, "uplink"),
        ),
        (
            *("ul_aoa", "deg", -180.0, 180.0, 0.1, "TS 38.133 13.4"),
            *("UL azimuth of arrival, counter-clockwise from east", 1, 0.1, "uplink"),
        ),
        ("srs_rsrp", "dBm", -156.0, -31.0, 1.0, "TS 38.133 13.3", "UL SRS-RSRP", 2, 0.1, "uplink"),
        (
            *("carrier_phase", "deg", 0.0, 360.0, 0.1, "TS 38.214 5.1.6.5.2"),
            *("DL carrier phase difference to the serving cell", 3, 0.01, "phase"),
        ),
    ),
    *_rows(
        "positioning",
        "serving",
        (
            "dl_aod",
            "rad",
            -3.1416,
            3.1416,
            0.0,
            "TS 38.305 8.11",
            "departure azimuth from beam RSRPs",
            2,
            0.3,
        ),
    ),
)
#: The features of every `Reports`, whatever else it has.
CRITICAL = ("rsrp", "rsrq", "sinr", "l1_rsrp", "timing_advance")
_POSITIONING = tuple(feature.name for feature in SCHEMA if feature.layer == "positioning")
_BY_NAME = {feature.name: feature for feature in SCHEMA}
#: Column order of `Reports.features` for the critical features.
FEATURES = tuple(_BY_NAME[name] for name in CRITICAL)
FEATURE_INDEX = {feature.name: index for index, feature in enumerate(FEATURES)}
#: Named feature sets. Each begins with the critical features, in their order.
FEATURE_SETS = {
    "critical": CRITICAL,
    "always": tuple(
        feature.name
        for feature in SCHEMA
        if feature.name in CRITICAL or (not feature.needs and feature.layer != "positioning")
    ),
    "fr2": (*CRITICAL, "l1_sinr", "cqi", "ri", "pmi_i11", "dl_aod"),
    "positioning": (*CRITICAL, *_POSITIONING),
    "all": tuple(feature.name for feature in SCHEMA),
}


def features_named(names: tuple[str, ...]) -> tuple[Feature, ...]:
    """The schema's rows of some features.

    Raises:
        InputError: a feature is not in the schema.
    """
    for name in names:
        if name not in _BY_NAME:
            raise InputError(f"there is no report feature {name!r}; see raylocus.network.features.SCHEMA")
    return tuple(_BY_NAME[name] for name in names)


def feature_set(name: str) -> tuple[Feature, ...]:
    """The features of a named set.

    Raises:
        InputError: there is no set of this name.
    """
    if name not in FEATURE_SETS:
        raise InputError(f"there is no feature set {name!r}; choose one of {', '.join(FEATURE_SETS)}")
    return features_named(FEATURE_SETS[name])
