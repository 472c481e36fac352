"""What `/v2/locate` takes: HERE's arrays of cells, with SINR, timing advance, beams, and several reports."""

from __future__ import annotations

import math
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from raylocus.service.http.lenient import EACH_VALID, Counting, Within, nan_if_none
from raylocus.service.questions import MeasuredBeam, MeasuredCell, MeasuredReport, Question, question_of
from raylocus.units import timing_advance_step

#: Subcarrier spacings that T_A steps are counted for [kHz], and their μ.
NUMEROLOGIES = {15.0: 0, 30.0: 1, 60.0: 2, 120.0: 3, 240.0: 4}

Level = Annotated[float | None, Within(-156, -31, unit="dBm")]
Quality = Annotated[float | None, Within(-43, 20, unit="dB")]
Ratio = Annotated[float | None, Within(-23, 40, unit="dB")]
NrIdentity = Annotated[float | None, Within(0, 68719476735, True)]
LteIdentity = Annotated[float | None, Within(0, 268435455, True)]
NrPci = Annotated[float | None, Within(0, 1007, True)]
LtePci = Annotated[float | None, Within(0, 503, True)]
NrArfcn = Annotated[float | None, Within(0, 3279165, True)]
Earfcn = Annotated[float | None, Within(0, 262143, True)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="ignore")


class _Whole(_Part, Counting):
    """What has lists of parts."""


class NrSignal(_Part):
    """Measured on the SSB."""

    rsrp: Level = None
    rsrq: Quality = None
    sinr: Ratio = None


class NrLocalId(_Part):
    """What a phone knows of any NR cell."""

    pci: NrPci = None
    nrarfcn: NrArfcn = None


class NrNeighbour(_Part):
    """A neighbour cell of NR."""

    pci: NrPci = None
    nrarfcn: NrArfcn = None
    cid: NrIdentity = None
    ss: NrSignal = NrSignal()


class Beam(_Part):
    """One SSB beam."""

    ssb: Annotated[float | None, Within(0, 63, True)] = None
    rsrp: Annotated[float | None, Within(-170, -31, unit="dBm")] = None


class NrCell(_Whole):
    """A cell of NR; the first of a report is taken as the serving one."""

    mcc: str | int | None = None
    mnc: str | int | None = None
    cid: NrIdentity = None
    tac: Annotated[float | None, Within(0, 16777215, True)] = None
    localId: NrLocalId = NrLocalId()
    ss: NrSignal = NrSignal()
    ta: Annotated[float | None, Within(0, 3846, True, "T_A steps of TS 38.213 §4.2")] = None
    scs: Annotated[float | None, Within(15, 240, True, "kHz; a timing advance without it is left out")] = None
    beams: Annotated[list[Beam], EACH_VALID] = []
    nmr: Annotated[list[NrNeighbour], EACH_VALID] = []


class LteLocalId(_Part):
    """What a phone knows of any LTE cell."""

    pci: LtePci = None
    earfcn: Earfcn = None


class LteNeighbour(_Part):
    """A neighbour cell of LTE."""

    pci: LtePci = None
    earfcn: Earfcn = None
    cid: LteIdentity = None
    rsrp: Level = None
    rsrq: Quality = None
    sinr: Ratio = None


class LteCell(_Whole):
    """A cell of LTE; the first of a report without NR is taken as the serving one."""

    mcc: str | int | None = None
    mnc: str | int | None = None
    cid: LteIdentity = None
    tac: Annotated[float | None, Within(0, 65535, True)] = None
    localId: LteLocalId = LteLocalId()
    rsrp: Level = None
    rsrq: Quality = None
    sinr: Ratio = None
    ta: Annotated[float | None, Within(0, 1282, True, "16 Ts")] = None
    nmr: Annotated[list[LteNeighbour], EACH_VALID] = []
    nrNmr: Annotated[list[NrNeighbour], EACH_VALID] = []


class Scan(_Whole):
    """What a phone heard at one time."""

    time: Annotated[float | None, Within(-1e12, 1e12, unit="s; only differences count")] = None
    nr: Annotated[list[NrCell], EACH_VALID] = []
    lte: Annotated[list[LteCell], EACH_VALID] = []


class Measurements(Scan):
    """One report, or several of one phone under `reports`; the position at the last one is answered."""

    reports: Annotated[list[Scan], EACH_VALID, Field(max_length=256)] = []


def question_of_measurements(body: Measurements) -> Question:
    """The question of a body."""
    scans = body.reports or [body]
    # Reports without a time are taken a second apart, in their order.
    times = [float(number) if scan.time is None else scan.time for number, scan in enumerate(scans)]
    return question_of(
        [MeasuredReport(time, tuple(_cells(scan))) for time, scan in zip(times, scans, strict=True)]
    )


def _cells(scan: Scan) -> list[MeasuredCell]:
    found: list[MeasuredCell] = []
    for number, nr in enumerate(scan.nr):
        found.append(_nr_cell(nr, number == 0))
        found += [_nr_neighbour(each) for each in nr.nmr]
    for number, lte in enumerate(scan.lte):
        found.append(_lte_cell(lte, number == 0 and not scan.nr))
        found += [_lte_neighbour(each) for each in lte.nmr]
        found += [_nr_neighbour(each) for each in lte.nrNmr]
    return found


def _nr_cell(cell: NrCell, serving: bool) -> MeasuredCell:
    numerology = NUMEROLOGIES.get(nan_if_none(cell.scs))
    step = math.nan if numerology is None else timing_advance_step(numerology)
    beams = {each.ssb: each.rsrp for each in cell.beams if each.ssb is not None and each.rsrp is not None}
    return MeasuredCell(
        technology="NR",
        channel=nan_if_none(cell.localId.nrarfcn),
        pci=nan_if_none(cell.localId.pci),
        identity=nan_if_none(cell.cid),
        serving=serving,
        rsrp=nan_if_none(cell.ss.rsrp),
        rsrq=nan_if_none(cell.ss.rsrq),
        sinr=nan_if_none(cell.ss.sinr),
        timing_advance=nan_if_none(cell.ta) * step,
        beams=tuple(MeasuredBeam(int(ssb), rsrp) for ssb, rsrp in beams.items()),
    )


def _nr_neighbour(cell: NrNeighbour) -> MeasuredCell:
    return MeasuredCell(
        technology="NR",
        channel=nan_if_none(cell.nrarfcn),
        pci=nan_if_none(cell.pci),
        identity=nan_if_none(cell.cid),
        rsrp=nan_if_none(cell.ss.rsrp),
        rsrq=nan_if_none(cell.ss.rsrq),
        sinr=nan_if_none(cell.ss.sinr),
    )


def _lte_cell(cell: LteCell, serving: bool) -> MeasuredCell:
    return MeasuredCell(
        technology="LTE",
        channel=nan_if_none(cell.localId.earfcn),
        pci=nan_if_none(cell.localId.pci),
        identity=nan_if_none(cell.cid),
        serving=serving,
        rsrp=nan_if_none(cell.rsrp),
        rsrq=nan_if_none(cell.rsrq),
        sinr=nan_if_none(cell.sinr),
        timing_advance=nan_if_none(cell.ta) * timing_advance_step(0),
    )


def _lte_neighbour(cell: LteNeighbour) -> MeasuredCell:
    return MeasuredCell(
        technology="LTE",
        channel=nan_if_none(cell.earfcn),
        pci=nan_if_none(cell.pci),
        identity=nan_if_none(cell.cid),
        rsrp=nan_if_none(cell.rsrp),
        rsrq=nan_if_none(cell.rsrq),
        sinr=nan_if_none(cell.sinr),
    )
