"""A second start for `train adapt` on traced maps: weights from which few steps on few tags lead far (Reptile).

    python benchmarks/meta_start.py places/pre-* --on places/val-* --rounds 60 --folder runs/meta

Each round draws a place, a world of severity 1 and tags, tunes the weights that adaptation tunes, and moves the start
towards where they came to (Nichol et al. 2018, arXiv:1803.02999); the move shrinks to nothing over the rounds. The
folder keeps the start of every round and the scores of every world, from which a killed run goes on.
"""

from __future__ import annotations

import argparse
import copy
import dataclasses
from pathlib import Path

import numpy as np
import torch
from calibration_trials import trial
from few_shot_places import Scored, adapted, of_worlds, on_map, print_table

from raylocus.inference.locator import Locator
from raylocus.models.checkpoint import save_network
from raylocus.models.inputs.nominal_maps import nominal_maps
from raylocus.models.inputs.packed import sequence_tensors
from raylocus.models.location_network import LocationNetwork
from raylocus.propagation.maps.traced_place import open_place
from raylocus.training.adapt.fine_tune import PlaceTags, evidence_and_biases, tuned_to_place

#: Steps of a round, and the share of the way that the start is moved in the first one.
STEPS, MOVE = 8, 0.5
#: Seeds of worlds begin here: none is one of those that few_shot_places draws.
FIRST_WORLD = 1000


def tags_of_round(locator: Locator, place: Path, seed: int, count: int) -> PlaceTags:
    """Tags of one world of a place."""
    one = trial(open_place(place), seed, 1.0, count, 0)
    with torch.no_grad():
        encoded = locator.encoded(nominal_maps(one.place))
    return PlaceTags(sequence_tensors(one.tagged, one.place.deployment), encoded, seed)


def moved(start: LocationNetwork, tuned: LocationNetwork, share: float) -> None:
    """Moves the weights that adaptation tunes a share of the way to where tuning brought them."""
    pairs = zip(evidence_and_biases(start), evidence_and_biases(tuned), strict=True)
    with torch.no_grad():
        for (own, _), (other, _) in pairs:
            own.lerp_(other, share)


def learned_start(given: argparse.Namespace) -> Locator:
    """The start of the last round; from the rounds that are there, a checkpoint is written after every other."""
    locator, generator = Locator.pretrained(), np.random.default_rng(1)
    drawn = generator.integers(len(given.places), size=given.rounds)
    files = [given.folder / f"round-{number + 1}-of-{given.rounds}.ckpt" for number in range(given.rounds)]
    done = sum(file.exists() for file in files)
    network = copy.deepcopy(
        Locator.load(files[done - 1]).trained.network if done else locator.trained.network
    )
    given.folder.mkdir(parents=True, exist_ok=True)
    for number in range(done, given.rounds):
        tags = tags_of_round(locator, given.places[drawn[number]], FIRST_WORLD + number, given.round_tags)
        before = tags.costs(network).mean()
        (tuned,) = tuned_to_place(network, tags, (STEPS,))
        gained = before - tags.costs(tuned).mean()
        moved(network, tuned, MOVE * (1 - number / given.rounds))
        save_network(dataclasses.replace(locator.trained, network=network), files[number])
        print(f"round {number + 1} of {given.rounds}: {before:.2f} nats, {gained:+.2f} by tuning", flush=True)
    return Locator.load(files[-1])


def compared(meta: Locator, number: int, count: int, given: argparse.Namespace) -> dict[str, Scored]:
    """Both starts adapted by the first tags of one world, see `few_shot_places.print_table`."""
    one = trial(open_place(given.on[number % len(given.on)]), number, 1.0, max(given.tags), 0)
    maps, asked = nominal_maps(one.place), one.asked.select(np.arange(given.phones))
    tagged, starts = one.tagged.select(np.arange(count)), (Locator.pretrained(), meta)
    return {
        f"{count}/{name}": on_map(adapted(locator, tagged, maps), asked, maps)
        for name, locator in zip(("shipped start", "learned start"), starts, strict=True)
    }


def main() -> None:
    """Learns a start, as far as there is none yet, and compares it with the one that ships."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("places", type=Path, nargs="+", help="that the start is learned on")
    parser.add_argument(
        "--on", type=Path, nargs="+", required=True, help="places that both starts are compared on"
    )
    parser.add_argument("--rounds", type=int, default=60)
    parser.add_argument("--round_tags", type=int, default=32, help="of each round")
    parser.add_argument(
        "--tags", type=int, nargs="+", default=[1, 10, 100, 1000], help="by which starts are adapted"
    )
    parser.add_argument("--worlds", type=int, default=4, help="dealt to the places in turn")
    parser.add_argument("--phones", type=int, default=100, help="located in each world")
    parser.add_argument("--folder", type=Path, required=True, help="of the learned start and the scores")
    given = parser.parse_args()
    torch.set_num_threads(1)
    meta = learned_start(given)
    print_table(of_worlds(given, lambda number, count: compared(meta, number, count, given)))


if __name__ == "__main__":
    main()
