# The server as a container: HTTP on 3939, operations on 9464.
#
#   docker build -t mcp-sessions .
#   docker run -p 3939:3939 -v mcp-sessions:/data -e AUTH_TOKENS_FILE=/data/tokens.json mcp-sessions

FROM node:24-slim AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci --ignore-scripts
COPY tsconfig.json tsconfig.build.json ./
COPY src ./src
COPY scripts/bundle.mjs ./scripts/
RUN npm run build

# Only what the server needs when it runs. Not on Alpine: Node's own builds for musl are experimental. Node
# has SQLite built in, so the package that stands in for it on Node 20 is left out.
FROM node:24-slim AS dependencies
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci --omit=dev --omit=optional --ignore-scripts

FROM node:24-slim
ENV NODE_ENV=production XDG_DATA_HOME=/data
# The embedded file, and a file of tokens: a volume over it starts with this owner.
RUN install -d -o node -g node /data
WORKDIR /app
COPY --from=dependencies /app/node_modules ./node_modules
COPY --from=build /app/dist ./dist
COPY package.json ./
USER node
VOLUME /data
EXPOSE 3939 9464
HEALTHCHECK --interval=10s --timeout=3s --start-period=10s \
  CMD ["node", "-e", "fetch('http://127.0.0.1:9464/healthz').then(({ ok }) => process.exit(ok ? 0 : 1), () => process.exit(1))"]
ENTRYPOINT ["node", "dist/main.js"]
# Without sign-in configured this refuses to start, and says how to configure it.
CMD ["--http", "--host", "0.0.0.0", "--ops-port", "9464"]
