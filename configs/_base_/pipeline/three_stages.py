# What a user edits in the pipelines of published hosts; see configs/pipeline/README.md.
recipe = 'three_stages'
gpus = 1  # processes on a node, which share the batch sizes of the recipes
nodes = 1
partition = ''  # of Slurm; without it, torchrun starts the processes
jobs = 8  # processes of tools/refine.py
device = 'cuda'  # of the networks in tools/refine.py
# More `key=value` pairs for all commands of a kind: one, or a list of them.
seed_options = []  # trainings of the hosts
export_options = []  # seeds from the trained hosts
affinity_options = []  # trainings of the affinity networks
model_options = []  # trainings of the segmentation models
test_options = []  # tests of the segmentation models
