"""Whether this is the soak: `deploy/test soak` sets SLUICE_SOAK, and tests then run their long forms."""

import os

import pytest

SOAK = "SLUICE_SOAK" in os.environ


def count(gate, soak):
    """How often a test does what it does."""
    return soak if SOAK else gate


def cases(gate, soak):
    """Arguments of `pytest.mark.parametrize`: the gate runs the first ones, the soak all."""
    return [*gate, *(pytest.param(value, marks=pytest.mark.soak) for value in soak)]
