# The operator's image.
#
#   docker build .                     needs Docker and the public base image below, nothing else
#   python3 hack/lab image operator    builds the same file without Docker, registry or package index
#
# Any base with Python >= 3.11 and its venv module will do.
ARG BASE=python:3.13-slim-trixie

FROM ${BASE} AS dependencies
# Where the build has no package index: PIP_NO_INDEX=1 and a mounted folder of wheels.
ARG PIP_NO_INDEX
ARG PIP_FIND_LINKS
COPY requirements.txt /opt/headgate/
# pip works from outside and goes in the same step: nothing that installs software stays in the image. Modules are
# compiled here because the file system is read-only later, and checked by hash because file times do not survive;
# the clients' generated models are thousands of files that the operator never imports.
RUN python3 -m venv /build && python3 -m venv --without-pip /opt/headgate \
 && /build/bin/pip --python /opt/headgate/bin/python install --no-cache-dir --no-compile \
        --require-hashes --only-binary=:all: --requirement /opt/headgate/requirements.txt \
 && python3 -m compileall -q -j0 --invalidation-mode unchecked-hash \
        -x 'kubernetes/(aio/)?client/(api|models)/' /opt/headgate/lib \
 && rm -r /build

FROM dependencies AS package
ARG PIP_NO_INDEX
ARG PIP_FIND_LINKS
RUN python3 -m venv /build
COPY pyproject.toml README.md LICENSE /source/
COPY operator /source/operator
# Into a root of its own, so that a changed source changes a layer of kilobytes.
RUN /build/bin/pip --python /opt/headgate/bin/python install --no-compile --no-deps --root /package /source \
 && python3 -m compileall -q --invalidation-mode unchecked-hash -s /package /package/opt/headgate/lib

FROM dependencies
COPY --from=package /package /
# Two arenas: with more, glibc keeps freed memory that the operator no longer needs.
ENV PATH=/opt/headgate/bin:${PATH} PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 MALLOC_ARENA_MAX=2
USER 65532:65532
ENTRYPOINT ["headgate", "run"]
