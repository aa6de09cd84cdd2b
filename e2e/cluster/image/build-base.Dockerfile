# Stands in for the official Node image where nothing can be pulled: what of it docker/*.Dockerfile use.
# The context holds bin/node and include/node as Node's distribution has them, and npm in lib/node_modules.
ARG RUN_BASE
FROM ${RUN_BASE}
RUN --mount=type=secret,id=apt \
    export APT_CONFIG=/run/secrets/apt \
    && apt-get update -q \
    && apt-get install -q -y --no-install-recommends binutils ca-certificates g++ libpcap-dev make python3 \
    && rm -rf /var/lib/apt/lists/* /var/cache/apt/*
COPY . /usr/local/
RUN ln -s ../lib/node_modules/npm/bin/npm-cli.js /usr/local/bin/npm
