# A server that stylizes photos (docs/guides/scale-out.md). docker, podman and buildah build it:
#
#   docker build -t pix2style-serve .
#   docker run --rm -p 8080:8080 -e PIX2STYLE_SERVE_TOKEN --read-only --cap-drop all pix2style-serve
#
# It works on a read-only file system and without capabilities. Arguments after the image's name are those of
# `pix2style serve`.
ARG PYTHON_IMAGE=docker.io/library/python:3.13-slim

FROM ${PYTHON_IMAGE} AS build
RUN ["python", "-m", "pip", "install", "--no-cache-dir", "--root-user-action", "ignore", "uv"]
ENV UV_PROJECT_ENVIRONMENT=/opt/pix2style UV_PYTHON_DOWNLOADS=never UV_LINK_MODE=copy
WORKDIR /source
COPY pyproject.toml uv.lock README.md LICENSE ./
COPY configs configs
COPY pix2style pix2style
RUN ["python", "-m", "uv", "sync", "--frozen", "--no-cache", "--no-dev", "--no-editable", "--extra", "serve", "--compile-bytecode"]

FROM ${PYTHON_IMAGE}
COPY --from=build /opt/pix2style /opt/pix2style
# The server keeps photos in memory. To start its workers it makes a socket in the folder for temporary files. The folder
# /dev/shm is part of every container, and writable even if nothing else is.
ENV PATH=/opt/pix2style/bin:$PATH PYTHONUNBUFFERED=1 TMPDIR=/dev/shm
WORKDIR /
USER 10001:10001
EXPOSE 8080
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=10s --retries=3 \
  CMD ["python", "-ISc", "import urllib.request as r; r.build_opener(r.ProxyHandler({})).open('http://127.0.0.1:8080/readyz', timeout=4)"]
ENTRYPOINT ["pix2style", "serve", "--host", "0.0.0.0", "--port", "8080"]
CMD []
