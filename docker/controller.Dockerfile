# The controller: gives Services their addresses. From the repository's root:
#   docker build -f docker/controller.Dockerfile -t herald/controller:dev .
# or `npm run image`, which builds both with docker, podman or buildah.

# Both bases by digest, so that a tag that moves changes nothing here. To refresh one: `docker pull node:24-bookworm`
# and take the digest it prints (`docker buildx imagetools inspect node:24-bookworm` shows it without a pull).
# 24.18.1 of July 2026; any Node 24 will do.
ARG BUILD_IMAGE=docker.io/library/node:24-bookworm@sha256:19cd848a0e073d34bd8cd5545a1b6b4d28489b3e3b607366621ced442bd5f6b4
ARG RUN_IMAGE=docker.io/library/debian:bookworm-slim@sha256:96e378d7e6531ac9a15ad505478fcc2e69f371b10f5cdf87857c4b8188404716

# ---- build: the same text in both Dockerfiles, so that the second image finds the stage in the cache
FROM ${BUILD_IMAGE} AS build
# The headers of the Node that runs here: node-gyp would look for them on the network.
ENV npm_config_nodedir=/usr/local \
    NODE_EXTRA_CA_CERTS=/etc/ssl/certs/ca-certificates.crt
WORKDIR /src
# Secrets, all optional, for networks with mirrors or proxies of their own; none of them stays in an image:
#   docker build --secret id=apt,src=apt.conf --secret id=npmrc,src=$HOME/.npmrc --secret id=ca,src=ca-certificates.crt …
RUN --mount=type=secret,id=apt \
    if [ -f /run/secrets/apt ]; then export APT_CONFIG=/run/secrets/apt; fi \
    && apt-get update -q && apt-get install -q -y --no-install-recommends libpcap-dev
# Without symbols for a debugger Node is 18 MB smaller; what add-ons link to stays.
RUN strip --strip-unneeded --output-file=/node /usr/local/bin/node
COPY scripts/toolchain/package.json scripts/toolchain/
RUN --mount=type=secret,id=npmrc,target=/root/.npmrc --mount=type=secret,id=ca,target=/etc/ssl/certs/ca-certificates.crt \
    npm install --global --no-audit --no-fund "pnpm@$(node -p 'require("./scripts/toolchain/package.json").dependencies.pnpm')"
# Manifests before sources: a change of a source does not install anything again.
COPY package.json pnpm-lock.yaml pnpm-workspace.yaml ./
COPY patches patches
COPY docker/package.json docker/
COPY packages/bfd/package.json packages/bfd/
COPY packages/bgp/package.json packages/bgp/
COPY packages/cli/package.json packages/cli/
COPY packages/controller/package.json packages/controller/
COPY packages/daemon/package.json packages/daemon/
COPY packages/gossip/package.json packages/gossip/
COPY packages/k8s/package.json packages/k8s/
COPY packages/lab/package.json packages/lab/
COPY packages/layer2/package.json packages/layer2/
COPY packages/shared/package.json packages/shared/
COPY packages/speaker/package.json packages/speaker/
COPY packages/wire/package.json packages/wire/
RUN --mount=type=cache,target=/store --mount=type=secret,id=npmrc,target=/root/.npmrc \
    --mount=type=secret,id=ca,target=/etc/ssl/certs/ca-certificates.crt \
    pnpm install --frozen-lockfile --filter '@herald/docker...' --store-dir /store --package-import-method copy
COPY docker docker
COPY packages packages
# Bundles at their final path: the compile cache goes by path, Node's version, its flags and the user.
RUN node docker/bundle.ts / && node docker/warm.ts

# ---- run
FROM ${RUN_IMAGE}
LABEL org.opencontainers.image.title="herald-controller" \
      org.opencontainers.image.description="Gives Services of type LoadBalancer their addresses." \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build /node /usr/local/bin/node
COPY --from=build /controller /controller
# `kubectl exec deploy/… -- herald convert`
RUN chmod 0755 /controller/herald.js && ln -s /controller/herald.js /usr/local/bin/herald
# One arena for all threads, and what is freed goes back: 4 MB less when idle.
ENV NODE_COMPILE_CACHE=/controller/cache \
    MALLOC_ARENA_MAX=1 \
    MALLOC_MMAP_THRESHOLD_=65536 \
    MALLOC_TRIM_THRESHOLD_=131072
# Nobody: it needs a port above 1024 and the API server, no file and no capability.
USER 65534:65534
EXPOSE 7472
# A small young generation: 2 MB less in use, and no slower with thousands of services.
ENTRYPOINT ["/usr/local/bin/node", "--max-semi-space-size=1", "/controller/controller.js"]
