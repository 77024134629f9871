"""Heads build mmseg's losses, so a scope that another test left behind must not stay."""

import pytest
from mmengine.registry import DefaultScope, init_default_scope


@pytest.fixture(autouse=True)
def mmseg_scope() -> None:
    """As the configs have it."""
    init_default_scope('mmseg')
    assert DefaultScope.get_current_instance().scope_name == 'mmseg'
