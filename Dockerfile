# One image for every service and job (docs/decisions/0010): which one it is, the command says.
#   docker run filiera uvicorn services.orders.app:api
#   docker run filiera python -m libs.kit.migrate --all

FROM debian:bookworm-slim AS python
RUN apt-get update && apt-get install --yes --no-install-recommends python3 ca-certificates \
    && rm -rf /var/lib/apt/lists/* /var/cache/apt/* && find /usr/lib/python3* -name '*.pyc' -delete

FROM python AS packages
RUN apt-get update && apt-get install --yes --no-install-recommends binutils python3-pip python3-venv
RUN python3 -m venv --without-pip /opt/filiera
COPY requirements.lock .
# Wheels alone: nothing is compiled. What they hold for debuggers, for their own tests and for building against them is
# a quarter of their size, and stays behind. (strip breaks what auditwheel has patched: numpy's own libraries.)
RUN --mount=type=cache,target=/root/.cache/pip \
    pip --python /opt/filiera/bin/python install --no-compile --require-hashes --only-binary=:all: -r requirements.lock \
    && cd /opt/filiera/lib \
    && find . -name '*.so*' -not -path '*/numpy.libs/*' -exec strip --strip-unneeded {} + \
    && find . -type f \( -name '*.c' -o -name '*.h' -o -name '*.pyx' -o -name '*.pxd' -o -name '*.pyi' -o -name '*.a' \) -delete \
    && find . -type d \( -name tests -o -name testing -path '*/sqlalchemy/*' -o -name testing -path '*/alembic/*' \
        -o -path '*/numpy/f2py' -o -path '*/numpy/distutils' \) -prune -exec rm -r {} +

# `--build-arg OPTIMISER=yes` puts OR-tools beside, in a folder of their own, and the image is 190 MB larger.
FROM packages AS optimiser
ARG OPTIMISER=
COPY requirements-optimiser.lock .
RUN --mount=type=cache,target=/root/.cache/pip mkdir /optimiser && if [ -n "$OPTIMISER" ]; then \
    pip --python /opt/filiera/bin/python install --no-compile --require-hashes --only-binary=:all: \
        --target /optimiser -r requirements-optimiser.lock; fi

FROM python
ENV PATH=/opt/filiera/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    UVICORN_HOST=0.0.0.0 \
    UVICORN_PORT=8000 \
    UVICORN_LOOP=uvloop \
    UVICORN_HTTP=httptools \
    UVICORN_ACCESS_LOG=false \
    UVICORN_LOG_LEVEL=warning \
    UVICORN_WS_MAX_SIZE=131072 \
    UVICORN_TIMEOUT_GRACEFUL_SHUTDOWN=4
COPY --from=packages /opt/filiera /opt/filiera
COPY --from=optimiser /optimiser /opt/filiera/optimiser
WORKDIR /app
COPY libs libs
COPY services services
# The root is read-only where it runs: bytecode that is not here now would be made again at every start. Importing
# writes that of what is used, which is a third of what could be.
RUN printf 'import %s.app\n' services.capacity services.catalog services.gateway services.orders > /tmp/used.py \
    && printf 'import %s\n' libs.kit.migrate libs.messaging.topics uvicorn.main uvicorn.loops.uvloop \
        uvicorn.protocols.http.httptools_impl uvicorn.protocols.websockets.websockets_impl >> /tmp/used.py \
    && PYTHONPATH=. python /tmp/used.py && rm /tmp/used.py \
    && python -m compileall -q .
USER 10001:10001
EXPOSE 8000
HEALTHCHECK --interval=5s --timeout=3s --start-period=30s --retries=3 \
    CMD ["python", "-ISc", "from urllib.request import urlopen; urlopen('http://127.0.0.1:8000/health/live', timeout=2)"]
CMD ["uvicorn", "services.gateway.app:api"]
