# The wheels of dsec-migrate and of what it needs, made for the platform of BASE, stand in the folder wheels:
#   docker run --rm -v "$PWD:/source" -w /source python:3.13-alpine pip wheel --wheel-dir wheels .
#   docker build -t dsec-migrate .
#   docker run --rm -v "$PWD:/work" -u "$(id -u):$(id -g)" dsec-migrate compose.yml
ARG BASE=python:3.13-alpine

FROM ${BASE} AS install
COPY wheels /wheels
RUN python3 -m venv --without-pip /opt/dsec-migrate \
 && python3 -m pip install --no-cache-dir --no-index --find-links /wheels --no-compile \
      --target "$(/opt/dsec-migrate/bin/python3 -c 'import sysconfig; print(sysconfig.get_path("purelib"))')" dsec-migrate \
 && printf '#!/opt/dsec-migrate/bin/python3\nfrom dsec_migrate.cli import main\n\nmain()\n' >/opt/dsec-migrate/bin/dsec-migrate \
 && chmod 0755 /opt/dsec-migrate/bin/dsec-migrate

FROM ${BASE}
LABEL org.opencontainers.image.title="dsec-migrate" \
      org.opencontainers.image.description="Moves the plaintext secrets of Docker Compose projects into Docker secrets" \
      org.opencontainers.image.licenses="MIT"
# only git can tell which files it tracks; /work is what the caller mounts, whoever owns it
RUN { command -v git >/dev/null || apk add --no-cache git; } \
 && git config --system --add safe.directory /work && git config --system --add safe.directory '/work/*'
COPY --from=install /opt/dsec-migrate /opt/dsec-migrate
ENV HOME=/tmp PYTHONDONTWRITEBYTECODE=1
WORKDIR /work
# nobody's account: `docker run -u` says whose files are written
USER 65532:65532
ENTRYPOINT ["/opt/dsec-migrate/bin/dsec-migrate"]
