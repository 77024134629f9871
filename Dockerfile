# The toolbox on the maintained forks, from this clone:
#   docker build -t mmlevelset .
#   docker run --rm -it --gpus all --shm-size 8g -v "$PWD/data:/workspace/data" mmlevelset pipeline NAME
# torch's wheels bring CUDA; for a CPU alone (1 GB in place of 6):
#   docker build -t mmlevelset --build-arg TORCH_INDEX=https://download.pytorch.org/whl/cpu .
FROM python:3.11-slim-bookworm

# OpenCV needs libGL and glib. Their versions are those of the Debian release of the image.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install -y --no-install-recommends libgl1 libglib2.0-0 \
    && rm -rf /var/lib/apt/lists/*

ARG TORCH_INDEX=https://pypi.org/simple
COPY constraints.txt /src/
RUN pip install --no-cache-dir torch==2.13.0 --index-url "$TORCH_INDEX"

COPY . /src
RUN pip install --no-cache-dir -c /src/constraints.txt "/src[onedl,weights]"

# Trainings keep their outputs in the folder that is mounted here.
WORKDIR /workspace
ENTRYPOINT ["mmlevelset"]
CMD ["--help"]
