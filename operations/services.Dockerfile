# syntax=docker/dockerfile:1
# The image of menagerie:services.image: the API service, and the recorder by another command.
#
#   docker build -f operations/services.Dockerfile -t registry.example.com/menagerie/services . \
#     --build-arg NODE_IMAGE=node:24-bookworm-slim@sha256:<digest>
#   docker push registry.example.com/menagerie/services     # prints the digest that the stack's config wants
#
# The base is given by digest, so that two builds of a commit are the same; one without a digest is refused.
ARG NODE_IMAGE
FROM ${NODE_IMAGE} AS packages
ARG NODE_IMAGE
RUN case "$NODE_IMAGE" in *@sha256:*) ;; *) echo "NODE_IMAGE has no digest: give node:24-bookworm-slim@sha256:<digest>" >&2; exit 1;; esac
WORKDIR /app
COPY package.json package-lock.json ./
# Optional packages are the pinned Node.js, which the base image has, and the PostgreSQL of the embedded environment.
RUN npm ci --omit=dev --omit=optional --ignore-scripts --no-audit --no-fund

# The truss library makes the build contexts of what clients push; pinned as for `up`.
FROM ${NODE_IMAGE} AS truss
RUN apt-get update && apt-get install -y --no-install-recommends python3 python3-venv
COPY src/adapters/truss/requirements/cli.txt /tmp/cli.txt
RUN python3 -m venv /opt/truss && /opt/truss/bin/pip install --no-cache-dir -r /tmp/cli.txt

FROM ${NODE_IMAGE}
RUN apt-get update && apt-get install -y --no-install-recommends python3 && rm -rf /var/lib/apt/lists/*
COPY --from=truss /opt/truss /opt/truss
ENV NODE_ENV=production
WORKDIR /app
COPY --from=packages /app/node_modules ./node_modules
COPY package.json ./
COPY src/adapters ./src/adapters
COPY src/domain ./src/domain
COPY src/services ./src/services
# No user of the image owns a file in it, and nothing is written: the pods' root file system is read-only.
USER 65532:65532
EXPOSE 8080
ENTRYPOINT ["node", "src/services/api/main.ts"]
