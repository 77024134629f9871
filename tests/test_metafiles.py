"""The model index lists what there is, and no number that the documentation of the results lacks."""

from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[1]
INDEX = yaml.safe_load((ROOT / 'model-index.yml').read_text())['Import']
# Presets of refiners train nothing.
TRAINED = [
    path
    for folder in ('seed', 'plugin', 'retrain', 'refine')
    for path in (ROOT / 'configs' / folder).rglob('*.py')
    if folder != 'refine' or path.name.startswith(('affinitynet_', 'irnet_'))
]


@pytest.fixture(scope='module')
def files() -> list[dict]:
    return [yaml.safe_load((ROOT / path).read_text()) for path in INDEX]


def test_every_folder_is_imported() -> None:
    found = {str(path.relative_to(ROOT)) for path in ROOT.glob('configs/**/metafile.yml')}
    assert set(INDEX) == found
    folders = {path.parent for path in TRAINED}
    assert {(ROOT / path).parent for path in INDEX} == folders
    assert all((folder / 'README.md').is_file() for folder in folders)


def test_every_trained_config_is_a_model(files: list[dict]) -> None:
    models = [model for file in files for model in file['Models']]
    names = [model['Name'] for model in models]
    assert len(set(names)) == len(names)
    assert {model['Config'] for model in models} == {str(p.relative_to(ROOT)) for p in TRAINED}


def test_collections_exist(files: list[dict]) -> None:
    collections = [entry for file in files for entry in file.get('Collections', [])]
    assert all((ROOT / entry['README']).is_file() for entry in collections)
    used = {model['In Collection'] for file in files for model in file['Models']}
    assert used == {entry['Name'] for entry in collections}


def test_results_are_the_documented_ones(files: list[dict]) -> None:
    documented = (ROOT / 'docs/en/results.md').read_text()
    results = [r for file in files for model in file['Models'] for r in model.get('Results', [])]
    assert results
    for result in results:
        for value in result['Metrics'].values():
            assert f' {value:.2f} ' in documented, result
