"""How training warms up, cools down and ends, and the lines that say so."""

from __future__ import annotations

import lightning
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.utils.data import DataLoader

from raylocus.errors import InputError
from raylocus.training.schedule import ProgressLines, ScheduleConfiguration

SCHEDULES = st.builds(
    ScheduleConfiguration,
    learning_rate=st.floats(1e-5, 1.0),
    warmup_steps=st.integers(0, 200),
    steps=st.integers(1, 3000),
)


@given(SCHEDULES)
def test_rates_are_above_zero_and_never_above_the_highest(schedule: ScheduleConfiguration) -> None:
    rates = [schedule.rate(step) for step in range(0, schedule.steps + 50, max(1, schedule.steps // 40))]
    assert all(0 < rate <= schedule.learning_rate * (1 + 1e-12) for rate in rates)


@given(SCHEDULES)
def test_after_the_warm_up_the_rate_only_falls(schedule: ScheduleConfiguration) -> None:
    steps = range(schedule.warmup_steps, schedule.steps + 50, max(1, schedule.steps // 40))
    rates = [schedule.rate(step) for step in steps]
    assert all(later <= rate * (1 + 1e-12) for rate, later in zip(rates[:-1], rates[1:], strict=True))


@given(SCHEDULES)
def test_after_the_last_step_a_hundredth_is_left(schedule: ScheduleConfiguration) -> None:
    warm = min(1.0, (schedule.steps + 1) / max(1, schedule.warmup_steps))
    assert schedule.rate(schedule.steps) == pytest.approx(0.01 * schedule.learning_rate * warm)
    assert schedule.share(schedule.steps) == schedule.share(schedule.steps + 7) == 1.0


def test_the_warm_up_is_linear() -> None:
    schedule = ScheduleConfiguration(learning_rate=1.0, warmup_steps=10, steps=10**9)
    assert [schedule.rate(step) for step in range(12)] == pytest.approx(
        [*(0.1 * (step + 1) for step in range(10)), 1, 1]
    )


def test_half_way_the_cosine_is_half() -> None:
    schedule = ScheduleConfiguration(learning_rate=2.0, warmup_steps=0, steps=100)
    assert schedule.rate(50) == pytest.approx(2.0 * (0.99 * 0.5 + 0.01))


@pytest.mark.parametrize("steps", [0, -3])
def test_training_without_a_step_is_refused(steps: int) -> None:
    with pytest.raises(InputError, match="1 step or more"):
        ScheduleConfiguration(steps=steps)


class Constant(lightning.LightningModule):
    """One weight and a loss that is always the same."""

    def __init__(self, schedule: ScheduleConfiguration | None) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(()))
        if schedule is not None:
            self.schedule = schedule

    def training_step(self, batch: torch.Tensor) -> torch.Tensor:
        self.log("train/loss", torch.tensor(4.321))
        self.log("validation/median_error", torch.tensor(17.0))
        self.log("train/other", torch.tensor(1.0))
        return self.weight.square()

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), lr=0.1)


def printed(
    capsys: pytest.CaptureFixture[str], every: float, schedule: ScheduleConfiguration | None
) -> list[str]:
    """The lines of a training of four steps."""
    trainer = lightning.Trainer(
        max_steps=4,
        accelerator="cpu",
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        callbacks=[ProgressLines(every)],
    )
    trainer.fit(Constant(schedule), DataLoader([0.0] * 4, batch_size=1))
    return [line for line in capsys.readouterr().out.splitlines() if "step" in line]


@pytest.mark.filterwarnings("ignore")
def test_a_line_says_how_far_training_is_and_what_is_measured(capsys: pytest.CaptureFixture[str]) -> None:
    lines = printed(capsys, 0.0, ScheduleConfiguration(steps=8))
    assert [line.split(", ")[:4] for line in lines] == [
        [f"      {share:4.0%}", f"step {step}", "loss 4.32", "validation median 17.00 m"]
        for step, share in enumerate([0.125, 0.25, 0.375, 0.5], 1)
    ]
    assert all(line.endswith("s left") for line in lines)


@pytest.mark.filterwarnings("ignore")
def test_no_line_is_printed_before_it_is_due_or_without_a_schedule(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert not printed(capsys, 1e6, ScheduleConfiguration())
    assert not printed(capsys, 0.0, None)
