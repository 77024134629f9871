"""Shared by all tests."""

import random

import numpy as np
import pytest
import torch


@pytest.fixture(autouse=True)
def _reproducible() -> None:
    """Same random numbers in every test, whatever ran before; one thread, two cores are shared."""
    random.seed(0)
    np.random.seed(0)
    torch.manual_seed(0)
    torch.set_num_threads(1)
