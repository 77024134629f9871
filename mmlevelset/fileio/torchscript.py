"""The tensors of a TorchScript archive, without loading or running its program."""

import math
import pickle
import zipfile
from typing import Any

import numpy as np
import torch
from torch import Tensor

CONSTANTS = 'constants.pkl'  # no other file of torch has it
DTYPES = {
    'DoubleStorage': torch.float64,
    'FloatStorage': torch.float32,
    'HalfStorage': torch.float16,
    'BFloat16Storage': torch.bfloat16,
    'LongStorage': torch.int64,
    'IntStorage': torch.int32,
    'ShortStorage': torch.int16,
    'CharStorage': torch.int8,
    'ByteStorage': torch.uint8,
    'BoolStorage': torch.bool,
}
# What the JIT calls to give a list its type.
LISTS = ('build_intlist', 'build_tensorlist', 'build_doublelist', 'build_boollist')


class _Module:
    """Stands for any module of the archive; its state becomes ``__dict__``."""

    def __setstate__(self, state: dict[str, Any]) -> None:
        # pickle's own way also sets attributes of this class, if a file asks for it.
        if not isinstance(state, dict):
            raise pickle.UnpicklingError(f'a module has a {type(state).__name__}, expected a dict')
        self.__dict__.update(state)


class _Unpickler(pickle.Unpickler):
    """Knows modules, tensors and lists; everything else is refused."""

    def __init__(self, archive: zipfile.ZipFile, folder: str) -> None:
        super().__init__(archive.open(f'{folder}data.pkl'))
        self.archive, self.folder = archive, folder

    def find_class(self, module: str, name: str) -> Any:
        if module.split('.')[0] == '__torch__':
            return _Module
        if module == 'torch' and name in DTYPES:
            return DTYPES[name]
        if module == 'torch.jit._pickle' and name in LISTS:
            return list
        known = {
            ('torch._utils', '_rebuild_tensor_v2'): _tensor,
            ('collections', 'OrderedDict'): dict,
        }
        if (module, name) not in known:
            raise pickle.UnpicklingError(f'{module}.{name} is no module, tensor or list')
        return known[module, name]

    def persistent_load(self, pid: Any) -> Tensor:
        kind, dtype, key, _, count = pid
        data = self.archive.read(f'{self.folder}data/{key}')
        itemsize = torch.empty(0, dtype=dtype).element_size()
        if kind != 'storage' or len(data) != count * itemsize:
            raise ValueError(f'{count} numbers of {dtype} have {len(data):,} bytes')
        return torch.from_numpy(np.frombuffer(bytearray(data), np.uint8)).view(dtype)


def _tensor(storage: Tensor, offset: int, size: Any, stride: Any, *_: Any) -> Tensor:
    """A tensor of its own, so that none shares memory with another."""
    if math.prod(size) > len(storage):
        raise ValueError(f'a tensor {tuple(size)} is larger than what the file holds')
    return torch.as_strided(storage, size, stride, offset).clone()


def is_torchscript(archive: zipfile.ZipFile) -> bool:
    """Whether an open zip file is a TorchScript archive."""
    return any(name.endswith(f'/{CONSTANTS}') for name in archive.namelist())


def torchscript_state(archive: zipfile.ZipFile) -> dict[str, Tensor]:
    """Read all parameters and buffers of an archive's module.

    Args:
        archive: Open file of ``torch.jit.save``, for which :func:`is_torchscript` holds.

    Returns:
        dict: tensors on the CPU, by the names that ``state_dict()`` of the module has. Attributes that
        are tensors come along.

    Raises:
        UnpicklingError: It holds more than modules, tensors, lists and plain values.
        ValueError: A tensor has not its bytes.
    """
    (constants,) = (name for name in archive.namelist() if name.endswith(f'/{CONSTANTS}'))
    state: dict[str, Tensor] = {}

    def collect(module: _Module, prefix: str) -> None:
        for name, value in vars(module).items():
            if isinstance(value, Tensor):
                state[prefix + name] = value
            elif isinstance(value, _Module):
                collect(value, f'{prefix}{name}.')

    root = _Unpickler(archive, constants.removesuffix(CONSTANTS)).load()
    if not isinstance(root, _Module):
        raise ValueError(f'it holds a {type(root).__name__}, expected a module')
    collect(root, '')
    return state
