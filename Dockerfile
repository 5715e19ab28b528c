# syntax=docker/dockerfile:1

# To the patch; a registry's own digest pins them to the byte: --build-arg NODE=node:22.23.3-bookworm-slim@sha256:…
ARG NODE=node:22.23.3-bookworm-slim
ARG NODE_FOR_TENSORFLOW=node:20.20.2-bookworm-slim
ARG CUDA=nvidia/cuda:11.8.0-cudnn8-runtime-ubuntu22.04

# The TypeScript build, for both targets.
FROM ${NODE} AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci --omit=optional --include=dev
COPY tsconfig.json tsconfig.build.json ./
COPY src src
COPY clients/typescript/src clients/typescript/src
COPY web web
RUN npm run build

# What runs everywhere: onnxruntime's native CPU code comes inside its npm package.
FROM ${NODE} AS cpu
ENV NODE_ENV=production HOST=0.0.0.0 STORE=/data XDG_CACHE_HOME=/cache
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci --omit=optional --omit=dev \
 && npm run --silent sbom -- --omit optional > sbom.json \
 && rm -rf node_modules/onnxruntime-node/bin/napi-v6/darwin node_modules/onnxruntime-node/bin/napi-v6/win32 \
 && npm cache clean --force
COPY --from=build /app/dist dist
COPY weights weights
COPY zoo zoo
RUN mkdir /data /cache && chown node:node /data /cache
# By its number, so that a cluster can see that it is not root.
USER 1000:1000
VOLUME /data /cache
EXPOSE 3000
HEALTHCHECK --interval=10s --timeout=3s --start-period=60s \
  CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.PORT ?? 3000}/readyz`).then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
CMD ["node", "dist/main.js"]

# On an NVIDIA GPU: tfjs-node-gpu 4.22 is TensorFlow 2.9.1, which wants CUDA 11 and cuDNN 8.
FROM ${NODE_FOR_TENSORFLOW} AS node-for-tensorflow
FROM ${CUDA} AS cuda
ENV NODE_ENV=production HOST=0.0.0.0 STORE=/data XDG_CACHE_HOME=/cache DEVICE=cuda
COPY --from=node-for-tensorflow /usr/local/bin/node /usr/local/bin/node
COPY --from=node-for-tensorflow /usr/local/lib/node_modules /usr/local/lib/node_modules
RUN ln -s ../lib/node_modules/npm/bin/npm-cli.js /usr/local/bin/npm \
 && ln -s ../lib/node_modules/npm/bin/npx-cli.js /usr/local/bin/npx \
 && useradd --create-home --uid 1000 node
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
# Install scripts are off (.npmrc); this one is asked for: it downloads TensorFlow's library.
RUN npm ci --omit=dev \
 && npm run --silent sbom > sbom.json \
 && npm rebuild @tensorflow/tfjs-node-gpu --ignore-scripts=false \
 && npm cache clean --force
COPY --from=build /app/dist dist
COPY weights weights
COPY zoo zoo
RUN mkdir /data /cache && chown node:node /data /cache
# By its number, so that a cluster can see that it is not root.
USER 1000:1000
VOLUME /data /cache
EXPOSE 3000
HEALTHCHECK --interval=10s --timeout=3s --start-period=120s \
  CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.PORT ?? 3000}/readyz`).then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
CMD ["node", "dist/main.js"]
