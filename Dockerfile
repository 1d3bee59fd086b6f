# Serves a trained student; docs/guide/use.md has the commands that build and start it.
FROM python:3.11-slim AS build
# torch without CUDA, which is a tenth of the size. Another index, or none, for machines with a GPU.
ARG TORCH_INDEX=https://download.pytorch.org/whl/cpu
WORKDIR /build
COPY pyproject.toml constraints.txt README.md LICENSE ./
COPY src src
RUN python -m venv /opt/mindsmirror \
    && /opt/mindsmirror/bin/pip install --no-cache-dir --constraint constraints.txt --extra-index-url "$TORCH_INDEX" '.[serve]'

FROM python:3.11-slim
RUN useradd --create-home --uid 10001 mindsmirror
COPY --from=build /opt/mindsmirror /opt/mindsmirror
ENV PATH=/opt/mindsmirror/bin:$PATH HF_HUB_OFFLINE=1
USER 10001
WORKDIR /home/mindsmirror
EXPOSE 8000
# Until the student is loaded nothing listens.
HEALTHCHECK --start-period=60s CMD ["python", "-c", "import urllib.request as web; web.urlopen('http://127.0.0.1:8000/health')"]
ENTRYPOINT ["mindsmirror", "serve"]
# A run's folder, or a student's alone, is mounted here. What listens to other machines needs MINDSMIRROR_TOKEN.
CMD ["/student", "--host", "0.0.0.0", "--port", "8000"]
