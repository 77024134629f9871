"""CAM normalisation, masks and weights against hand-computed values."""

import pytest
import torch
from scipy import ndimage

from mmlevelset.levelset import cam_masks, cam_weight, normalise_cam, smooth_cam


def example():
    classes = [[4.0, 1.0], [-3.0, 2.0]], [[0.0, 8.0], [8.0, 2.0]], [[9.0, 9.0], [9.0, 9.0]]
    cam = torch.tensor(classes)
    return cam[None], torch.tensor([[1.0, 1.0, 0.0]])


def test_normalise():
    cam, label = example()
    out = normalise_cam(cam, label)
    assert out[0, 0].tolist() == [[1.0, 0.25], [0.0, 0.5]]
    assert out[0, 1].tolist() == [[0.0, 1.0], [1.0, 0.25]]
    assert out[0, 2].eq(0).all()
    assert normalise_cam(cam)[0, 2].eq(1).all()


def test_normalise_keeps_noise_small_and_is_differentiable():
    tiny = torch.full((1, 1, 2, 2), 1e-9)
    assert normalise_cam(tiny).max() < 1e-3
    assert normalise_cam(torch.zeros(1, 1, 2, 2)).eq(0).all()
    cam = torch.rand(1, 2, 3, 3, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(normalise_cam, cam)
    assert normalise_cam(cam.half()).dtype == torch.float32


@pytest.mark.parametrize('sigma', [1.0, 2.0, 8.0])
def test_smooth(sigma):
    """SciPy's Gaussian with the same reach and border, of each map alone, even where it is wider than the map."""
    cam = torch.rand(2, 3, 12, 9)
    expected = [
        [ndimage.gaussian_filter(m, sigma, mode='nearest', truncate=3) for m in c]
        for c in cam.numpy()
    ]
    torch.testing.assert_close(smooth_cam(cam, sigma), torch.tensor(expected), rtol=1e-5, atol=1e-6)


def test_smooth_keeps_its_digits_and_nothing_is_nothing():
    with torch.autocast('cpu', torch.bfloat16):
        assert smooth_cam(torch.rand(1, 2, 5, 5), 1.0).dtype == torch.float32
    cam = torch.rand(1, 2, 5, 5)
    assert smooth_cam(cam, 0.0) is cam


def test_masks():
    cam, label = example()
    masks = cam_masks(cam, label, background=0.3)
    assert masks.dtype == torch.bool
    assert masks[0].tolist() == [
        [[True, False], [False, True]],
        [[False, True], [True, False]],
        [[False, False], [False, False]],  # the strongest class is absent
    ]


def test_ties_go_to_background_and_one_class_leaves_background():
    cam = torch.tensor([[[[1.0, 0.5, 0.25]]]])
    assert cam_masks(cam, torch.ones(1, 1), background=0.5).tolist() == [[[[True, False, False]]]]
    assert not cam_masks(cam, torch.zeros(1, 1), background=0.0).any()


def test_an_absent_class_is_nothing_whatever_it_holds():
    cam, label = torch.rand(1, 2, 6, 6), torch.tensor([[1.0, 0.0]])
    expected = cam_masks(cam, label)
    cam[0, 1, 3, 3] = torch.nan
    assert torch.equal(cam_masks(cam, label), expected) and not expected[:, 1].any()


def test_weight():
    cam, _ = example()
    torch.testing.assert_close(cam_weight(cam, 0.4), 0.6 + 0.4 * torch.sigmoid(cam))
    assert cam_weight(cam, 0.0).eq(1).all()
    wide = cam_weight(cam, 1.0, 'normalised')[0, 0]
    torch.testing.assert_close(wide, torch.sigmoid(torch.tensor([[4.0, -2.0], [-4.0, 0.0]])))


def test_user_errors():
    cam, label = example()
    with pytest.raises(ValueError, match='no background entry'):
        cam_masks(cam, torch.ones(1, 4))
    with pytest.raises(ValueError, match='background is 1.0'):
        cam_masks(cam, label, background=1.0)
    with pytest.raises(ValueError, match='alpha'):
        cam_weight(cam, 1.5)
    with pytest.raises(ValueError, match='cam_logit'):
        cam_weight(cam, 0.5, 'tanh')
    with pytest.raises(ValueError, match='floating-point'):
        normalise_cam(cam[0])
