# One image for every service and job (docs/decisions/0010): which one it is, the command says.
#   docker run filiera uvicorn services.orders.app:api
#   docker run filiera python -m libs.kit.migrate --all

FROM python:3.11-slim-bookworm AS packages
RUN apt-get update && apt-get install --yes --no-install-recommends binutils
RUN python -m venv --without-pip /opt/filiera
COPY requirements.lock .
# Wheels alone: nothing is compiled. What they hold for debuggers, for their own tests and for building against them is
# a quarter of their size, and stays behind.
RUN --mount=type=cache,target=/root/.cache/pip \
    pip --python /opt/filiera/bin/python install --require-hashes --only-binary=:all: -r requirements.lock \
    && cd /opt/filiera/lib && find . -name '*.so*' -exec strip --strip-unneeded {} + \
    && find . -type f \( -name '*.c' -o -name '*.h' -o -name '*.pyx' -o -name '*.pxd' -o -name '*.pyi' \) -delete \
    && find . -type d -name tests -prune -exec rm -r {} +

FROM python:3.11-slim-bookworm
RUN pip uninstall --yes --root-user-action=ignore setuptools wheel pip
ENV PATH=/opt/filiera/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    UVICORN_HOST=0.0.0.0 \
    UVICORN_PORT=8000 \
    UVICORN_LOOP=uvloop \
    UVICORN_HTTP=httptools \
    UVICORN_ACCESS_LOG=false \
    UVICORN_LOG_LEVEL=warning \
    UVICORN_TIMEOUT_GRACEFUL_SHUTDOWN=4
COPY --from=packages /opt/filiera /opt/filiera
WORKDIR /app
COPY libs libs
COPY services services
# The root is read-only where it runs: bytecode that is not here now would be made again at every start.
RUN python -m compileall -q .
USER 10001:10001
EXPOSE 8000
HEALTHCHECK --interval=5s --timeout=3s --start-period=30s --retries=3 \
    CMD ["python", "-ISc", "from urllib.request import urlopen; urlopen('http://127.0.0.1:8000/health/live', timeout=2)"]
CMD ["uvicorn", "services.gateway.app:api"]
