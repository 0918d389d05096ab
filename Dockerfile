# Sluice in a container.
#
#   docker build -t sluice .
#
# A container is reached from outside of it, so the listeners for clients bind every address. Sluice refuses that as long
# as nobody has said who may come in, and this image does not say it for you. Either name users in a configuration:
#
#   docker run -p 8080:8080 -p 6380:6380 -v sluice-data:/data -v ./sluice.yaml:/etc/sluice.yaml:ro sluice start --config /etc/sluice.yaml
#
# or, on a machine or network where everybody who can reach the ports may read and write everything:
#
#   docker run -p 127.0.0.1:8080:8080 -p 127.0.0.1:6380:6380 -v sluice-data:/data sluice start --insecure
#
# Without either the container ends at once and its log says why. The admin listener stays on the container's loopback,
# where the health check asks it; set SLUICE_ADMIN to publish it.

FROM node:24-bookworm-slim AS build
WORKDIR /build
COPY package.json package-lock.json .npmrc ./
# No package that runs needs its install script.
RUN npm ci --ignore-scripts
COPY tsconfig.json tsconfig.build.json ./
COPY scripts ./scripts
COPY src ./src
RUN npm run build && npm prune --omit=dev --ignore-scripts

FROM node:24-bookworm-slim
WORKDIR /app
COPY --from=build /build/package.json ./
COPY --from=build /build/node_modules ./node_modules
COPY --from=build /build/dist ./dist
COPY LICENSE README.md CHANGELOG.md ./
RUN install -d -o node -g node -m 0750 /data
ENV NODE_ENV=production \
    SLUICE_DATA=/data \
    SLUICE_HTTP=0.0.0.0:8080 \
    SLUICE_RESP=0.0.0.0:6380 \
    SLUICE_ADMIN=127.0.0.1:8081
USER node
VOLUME /data
EXPOSE 8080 6380
# The image has no curl; the address is the one of SLUICE_ADMIN.
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s --retries=3 \
    CMD ["node", "-e", "fetch(`http://${process.env.SLUICE_ADMIN}/live`).then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
# TERM drains: give it longer than shutdownTimeout (10 s), `docker stop --time 15`.
STOPSIGNAL SIGTERM
ENTRYPOINT ["node", "/app/dist/cli/main.js"]
CMD ["start"]
