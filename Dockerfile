# syntax=docker/dockerfile:1
# Targets: `cpu`, `gpu` (onnxruntime on CUDA 13) and `gpu-tensorflow` (TensorFlow 2.21 on CUDA 12).
# scripts/image.ts runs these commands without a container engine.

# To the patch; a registry's own digest pins them to the byte: --build-arg NODE=node:22.23.3-bookworm-slim@sha256:…
ARG NODE=node:22.23.3-bookworm-slim
ARG CUDA=nvidia/cuda:13.0.2-runtime-ubuntu24.04
ARG CUDA_FOR_TENSORFLOW=nvidia/cuda:12.9.1-cudnn-runtime-ubuntu24.04

FROM ${NODE} AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci
COPY tsconfig.json tsconfig.build.json ./
COPY src src
COPY clients/typescript/src clients/typescript/src
COPY web web
RUN npm run build

# The service with what it needs at run time. onnxruntime's CPU code comes inside its npm package, for every platform.
FROM ${NODE} AS service
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci --omit=dev \
 && npm run --silent sbom > sbom.json \
 && find node_modules/onnxruntime-node/bin/napi-v6 -mindepth 2 -maxdepth 2 ! -path "*/linux/$(node -p process.arch)" -exec rm -rf {} + \
 && npm cache clean --force
COPY --from=build /app/dist dist
COPY openapi openapi
COPY weights weights
COPY zoo zoo
COPY scripts/ready.mjs scripts/ready.mjs

FROM ${NODE} AS cpu
ENV NODE_ENV=production HOST=0.0.0.0 STORE=/data XDG_CACHE_HOME=/cache
COPY --from=service /app /app
RUN mkdir /data /cache && chown 1000:1000 /data /cache
WORKDIR /app
# By its number, so that a cluster can see that it is not root.
USER 1000:1000
VOLUME /data /cache
EXPOSE 3000
HEALTHCHECK --interval=10s --timeout=3s --start-period=60s CMD ["node", "scripts/ready.mjs"]
CMD ["node", "dist/main.js"]

# onnxruntime's libraries for CUDA 13. They are not in its npm package.
FROM service AS onnxruntime-cuda
RUN apt-get update && apt-get install -y --no-install-recommends python3-pip
COPY scripts/onnxruntime-cuda.sh scripts/onnxruntime-cuda.sh
RUN scripts/onnxruntime-cuda.sh /cuda

FROM ${CUDA} AS gpu
ENV NODE_ENV=production HOST=0.0.0.0 STORE=/data XDG_CACHE_HOME=/cache ENGINE=onnxruntime DEVICE=cuda
COPY --from=service /usr/local/bin/node /usr/local/bin/node
COPY --from=service /app /app
COPY --from=onnxruntime-cuda /cuda /app/node_modules/onnxruntime-node/bin/napi-v6/linux/x64
RUN mkdir /data /cache && chown 1000:1000 /data /cache
WORKDIR /app
USER 1000:1000
VOLUME /data /cache
EXPOSE 3000
HEALTHCHECK --interval=10s --timeout=3s --start-period=120s CMD ["node", "scripts/ready.mjs"]
CMD ["node", "dist/main.js"]

# tfjs-node-gpu's binding, compiled against PyPI's TensorFlow.
FROM service AS tensorflow
RUN apt-get update && apt-get install -y --no-install-recommends python3-pip make g++
COPY scripts/tensorflow-binding.sh scripts/tensorflow-binding.sh
RUN npm_config_nodedir=/usr/local scripts/tensorflow-binding.sh /tensorflow gpu

FROM ${CUDA_FOR_TENSORFLOW} AS gpu-tensorflow
# The driver compiles TensorFlow's code for newer cards and keeps the result: on a read-only root only /tmp can hold it.
ENV NODE_ENV=production HOST=0.0.0.0 STORE=/data XDG_CACHE_HOME=/cache ENGINE=tensorflow DEVICE=cuda NODE_PATH=/tensorflow/node_modules \
    CUDA_CACHE_PATH=/tmp/cuda CUDA_CACHE_MAXSIZE=4294967296 CUDA_MODULE_LOADING=LAZY
COPY --from=service /usr/local/bin/node /usr/local/bin/node
COPY --from=service /app /app
COPY --from=tensorflow /tensorflow /tensorflow
RUN mkdir /data /cache && chown 1000:1000 /data /cache
WORKDIR /app
USER 1000:1000
VOLUME /data /cache
EXPOSE 3000
HEALTHCHECK --interval=10s --timeout=3s --start-period=120s CMD ["node", "scripts/ready.mjs"]
CMD ["node", "dist/main.js"]
