# The pipeline's processes (k2 feed, k2 migrate, k2 metrics), as an unprivileged user. The harness stays outside.
FROM python:3.11-slim-bookworm AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
RUN python -m venv /opt/k2
WORKDIR /src
COPY deploy/requirements.txt deploy/
RUN /opt/k2/bin/python -m pip install --require-hashes --requirement deploy/requirements.txt
COPY pyproject.toml README.md ./
COPY k2pipeline k2pipeline
COPY sql sql
# --no-deps: what the pipeline imports is in deploy/requirements.txt; pyproject.toml also lists what the harness needs.
RUN /opt/k2/bin/python -m pip install --no-deps --no-build-isolation .

FROM python:3.11-slim-bookworm
RUN useradd --system --uid 10001 --no-create-home --shell /usr/sbin/nologin k2
COPY --from=build /opt/k2 /opt/k2
ENV PATH=/opt/k2/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
USER 10001
ENTRYPOINT ["k2"]
CMD ["--help"]
