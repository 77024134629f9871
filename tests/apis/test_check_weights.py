"""What a test looks at before it runs: are the weights those of the model and of its classes, and finite?"""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from mmengine.registry import init_default_scope

from mmlevelset.apis import check_weights, state_levels
from mmlevelset.evaluation import SeedMetric
from mmlevelset.models import LevelSetHead
from mmlevelset.models.seeds import SeedRecipe


def test_seeds_state_the_levels_that_were_found(tmp_path: Path) -> None:
    """The unit of scores, and levels of the checkpoint by class: no constant ones, none of old checkpoints."""
    init_default_scope('mmseg')

    def runner(background: float | str) -> SimpleNamespace:
        metric = SeedMetric()
        metric.dataset_meta = dict(classes=('background', 'cat', 'dog'))
        head = LevelSetHead(
            [4], [0], 8, 2, loss_energy=None, background=background, zero=background, truncate=40.0
        )
        return SimpleNamespace(
            model=torch.nn.ModuleDict(dict(auxiliary_head=head)),
            test_evaluator=SimpleNamespace(metrics=[metric], dataset_meta=metric.dataset_meta),
        )

    trained = runner('auto')
    histogram = trained.model['auxiliary_head'].auto_background.histogram
    histogram[0, [20, 100]] = 1.0
    histogram[1, [120, 250]] = 1.0
    zeros = trained.model['auxiliary_head'].auto_zero.histogram
    zeros[0, [10, 160 + 60, -1]] = 1.0  # outside the mask at -0.875, inside from -0.25 on
    torch.save(dict(state_dict=trained.model.state_dict()), tmp_path / 'auto.pth')
    torch.save(dict(state_dict=runner(0.3).model.state_dict()), tmp_path / 'old.pth')

    for file, background, stated in (
        ('auto.pth', 'auto', dict(cat=0.235, dog=0.725)),
        ('old.pth', 'auto', None),
        ('auto.pth', 0.3, None),
    ):
        test = runner(background)
        check_weights(test, str(tmp_path / file))
        state_levels(test, str(tmp_path / file))
        source = test.test_evaluator.metrics[0].source
        assert source['truncate'] == 40.0
        test.model.recipe = SeedRecipe(seed_source='cam')
        source.pop('truncate')
        state_levels(test, str(tmp_path / file))
        assert 'truncate' not in source  # seeds of the CAM are no distances
        assert source.get('backgrounds') == stated
        assert source.get('zeros') == (stated and dict(cat=-0.125, dog=0.0))


def test_weights_of_other_classes(tmp_path: Path) -> None:
    """As many classes with other names would be predicted under wrong ones; case and blanks do not count."""
    net, names = torch.nn.Linear(2, 3), ('background', 'Traffic light', 'dog')
    meta = dict(dataset_meta=dict(classes=names))
    torch.save(dict(state_dict=net.state_dict(), meta=meta), tmp_path / 'a.pth')

    def check(*classes: str) -> None:
        evaluator = SimpleNamespace(dataset_meta=dict(classes=classes))
        check_weights(SimpleNamespace(model=net, test_evaluator=evaluator), str(tmp_path / 'a.pth'))

    check('background', 'traffic_light', 'dog')
    for foreign in ('v1', [1], dict(dataset_meta=('a', 'b')), dict(dataset_meta=dict(classes=3))):
        torch.save(dict(state_dict=net.state_dict(), meta=foreign), tmp_path / 'a.pth')
        check('background', 'horse', 'cow')  # which says nothing of its classes
    torch.save(dict(state_dict=net.state_dict(), meta=meta), tmp_path / 'a.pth')
    for classes in (('background', 'dog', 'traffic light'), ('background', 'horse', 'cow')):
        with pytest.raises(ValueError, match="a.pth was trained on the classes .*'Traffic light'"):
            check(*classes)


@pytest.mark.parametrize('value', [np.nan, np.inf])
def test_weights_that_are_not_finite(tmp_path: Path, value: float) -> None:
    runner = SimpleNamespace(
        model=torch.nn.Linear(2, 3), test_evaluator=SimpleNamespace(dataset_meta=None)
    )
    state = runner.model.state_dict()
    torch.save(dict(state_dict=state), tmp_path / 'good.pth')
    state['bias'][1] = value
    torch.save(dict(state_dict=state), tmp_path / 'bad.pth')
    check_weights(runner, str(tmp_path / 'good.pth'))
    with pytest.raises(ValueError, match=r'bad.pth: 1 of 2 tensors are not finite, e.g. bias'):
        check_weights(runner, str(tmp_path / 'bad.pth'))
