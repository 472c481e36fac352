"""`raylocus train area`: trains the network that locates in areas without traced maps."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from raylocus.cli.console import verb_parser


def run(arguments: Sequence[str]) -> int:
    """Trains, calibrates on networks not trained on, and writes one file; goes on from where it was stopped."""
    from raylocus.training.area.fit import AreaTraining

    parser = verb_parser(
        "train area", "Train the area network on networks drawn by formula; no data and no maps are needed."
    )
    parser.add_argument(
        "--out", type=Path, required=True, help="file of the trained network, such as area.ckpt"
    )
    parser.add_argument(
        "--networks",
        type=int,
        default=150,
        help="drawn networks of each law that the answers' width is fitted on",
    )
    parser.add_class_arguments(AreaTraining, "training")
    given = parser.parse(arguments)
    training = parser.instantiate(given).training
    from dataclasses import asdict

    from raylocus.models.area.trained import TrainedAreaNetwork, save_area_network
    from raylocus.provenance import Provenance
    from raylocus.training.area.calibration import fitted_temperature
    from raylocus.training.area.fit import fit_area_network

    state = given.out.with_name(given.out.name + ".state")
    network = fit_area_network(training, state, print)
    temperature = fitted_temperature(network, given.networks, training.seed, print)
    settings = {"training": asdict(training), "networks": given.networks}
    provenance = Provenance.collect(settings, training.seed, {})
    save_area_network(TrainedAreaNetwork(network, temperature, provenance), given.out)
    state.unlink()
    print(f"{given.out} written")
    return 0
