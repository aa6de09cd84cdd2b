# The workload of the end-to-end tests: Node and one program.
ARG BUILD_IMAGE
ARG RUN_IMAGE
FROM ${BUILD_IMAGE} AS build
RUN strip --strip-unneeded --output-file=/node /usr/local/bin/node
FROM ${RUN_IMAGE}
COPY --from=build /node /usr/local/bin/node
COPY echo.ts /echo.ts
USER 65534:65534
ENTRYPOINT ["/usr/local/bin/node", "/echo.ts"]
