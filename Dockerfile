# One image for every role. The packages are those of requirements.lock, checked by their hashes; tools for tests stay behind.
FROM python:3.11-slim-bookworm AS wheels
WORKDIR /src
COPY requirements.lock ./
RUN pip download --require-hashes --dest /wheels --requirement requirements.lock
COPY . .
RUN pip wheel --no-index --find-links /wheels --wheel-dir /wheels --no-deps .

FROM python:3.11-slim-bookworm
RUN --mount=type=bind,from=wheels,source=/wheels,target=/wheels \
    pip install --no-cache-dir --no-index --find-links /wheels tillstream \
    && useradd --uid 10001 --no-create-home tillstream \
    && install --directory --owner=tillstream /var/lib/tillstream /data
USER tillstream
WORKDIR /var/lib/tillstream
ENV PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
ENTRYPOINT []
CMD ["tillstream", "--help"]
