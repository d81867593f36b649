# One image for every service of docker-compose.yml. The two install lines are the README's.
FROM python:3.13-slim

ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
RUN useradd --create-home cqrs
WORKDIR /app

# Dependencies first: a change in the code below reuses this layer.
COPY pyproject.toml constraints.txt README.md LICENSE ./
COPY sql sql
COPY dashboard dashboard
COPY cqrs_demo/__init__.py cqrs_demo/
RUN python3 -m venv .venv \
 && .venv/bin/python -m pip install -c constraints.txt -e .
COPY cqrs_demo cqrs_demo

ENV PATH=/app/.venv/bin:$PATH PYTHONUNBUFFERED=1
USER cqrs
CMD ["cqrs-demo", "--help"]
