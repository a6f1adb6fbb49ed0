# The programs of the server: dispatcher, monitor and workers whose models another server runs.
# Built in one image and run in another, which has neither a compiler nor a package manager of ours.

FROM python:3.13.14-slim-trixie AS build
WORKDIR /src
RUN python -m pip install --no-cache-dir --root-user-action=ignore "uv==0.13.9"
ENV UV_PROJECT_ENVIRONMENT=/opt/nightmill UV_PYTHON_DOWNLOADS=never UV_LINK_MODE=copy
# What it depends on changes less often than it does.
COPY pyproject.toml README.md LICENSE ./
RUN uv sync --no-cache --no-dev --no-install-project --compile-bytecode
COPY backends backends
COPY jobs jobs
COPY monitoring monitoring
COPY nightmill nightmill
COPY producer producer
COPY tunnel tunnel
COPY worker worker
RUN uv sync --no-cache --no-dev --no-editable --compile-bytecode

FROM python:3.13.14-slim-trixie
# The number that Redis and Postgres have in their images: one owner for all passwords.
RUN useradd --uid 999 --user-group --no-create-home --home-dir /var/lib/nightmill \
        --shell /usr/sbin/nologin nightmill \
    && install -d -m 700 -o nightmill -g nightmill /var/lib/nightmill
COPY --from=build /opt/nightmill /opt/nightmill
ENV PATH=/opt/nightmill/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    NIGHTMILL_DATA_DIR=/var/lib/nightmill \
    NIGHTMILL_DISCOVER=false
USER 999
WORKDIR /var/lib/nightmill
ENTRYPOINT ["nightmill"]
CMD ["--help"]
