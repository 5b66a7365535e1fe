# Two stages: the environment is built from uv.lock, the image runs it as an ordinary user.
FROM python:3.13-slim AS build
RUN pip install --no-cache-dir uv
WORKDIR /app
COPY pyproject.toml uv.lock ./
RUN uv sync --frozen --no-default-groups --no-install-project --compile-bytecode
COPY README.md LICENSE ./
COPY gateway ./gateway
COPY adapters ./adapters
COPY tests/fakes/workspace ./tests/fakes/workspace
RUN uv sync --frozen --no-default-groups --no-editable --compile-bytecode

FROM python:3.13-slim
RUN useradd --system --uid 10001 --home-dir /var/lib/nbgateway --create-home nbgateway
COPY --from=build /app/.venv /app/.venv
ENV PATH=/app/.venv/bin:$PATH NBGW_SERVER__HOST=0.0.0.0
USER nbgateway
# Relative paths of the configuration, the state among them, lie here.
WORKDIR /var/lib/nbgateway
VOLUME /var/lib/nbgateway
EXPOSE 8888
HEALTHCHECK --interval=10s --timeout=3s CMD ["python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:8888/healthz', timeout=2)"]
ENTRYPOINT ["nbgw"]
CMD ["serve", "--config", "/etc/nbgateway/gateway.toml"]
