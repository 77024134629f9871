"""Shared by all tests."""

import pytest
import torch


@pytest.fixture(autouse=True)
def _reproducible() -> None:
    """Same random numbers in every test, whatever ran before; one thread, two cores are shared."""
    torch.manual_seed(0)
    torch.set_num_threads(1)
