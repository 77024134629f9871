"""The paper in plain torch: CAM masks, signed distances, energies and their evolution."""

from .cam import cam_masks, cam_weight, normalise_cam, smooth_cam
from .classical import ClassicalEvolution, chan_vese, drlse
from .condition import evolution_condition
from .energy import (
    IMAGE_STRIDE,
    contour_length,
    data_force,
    edge_attraction,
    edge_map,
    edge_stopping,
    heaviside,
    local_data_force,
    local_region_energy,
    reduced,
    region_energy,
    shrink,
    standardise,
)
from .energy_loss import LevelSetEnergyLoss
from .evolution import Evolution
from .fno import FNOEvolution, FNOLayer
from .initialise import LevelSetInitialiser
from .loss import LevelSetLoss, logit_margins
from .refiner import LevelSetRefiner
from .sdf import TRUNCATE, seed_scores, signed_distance, squared_distance, valid_masks
from .spectral import SpectralConv2d
from .trace import LevelSetTrace

__all__ = [
    'ClassicalEvolution',
    'Evolution',
    'FNOEvolution',
    'FNOLayer',
    'IMAGE_STRIDE',
    'LevelSetEnergyLoss',
    'LevelSetInitialiser',
    'LevelSetLoss',
    'LevelSetRefiner',
    'LevelSetTrace',
    'SpectralConv2d',
    'TRUNCATE',
    'cam_masks',
    'cam_weight',
    'chan_vese',
    'contour_length',
    'data_force',
    'drlse',
    'edge_attraction',
    'edge_map',
    'edge_stopping',
    'evolution_condition',
    'heaviside',
    'local_data_force',
    'local_region_energy',
    'logit_margins',
    'normalise_cam',
    'reduced',
    'region_energy',
    'shrink',
    'seed_scores',
    'signed_distance',
    'smooth_cam',
    'squared_distance',
    'standardise',
    'valid_masks',
]
